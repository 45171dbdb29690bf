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

    /// A file whose chunks are in order, around rows that are the input's.
    ///
    ///     width | height | colour type and depth | interlace | colours | transparent colours | bytes of a chunk | rows ...
    static func file(from input: inout InputBytes) -> [UInt8] {
        let width = input.number(in: 1...40)
        let height = input.number(in: 1...20)
        let (colorType, depth, channels) = kinds[input.number(in: 0...kinds.count - 1)]
        let isInterlaced = input.byte() & 1 == 1
        let colors = input.number(in: 1...256)
        let transparencyChoice = input.byte()
        let chunkByteCount = input.number(in: 1...256)

        var file = signature
        file += chunk(
            "IHDR",
            bigEndian(UInt32(width)) + bigEndian(UInt32(height)) + [depth, colorType, 0, 0, isInterlaced ? 1 : 0])
        if colorType == 3 { file += chunk("PLTE", input.bytes(3 * min(colors, 1 << depth))) }
        if transparencyChoice & 1 == 1, let byteCount = [0: 2, 2: 6, 3: min(colors, 1 << depth)][colorType] {
            file += chunk("tRNS", input.bytes(byteCount))
        }
        let passes = isInterlaced ? adam7(width, height) : [(width, height)]
        let rowsByteCount = passes.reduce(0) { sum, pass in
            pass.0 == 0 ? sum : sum + pass.1 * (1 + (pass.0 * channels * Int(depth) + 7) / 8)
        }
        // Only this many rows are the input's own; one byte more or less than the rows need is tried as well.
        let surplus = transparencyChoice >> 1 == 0x7f ? 1 : transparencyChoice >> 1 == 0x7e ? -1 : 0
        var rest = stored(input.bytes(max(0, rowsByteCount + surplus)))[...]
        while !rest.isEmpty {
            file += chunk("IDAT", Array(rest.prefix(chunkByteCount)))
            rest = rest.dropFirst(chunkByteCount)
        }
        return file + chunk("IEND", [])
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
        var stream: [UInt8] = [0x78, 0x01]
        var rest = bytes[...]
        repeat {
            let block = rest.prefix(0xffff)
            rest = rest.dropFirst(block.count)
            let count = UInt16(block.count)
            stream.append(rest.isEmpty ? 1 : 0)
            for value in [count, ~count] { stream += [UInt8(value & 0xff), UInt8(value >> 8)] }
            stream += block
        } while !rest.isEmpty
        var (a, b): (UInt32, UInt32) = (1, 0)
        for byte in bytes {
            a = (a + UInt32(byte)) % 65521
            b = (b + a) % 65521
        }
        return stream + bigEndian(b << 16 | a)
    }

    private static func chunk(_ name: String, _ data: [UInt8]) -> [UInt8] {
        let covered = Array(name.utf8) + data
        return bigEndian(UInt32(data.count)) + covered + bigEndian(crc32(covered[...]))
    }

    /// PNG, annex D.
    private static func crc32(_ bytes: ArraySlice<UInt8>) -> UInt32 {
        ~bytes.reduce(~0) { crc, byte in
            (0..<8).reduce(crc ^ UInt32(byte)) { value, _ in value >> 1 ^ (value & 1 == 1 ? 0xedb8_8320 : 0) }
        }
    }
}
