import JobModel
import Kernels
import Pipelines
import Testing

@testable import ImageCodecs
@testable import ImageFormats

@Suite struct WebPReaderTests {
    @Test(arguments: FixtureFiles.webp.digests) func `a file has the pixels that other programs show`(
        _ digest: FixtureFiles.Digest
    ) throws {
        let file = FixtureFiles.webp.read(digest.file)
        let image = try decoded(file)
        #expect(image.checksums == digest.checksums && image.header == digest.header && image.remarks.isEmpty)
        #expect(try probe(file) == digest.header)
        for count in [1, 7, 46] { #expect(try decoded(file, rowsAtATime: count).pixels == image.pixels) }
    }

    @Test(arguments: FixtureFiles.webp.digests.map(\.file))
    func `a file that ends early is refused, and bytes behind its end are ignored`(_ name: String) throws {
        let file = FixtureFiles.webp.read(name)
        for count in 0..<file.count {
            let error = codecError { _ = try decoded(Array(file[..<count])) }
            #expect(error?.kind == .corrupt, "\(count) of \(file.count) bytes")
        }
        #expect(try decoded(file + [1, 2, 3]).pixels == decoded(file).pixels)
    }

    /// Rows above the cut are right, those below are zero.
    @Test(arguments: ["lossy.webp", "lossless.webp", "lossy-alpha.webp"])
    func `a file that ends early is decoded leniently, with a remark`(_ name: String) throws {
        let file = FixtureFiles.webp.read(name)
        let whole = try decoded(file)
        var matches: Set<Int> = []
        let start = try #require(file.firstRange(of: Array("VP8 ".utf8)) ?? file.firstRange(of: Array("VP8L".utf8)))
        for count in stride(from: start.upperBound + 14, to: file.count - 1, by: 7) {
            let image = try decoded(Array(file[..<count]), isLenient: true)
            #expect(image.header == whole.header && image.remarks.map(\.code) == [.damagedImageData])
            let bytesPerRow = whole.header.shape.bytesPerRow
            let rowCount = zip(image.pixels, whole.pixels).prefix { $0 == $1 }.count / bytesPerRow
            #expect(
                image.pixels.suffix(bytesPerRow).allSatisfy { $0 == 0 } || rowCount >= whole.header.shape.height - 16)
            matches.insert(rowCount)
        }
        #expect(matches.count > 1, "\(matches)")
        #expect(try decoded(file, isLenient: true).remarks.isEmpty)
    }

    /// Each bit of a file once. WebP has no checksums, so that some damage makes another picture.
    @Test(arguments: ["lossy-alpha.webp", "lossless.webp", "everything.webp"])
    func `a damaged file is refused or decoded, and the same way whenever`(_ name: String) throws {
        let file = FixtureFiles.webp.read(name)
        let limits = DecodingLimits(maximumPixelCount: 1 << 16)
        var refused = 0
        for bit in 0..<8 * file.count {
            var changed = file
            changed[bit / 8] ^= 1 << UInt8(bit % 8)
            let strict = Result { try decoded(changed, limits: limits) }
            let lenient = Result { try decoded(changed, isLenient: true, limits: limits) }
            switch (strict, lenient) {
            case (.success(let one), .success(let other)):
                #expect(one.pixels == other.pixels && one.remarks == other.remarks, "bit \(bit)")
            case (.failure(let error), _):
                refused += 1
                #expect(error is CodecError, "bit \(bit): \(error)")
            case (.success, .failure(let error)):
                Issue.record("bit \(bit): only refused leniently: \(error)")
            }
        }
        #expect(refused > 100, "\(refused) of \(8 * file.count)")
    }

    @Test func `an animation is refused with the number of its frames`() throws {
        let file = FixtureFiles.webp.read("x-animation.webp")
        for result in [Result { _ = try probe(file) }, Result { _ = try decoded(file) }] {
            let error = try #require(codecError { try result.get() })
            #expect(error.kind == .unsupported && error.reason.contains("animation of 3 frames"), "\(error)")
            #expect(error.reason.contains("webpmux"), "\(error)")
        }
    }

    @Test func `containers that break the rules are refused, and what is not needed is passed over`() throws {
        let image = Array(FixtureFiles.webp.read("lossless.webp").dropFirst(12))
        func file(_ chunks: [[UInt8]], byteCount: Int? = nil) -> [UInt8] {
            let body = chunks.flatMap { $0 }
            return WebPContainer.header(byteCount: UInt64(byteCount ?? body.count + 12)) + body
        }
        func extended(_ width: Int, _ height: Int, flags: UInt8 = 0) -> [UInt8] {
            WebPContainer.chunk(
                .extended,
                [flags, 0, 0, 0] + [width, height].flatMap { WebPContainer.littleEndianBytes(UInt32($0 - 1), 3) })
        }
        let cases: [(file: [UInt8], word: String)] = [
            (file([]), "no image data"), (file([image], byteCount: 5_000), "truncated"),
            (file([extended(62, 47), image]), "62 x 47 pixels, its image data 61 x 47"),
            (file([WebPContainer.chunk(.extended, [0]), image]), "VP8X"),
            (file([WebPContainer.chunk(.lossless, [0x2e, 0, 0, 0, 0])]), "do not begin as such"),
            (file([WebPContainer.chunk(.lossy, [1, 0, 0, 0x9d, 1, 0x2a, 8, 0, 8, 0])]), "do not begin as such"),
        ]
        for (file, word) in cases {
            let error = try #require(codecError { _ = try probe(file) })
            #expect(error.kind == .corrupt && error.reason.contains(word), "\(error)")
        }
        let unknown = WebPContainer.chunk(.init("abcd"), [1, 2, 3])
        let packet = WebPContainer.chunk(.packet, Array("<x/>".utf8))
        let surplus = try decoded(file([extended(61, 47, flags: 4), unknown, image, packet, unknown, packet]))
        #expect(try surplus.pixels == decoded(file([image])).pixels)
        #expect(surplus.remarks == [ImageRemark(.partsIgnored, count: 1, byteCount: 4)])
        // Alpha that is said to be there is there, and opaque.
        #expect(try decoded(file([extended(61, 47, flags: 0x10), image])).header.shape.format.layout == .rgba)
    }

    /// Some bytes may be a large image of one colour; what it takes is bounded before memory is.
    @Test func `a file of some bytes is held to the limits of what it decodes to`() throws {
        var file = FixtureFiles.webp.read("one-color.webp")
        let start = try #require(file.firstRange(of: [0x2f])).lowerBound
        file.replaceSubrange(start + 1..<start + 5, with: [0xff, 0xff, 0xff, 0x0f])
        var limits = DecodingLimits(maximumPixelCount: 300_000_000, maximumInterlacedByteCount: 100 << 20)
        let whole = try #require(codecError { _ = try probe(file, limits: limits) })
        #expect(whole.kind == .overLimit && whole.reason.contains("805306368 bytes"), "\(whole)")
        limits.maximumPixelCount = 1_000_000
        let pixels = try #require(codecError { _ = try decoded(file, limits: limits) })
        #expect(pixels.kind == .overLimit && pixels.reason.contains("16384 x 16384"), "\(pixels)")
    }
}

@Suite struct WebPWriterTests {
    private static let shapes = [(1, 1), (17, 33), (300, 211)]
    private static let formats = [
        WebPFormat(isLossless: true), WebPFormat(), WebPFormat(quality: 5), WebPFormat(quality: 100),
    ]

    @Test func `this machine makes the bytes that all machines make`() { #expect(WebPFormat().isReproducible) }

    /// The colours of transparent pixels included; gray comes back as colours that are equal.
    @Test(arguments: ChannelLayout.allCases) func `a lossless file has the pixels that it was made of`(
        _ layout: ChannelLayout
    ) throws {
        for (width, height) in Self.shapes {
            let shape = ImageShape(width: width, height: height, format: PixelFormat(layout, .eight))
            let channels = layout.hasAlpha ? shape.format.channelCount : 0
            for isOpaque in [false, true] {
                let pixels = photograph(shape).enumerated().map { index, value -> UInt8 in
                    guard channels > 0, index % channels == channels - 1 else { return value }
                    return isOpaque ? 255 : value < 100 ? 0 : value
                }
                let expected =
                    layout.isColor
                    ? pixels
                    : stride(from: 0, to: pixels.count, by: shape.format.channelCount).flatMap { index in
                        [UInt8](repeating: pixels[index], count: 3) + (layout.hasAlpha ? [pixels[index + 1]] : [])
                    }
                let image = try decoded(try encoded(shape, pixels, to: WebPFormat(isLossless: true)))
                #expect(image.header.shape == shape.color && image.pixels == expected, "\(shape), \(isOpaque)")
            }
        }
    }

    @Test func `a lossy file is near its pixels, nearer at a higher quality, and always the same`() throws {
        for layout in ChannelLayout.allCases {
            let shape = ImageShape(width: 300, height: 211, format: PixelFormat(layout, .eight))
            let pixels = photograph(shape)
            var differences: [Int] = []
            for quality in [5, 80, 100] {
                let file = try encoded(shape, pixels, to: WebPFormat(quality: quality))
                #expect(try encoded(shape, pixels, to: WebPFormat(quality: quality)) == file)
                let image = try decoded(file)
                let original = try decoded(try encoded(shape, pixels, to: WebPFormat(isLossless: true)))
                #expect(image.header.shape == shape.color)
                differences.append(zip(image.pixels, original.pixels).reduce(0) { $0 + abs(Int($1.0) - Int($1.1)) })
            }
            #expect(differences == differences.sorted(by: >), "\(layout): \(differences)")
            #expect(differences[2] < 4 * shape.color.byteCount, "\(layout): \(differences)")
        }
    }

    @Test func `every file is what it claims to be, and no other image's`() throws {
        for layout in ChannelLayout.allCases {
            for format in Self.formats {
                for (width, height) in Self.shapes {
                    let shape = ImageShape(width: width, height: height, format: PixelFormat(layout, .eight))
                    for metadata in [[], WebPMetadata.framed(JPEGMetadataTests.everything)] {
                        let file = try encoded(shape, photograph(shape), to: format, metadata: metadata)
                        try Self.check(file, of: shape)
                        for other in [
                            ImageShape(width: width + 1, height: height, format: shape.format),
                            ImageShape(width: width, height: height + 1, format: shape.format),
                            shape.with(layout.hasAlpha ? .rgb : .rgba),
                        ] {
                            #expect(throws: CodecError.self) { try Self.check(file, of: other) }
                        }
                        #expect(throws: CodecError.self) { try Self.check(file + [0, 0], of: shape) }
                        #expect(throws: CodecError.self) { try Self.check(Array(file.dropLast(2)), of: shape) }
                    }
                }
            }
        }
        let error = codecError {
            try Self.check(
                Array("GIF89a and more".utf8), of: ImageShape(width: 1, height: 1, format: PixelFormat(.rgb, .eight)))
        }
        #expect(error?.reason.contains("GIF") == true)
    }

    private static func check(_ file: [UInt8], of shape: ImageShape) throws {
        try WebPFormat().check(fileOf: shape, byteCount: UInt64(file.count)) { offset, count in
            Array(file[Int(offset)..<Int(offset) + count])
        }
    }

    /// What a worker says, looked at as a master does.
    @Test func `image data are what their checksum says, and nothing else goes into a file`() throws {
        let format = WebPFormat()
        let shape = ImageShape(width: 40, height: 30, format: PixelFormat(.rgba, .eight))
        var segment: [UInt8] = []
        let checksum = try photograph(shape).withUnsafeBytes { bytes in
            format.encoder(of: shape).encode(
                RowsView(shape: shape, rows: 0..<30, base: try #require(bytes.baseAddress))
            ) {
                segment += $0
            }
        }
        func check(_ bytes: [UInt8], _ checksum: SegmentChecksum, rowCount: Int = 30) throws {
            try format.check(
                segmentsOf: rowCount, in: shape, checksum: checksum, byteCount: UInt64(bytes.count)
            ) { offset, count in Array(bytes[Int(offset)..<Int(offset) + count]) }
        }
        func sum(_ bytes: [UInt8]) -> SegmentChecksum { bytes.withUnsafeBytes { WebPSegment(bytes: $0) }.opaque }
        try check(segment, checksum)
        #expect(throws: CodecError.self) { try check(segment, checksum, rowCount: 29) }
        for position in segment.indices {
            var changed = segment
            changed[position] ^= 2
            #expect(throws: CodecError.self, "byte \(position)") { try check(changed, checksum) }
        }
        // Right checksums do not make a right structure.
        let packet = WebPContainer.chunk(.packet, [0x3c])
        for wrong in [segment + packet, packet + segment, Array(segment.dropLast()), [], segment + segment.dropLast(4)]
        {
            #expect(throws: CodecError.self) { try check(wrong, sum(wrong)) }
            #expect(throws: CodecError.self) {
                try format.frame(of: shape, metadata: [], checksum: sum(wrong), segments: SegmentBytes([wrong]))
            }
        }
        let none = try format.merge([])
        #expect(try format.merge([none, checksum, none]) == checksum)
        #expect(throws: CodecError.self) { try format.merge([checksum, checksum]) }
        #expect(throws: CodecError.self) {
            try format.frame(of: shape, metadata: [], checksum: none, segments: SegmentBytes([]))
        }
        for count in 0..<checksum.bytes.count {
            #expect(throws: CodecError.self) { try format.merge([SegmentChecksum(Array(checksum.bytes[..<count]))]) }
        }
    }

    @Test func `what WebP cannot hold is refused with the way out`() throws {
        func objection(_ width: Int, _ height: Int, _ depth: SampleDepth) -> CodecError? {
            WebPFormat().objection(to: ImageShape(width: width, height: height, format: PixelFormat(.rgb, depth)))
        }
        for (error, word) in [
            (objection(16_384, 1, .eight), "16384 x 1"), (objection(1, 16_384, .eight), "PNG, TIFF or JPEG"),
            (objection(1, 1, .sixteen), "16 bits"),
        ] {
            #expect(error?.reason.contains(word) == true, "\(error?.reason ?? "no objection")")
        }
        #expect(objection(16_383, 16_383, .eight) == nil)
    }

    @Test func `a text says all options`() throws {
        for text in ["webp quality=80", "webp quality=1", "webp lossless"] {
            #expect(try OutputEncoding(parsing: text).text == text)
        }
        #expect(try OutputEncoding(parsing: "webp").text == "webp quality=80")
        #expect(try OutputEncoding(parsing: "webp quality=3 lossless").text == "webp lossless")
    }

    @Test func `a lossless file gives a lossless one, unless a quality is asked for`() throws {
        func encoding(_ request: String, of file: String) throws -> String {
            let bytes = FixtureFiles.webp.read(file)
            let (format, header) = try ImageFormats.identify(byteCount: UInt64(bytes.count)) { offset, count in
                Array(bytes[Int(offset)..<Int(offset) + count])
            }
            // As the master has it: checked when the job is opened, made out when the file is there.
            return try OutputEncoding(request: OutputEncoding.check(request), ofInput: format, header).text
        }
        for request in ["", "same", "webp", "webp lossless"] {
            #expect(try encoding(request, of: "lossless-alpha.webp") == "webp lossless", "\(request)")
        }
        #expect(try encoding("webp quality=80", of: "lossless.webp") == "webp quality=80")
        #expect(try encoding("same quality=70 strip", of: "lossless.webp") == "webp quality=70 strip")
        #expect(try encoding("", of: "lossy.webp") == "webp quality=80")
        #expect(try encoding("jpeg", of: "lossless.webp") == "jpeg quality=90 subsampling=4:2:0")
    }

    @Test func `what a job asks for is one text, without what nobody asked for`() throws {
        for (request, expected) in [
            ("webp", "webp"), ("webp quality=3 lossless", "webp lossless"), ("jpeg lossless", "jpeg"), ("png", "png"),
            ("jpeg progressive quality=5", "jpeg quality=5 progressive"), ("", ""), ("same", ""),
            ("same strip", "same strip"), ("tiff strip-gps compression=none", "tiff compression=none strip-gps"),
        ] {
            #expect(try OutputEncoding.check(request) == expected)
            #expect(try OutputEncoding.check(expected) == expected)
        }
    }
}

@Suite struct WebPMetadataTests {
    private static let shape = ImageShape(width: 61, height: 47, format: PixelFormat(.rgb, .eight))

    private static func collected(
        _ file: [UInt8], limits: DecodingLimits = DecodingLimits()
    ) throws -> (metadata: ImageMetadata, remarks: [ImageRemark]) {
        let header = try WebPHeader(byteCount: UInt64(file.count), limits: limits) { offset, count in
            Array(file[Int(offset)..<Int(offset) + count])
        }
        return WebPMetadata.collected(header, limits: limits) { Array(file[$0.range]) }
    }

    @Test func `what other programs write is found`() throws {
        for name in ["everything.webp", "everything-alpha.webp"] {
            let (metadata, remarks) = try Self.collected(FixtureFiles.webp.read(name))
            #expect(metadata.exif.flatMap(EXIFData.init)?.orientation == 6 && remarks.isEmpty)
            #expect(metadata.xmp?.contains(Array("tiff:Orientation=\"6\"".utf8)) == true)
            #expect(metadata.profile.map { Array($0[36..<40]) } == Array("acsp".utf8))
        }
    }

    @Test func `what is written is read back, and is there in PNG and JPEG files, too`() throws {
        var expected = ImageMetadata()
        expected.profile = JPEGMetadataTests.everything.profile
        // The resolution, too, for which WebP has no other place.
        expected.exif = JPEGMetadataTests.everything.exifWithTexts(saysResolution: true)
        expected.xmp = JPEGMetadataTests.everything.xmp
        var file = try encoded(
            Self.shape, photograph(Self.shape), to: WebPFormat(),
            metadata: WebPMetadata.framed(JPEGMetadataTests.everything))
        for format: any ImageEncoding in [WebPFormat(), PNGFormat(), JPEGFormat(), WebPFormat(isLossless: true)] {
            let image = try ImageFile.decode(file, metadataFor: format, effect: []) { $0 }
            file = try encoded(image.shape, image.pixels, to: format, metadata: image.metadata)
        }
        let (metadata, remarks) = try Self.collected(file)
        #expect(metadata == expected && remarks.isEmpty)
    }

    @Test func `what a pipeline makes wrong is put right`() throws {
        let effect = try Pipeline(parsing: "rotate degrees=90").metadataEffect
        let image = try ImageFile.decode(
            FixtureFiles.webp.read("everything.webp"), metadataFor: WebPFormat(), effect: effect
        ) { $0.transposed }
        let result = try encoded(
            Self.shape.transposed, photograph(Self.shape.transposed), to: WebPFormat(), metadata: image.metadata)
        #expect(try probe(result).orientation == 1)
        #expect(try Self.collected(result).metadata.xmp?.contains(Array("tiff:Orientation=\"1\"".utf8)) == true)
    }

    @Test func `what is above the limits is left out with a remark, and only metadata goes into a file`() throws {
        var limits = DecodingLimits()
        limits.maximumMetadataByteCount = 100
        let (metadata, remarks) = try Self.collected(FixtureFiles.webp.read("everything.webp"), limits: limits)
        #expect(metadata.profile == nil && metadata.xmp == nil && metadata.exif != nil)
        #expect(remarks.map(\.code) == [.metadataOverLimit] && remarks.first?.count == 2)

        let framed = WebPMetadata.framed(JPEGMetadataTests.everything)
        try WebPFormat().check(metadata: framed)
        let exif = WebPContainer.chunk(.exif, [1, 2])
        for wrong in [
            Array(framed.dropLast()), framed + [0], exif + exif, exif + WebPContainer.chunk(.profile, [1]),
            WebPContainer.chunk(.extended, [1]), WebPContainer.chunk(.lossy, [1]), [0x45],
        ] {
            #expect(throws: CodecError.self) { try WebPFormat().check(metadata: wrong) }
        }
    }
}
