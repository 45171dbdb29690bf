import ClientKit
import GatewayLogic
import ImageCodecs
import ImageFormats
import ImagingModel
import JobModel
import Pipelines

/// The result of an image that is being computed, as far as its rows are there.
struct RunningResult: Sendable {
    /// Rows that are decoded together have at most this many bytes of pixels.
    static let maximumBandByteCount = 128 << 20

    let image: ImageID
    let run: UInt32
    let shape: ImageShape
    private let format: any OutputFormat
    /// From top to bottom.
    private let finished: [FinishedRows]
    let ranges: FinishedRanges

    /// - Returns: `nil` for an image whose chunks give no segments: a small one, a document, or one that does not run.
    init?(_ image: ImageID, _ partial: PartialResult) throws {
        guard let output = partial.output, !partial.state.isFinal else { return nil }
        self.image = image
        run = partial.run
        shape = try ImageShape(output)
        format = try OutputEncoding(parsing: partial.encoding).format
        finished = partial.finished
        ranges = FinishedRanges(partial.finished.lazy.map(\.range))
    }

    /// Why nothing of it is shown before it is complete, for a person; `nil` when its parts are.
    var objection: String? {
        if !format.decodesBySegments {
            return "parts of a result in \(Self.inWords(format)) cannot be shown before it is complete"
        }
        let rows = finished.map(\.range.count).max() ?? 0
        if rows * shape.bytesPerRow > Self.maximumBandByteCount {
            return
                "parts of this result have \(rows * shape.bytesPerRow >> 20) MiB of pixels; those of more than "
                + "\(Self.maximumBandByteCount >> 20) MiB are not shown before it is complete (chunk-bytes)"
        }
        return nil
    }

    private static func inWords(_ format: any OutputFormat) -> String {
        let kind = format.options.isProgressive ? " (progressive)" : format.options.isPyramid ? " with a pyramid" : ""
        return format.name.uppercased() + kind
    }

    /// - Throws: `not-computed-yet` unless all of the rows are there.
    func demand(_ rows: Range<Int>) throws {
        if let objection { throw Self.notComputed("\(objection)") }
        guard ranges.contains(rows) else {
            throw Self.notComputed(
                "rows \(rows.lowerBound) to \(rows.upperBound - 1) of image \(image) are not all computed yet")
        }
    }

    private static func notComputed(_ detail: String) -> Problem {
        Problem(404, "not-computed-yet", detail).with("Retry-After", "1").with("Cache-Control", "no-store")
    }

    /// The rows that are there.
    ///
    /// - Parameter bytes: fetches a blob; blocking.
    func source(_ cache: BandCache, _ bytes: @escaping @Sendable (BlobReference) throws -> [UInt8]) -> BandSource {
        BandSource(name: "\(image) run \(run)", shape: shape, cache: cache) { Reader(result: self, bytes: bytes) }
    }

    /// Decodes the segments of finished rows as a file of their own; a band is what one task has finished.
    private struct Reader: BandSource.Reader {
        let result: RunningResult
        let bytes: (BlobReference) throws -> [UInt8]

        private func part(of row: Int) -> FinishedRows? {
            var (low, high) = (0, result.finished.count)
            while low < high {
                let middle = (low + high) / 2
                if result.finished[middle].range.upperBound <= row { low = middle + 1 } else { high = middle }
            }
            guard low < result.finished.count, result.finished[low].range.contains(row) else { return nil }
            return result.finished[low]
        }

        func band(of row: Int) -> Range<Int> { part(of: row)?.range ?? row..<row + 1 }

        /// The name of the bytes: the same number of a job may be another's after the master's state was deleted.
        func name(of band: Range<Int>) -> String? {
            part(of: band.lowerBound).map { "segments \($0.segments.digest)" }
        }

        func pixels(of band: Range<Int>) throws -> [UInt8] {
            try result.demand(band)
            guard let part = part(of: band.lowerBound) else { preconditionFailure("rows \(band) are there and not") }
            let file = try result.format.file(
                ofRows: band, in: result.shape, segments: try bytes(part.segments), checksum: part.checksum)
            let decoded = try ImageFile.decode(file)
            guard decoded.pixels.count == band.count * result.shape.bytesPerRow else {
                throw CodecError.corrupt("Rows \(band) decode to \(decoded.shape.height) of another size.")
            }
            return decoded.pixels
        }
    }
}

extension FinishedRows {
    fileprivate var range: Range<Int> { Int(rows.lowerBound)..<Int(rows.upperBound) }
}
