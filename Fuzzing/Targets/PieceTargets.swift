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
    ///     3 | rows | changes of the binary form | a JPEG file ...
    static let chunkPieces = FuzzTarget("chunk-pieces", maximumByteCount: 2048) { bytes in
        var input = InputBytes(bytes)
        switch input.byte() & 3 {
        case 1:
            guard let (form, file) = try PieceForge.tiffPieces(from: &input) else { return }
            try PieceForge.check(form, file: file)
        case 3:
            guard let (form, file) = try PieceForge.jpegPieces(from: &input) else { return }
            try PieceForge.check(form, file: file)
        default: try PieceForge.check(Array(input.rest), file: [])
        }
    }
}

/// Pieces made of a fuzzer's bytes, and what must hold for all pieces.
private enum PieceForge {
    /// Larger images and files are not decoded: a rank compares the image with its task's before it takes memory.
    private static let maximumByteCount = 1 << 18

    /// Rows of an image, and changes of the binary form of their pieces.
    private struct Choice {
        private let first: Int
        private let count: Int
        private let changes: [(position: Int, value: UInt8)]

        init(from input: inout InputBytes) {
            first = Int(input.byte())
            count = Int(input.byte())
            changes = (0..<input.number(in: 0...3)).map { _ in
                (position: Int(input.byte()) << 8 | Int(input.byte()), value: input.byte())
            }
        }

        /// The binary form of the pieces of the rows, of which up to three bytes are changed.
        func form(of layout: some PieceLayout, format: String) -> [UInt8] {
            let start = first % layout.shape.height
            let rows = start..<start + 1 + count % (layout.shape.height - start)
            var form = layout.chunkPieces(for: rows, format: format).encoded()
            for change in changes { form[change.position % form.count] = change.value }
            return form
        }
    }

    /// - Returns: `nil` for a file that is refused.
    static func tiffPieces(from input: inout InputBytes) throws -> (form: [UInt8], file: [UInt8])? {
        let choice = Choice(from: &input)
        return try pieces(of: TIFFForge.file(from: &input), TIFFFormat(), choice)
    }

    /// - Returns: `nil` for a file that is refused, or has no restart intervals.
    static func jpegPieces(from input: inout InputBytes) throws -> (form: [UInt8], file: [UInt8])? {
        let choice = Choice(from: &input)
        return try pieces(of: Array(input.rest), JPEGFormat(), choice)
    }

    private static func pieces(
        of file: [UInt8], _ format: some PieceFormat, _ choice: Choice
    ) throws -> (form: [UInt8], file: [UInt8])? {
        do {
            let layout = try format.pieces(byteCount: UInt64(file.count), limits: DecodingLimits()) {
                Array(file[Int($0)..<Int($0) + $1])
            }
            return layout.map { (choice.form(of: $0, format: format.name), file) }
        } catch is CodecError {
            return nil
        }
    }

    /// Reads pieces and decodes them as a rank does, from memory that has the bytes that they name, and nothing more.
    static func check(_ form: [UInt8], file: [UInt8]) throws {
        guard let pieces = try? ChunkPieces(decoding: form) else { return }
        try FuzzFinding.unless(
            (try? ChunkPieces(decoding: pieces.encoded())) == pieces, "\(pieces) changes when it is copied")
        if let layout = try layout(of: pieces, JPEGFormat()) {
            // Before it is decoded, a rank has compared the rows with its task's.
            let rows = layout.rows(of: layout.units)
            let inner = layout.units.count < 3 ? rows : layout.rows(of: layout.units.dropFirst().dropLast())
            try check(pieces, layout, layout.holds(rows) ? rows : inner, JPEGFormat(), file, pieceByteCount: 0)
        }
        if let layout = try layout(of: pieces, TIFFFormat()) {
            let first = layout.pieceRows.lowerBound * layout.storedHeight
            let rows = first..<min(layout.shape.height, layout.pieceRows.upperBound * layout.storedHeight)
            try FuzzFinding.unless(layout.holds(rows), "rows \(rows) are not held by \(layout)")
            try check(
                pieces, layout, rows, TIFFFormat(), file, pieceByteCount: layout.rowsPerBand * layout.storedBytesPerRow)
        }
    }

    /// - Returns: `nil` for another format's layout, and for one that is malformed.
    private static func layout<Format: PieceDecoding>(of pieces: ChunkPieces, _ format: Format) throws -> Format.Layout?
    {
        guard pieces.format == format.name else { return nil }
        let layout: Format.Layout
        do {
            layout = try Format.Layout(encoded: pieces.layout)
        } catch {
            try FuzzFinding.unless(error.kind == .corrupt, "a malformed layout is refused as \(error)")
            return nil
        }
        try FuzzFinding.unless(
            (try? Format.Layout(encoded: layout.encoded)) == layout, "\(layout) changes when it is copied")
        return layout
    }

    private static func check<Format: PieceDecoding>(
        _ pieces: ChunkPieces, _ layout: Format.Layout, _ rows: Range<Int>, _ format: Format, _ file: [UInt8],
        pieceByteCount: Int
    ) throws {
        guard pieces.byteCount <= maximumByteCount, rows.count <= 4_096,
            rows.count * layout.shape.bytesPerRow <= maximumByteCount, pieceByteCount <= maximumByteCount,
            layout.holds(rows)
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
        let whole = try decode(rows, layout, format, fetched, shareCount: 1)
        let shared = try decode(rows, layout, format, fetched, shareCount: 3)
        // A share of a JPEG image sees less of what is beside its rows, and refuses less of it.
        try FuzzFinding.unless(
            whole == shared || whole == nil && format.name == "jpeg",
            "rows \(rows) in three shares are others than in one")
    }

    /// - Returns: `nil` when the pieces are refused.
    private static func decode<Format: PieceDecoding>(
        _ rows: Range<Int>, _ layout: Format.Layout, _ format: Format, _ fetched: FetchedRanges, shareCount: Int
    ) throws -> [UInt8]? {
        let byteCount = rows.count * layout.shape.bytesPerRow
        let output = UnsafeMutableRawBufferPointer.allocate(byteCount: byteCount, alignment: 16)
        defer { output.deallocate() }
        guard let start = output.baseAddress else { return [] }
        var isRefused = false
        for index in 0..<shareCount {
            let decoder = format.pieceDecoder(of: layout)
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
