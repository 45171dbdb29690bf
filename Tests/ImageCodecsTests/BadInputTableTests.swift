import Foundation
import JobModel
import Pipelines
import Testing

@testable import ImageCodecs
@testable import ImageFormats

/// What becomes of files that are damaged, say what is not true, or mean harm: the table of docs/formats.md.
///
/// Each file is probed as the master does it, and decoded as a rank does it, strictly and leniently. What the table says is what
/// happened; what must hold for all of them is checked here.
@Suite struct BadInputTableTests {
    /// A file, or several that differ in where they are damaged.
    private struct Case {
        let what: String
        let files: [[UInt8]]
        /// A bomb: more than a test has memory for, if it were decoded.
        var isLarge = false

        init(_ what: String, _ files: [[UInt8]], isLarge: Bool = false) {
            self.what = what
            self.files = files
            self.isLarge = isLarge
        }

        init(_ what: String, _ file: [UInt8], isLarge: Bool = false) { self.init(what, [file], isLarge: isLarge) }
    }

    @Test func `each bad file is decoded as its library decodes it, or refused with the reason`() throws {
        var text: [String] = []
        for (format, cases) in [
            ("PNG", Self.png()), ("JPEG", Self.jpeg()), ("TIFF", Self.tiff()), ("WebP", Self.webp()),
        ] {
            text.append(GeneratedTable.row([format, "what is done", "with `--lenient`"]))
            text.append(GeneratedTable.row([String](repeating: "---", count: 3)))
            for item in cases {
                let strict = try Self.outcome(item, isLenient: false)
                let lenient = try Self.outcome(item, isLenient: true)
                text.append(GeneratedTable.row([item.what, strict, lenient == strict ? "the same" : lenient]))
            }
            text.append("")
        }
        try GeneratedTable("table of bad input", in: "formats.md").check(text.joined(separator: "\n"))
    }

    // MARK: Outcomes

    private static func outcome(_ item: Case, isLenient: Bool) throws -> String {
        let outcomes = try item.files.map { try outcome($0, isLarge: item.isLarge, isLenient: isLenient, item.what) }
        guard let first = outcomes.first else { return "" }
        if outcomes.count == 1 { return first.full }
        var kinds: [String] = []
        for outcome in outcomes where !kinds.contains(outcome.short) { kinds.append(outcome.short) }
        return kinds.count == 1 ? "all \(outcomes.count): \(kinds[0])" : kinds.joined(separator: ", or ")
    }

    private static func outcome(
        _ file: [UInt8], isLarge: Bool, isLenient: Bool, _ what: String
    ) throws -> (full: String, short: String) {
        var limits = DecodingLimits()
        limits.options.isLenient = isLenient
        var readByteCount = 0
        let probed = Result {
            try ImageFormats.probe(byteCount: UInt64(file.count), limits: limits) { offset, count in
                try #require(count >= 0 && offset <= file.count && UInt64(count) <= UInt64(file.count) - offset)
                readByteCount += count
                return Array(file[Int(offset)..<Int(offset) + count])
            }
        }
        // Nothing is read over and over.
        #expect(readByteCount <= 2 * file.count + (1 << 16), "\(what): the probe reads \(readByteCount) bytes")
        if case .success(let header) = probed, isLarge {
            return ("taken, for a slot that has \(2 * header.shape.byteCount >> 20) MiB of memory", "taken")
        }
        do {
            let image = try decoded(file, isLenient: isLenient, limits: limits)
            #expect((try? probed.get()) == image.header, "\(what): probe and decoder differ")
            let remarks = image.remarks.map { "`\($0.code.name)`" }
            let told = remarks.isEmpty ? "read" : "read, with the remark \(remarks.joined(separator: ", "))"
            return (told, told)
        } catch let error as CodecError {
            // The master has refused it already, or could not see it without decoding.
            if case .failure(let early) = probed {
                #expect((early as? CodecError)?.kind == error.kind, "\(what): \(early), but then \(error)")
            }
            #expect(
                !error.reason.isEmpty && error.reason.hasSuffix(".") || error.reason.contains("for example by"),
                "\(error)")
            // The first sentence; the way out follows.
            let end = error.reason.firstRange(of: ". ")?.lowerBound ?? error.reason.endIndex
            let reason = error.reason[..<end].replacing("|", with: "\\|")
            return ("refused (`\(error.cause.code)`): \(reason)", "refused (`\(error.cause.code)`)")
        }
    }

    /// The file with one bit flipped, at each of some places.
    private static func flipped(_ file: [UInt8], from start: Int = 0, by step: Int = 1) -> [[UInt8]] {
        stride(from: 8 * start, to: 8 * file.count, by: step).map { bit in
            var changed = file
            changed[bit / 8] ^= 1 << UInt8(bit % 8)
            return changed
        }
    }

    // MARK: PNG

    private static func png() -> [Case] {
        let sample = Chunk.header(width: 4, height: 2, bitDepth: 8, colorType: 0)
        let rows = Chunk.stored([0, 1, 2, 3, 4, 0, 5, 6, 7, 8])
        func header(_ width: Int, _ height: Int, interlace: UInt8 = 0) -> Chunk {
            Chunk.header(width: width, height: height, bitDepth: 8, colorType: 2, interlace: interlace)
        }
        let whole = PngSuite.read("basn3p02.png")
        var starts: [Int] = [8]
        for chunk in Chunk.all(of: whole) { starts.append(starts[starts.count - 1] + chunk.data.count + 12) }
        let suite = [
            "xc1n0g08", "xc9n2c08", "xcrn0g04", "xcsn0g01", "xd0n2c08", "xd3n2c08", "xd9n2c08", "xdtn0g01", "xhdn0g08",
            "xlfn0g04", "xs1n0g01", "xs2n0g01", "xs4n0g01", "xs7n0g01",
        ]
        let profile = Chunk(
            name: "iCCP", data: Array("p\0\0".utf8) + [UInt8](repeating: 1, count: 17 << 20))
        return suite.map { Case("PngSuite's `\($0)`", PngSuite.read($0 + ".png")) } + [
            Case("cut at the start of each chunk", starts.dropLast().map { Array(whole[..<$0]) }),
            Case("each bit of a file flipped", flipped(whole)),
            Case(
                "a length of 4,294,967,295",
                PNGLayout.signature + sample.framed + [0xff, 0xff, 0xff, 0xff] + Array("IDAT".utf8) + [0, 0, 0, 0]),
            Case(
                "a chunk that is longer than the file",
                PNGLayout.signature + sample.framed + Array(rows.framed.dropLast(6))),
            Case(
                "a width, or a height, of 0",
                [Chunk.file([header(0, 2), rows, .end]), Chunk.file([header(2, 0), rows, .end])]),
            Case("63,000 x 63,000 in 100 bytes", Chunk.file([header(63_000, 63_000), rows, .end])),
            Case(
                "63,000 x 63,000, interlaced, in 100 bytes",
                Chunk.file([header(63_000, 63_000, interlace: 1), rows, .end])),
            Case("2,147,483,647 x 2,147,483,647", Chunk.file([header(0x7fff_ffff, 0x7fff_ffff), rows, .end])),
            Case("fewer rows than the height", Chunk.file([sample, .stored([0, 1, 2, 3, 4]), .end])),
            Case("a colour profile of 17 MiB", Chunk.file([sample, profile, rows, .end])),
            Case(
                "a wrong checksum of a text",
                PNGLayout.signature + sample.framed + Chunk(name: "tEXt", data: [65, 0, 65]).damaged + rows.framed
                    + Chunk.end.framed),
        ]
    }

    // MARK: JPEG

    private static func jpeg() -> [Case] {
        let whole = FixtureFiles.jpeg.read("420.jpg")
        var starts: [Int] = []
        var offset = 2
        while offset + 4 <= whole.count {
            starts.append(offset)
            if whole[offset + 1] == 0xda { break }
            offset += 2 + Int(bigEndianInteger(whole[offset + 2..<offset + 4]))
        }
        let scan = starts[starts.count - 1]
        let frame = starts.first { (0xc0...0xc2).contains(whole[$0 + 1]) } ?? 0
        func changed(_ place: Int, _ bytes: [UInt8]) -> [UInt8] {
            Array(whole[..<place]) + bytes + Array(whole[(place + bytes.count)...])
        }
        func inserted(_ segments: [[UInt8]]) -> [UInt8] { Array(whole[..<2]) + segments.joined() + Array(whole[2...]) }
        let large: [UInt8] = [0xf6, 0x18, 0xf6, 0x18]
        let progressive = FixtureFiles.jpeg.read("progressive.jpg")
        let second = (0..<progressive.count - 1).first { progressive[$0] == 0xff && progressive[$0 + 1] == 0xc2 } ?? 0
        let parts = (1...255).map { part in
            JPEGMarker.application(2).segment(
                Array("ICC_PROFILE\0".utf8) + [UInt8(part), 255] + [UInt8](repeating: 7, count: 65_519))
        }
        let scans = (0..<200).map { _ in [0xff, 0xda, 0, 8, 1, 1, 0, 0, 0, 0, 0x3f] as [UInt8] }
        return [
            Case("cut at the start of each segment", starts.map { Array(whole[..<$0]) }),
            Case("cut within the image data", [Array(whole[..<(whole.count * 2 / 3)])]),
            Case("cut before its end mark", Array(whole.dropLast(2))),
            Case("each bit of the headers flipped", flipped(Array(whole[..<scan])).map { $0 + whole[scan...] }),
            Case("each bit of the image data flipped", flipped(whole, from: scan + 14)),
            Case(
                "a segment of a length of 0, or 1", [changed(starts[1] + 2, [0, 0]), changed(starts[1] + 2, [0, 1])]),
            Case("a segment that is longer than the file", changed(starts[1] + 2, [0xff, 0xff])),
            Case("a width of 0", changed(frame + 7, [0, 0])),
            Case("a height of 0", changed(frame + 5, [0, 0])),
            Case("63,000 x 63,000 in a few kB", changed(frame + 5, large)),
            Case(
                "63,000 x 63,000, progressive, in a few kB",
                Array(progressive[..<(second + 5)]) + large + Array(progressive[(second + 9)...])),
            Case("200 scans of a progressive file", Array(progressive.dropLast(2)) + scans.joined() + [0xff, 0xd9]),
            Case("two headers (SOF)", Array(whole[..<scan]) + whole[frame..<frame + 19] + Array(whole[scan...])),
            Case("a colour profile of 255 segments", inserted(parts)),
            Case("a part of a colour profile that is missing", inserted(Array(parts.dropLast()))),
            Case("bytes behind its end mark", whole + [1, 2, 3]),
            Case("four colours for printing, without a profile", FixtureFiles.jpeg.read("x-cmyk.jpg")),
            Case("compressed arithmetically", FixtureFiles.jpeg.read("x-arithmetic.jpg")),
        ]
    }

    // MARK: TIFF

    private static func tiff() -> [Case] {
        func long(_ tag: TIFFTag, _ numbers: UInt64...) -> TIFFFieldBytes { TIFFFieldBytes(tag, .long, numbers) }
        func with(_ fields: TIFFFieldBytes...) -> [UInt8] {
            var image = SampleTIFF(width: 4, height: 4)
            image.fields = fields
            return image.file()
        }
        let image = SampleTIFF(width: 5, height: 4, compression: .lzw, rowsPerStrip: 2)
        let whole = image.file()
        // All tiles in one place.
        func bomb(_ compression: SampleTIFF.Compression) -> [UInt8] {
            let sample = SampleTIFF(
                width: 63_000, height: 63_000, photometric: 2, sampleCount: 3, compression: compression,
                tile: (4_096, 4_096))
            let fields = sample.directoryFields(
                offsets: [UInt64](repeating: 8, count: 256), byteCounts: [UInt64](repeating: 400, count: 256))
            return TIFFForm().header(firstDirectory: 408) + [UInt8](repeating: 0, count: 400)
                + TIFFForm().directory(fields, at: 408)
        }
        let two = SampleTIFF(width: 4, height: 4)
        var loop = SampleTIFF.file([(two, two.samples()), (two, two.samples(seed: 2))])
        if let source = try? TIFFSource(
            byteCount: UInt64(loop.count), read: { [loop] in Array(loop[Int($0)..<Int($0) + $1]) }),
            let second = try? TIFFDirectory(at: source.firstDirectory, in: source).next
        {
            let count = two.directoryFields(offsets: [0], byteCounts: [0]).count
            SampleTIFF.setNext(in: &loop, two.form, second, fieldCount: count, to: source.firstDirectory)
        }
        let profile = TIFFFieldBytes(.profile, .undefined, bytes: [UInt8](repeating: 7, count: 17 << 20))
        return [
            Case("cut at each byte before the directory's end", (0..<whole.count - 4).map { Array(whole[..<$0]) }),
            Case("each bit of a file flipped", flipped(whole)),
            Case("directories in a loop", loop),
            Case("a directory beyond the end", TIFFForm().header(firstDirectory: 99)),
            Case("an empty directory", TIFFForm().header(firstDirectory: 8) + [0, 0, 0, 0, 0, 0]),
            Case("a width, or a height, of 0", [with(long(.imageWidth, 0)), with(long(.imageLength, 0))]),
            Case("no rows in a strip", with(long(.rowsPerStrip, 0))),
            Case("a strip beyond the end of the file", with(long(.stripOffsets, 0xffff_fff0))),
            Case("a strip that says more bytes than the file has", with(long(.stripByteCounts, 0xffff))),
            Case("a strip that says fewer bytes than it needs", with(long(.stripByteCounts, 5))),
            Case("a strip without bytes", with(long(.stripByteCounts, 0))),
            Case("a tile of a width of 0", with(long(.tileWidth, 0), long(.tileLength, 16), long(.tileOffsets, 8))),
            Case(
                "a tile of 60,000 x 60,000",
                with(long(.tileWidth, 60_000), long(.tileLength, 60_000), long(.tileOffsets, 8))),
            Case(
                "4,294,967,295 x 4,294,967,295", with(long(.imageWidth, 0xffff_ffff), long(.imageLength, 0xffff_ffff))),
            Case("63,000 x 63,000 in a few kB, deflate", bomb(.deflate)),
            Case("63,000 x 63,000 in a few kB, ZSTD", bomb(.zstd)),
            Case("a palette of three numbers", with(long(.photometric, 3), long(.colorMap, 1, 2, 3))),
            Case("a colour profile of 17 MiB", with(profile)),
            Case("floating-point samples", with(long(.sampleFormat, 3), long(.bitsPerSample, 32))),
        ]
    }

    // MARK: WebP

    private static func webp() -> [Case] {
        let whole = FixtureFiles.webp.read("everything.webp")
        let lossless = FixtureFiles.webp.read("lossless.webp")
        var starts = [12]
        while let last = starts.last, last + 8 <= whole.count {
            let count = Int(WebPContainer.littleEndianInteger(whole[last + 4..<last + 8]))
            starts.append(last + 8 + count + count % 2)
        }
        func changed(_ file: [UInt8], _ place: Int, _ bytes: [UInt8]) -> [UInt8] {
            Array(file[..<place]) + bytes + Array(file[(place + bytes.count)...])
        }
        func file(_ chunks: [UInt8]) -> [UInt8] { WebPContainer.header(byteCount: UInt64(12 + chunks.count)) + chunks }
        let canvas = { (flags: UInt8, width: UInt32, height: UInt32) in
            WebPContainer.chunk(
                .extended,
                [flags, 0, 0, 0] + WebPContainer.littleEndianBytes(width - 1, 3)
                    + WebPContainer.littleEndianBytes(height - 1, 3))
        }
        // Sides of VP8L: 14 bits each.
        let sides = WebPContainer.littleEndianBytes(16_382 | 16_382 << 14, 4)
        let bomb = changed(FixtureFiles.webp.read("one-color.webp"), 21, sides)
        let image = Array(lossless[12...])
        let size = WebPContainer.littleEndianInteger(lossless[21..<25])
        let (width, height) = (size & 0x3fff + 1, size >> 14 & 0x3fff + 1)
        return [
            Case("cut at the start of each chunk", starts.dropLast().map { Array(whole[..<$0]) }),
            Case("cut within the image data", Array(lossless[..<(lossless.count * 2 / 3)])),
            Case(
                "each bit of the headers flipped",
                (0..<25).flatMap { place in
                    (0..<8).map { bit in changed(lossless, place, [lossless[place] ^ 1 << UInt8(bit)]) }
                }),
            Case("a container that is longer than the file", changed(whole, 4, [0xff, 0xff, 0, 0])),
            Case("a chunk that is longer than the file", changed(lossless, 16, [0xff, 0xff, 0, 0])),
            Case("no image data", file(canvas(0, 4, 4))),
            Case("sides that differ in two places", file(canvas(0, width + 1, height) + image)),
            Case("a lossy image of 0 x 0", file(WebPContainer.chunk(.lossy, [0, 0, 0, 0x9d, 1, 0x2a, 0, 0, 0, 0]))),
            Case("16,383 x 16,383 of one colour in \(bomb.count) bytes", bomb, isLarge: true),
            Case(
                "a colour profile of 17 MiB",
                file(
                    canvas(0x20, width, height)
                        + WebPContainer.chunk(.profile, [UInt8](repeating: 7, count: 17 << 20)) + image)),
            Case("an animation", FixtureFiles.webp.read("x-animation.webp")),
        ]
    }
}
