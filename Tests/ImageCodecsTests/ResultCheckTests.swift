import Checksums
import JobModel
import Kernels
import Pipelines
import SeededRandom
import Testing

@testable import ImageCodecs
@testable import ImageFormats

/// What workers report as results, looked at as a master does: by structure and checksums, without decoding.
@Suite struct ResultCheckTests {
    private static let shape = ImageShape(width: 4_000, height: 300, format: PixelFormat(.rgb, .eight))

    private static func read(_ file: [UInt8]) -> (UInt64, Int) throws -> [UInt8] {
        { offset, count in
            try #require(offset + UInt64(count) <= UInt64(file.count), "beyond the file's end")
            return Array(file[Int(offset)..<Int(offset) + count])
        }
    }

    private static func check(_ file: [UInt8], of shape: ImageShape) throws {
        try PNGFormat().check(fileOf: shape, byteCount: UInt64(file.count), read: read(file))
    }

    private static func check(
        segments: [UInt8], _ checksum: SegmentChecksum, ofRows rowCount: Int, in shape: ImageShape
    ) throws {
        try PNGFormat().check(
            segmentsOf: rowCount, in: shape, checksum: checksum, byteCount: UInt64(segments.count), read: read(segments)
        )
    }

    @Test(arguments: allFormats)
    func `every file of our encoder is what it claims to be, and no other image's`(_ format: PixelFormat) throws {
        for (width, height) in [(1, 1), (1, 13), (13, 1), (31, 37), (521, 257)] {
            let shape = ImageShape(width: width, height: height, format: format)
            let file = PNGFile.encode(shape: shape, pixels: sampleImage(shape))
            try Self.check(file, of: shape)
            for other in [
                ImageShape(width: width + 1, height: height, format: format),
                ImageShape(width: width, height: height + 1, format: format),
                ImageShape(width: width, height: height, format: allFormats.first { $0 != format } ?? format),
            ] {
                #expect(throws: CodecError.self) { try Self.check(file, of: other) }
            }
        }
    }

    @Test func `no byte of a result can be changed, left out or added without notice`() throws {
        let shape = ImageShape(width: 23, height: 19, format: PixelFormat(.rgb, .eight))
        let file = PNGFile.encode(shape: shape, pixels: sampleImage(shape))
        for position in file.indices {
            for bit in 0..<8 {
                var changed = file
                changed[position] ^= 1 << UInt8(bit)
                #expect(throws: CodecError.self, "byte \(position), bit \(bit)") { try Self.check(changed, of: shape) }
            }
            #expect(throws: CodecError.self, "\(position) bytes") {
                try Self.check(Array(file[..<position]), of: shape)
            }
        }
        #expect(throws: CodecError.self) { try Self.check(file + [0], of: shape) }
        #expect(throws: CodecError.self) { try Self.check(file + file, of: shape) }
    }

    @Test func `what is not a file of the format is named as what it is`() throws {
        for (bytes, word) in [
            ("this is not a PNG", "text"), ("", "empty"), ("GIF89a and more", "GIF"), ("\u{1}PN", "01 50 4e"),
        ] {
            let error = #expect(throws: CodecError.self) { try Self.check(Array(bytes.utf8), of: Self.shape) }
            #expect(error?.reason.contains(word) == true, "\(error?.reason ?? "")")
        }
    }

    /// Chunks with right checksums, in a structure that our encoder does not make.
    @Test func `right checksums do not make a right structure`() throws {
        let shape = Self.shape
        let file = PNGFile.encode(shape: shape, pixels: sampleImage(shape))
        let chunks = try Self.chunks(of: file)
        let count = SegmentGrid.standard.segments(of: shape).count
        try #require(count > 2 && chunks.count == count + 4)
        func joined(_ chunks: [(PNGChunkType, [UInt8])]) -> [UInt8] {
            PNGLayout.signature + chunks.flatMap { PNGLayout.chunk($0.0, $0.1) }
        }
        try Self.check(joined(chunks), of: shape)
        func changed(_ change: (inout [(PNGChunkType, [UInt8])]) -> Void) -> [UInt8] {
            var chunks = chunks
            change(&chunks)
            return joined(chunks)
        }
        let text: (PNGChunkType, [UInt8]) = (PNGChunkType("tEXt"), Array("Title".utf8) + [0] + Array("x".utf8))
        try Self.check(changed { $0.insert(text, at: 1) }, of: shape)
        let wrong: [(String, [UInt8])] = [
            ("a segment less", changed { $0.remove(at: 3) }),
            ("a segment twice", changed { $0.insert($0[3], at: 3) }),
            ("no segments", changed { $0.removeSubrange(2..<2 + count) }),
            ("a segment without its end", changed { $0[3].1.removeLast() }),
            ("another compression header", changed { $0[1].1 = [0x78, 0x9c] }),
            ("no compression header", changed { $0.remove(at: 1) }),
            ("no final block", changed { $0.remove(at: $0.count - 2) }),
            ("a long final block", changed { $0[$0.count - 2].1.append(0) }),
            ("another final block", changed { $0[$0.count - 2].1[0] = 0 }),
            ("no end", changed { $0.removeLast() }),
            ("an end with data", changed { $0[$0.count - 1].1 = [1] }),
            ("a chunk among the segments", changed { $0.insert(text, at: 4) }),
            ("a chunk behind the segments", changed { $0.insert(text, at: $0.count - 1) }),
            ("a palette", changed { $0.insert((.palette, [1, 2, 3]), at: 1) }),
            ("an unknown critical chunk", changed { $0.insert((PNGChunkType("ABCD"), []), at: 1) }),
            ("malformed metadata", changed { $0.insert((PNGChunkType("gAMA"), [1]), at: 1) }),
            ("two headers", changed { $0.insert($0[0], at: 1) }),
        ]
        for (name, file) in wrong {
            #expect(throws: CodecError.self, "\(name)") { try Self.check(file, of: shape) }
        }
    }

    @Test func `segments are those of their rows`() throws {
        let shape = Self.shape
        let grid = SegmentGrid.standard.segments(of: shape)
        let pixels = sampleImage(shape)
        let rows = grid[1].lowerBound..<grid[3].upperBound
        let part = Array(pixels[rows.lowerBound * shape.bytesPerRow..<rows.upperBound * shape.bytesPerRow])
        let segments = try part.withUnsafeBytes { bytes in
            let base = try #require(bytes.baseAddress)
            return PNGSegmentEncoder(shape: shape).encode(RowsView(shape: shape, rows: rows, base: base))
        }
        let checksum = segments.checksum.opaque
        try Self.check(segments: segments.bytes, checksum, ofRows: rows.count, in: shape)
        var random = SeededGenerator(seed: 3)
        for _ in 0..<200 {
            var changed = segments.bytes
            let position = Int.random(in: changed.indices, using: &random)
            changed[position] ^= 1 << UInt8.random(in: 0...7, using: &random)
            #expect(throws: CodecError.self) {
                try Self.check(segments: changed, checksum, ofRows: rows.count, in: shape)
            }
            let cut = Array(segments.bytes[..<position])
            #expect(throws: CodecError.self) { try Self.check(segments: cut, checksum, ofRows: rows.count, in: shape) }
        }
        var long = segments.checksum
        long.byteCount += 1
        for (bytes, checksum, rowCount) in [
            (segments.bytes, checksum, rows.count - 1), (segments.bytes, checksum, rows.count + 1),
            (segments.bytes, long.opaque, rows.count), (segments.bytes, SegmentChecksum([1]), rows.count),
            (segments.bytes + segments.bytes, checksum, rows.count), ([], checksum, rows.count),
            (Array("X".utf8), checksum, rows.count),
        ] {
            #expect(throws: CodecError.self) {
                try Self.check(segments: bytes, checksum, ofRows: rowCount, in: shape)
            }
        }
    }

    @Test(arguments: [
        "{}", "[]",
        " {\"a\": [1, -2.5e+10, 0.0, true, false, null, \"\\u00e9\\n\", \"\u{e9}\u{1F600}\"], \"b\": {}} \n",
        "[[[[]]],{}]", "{\"corners\":[{\"x\":1,\"y\":2}]}", "[0,10,1E5,1e-7]",
    ])
    func `a document is one JSON object or array`(text: String) throws {
        try Self.check(document: Array(text.utf8))
        for count in 0..<text.utf8.count where count < text.utf8.count - 2 {
            let cut = Array(text.utf8.prefix(count))
            // What is left out may be white space.
            if (try? Self.check(document: cut)) != nil { #expect(text.utf8.dropFirst(count).allSatisfy { $0 <= 0x20 }) }
        }
        #expect(throws: CodecError.self) { try Self.check(document: Array((text + "x").utf8)) }
        #expect(throws: CodecError.self) { try Self.check(document: Array((text + text).utf8)) }
    }

    @Test(arguments: [
        "", " ", "1", "\"a\"", "true", "{", "[", "]", "{]", "[}", "[1,]", "[,1]", "{\"a\"}", "{\"a\":}", "{\"a\":1,}",
        "{a:1}",
        "{'a':1}", "[01]", "[1.]", "[.5]", "[-]", "[1e]", "[1e+]", "[+1]", "[0x1]", "[NaN]", "[tru]", "[nulll]",
        "[\"\\x\"]",
        "[\"\\u12g4\"]", "[\"a]", "[\"\n\"]", "[1 2]", "[1]]", "{\"a\":1 \"b\":2}", "\u{feff}[]", "this is not JSON",
    ])
    func `anything else is not a document`(text: String) {
        #expect(throws: CodecError.self) { try Self.check(document: Array(text.utf8)) }
    }

    @Test(arguments: ["level,gray\n0,1\n", "level,r,g,b\n0,2,1,1\n32768,0,1,18446744073709551615\n", "a\n7\n"])
    func `a document may be a table of whole numbers below a line of names`(text: String) throws {
        try Self.check(document: Array(text.utf8))
        for count in 0..<text.utf8.count {
            let cut = Array(text.utf8.prefix(count))
            // What is left may be a table of fewer lines.
            if (try? Self.check(document: cut)) != nil { #expect(cut.last == UInt8(ascii: "\n")) }
        }
    }

    @Test(arguments: [
        "level,gray\n", "level,gray\n0,1", "level,gray\n0\n", "level,gray\n0,1,2\n", "level,\n0,1\n",
        "level,gray\n0,-1\n",
        "level,gray\n0,x\n", "level,gray\n0,1\n\n", "Level,gray\n0,1\n", "level,gray\r\n0,1\r\n", "level gray\n0 1\n",
        "level,gray\n0,123456789012345678901\n", "level,gray\n0,1\n{}",
    ])
    func `another text is not a table`(text: String) {
        #expect(throws: CodecError.self) { try Self.check(document: Array(text.utf8)) }
    }

    @Test func `strings are UTF-8, and nesting has a bound`() throws {
        let quoted: ([UInt8]) -> [UInt8] = { Array("[\"".utf8) + $0 + Array("\"]".utf8) }
        for good: [UInt8] in [
            [0xc2, 0x80], [0xe0, 0xa0, 0x80], [0xed, 0x9f, 0xbf], [0xf0, 0x90, 0x80, 0x80], [0xf4, 0x8f, 0xbf, 0xbf],
        ] {
            try Self.check(document: quoted(good))
            #expect(throws: CodecError.self) { try Self.check(document: quoted(good.dropLast())) }
        }
        for bad: [UInt8] in [
            [0x80], [0xc0, 0x80], [0xe0, 0x9f, 0x80], [0xed, 0xa0, 0x80], [0xf0, 0x8f, 0x80, 0x80],
            [0xf4, 0x90, 0x80, 0x80], [0xf5], [0xff],
        ] {
            #expect(throws: CodecError.self) { try Self.check(document: quoted(bad)) }
        }
        for (depth, isAllowed) in [(DocumentCheck.deepestNesting, true), (DocumentCheck.deepestNesting + 1, false)] {
            let text = String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
            let isTaken = (try? Self.check(document: Array(text.utf8))) != nil
            #expect(isTaken == isAllowed, "\(depth) levels")
        }
    }

    private static func check(document: [UInt8]) throws {
        try DocumentFormat.check(byteCount: UInt64(document.count), read: read(document))
    }

    private static func chunks(of file: [UInt8]) throws -> [(PNGChunkType, [UInt8])] {
        var chunks: [(PNGChunkType, [UInt8])] = []
        var offset = PNGLayout.signature.count
        while offset < file.count {
            let head = try PNGChunkHead(file[offset...], at: UInt64(offset), fileByteCount: UInt64(file.count))
            chunks.append((head.type, Array(file[Int(head.dataOffset)..<Int(head.end) - 4])))
            offset = Int(head.end)
        }
        return chunks
    }
}
