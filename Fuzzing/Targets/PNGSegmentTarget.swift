import ImageCodecs
import ImageFormats
import Kernels
import Pipelines

extension FuzzTarget {
    /// A segment of a PNG file, as the gateway reads it of a file that begins as the cluster's do: its deflate blocks are the input's, or
    /// its rows are. Rows that are taken must be those of the whole file.
    static let pngSegment = FuzzTarget("png-segment", maximumByteCount: 2048) { bytes in
        var input = InputBytes(bytes)
        let formats = ChannelLayout.allCases.flatMap { [PixelFormat($0, .eight), PixelFormat($0, .sixteen)] }
        let shape = ImageShape(
            width: input.number(in: 1...40), height: input.number(in: 1...20),
            format: formats[input.number(in: 0...formats.count - 1)])
        guard input.byte() & 1 == 1 else {
            _ = try rows(of: PNGLayout.chunk(.imageData, Array(input.rest)), shape)
            return
        }
        let filtered = input.bytes(shape.height * (shape.bytesPerRow + 1))
        let segment = PNGLayout.chunk(.imageData, PNGForge.storedBlocks(filtered, isLast: false))
        guard let pixels = try rows(of: segment, shape) else { return }
        let file =
            try PNGAssembly.prefix(output: shape, metadata: []) + segment
            + PNGAssembly.suffix(adler32: PNGForge.adler32(filtered))
        let whole = try file.withUnsafeBytes { bytes in
            let reader = try PNGReader(bytes, limits: DecodingLimits(maximumPixelCount: 1 << 16))
            let rows = RowBuffer(shape: shape, rows: 0..<shape.height)
            try withExtendedLifetime(rows) {
                guard let start = rows.mutableView.bytes.baseAddress else { return }
                try reader.readRows(into: start, count: shape.height)
            }
            return rows.bytes
        }
        try FuzzFinding.unless(pixels == whole, "the rows of a segment of \(shape) are not those of its file")
    }

    /// Decodes from memory that has the chunk and nothing more, into memory that has room for the rows and nothing more.
    ///
    /// - Returns: `nil` for a chunk that is refused.
    private static func rows(of chunk: [UInt8], _ shape: ImageShape) throws -> [UInt8]? {
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: chunk.count, alignment: 1)
        defer { memory.deallocate() }
        memory.copyBytes(from: chunk)
        let room = UnsafeMutableRawBufferPointer.allocate(byteCount: shape.byteCount, alignment: 16)
        defer { room.deallocate() }
        guard let start = room.baseAddress else { return nil }
        let decoder = PNGSegmentDecoder(shape: shape)
        do {
            try decoder.decode(UnsafeRawBufferPointer(memory), rows: 0..<shape.height, to: start)
        } catch {
            return nil
        }
        return Array(room)
    }
}
