import GatewayLogic
import ImageCodecs
import ImageFormats
import Kernels
import Pipelines

/// The image that a preview is made of, as its file stores it.
enum PreviewSource: RowSource {
    /// Small enough to be decoded once, and kept.
    case decoded(DecodedPicture)
    /// Decoded again for each preview, row by row.
    case file([UInt8], ImageHeader)

    /// Decoded images up to this are held in memory.
    static let heldByteCount = 96 << 20
    static let maximumPixelCount: UInt64 = 200_000_000

    /// - Throws: `CodecError`.
    init(_ file: [UInt8]) throws {
        let limits = DecodingLimits(maximumPixelCount: Self.maximumPixelCount)
        let decoded = try file.withUnsafeBytes { bytes -> DecodedPicture? in
            let decoder = try ImageFile.decoder(of: bytes, limits: limits)
            guard decoder.header.shape.byteCount <= Self.heldByteCount else { return nil }
            return try DecodedPicture(decoder)
        }
        if let decoded {
            self = .decoded(decoded)
        } else {
            let header = try file.withUnsafeBytes { try ImageFile.decoder(of: $0, limits: limits).header }
            self = .file(file, header)
        }
    }

    /// The shape as the file stores it.
    var shape: ImageShape {
        switch self {
        case .decoded(let picture): picture.shape
        case .file(_, let header): header.shape
        }
    }

    var orientation: UInt8 {
        switch self {
        case .decoded(let picture): picture.orientation
        case .file(_, let header): header.orientation
        }
    }

    func withRows<Value>(
        of columns: Range<Int>, _ body: ((Range<Int>) throws -> RowBuffer) throws -> Value
    ) throws -> Value {
        switch self {
        case .decoded(let picture): return try body { picture.rows($0, of: columns) }
        case .file(let file, _):
            return try file.withUnsafeBytes { bytes in
                let limits = DecodingLimits(maximumPixelCount: Self.maximumPixelCount)
                let reader = RowReader(try ImageFile.decoder(of: bytes, limits: limits))
                return try body { wanted in
                    let rows = try reader.rows(wanted)
                    if columns == 0..<shape.width { return rows }
                    return withExtendedLifetime(rows) { RowBuffer(copying: columns, of: rows.view) }
                }
            }
        }
    }

    /// A copy whose longer side has at most `side` pixels.
    func reduced(to side: Int, _ stop: PreviewStop) throws -> DecodedPicture {
        let (shape, longer) = (shape, max(shape.width, shape.height))
        let scaled = { (length: Int) in max(1, (length * side + longer / 2) / longer) }
        // Nothing to do is an empty pipeline.
        let resize = longer <= side ? "" : "resize width=\(scaled(shape.width)) height=\(scaled(shape.height))"
        let pipeline = try PipelineCache.shared.pipeline(resize)
        let result = try pipeline.shapes(from: shape).last ?? shape
        let bytesPerResultRow = max(1, shape.byteCount / result.height)
        let rowsAtATime = max(1, (4 << 20) / bytesPerResultRow)
        var pixels: [UInt8] = []
        pixels.reserveCapacity(result.byteCount)
        try withRows { read in
            for start in stride(from: 0, to: result.height, by: rowsAtATime) {
                let plan = try RowsPlan(
                    pipeline, of: shape, rows: start..<min(start + rowsAtATime, result.height))
                let rows = try RowsExecutor(plan, check: stop.check).run(on: try read(plan.inputRows)).rows
                withExtendedLifetime(rows) { pixels += rows.view.bytes }
            }
        }
        return DecodedPicture(shape: result, orientation: orientation, pixels: pixels)
    }
}

/// All pixels of an image.
struct DecodedPicture: Sendable {
    let shape: ImageShape
    /// How it is to be turned: EXIF's Orientation.
    let orientation: UInt8
    let pixels: [UInt8]

    init(shape: ImageShape, orientation: UInt8, pixels: [UInt8]) {
        (self.shape, self.orientation, self.pixels) = (shape, orientation, pixels)
    }

    fileprivate init(_ decoder: any ImageDecoder) throws(CodecError) {
        let shape = decoder.header.shape
        let rows = RowReader(decoder)
        let all = try rows.rows(0..<shape.height)
        self.init(shape: shape, orientation: decoder.header.orientation, pixels: all.bytes)
    }

    /// - Parameter columns: all of them when `nil`.
    func rows(_ rows: Range<Int>, of columns: Range<Int>? = nil) -> RowBuffer {
        pixels.withUnsafeBytes { bytes in
            guard let base = bytes.baseAddress else { preconditionFailure("an image has at least one pixel") }
            return RowBuffer(
                copying: columns ?? 0..<shape.width,
                of: RowsView(shape: shape, rows: rows, base: base + rows.lowerBound * shape.bytesPerRow))
        }
    }
}

/// Reads runs of rows, each at or below the one before; rows that both have are read once.
private final class RowReader {
    private let decoder: any ImageDecoder
    private var last: RowBuffer?

    init(_ decoder: any ImageDecoder) { self.decoder = decoder }

    func rows(_ wanted: Range<Int>) throws(CodecError) -> RowBuffer {
        let shape = decoder.header.shape
        let result = RowBuffer(shape: shape, rows: wanted)
        var next = wanted.lowerBound
        if let last, last.rows.contains(next) {
            let common = next..<min(wanted.upperBound, last.rows.upperBound)
            withExtendedLifetime(last) {
                result.mutableView.slice(common).bytes.copyMemory(from: last.mutableView.slice(common).readable.bytes)
            }
            next = common.upperBound
        }
        precondition(wanted.isEmpty || next >= decoder.nextRow || next == wanted.upperBound, "rows \(wanted) again")
        try skip(to: next, wanted)
        if next < wanted.upperBound {
            let rest = result.mutableView.slice(next..<wanted.upperBound)
            guard let base = rest.bytes.baseAddress else { preconditionFailure("a row has at least one byte") }
            try decoder.readRows(into: base, count: rest.rows.count)
        }
        last = result
        return result
    }

    private func skip(to row: Int, _ wanted: Range<Int>) throws(CodecError) {
        guard row < wanted.upperBound, decoder.nextRow < row else { return }
        let shape = decoder.header.shape
        let unused = RowBuffer(shape: shape, rows: 0..<min(16, shape.height))
        while decoder.nextRow < row {
            guard let base = unused.mutableView.bytes.baseAddress else { return }
            try decoder.readRows(into: base, count: min(unused.rows.count, row - decoder.nextRow))
        }
    }
}
