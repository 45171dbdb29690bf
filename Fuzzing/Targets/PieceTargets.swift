import ImageCodecs
import ImageFormats
import JobModel
import Pipelines

extension FuzzTarget {
    /// What one worker tells another, through the master, of the pieces that a chunk needs: which bytes of the file to fetch, and how
    /// they decode.
    ///
    ///     0 | the binary form of `ChunkPieces` ...
    ///     1 | rows | changes of the binary form | a file as of `tiff-rows` ...
    static let chunkPieces = FuzzTarget("chunk-pieces", maximumByteCount: 2048) { bytes in
        var input = InputBytes(bytes)
        if input.byte() & 1 == 0 {
            try PieceForge.check(Array(input.rest), file: [])
        } else if let (form, file) = try PieceForge.pieces(from: &input) {
            try PieceForge.check(form, file: file)
        }
    }
}

/// Pieces made of a fuzzer's bytes, and what must hold for all pieces.
private enum PieceForge {
    /// Larger images and files are not decoded: a rank compares the image with its task's before it takes memory.
    private static let maximumByteCount = 1 << 18

    /// The binary form of the pieces of some rows, of which up to three bytes are changed, and their file.
    ///
    /// - Returns: `nil` for a file that is refused.
    static func pieces(from input: inout InputBytes) throws -> (form: [UInt8], file: [UInt8])? {
        let (first, count) = (Int(input.byte()), Int(input.byte()))
        let changes = (0..<input.number(in: 0...3)).map { _ in
            (position: Int(input.byte()) << 8 | Int(input.byte()), value: input.byte())
        }
        let file = TIFFForge.file(from: &input)
        let layout: TIFFLayout
        do {
            layout = try TIFFFormat().pieces(byteCount: UInt64(file.count), limits: DecodingLimits()) {
                Array(file[Int($0)..<Int($0) + $1])
            }
        } catch is CodecError {
            return nil
        }
        let start = first % layout.shape.height
        let rows = start..<start + 1 + count % (layout.shape.height - start)
        var form = layout.chunkPieces(for: rows, format: "tiff").encoded()
        for change in changes { form[change.position % form.count] = change.value }
        return (form, file)
    }

    /// Reads pieces and decodes them as a rank does, from memory that has the bytes that they name, and nothing more.
    static func check(_ form: [UInt8], file: [UInt8]) throws {
        guard let pieces = try? ChunkPieces(decoding: form) else { return }
        try FuzzFinding.unless(
            (try? ChunkPieces(decoding: pieces.encoded())) == pieces, "\(pieces) changes when it is copied")
        let layout: TIFFLayout
        do {
            layout = try TIFFLayout(encoded: pieces.layout)
        } catch {
            try FuzzFinding.unless(error.kind == .corrupt, "a malformed layout is refused as \(error)")
            return
        }
        try FuzzFinding.unless(
            (try? TIFFLayout(encoded: layout.encoded)) == layout, "\(layout) changes when it is copied")
        let first = layout.pieceRows.lowerBound * layout.storedHeight
        let rows = first..<min(layout.shape.height, layout.pieceRows.upperBound * layout.storedHeight)
        try FuzzFinding.unless(layout.holds(rows), "rows \(rows) are not held by \(layout)")
        guard pieces.byteCount <= maximumByteCount, rows.count <= 4_096,
            rows.count * layout.shape.bytesPerRow <= maximumByteCount,
            layout.rowsPerBand * layout.storedBytesPerRow <= maximumByteCount
        else { return }
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: Int(pieces.byteCount), alignment: 1)
        defer { memory.deallocate() }
        memory.initializeMemory(as: UInt8.self, repeating: 0)
        var position = 0
        for range in pieces.ranges {
            if range.upperBound <= file.count {
                UnsafeMutableRawBufferPointer(rebasing: memory[position...])
                    .copyBytes(from: file[Int(range.lowerBound)..<Int(range.upperBound)])
            }
            position += range.count
        }
        let fetched = FetchedRanges(pieces.ranges, in: UnsafeRawBufferPointer(memory))
        let whole = try decode(rows, layout, fetched, shareCount: 1)
        let shared = try decode(rows, layout, fetched, shareCount: 3)
        try FuzzFinding.unless(whole == shared, "rows \(rows) in three shares are others than in one")
    }

    /// - Returns: `nil` when the pieces are refused.
    private static func decode(
        _ rows: Range<Int>, _ layout: TIFFLayout, _ fetched: FetchedRanges, shareCount: Int
    ) throws -> [UInt8]? {
        let byteCount = rows.count * layout.shape.bytesPerRow
        let output = UnsafeMutableRawBufferPointer.allocate(byteCount: byteCount, alignment: 16)
        defer { output.deallocate() }
        guard let start = output.baseAddress else { return [] }
        var isRefused = false
        for index in 0..<shareCount {
            let decoder = TIFFFormat().pieceDecoder(of: layout, isLenient: false)
            do {
                try decoder.decode(rows, share: PieceShare(index: index, count: shareCount), to: start) {
                    range throws(CodecError) in try fetched.bytes(range)
                }
            } catch {
                isRefused = true
            }
        }
        return isRefused ? nil : [UInt8](output)
    }
}
