import Foundation
import ImageCodecs
import ImageFormats
import Kernels
import Pipelines

/// A picture of any size with the statistics of a photograph: slopes, soft and hard edges, and a little noise.
///
/// Rows are computed one by one, so that a file is written without anybody holding the image.
public struct Photograph: Sendable {
    public let shape: ImageShape
    private let seed: UInt64

    /// - Parameters:
    ///   - width: of 8-bit RGB pixels.
    public init(width: Int, height: Int, seed: UInt64 = 1) {
        shape = ImageShape(width: width, height: height, format: PixelFormat(.rgb, .eight))
        self.seed = seed
    }

    /// Computes row `y`: `shape.bytesPerRow` bytes.
    public func write(row y: Int, to row: UnsafeMutablePointer<UInt8>) {
        var state = (seed &+ UInt64(y)) &* 0x9e37_79b9_7f4a_7c15 | 1
        for x in 0..<shape.width {
            state ^= state << 13
            state ^= state >> 7
            state ^= state << 17
            // Three bits of noise a sample; waves of a few periods; tiles with sharp edges.
            let edge = (x / 700 + y / 500) & 1 == 0 ? 24 : 0
            row[3 * x] = UInt8(wave(x + y / 2, 1900) + edge + Int(state & 7))
            row[3 * x + 1] = UInt8(wave(x / 2 + y, 1300) + edge + Int(state >> 3 & 7))
            row[3 * x + 2] = UInt8(wave(x + 3 * y, 2700) + Int(state >> 6 & 7))
        }
    }

    /// A triangle from 0 to 200 and back within `period`.
    private func wave(_ position: Int, _ period: Int) -> Int {
        let phase = position % period
        return (phase * 2 < period ? phase : period - phase) * 400 / period
    }

    /// Writes the picture as a PNG file, some rows at a time.
    public func writePNG(to path: String) throws {
        guard FileManager.default.createFile(atPath: path, contents: nil) else {
            throw CocoaError(.fileWriteUnknown, userInfo: [NSFilePathErrorKey: path])
        }
        let file = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
        defer { try? file.close() }
        try file.write(contentsOf: PNGAssembly.prefix(output: shape, metadata: []))
        let encoder = PNGSegmentEncoder(shape: shape)
        var checksum = FilteredChecksum()
        let segments = SegmentGrid.standard.segments(of: shape)
        let bytes = UnsafeMutableRawBufferPointer.allocate(
            byteCount: segments.rowsPerPart * shape.bytesPerRow, alignment: 16)
        defer { bytes.deallocate() }
        for index in 0..<segments.count {
            let rows = segments[index]
            checksum.append(try encoder.encode(fill(rows, bytes)) { try file.write(contentsOf: Data($0)) })
        }
        try file.write(contentsOf: PNGAssembly.suffix(adler32: checksum.adler32))
    }

    /// The PNG file that one undisturbed process makes of the picture.
    public func processedSerially(_ pipeline: String) throws -> [UInt8] {
        let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: shape.byteCount, alignment: 16)
        defer { bytes.deallocate() }
        let result = try SerialExecutor.run(try Pipeline(parsing: pipeline), on: fill(0..<shape.height, bytes))
        return withExtendedLifetime(result) { PNGFile.encode(result.view) }
    }

    private func fill(_ rows: Range<Int>, _ bytes: UnsafeMutableRawBufferPointer) -> RowsView {
        guard let base = bytes.baseAddress else { preconditionFailure("an image has at least one pixel") }
        let first = base.assumingMemoryBound(to: UInt8.self)
        for y in rows { write(row: y, to: first + (y - rows.lowerBound) * shape.bytesPerRow) }
        return RowsView(shape: shape, rows: rows, base: UnsafeRawPointer(base))
    }
}
