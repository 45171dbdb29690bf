import JobModel
import Kernels
import Pipelines
import Testing

@testable import ImageCodecs
@testable import ImageFormats

@Suite struct JPEGWriterTests {
    private static let formats: [JPEGFormat] = EncodingOptions.ChromaSubsampling.allCases.flatMap { subsampling in
        [20, 75, 90, 100].map { JPEGFormat(quality: $0, subsampling: subsampling) }
    }

    private static func shapes(_ layout: ChannelLayout) -> [ImageShape] {
        // The third and the fourth have several segments, the last with a part of a block.
        [(1, 1), (17, 33), (300, 1_017), (2_001, 150)].map {
            ImageShape(width: $0.0, height: $0.1, format: PixelFormat(layout, .eight))
        }
    }

    @Test func `this machine makes the bytes that all machines make`() { #expect(JPEGFormat().isReproducible) }

    @Test(arguments: [ChannelLayout.gray, .rgb]) func `a file is what libjpeg writes with the same restart interval`(
        _ layout: ChannelLayout
    ) throws {
        for shape in Self.shapes(layout) {
            let pixels = photograph(shape)
            // All qualities of a small image, one of a large one.
            for format in Self.formats where shape.byteCount < 10_000 || format.quality == 90 {
                let segments = format.segmentGrid.segments(of: shape)
                let interval = try JPEGAssembly(format, shape).restartInterval
                let theirs = JPEGSegmentEncoder.libjpegFile(
                    shape: shape, pixels: pixels, format: format, restartInterval: segments.count > 1 ? interval : 0)
                let ours = try encoded(shape, pixels, to: format)
                #expect(ours == theirs, "\(shape), \(format)")
                // The pixels are those of the file that libjpeg writes by itself, which is hardly smaller.
                let plain = JPEGSegmentEncoder.libjpegFile(
                    shape: shape, pixels: pixels, format: format, restartInterval: 0)
                #expect(try decoded(ours).pixels == decoded(plain).pixels)
                #expect(ours.count * 100 <= plain.count * 102, "\(ours.count) instead of \(plain.count) bytes")
            }
        }
    }

    @Test func `a file is the same however its segments are shared out`() throws {
        for layout in [ChannelLayout.gray, .rgb] {
            for shape in Self.shapes(layout) {
                let pixels = photograph(shape, seed: 5)
                for format in [
                    JPEGFormat(), JPEGFormat(quality: 70, subsampling: .none), JPEGFormat(isProgressive: true),
                ] {
                    let whole = try encoded(shape, pixels, to: format)
                    for count in [1, 2, 3, 5] {
                        #expect(try encoded(shape, pixels, to: format, segmentsAtATime: count) == whole, "\(shape)")
                    }
                }
            }
        }
    }

    @Test(arguments: [ChannelLayout.gray, .rgb]) func `a progressive file is libjpeg's`(_ layout: ChannelLayout) throws
    {
        for shape in Self.shapes(layout) {
            let pixels = photograph(shape)
            for subsampling in EncodingOptions.ChromaSubsampling.allCases {
                let format = JPEGFormat(subsampling: subsampling, isProgressive: true)
                let theirs = JPEGSegmentEncoder.libjpegFile(
                    shape: shape, pixels: pixels, format: format, restartInterval: 0)
                let ours = try encoded(shape, pixels, to: format)
                #expect(ours == theirs && format.segmentGrid.segments(of: shape).count == 1)
                #expect(try decoded(ours).header.order == .whole)
            }
        }
    }

    /// Restart intervals have at most 65,535 units of blocks; narrow and wide images come near it.
    @Test func `a segment is whole rows of blocks, and no restart interval is too long`() throws {
        for layout in [ChannelLayout.gray, .rgb] {
            for format in Self.formats {
                for (width, height) in [(1, 65_500), (2, 65_500), (9, 65_500), (65_500, 40), (32_000, 100), (640, 480)]
                {
                    let shape = ImageShape(width: width, height: height, format: PixelFormat(layout, .eight))
                    let assembly = try JPEGAssembly(format, shape)
                    #expect(format.segmentGrid.rowsPerSegment(of: shape) % assembly.unit.height == 0)
                    #expect((1...65_535).contains(assembly.restartInterval), "\(shape): \(assembly.restartInterval)")
                }
            }
        }
    }

    @Test func `what JPEG cannot hold is refused with the way out`() throws {
        func objection(_ width: Int, _ height: Int, _ layout: ChannelLayout, _ depth: SampleDepth) -> CodecError? {
            JPEGFormat().objection(to: ImageShape(width: width, height: height, format: PixelFormat(layout, depth)))
        }
        for (error, word) in [
            (objection(65_536, 1, .rgb, .eight), "65536 x 1"), (objection(1, 65_501, .gray, .eight), "PNG or TIFF"),
            (objection(1, 1, .rgb, .sixteen), "16 bits"), (objection(1, 1, .rgba, .eight), "alpha"),
            (objection(1, 1, .grayAlpha, .eight), "PNG, TIFF or WebP"),
        ] {
            #expect(error?.reason.contains(word) == true, "\(error?.reason ?? "no objection")")
        }
        #expect(objection(65_500, 65_500, .rgb, .eight) == nil && objection(1, 1, .gray, .eight) == nil)
        let shape = ImageShape(width: 65_501, height: 1, format: PixelFormat(.gray, .eight))
        #expect(throws: CodecError.self) {
            try JPEGFormat().frame(
                of: shape, metadata: [], checksum: JPEGSegmentRun().opaque, segments: SegmentBytes([]))
        }
    }

    @Test func `a text says all options`() throws {
        for text in [
            "jpeg quality=90 subsampling=4:2:0", "jpeg quality=75 subsampling=4:4:4",
            "jpeg quality=1 subsampling=4:2:2 progressive strip",
        ] {
            #expect(try OutputEncoding(parsing: text).text == text)
        }
        #expect(try OutputEncoding(parsing: "jpeg lossless").text == "jpeg quality=90 subsampling=4:2:0")
    }
}

/// What workers report as segments and files, looked at as a master does.
@Suite struct JPEGCheckTests {
    private static let shape = ImageShape(width: 400, height: 700, format: PixelFormat(.rgb, .eight))

    private static func check(_ file: [UInt8], of shape: ImageShape, _ format: JPEGFormat = JPEGFormat()) throws {
        try format.check(fileOf: shape, byteCount: UInt64(file.count)) { offset, count in
            Array(file[Int(offset)..<Int(offset) + count])
        }
    }

    private static func check(
        segments: [UInt8], _ checksum: SegmentChecksum, rowCount: Int, _ format: JPEGFormat = JPEGFormat()
    ) throws {
        try format.check(
            segmentsOf: rowCount, in: shape, checksum: checksum, byteCount: UInt64(segments.count)
        ) { offset, count in Array(segments[Int(offset)..<Int(offset) + count]) }
    }

    /// Each segment of the image, with its checksum.
    private static func segments(_ format: JPEGFormat) throws -> [(
        bytes: [UInt8], checksum: SegmentChecksum, rows: Range<Int>
    )] {
        let pixels = photograph(shape)
        let grid = format.segmentGrid.segments(of: shape)
        return try pixels.withUnsafeBytes { bytes in
            try (0..<grid.count).map { index in
                let rows = grid[index]
                let base = try #require(bytes.baseAddress) + rows.lowerBound * shape.bytesPerRow
                var segment: [UInt8] = []
                let checksum = format.encoder(of: shape).encode(RowsView(shape: shape, rows: rows, base: base)) {
                    segment += $0
                }
                return (segment, checksum, rows)
            }
        }
    }

    @Test func `every file of our encoder is what it claims to be, and no other image's`() throws {
        for layout in [ChannelLayout.gray, .rgb] {
            for format in [JPEGFormat(), JPEGFormat(quality: 40, subsampling: .none), JPEGFormat(isProgressive: true)] {
                for (width, height) in [(1, 1), (31, 37), (400, 300)] {
                    let shape = ImageShape(width: width, height: height, format: PixelFormat(layout, .eight))
                    let metadata = format.framed(JPEGMetadataTests.everything)
                    let file = try encoded(shape, photograph(shape), to: format, metadata: metadata)
                    try Self.check(file, of: shape, format)
                    for other in [
                        ImageShape(width: width + 1, height: height, format: shape.format),
                        ImageShape(width: width, height: height + 1, format: shape.format),
                        shape.with(layout == .gray ? .rgb : .gray),
                    ] {
                        #expect(throws: CodecError.self) { try Self.check(file, of: other, format) }
                    }
                    for other in [
                        JPEGFormat(quality: 41, subsampling: format.subsampling, isProgressive: format.isProgressive),
                        JPEGFormat(
                            quality: format.quality, subsampling: format.subsampling,
                            isProgressive: !format.isProgressive),
                    ] {
                        #expect(throws: CodecError.self) { try Self.check(file, of: shape, other) }
                    }
                    #expect(throws: CodecError.self) { try Self.check(file + [0], of: shape, format) }
                    #expect(throws: CodecError.self) { try Self.check(Array(file.dropLast()), of: shape, format) }
                }
            }
        }
    }

    @Test(arguments: [false, true]) func `a header that is changed anywhere is noticed, and so is a file cut anywhere`(
        isProgressive: Bool
    ) throws {
        let shape = ImageShape(width: 40, height: 30, format: PixelFormat(.rgb, .eight))
        let format = JPEGFormat(isProgressive: isProgressive)
        let file = try encoded(shape, photograph(shape), to: format)
        // All that does not depend on the pixels, but JFIF's density, which is metadata.
        let fixed = isProgressive ? file.firstRange(of: [0xff, 0xc4]) : file.firstRange(of: [0xff, 0xda])
        for position in 0..<(try #require(fixed).lowerBound) where !(11..<20).contains(position) {
            var changed = file
            changed[position] ^= 0x20
            #expect(throws: CodecError.self, "byte \(position)") { try Self.check(changed, of: shape, format) }
        }
        for count in 0..<file.count {
            #expect(throws: CodecError.self, "\(count) bytes") {
                try Self.check(Array(file[..<count]), of: shape, format)
            }
        }
        for (text, word) in [("this is not a JPEG", "text"), ("", "empty"), ("GIF89a and more", "GIF")] {
            let error = codecError { try Self.check(Array(text.utf8), of: shape, format) }
            #expect(error?.reason.contains(word) == true, "\(error?.reason ?? "")")
        }
    }

    @Test func `segments are what their checksum says, and in their place`() throws {
        let format = JPEGFormat()
        let segments = try Self.segments(format)
        #expect(segments.count == 4)
        for (index, segment) in segments.enumerated() {
            try Self.check(segments: segment.bytes, segment.checksum, rowCount: segment.rows.count)
            #expect(throws: CodecError.self) {
                try Self.check(segments: segment.bytes, segment.checksum, rowCount: segment.rows.count + 16)
            }
            for position in stride(from: 0, to: segment.bytes.count, by: 37) + [segment.bytes.count - 1] {
                var changed = segment.bytes
                changed[position] ^= 4
                #expect(throws: CodecError.self, "byte \(position)") {
                    try Self.check(segments: changed, segment.checksum, rowCount: segment.rows.count)
                }
            }
            let other = segments[(index + 1) % 4]
            #expect(throws: CodecError.self) {
                try Self.check(segments: other.bytes, segment.checksum, rowCount: segment.rows.count)
            }
        }
        // Right checksums do not make a right structure.
        let first = segments[0].bytes
        let wrong: [[UInt8]] = [
            Array(first.dropLast(2)) + [0xff, 0xd1], Array(first.dropLast(2)), [0xff, 0xd0],
            Array(first.prefix(9)) + [0xff, 0xd9] + Array(first.dropFirst(9)),
        ]
        for bytes in wrong {
            let run = bytes.withUnsafeBytes { JPEGSegmentRun(segment: 0, bytes: $0) }
            #expect(throws: CodecError.self) {
                try Self.check(segments: bytes, run.opaque, rowCount: segments[0].rows.count)
            }
        }
    }

    @Test func `checksums of neighbours are merged in any grouping, and of others not at all`() throws {
        let format = JPEGFormat()
        let segments = try Self.segments(format)
        let checksums = segments.map(\.checksum)
        let whole = try format.merge(checksums)
        for cut in 0...4 {
            let parts = [try format.merge(checksums[..<cut]), try format.merge(checksums[cut...])]
            #expect(try format.merge(parts) == whole)
        }
        let all = segments.flatMap(\.bytes)
        try Self.check(segments: all, whole, rowCount: Self.shape.height)
        _ = try format.frame(of: Self.shape, metadata: [], checksum: whole, segments: SegmentBytes([all]))
        for wrong in [[checksums[0], checksums[2]], [checksums[1], checksums[0]], [checksums[0], checksums[0]]] {
            #expect(throws: CodecError.self) { try format.merge(wrong) }
        }
        for wrong in [try format.merge(checksums[1...]), try format.merge(checksums[..<3]), try format.merge([])] {
            #expect(throws: CodecError.self) {
                try format.frame(of: Self.shape, metadata: [], checksum: wrong, segments: SegmentBytes([all]))
            }
        }
        for count in 0..<whole.bytes.count {
            #expect(throws: CodecError.self) { try format.merge([SegmentChecksum(Array(whole.bytes[..<count]))]) }
        }
        #expect(throws: CodecError.self) { try format.merge([SegmentChecksum(whole.bytes + [0])]) }
    }
}
