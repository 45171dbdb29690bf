import ImageCodecs
import ImageFormats
import Pipelines

/// Reads images whose files have them in pieces: TIFF files by their strips and tiles, JPEG files by their restart intervals. A band
/// has the rows that are decoded with one.
struct PieceBandReader<Format: PieceDecoding>: BandSource.Reader {
    let layout: Format.Layout
    let parts: any FileParts
    let decoder: any PieceDecoder

    func band(of row: Int) -> Range<Int> { layout.decodedRows(for: row..<row + 1) }

    func pixels(of band: Range<Int>) throws -> [UInt8] {
        let ranges = layout.byteRanges(for: band)
        var bytes: [UInt8] = []
        bytes.reserveCapacity(ranges.reduce(0) { $0 + $1.count })
        for range in ranges { bytes += try parts.read(at: range.lowerBound, count: range.count) }
        let byteCount = band.count * layout.shape.bytesPerRow
        return try bytes.withUnsafeBytes { memory in
            let fetched = FetchedRanges(ranges, in: memory)
            return try [UInt8](unsafeUninitializedCapacity: byteCount) { pixels, count in
                guard let base = pixels.baseAddress else { preconditionFailure("a band has at least one pixel") }
                try decoder.decode(band, to: UnsafeMutableRawPointer(base)) { range throws(CodecError) in
                    try fetched.bytes(range)
                }
                count = byteCount
            }
        }
    }
}

extension BandSource {
    /// An image in pieces; `nil` for a file whose image is not.
    init?<Format: PieceDecoding>(
        _ format: Format, _ parts: any FileParts, name: String, limits: DecodingLimits, cache: BandCache
    ) throws {
        let layout = try format.pieces(byteCount: parts.byteCount, limits: limits) { offset, count in
            try parts.read(at: offset, count: count)
        }
        guard let layout else { return nil }
        self.init(name: name, shape: layout.shape, cache: cache) {
            PieceBandReader<Format>(layout: layout, parts: parts, decoder: format.pieceDecoder(of: layout))
        }
    }
}
