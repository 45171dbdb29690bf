import JobModel
import Pipelines
import Testing

@testable import ImageCodecs
@testable import ImageFormats

@Suite struct JPEGReaderTests {
    @Test(arguments: FixtureFiles.jpeg.digests) func `a file has the pixels that other programs show`(
        _ digest: FixtureFiles.Digest
    ) throws {
        let file = FixtureFiles.jpeg.read(digest.file)
        let image = try decoded(file, isLenient: digest.isDamaged)
        #expect(image.checksums == digest.checksums && image.header == digest.header)
        #expect(image.remarks.map(\.code) == (digest.isDamaged ? [.damagedImageData] : []))
        #expect(try probe(file) == digest.header)
        guard digest.isDamaged else { return }
        let error = try #require(codecError { _ = try decoded(file) })
        #expect(error.kind == .corrupt && error.reason.contains("--lenient"), "\(error)")
    }

    @Test(arguments: ["420.jpg", "410.jpg", "progressive.jpg", "restarts.jpg", "gray.jpg"])
    func `rows are the same in any portions`(_ name: String) throws {
        let file = FixtureFiles.jpeg.read(name)
        let whole = try decoded(file).pixels
        for count in [1, 2, 7, 16, 17] { #expect(try decoded(file, rowsAtATime: count).pixels == whole) }
    }

    @Test(arguments: [
        "420.jpg", "gray.jpg", "progressive.jpg", "restarts.jpg", "everything.jpg", "components-apart.jpg",
    ])
    func `a file that ends early is refused, whatever is missing, and bytes behind its end are ignored`(
        _ name: String
    ) throws {
        let file = FixtureFiles.jpeg.read(name)
        for count in 0..<file.count {
            let error = codecError { _ = try decoded(Array(file[..<count])) }
            #expect(error?.kind == .corrupt, "\(count) of \(file.count) bytes")
        }
        let surplus = try decoded(file + [0xff, 0xd8, 0xff, 0xe1, 0, 0] + file)
        #expect(try surplus.pixels == decoded(file).pixels && surplus.remarks.isEmpty)
    }

    /// Wherever the file is cut behind the header of its first scan, all rows come; but where libjpeg stops
    /// within a table.
    @Test(arguments: ["420.jpg", "progressive.jpg"]) func `a file that ends early is decoded leniently, with a remark`(
        _ name: String
    ) throws {
        let file = FixtureFiles.jpeg.read(name)
        let scan = try #require(file.firstRange(of: [0xff, 0xda])).lowerBound
        var refused = 0
        for count in scan + 14..<file.count {
            do {
                let image = try decoded(Array(file[..<count]), isLenient: true)
                #expect(image.pixels.count == image.header.shape.byteCount)
                #expect(image.remarks.map(\.code) == [.damagedImageData], "\(count) of \(file.count) bytes")
            } catch let error as CodecError {
                #expect(error.kind == .corrupt, "\(error)")
                refused += 1
            }
        }
        #expect(name == "progressive.jpg" ? refused < file.count / 3 : refused == 0, "\(refused)")
        #expect(throws: CodecError.self) { try decoded(Array(file[..<scan]), isLenient: true) }
        #expect(try decoded(file, isLenient: true).remarks.isEmpty)
    }

    /// Each bit of the headers once, and some of the image data. What is decoded strictly is decoded leniently to the same
    /// pixels; what is refused and still decoded leniently has a remark.
    @Test(arguments: [("420.jpg", 1), ("progressive.jpg", 7), ("restarts.jpg", 7), ("turned.jpg", 13)])
    func `no damage is passed over in silence`(_ name: String, step: Int) throws {
        let file = FixtureFiles.jpeg.read(name)
        let scan = try #require(file.firstRange(of: [0xff, 0xda])).lowerBound + 14
        // Some bits change a picture into another one that is as good; some make it larger.
        var limits = DecodingLimits()
        limits.maximumPixelCount = 1 << 20
        var refused = 0
        let bits =
            Array(stride(from: 0, to: 8 * scan, by: step)) + stride(from: 8 * scan, to: 8 * file.count, by: 11)
            + (8 * file.count - 16..<8 * file.count)
        for bit in bits {
            var changed = file
            changed[bit / 8] ^= 1 << UInt8(bit % 8)
            let strict = Result { try decoded(changed, limits: limits) }
            let lenient = Result { try decoded(changed, isLenient: true, limits: limits) }
            switch (strict, lenient) {
            case (.success(let one), .success(let other)):
                #expect(one.pixels == other.pixels && one.remarks == other.remarks, "bit \(bit)")
            case (.failure(let error), .success(let other)):
                refused += 1
                #expect((error as? CodecError)?.kind == .corrupt, "bit \(bit): \(error)")
                #expect(other.remarks.contains { $0.code == .damagedImageData }, "bit \(bit): \(error)")
            case (.failure(let error), .failure(let other)):
                refused += 1
                #expect(error is CodecError && other is CodecError, "bit \(bit): \(error), \(other)")
            case (.success, .failure(let error)):
                Issue.record("bit \(bit): only refused leniently: \(error)")
            }
        }
        #expect(refused > bits.count / 10, "\(refused) of \(bits.count)")
    }

    // MARK: What is not read

    @Test func `what is not read is refused with the way out`() throws {
        let cases: [(file: [UInt8], word: String, advice: String)] = [
            (FixtureFiles.jpeg.read("x-cmyk.jpg"), "CMYK", "exiftool"),
            (FixtureFiles.jpeg.read("x-arithmetic.jpg"), "arithmetically", "as baseline or progressive"),
            (Self.withFrame { $0[1] = 0xc3 }, "lossless", "as baseline or progressive"),
            (Self.withFrame { $0[1] = 0xc5 }, "hierarchical", "as baseline or progressive"),
            (Self.withFrame { $0[4] = 12 }, "12 bits", "as baseline or progressive"),
            (Self.withFrame { $0.replaceSubrange(5..<7, with: [0, 0]) }, "DNL", "Save it again"),
            (Self.withFrame { $0.replaceSubrange(5..<7, with: [0xff, 0xff]) }, "65500", "PNG or TIFF"),
            (Self.withFrame { ($0[11], $0[14]) = (0x32, 0x22) }, "fraction", "as baseline or progressive"),
        ]
        for (file, word, advice) in cases {
            for result in [Result { _ = try probe(file) }, Result { _ = try decoded(file) }] {
                let error = try #require(codecError { try result.get() })
                #expect(error.kind == .unsupported && error.reason.contains(word), "\(error)")
                #expect(error.reason.contains(advice), "\(error)")
            }
        }
    }

    @Test func `headers that break the rules are refused`() throws {
        let cases: [(file: [UInt8], word: String)] = [
            (Self.withFrame { $0.replaceSubrange(7..<9, with: [0, 0]) }, "width of 0"),
            (Self.withFrame { $0[11] = 0x52 }, "5 x 2"), (Self.withFrame { $0[11] = 0x02 }, "0 x 2"),
            (Self.withFrame { $0[9] = 4 }, "header has 15 bytes"),
            (Self.withFrame { $0 += $0 }, "two headers"), (Self.withFrame { $0 = [] }, "before its size"),
            (Self.withFrame { $0 = [0xff, 0xd9] }, "no image data"),
            (Self.withFrame { $0 = [0xff, 0x02, 0, 2] }, "0xff02"),
            (Self.withFrame { $0 = [0x17] + $0 }, "0x17"),
            (Self.withFrame { $0 = [0xff, 0xe5, 0, 1] + $0 }, "length of 1"),
        ]
        for (file, word) in cases {
            let error = try #require(codecError { _ = try probe(file) })
            #expect(error.kind == .corrupt && error.reason.contains(word), "\(error)")
        }
    }

    @Test func `a file of some bytes cannot claim thousands of millions of pixels`() throws {
        let bomb = Self.withFrame { $0.replaceSubrange(5..<9, with: [0xff, 0xdc, 0xff, 0xdc]) }
        for isLenient in [false, true] {
            let error = try #require(codecError { _ = try decoded(bomb, isLenient: isLenient) })
            #expect(error.kind == .overLimit && error.reason.contains("4290250000"), "\(error)")
            var limits = DecodingLimits(maximumPixelCount: 5_000_000_000)
            limits.options.isLenient = isLenient
            let plain = try #require(codecError { _ = try probe(bomb, limits: limits) })
            #expect(plain.kind == .corrupt && plain.reason.contains("need at least 25"), "\(plain)")
        }
        // As many pixels as are decoded without a question.
        let small = Self.withFrame { $0.replaceSubrange(5..<9, with: [8, 0, 8, 0]) }
        #expect(try probe(small).shape.width == 2_048)
        #expect(codecError { _ = try decoded(small) }?.kind == .corrupt)
    }

    @Test func `an image in several scans is held to the limit of whole images`() throws {
        var limits = DecodingLimits()
        limits.maximumInterlacedByteCount = 8_000
        for (name, isRefused) in [("progressive.jpg", true), ("components-apart.jpg", true), ("420.jpg", false)] {
            let error = codecError { _ = try decoded(FixtureFiles.jpeg.read(name), limits: limits) }
            #expect((error?.kind == .overLimit) == isRefused, "\(name)")
        }
    }

    /// A scan takes time for each block, whatever few bytes it has.
    @Test func `a file of very many scans is refused`() throws {
        let file = FixtureFiles.jpeg.read("progressive-gray.jpg")
        let last = try #require(file.lastRange(of: [0xff, 0xda])).lowerBound
        let scan = Array(file[last..<file.count - 2])
        let many = Array(file.dropLast(2)) + Array(repeating: scan, count: 120).joined() + [0xff, 0xd9]
        let error = try #require(codecError { _ = try decoded(many, isLenient: true) })
        #expect(error.kind == .unsupported && error.reason.contains("more than 100 scans"), "\(error)")
    }

    @Test func `some bytes are enough to see what a photograph is`() throws {
        // 200 KiB of metadata before the header, and a megabyte of image data.
        let metadata = Array(
            repeating: JPEGMarker.application(4).segment([UInt8](repeating: 7, count: 40_000)), count: 5)
        let file = FixtureFiles.jpeg.read("420.jpg")
        let large = file.prefix(2) + metadata.joined() + file.dropFirst(2) + [UInt8](repeating: 0, count: 1 << 20)
        var byteCount = 0
        let header = try ImageFormats.probe(byteCount: UInt64(large.count)) { offset, count in
            byteCount += count
            return Array(large[Int(offset)..<Int(offset) + count])
        }
        #expect(header.shape.width == 61 && byteCount < 150_000, "\(byteCount) bytes read")
    }

    /// 420.jpg with its frame segment, 0xff 0xc0 and all, changed.
    private static func withFrame(_ change: (inout [UInt8]) -> Void) -> [UInt8] {
        let file = FixtureFiles.jpeg.read("420.jpg")
        guard let start = file.firstRange(of: [0xff, 0xc0, 0, 17])?.lowerBound else { preconditionFailure("no frame") }
        var frame = Array(file[start..<start + 19])
        change(&frame)
        return file[..<start] + frame + file[(start + 19)...]
    }
}
