/// Makes PNG files whose checksums are right and whose rest is the fuzzer's, so that it gets behind the checksums.
///
/// Plain and slow on purpose, and independent of the code that is tested.
enum PNGForge {
    private static let signature: [UInt8] = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]

    /// The file with the checksum of every chunk put right, as far as there are whole chunks.
    static func withRightChecksums(_ file: [UInt8]) -> [UInt8] {
        var file = file
        var offset = signature.count
        while offset + 12 <= file.count {
            let length = file[offset..<offset + 4].reduce(0) { $0 << 8 | Int($1) }
            let end = offset + 12 + length
            guard end <= file.count else { break }
            file.replaceSubrange(end - 4..<end, with: bigEndian(crc32(file[offset + 4..<end - 4])))
            offset = end
        }
        return file
    }

    /// A chunk as it will be written.
    private struct Piece {
        var name: [UInt8]
        var data: [UInt8]
        var hasWrongChecksum = false

        init(_ name: String, _ data: [UInt8]) {
            self.name = Array(name.utf8)
            self.data = data
        }

        var bytes: [UInt8] {
            let covered = name + data
            return bigEndian(UInt32(data.count)) + covered
                + bigEndian(PNGForge.crc32(covered[...]) ^ (hasWrongChecksum ? 1 : 0))
        }
    }

    /// A file whose chunks are in order, around rows that are the input's.
    ///
    ///     width | height | colour type and depth | interlace | colours | transparent colours | bytes of a chunk | rows ...
    static func file(from input: inout InputBytes) -> [UInt8] {
        var shape = InputBytes(input.bytes(7))
        return signature + pieces(from: &shape, rows: &input).flatMap(\.bytes)
    }

    /// A file whose chunks were then changed: up to eight of the changes of `disorder`.
    ///
    ///     as above but for the rows | changes, one after the other | rows ...
    static func disorderedFile(from input: inout InputBytes) -> [UInt8] {
        var shape = InputBytes(input.bytes(7))
        var changes = InputBytes(input.bytes(64))
        // The rows are what is left.
        var pieces = pieces(from: &shape, rows: &input)
        var tail: [UInt8] = []
        var cut = 0
        for _ in 0..<changes.number(in: 0...8) { disorder(&pieces, &tail, &cut, &changes) }
        return Array((signature + pieces.flatMap(\.bytes) + tail).dropLast(cut))
    }

    private static func pieces(from shape: inout InputBytes, rows: inout InputBytes) -> [Piece] {
        let width = shape.number(in: 1...40)
        let height = shape.number(in: 1...20)
        let (colorType, depth, channels) = kinds[shape.number(in: 0...kinds.count - 1)]
        let isInterlaced = shape.byte() & 1 == 1
        let colors = shape.number(in: 1...256)
        let transparencyChoice = shape.byte()
        let chunkByteCount = shape.number(in: 1...256)

        var pieces = [
            Piece(
                "IHDR",
                bigEndian(UInt32(width)) + bigEndian(UInt32(height)) + [depth, colorType, 0, 0, isInterlaced ? 1 : 0])
        ]
        if colorType == 3 { pieces.append(Piece("PLTE", rows.bytes(3 * min(colors, 1 << depth)))) }
        if transparencyChoice & 1 == 1, let byteCount = [0: 2, 2: 6, 3: min(colors, 1 << depth)][colorType] {
            pieces.append(Piece("tRNS", rows.bytes(byteCount)))
        }
        let passes = isInterlaced ? adam7(width, height) : [(width, height)]
        let rowsByteCount = passes.reduce(0) { sum, pass in
            pass.0 == 0 ? sum : sum + pass.1 * (1 + (pass.0 * channels * Int(depth) + 7) / 8)
        }
        // Only this many rows are the input's own; one byte more or less than the rows need is tried as well.
        let surplus = transparencyChoice >> 1 == 0x7f ? 1 : transparencyChoice >> 1 == 0x7e ? -1 : 0
        var rest = stored(rows.bytes(max(0, rowsByteCount + surplus)))[...]
        while !rest.isEmpty {
            pieces.append(Piece("IDAT", Array(rest.prefix(chunkByteCount))))
            rest = rest.dropFirst(chunkByteCount)
        }
        return pieces + [Piece("IEND", [])]
    }

    /// Names that chunks have, with a size that they may have.
    private static let known: [(name: String, byteCount: Int)] = [
        ("PLTE", 12), ("tRNS", 2), ("tRNS", 6), ("IDAT", 9), ("IDAT", 0), ("IEND", 0), ("IHDR", 13), ("gAMA", 4),
        ("cHRM", 32), ("sRGB", 1), ("iCCP", 9), ("cICP", 4), ("mDCV", 24), ("cLLI", 8), ("pHYs", 9), ("eXIf", 26),
        ("tEXt", 7), ("zTXt", 9), ("iTXt", 12), ("tIME", 7), ("sBIT", 1), ("sBIT", 3), ("bKGD", 2), ("bKGD", 6),
        ("hIST", 8), ("sPLT", 16), ("oFFs", 9), ("acTL", 8), ("fcTL", 26), ("fdAT", 20), ("caBX", 20), ("prVt", 5),
        ("te8t", 3), ("ABCD", 2),
    ]

    /// One change: a chunk inserted, repeated, removed, exchanged with another, damaged, longer, shorter, cut in two; another
    /// window size; a file cut short, or continued.
    private static func disorder(
        _ pieces: inout [Piece], _ tail: inout [UInt8], _ cut: inout Int, _ input: inout InputBytes
    ) {
        let change = input.number(in: 0...11)
        let place = input.number(in: 0...max(0, pieces.count - 1))
        guard !pieces.isEmpty else { return }
        switch change {
        case 0, 1:
            let (name, byteCount) = known[input.number(in: 0...known.count - 1)]
            let length = change == 0 ? byteCount : input.number(in: 0...40)
            // In front of the image data as often as not.
            pieces.insert(Piece(name, plausibleData(of: name, length, &input)), at: min(place, pieces.count))
        case 2: pieces.insert(pieces[place], at: input.number(in: 0...pieces.count))
        case 3: pieces.remove(at: place)
        case 4: pieces.swapAt(place, input.number(in: 0...pieces.count - 1))
        case 5: pieces[place].hasWrongChecksum = true
        case 6: pieces[place].data += input.bytes(input.number(in: 0...20))
        case 7: pieces[place].data.removeLast(min(pieces[place].data.count, input.number(in: 1...20)))
        case 8 where !pieces[place].data.isEmpty:
            pieces[place].data[input.number(in: 0...255) % pieces[place].data.count] = input.byte()
        case 9:
            var second = pieces[place]
            let middle = second.data.count / 2
            pieces[place].data.removeSubrange(middle...)
            second.data.removeSubrange(..<middle)
            pieces.insert(second, at: place + 1)
        case 10: setWindow(of: &pieces, to: input.number(in: 0...9))
        case 11 where place & 1 == 0: tail += input.bytes(input.number(in: 1...20))
        default: cut += input.number(in: 1...30)
        }
    }

    /// Data that is well-formed where that takes more than a size.
    private static func plausibleData(of name: String, _ byteCount: Int, _ input: inout InputBytes) -> [UInt8] {
        let start: [UInt8] =
            switch name {
            case "iCCP", "zTXt": [0x61, 0x62, 0, 0, 0x78, 0x9c]
            case "tEXt": [0x61, 0]
            case "iTXt": [0x61, 0, 0, 0, 0, 0]
            case "eXIf": [0x4d, 0x4d, 0, 0x2a, 0, 0, 0, 8, 0, 1, 1, 0x12, 0, 3, 0, 0, 0, 1, 0, 6, 0, 0]
            default: []
            }
        return start.prefix(byteCount) + input.bytes(max(0, byteCount - start.count))
    }

    /// Puts another window size in the header of the zlib stream.
    private static func setWindow(of pieces: inout [Piece], to logarithm: Int) {
        guard let index = pieces.firstIndex(where: { $0.name == Array("IDAT".utf8) && $0.data.count >= 2 }) else {
            return
        }
        let first = UInt8(truncatingIfNeeded: logarithm << 4 | 8)
        let rest = (Int(first) << 8) % 31
        pieces[index].data[0] = first
        pieces[index].data[1] = UInt8((31 - rest) % 31)
    }

    /// Colour type, bit depth and channels: all combinations that PNG has.
    private static let kinds: [(colorType: UInt8, depth: UInt8, channels: Int)] = [
        (0, 1, 1), (0, 2, 1), (0, 4, 1), (0, 8, 1), (0, 16, 1), (2, 8, 3), (2, 16, 3), (3, 1, 1), (3, 2, 1), (3, 4, 1),
        (3, 8, 1), (4, 8, 2), (4, 16, 2), (6, 8, 4), (6, 16, 4),
    ]

    /// Width and height of the seven passes of an interlaced image.
    private static func adam7(_ width: Int, _ height: Int) -> [(Int, Int)] {
        [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
            .map { x, y, stepX, stepY in ((width - x + stepX - 1) / stepX, (height - y + stepY - 1) / stepY) }
    }

    /// A zlib stream of stored blocks (RFC 1950, RFC 1951 section 3.2.4).
    private static func stored(_ bytes: [UInt8]) -> [UInt8] {
        [0x78, 0x01] + storedBlocks(bytes, isLast: true) + bigEndian(adler32(bytes))
    }

    /// Blocks of which the last one says so, or none does.
    static func storedBlocks(_ bytes: [UInt8], isLast: Bool) -> [UInt8] {
        var stream: [UInt8] = []
        var rest = bytes[...]
        repeat {
            let block = rest.prefix(0xffff)
            rest = rest.dropFirst(block.count)
            let count = UInt16(block.count)
            stream.append(rest.isEmpty && isLast ? 1 : 0)
            for value in [count, ~count] { stream += [UInt8(value & 0xff), UInt8(value >> 8)] }
            stream += block
        } while !rest.isEmpty
        return stream
    }

    /// RFC 1950, section 9.
    static func adler32(_ bytes: [UInt8]) -> UInt32 {
        var (a, b): (UInt32, UInt32) = (1, 0)
        for byte in bytes {
            a = (a + UInt32(byte)) % 65521
            b = (b + a) % 65521
        }
        return b << 16 | a
    }

    /// PNG, annex D.
    private static func crc32(_ bytes: ArraySlice<UInt8>) -> UInt32 {
        ~bytes.reduce(~0) { crc, byte in
            (0..<8).reduce(crc ^ UInt32(byte)) { value, _ in value >> 1 ^ (value & 1 == 1 ? 0xedb8_8320 : 0) }
        }
    }
}
