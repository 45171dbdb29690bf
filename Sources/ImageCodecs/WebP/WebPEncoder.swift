import CWebP
import Checksums
import ImageFormats
import JobModel
import Kernels
import Pipelines

/// Encodes all rows of an output image to the one segment of a WebP file: its image data, with those of its alpha channel.
///
/// Belongs to one thread at a time.
final class WebPEncoder: SegmentEncoder {
    private let format: WebPFormat
    private let shape: ImageShape

    /// - Precondition: the format has no objection to the shape.
    init(_ format: WebPFormat, shape: ImageShape) {
        if let objection = format.objection(to: shape) { preconditionFailure("\(objection)") }
        self.format = format
        self.shape = shape
    }

    func encode(_ view: RowsView, emit: (UnsafeRawBufferPointer) throws -> Void) rethrows -> SegmentChecksum {
        precondition(view.shape == shape, "rows of \(view.shape) for an encoder of \(shape)")
        guard !view.rows.isEmpty else { return WebPSegment().opaque }
        precondition(view.rows == 0..<shape.height, "rows \(view.rows) of \(shape.height): WebP is encoded as a whole")
        var bytes: UnsafeMutablePointer<UInt8>?
        var count = 0
        let result = withColors(of: view) { pixels in
            tsr_webp_encode(
                pixels, UInt32(shape.width), UInt32(shape.height), UInt8(shape.color.format.channelCount),
                format.isLossless ? 0 : UInt8(format.quality), &bytes, &count)
        }
        guard result == TSR_WEBP_OK, let bytes else { preconditionFailure("a WebP encoder fails: \(result)") }
        defer { tsr_webp_free(bytes) }
        let file = UnsafeRawBufferPointer(start: bytes, count: count)
        // The container around the data is ours: RIFF's header, and VP8X where there is alpha.
        var start = WebPContainer.headerByteCount
        if file[start...].starts(with: Array("VP8X".utf8)) { start += 18 }
        let segment = UnsafeRawBufferPointer(rebasing: file[start...])
        try emit(segment)
        return WebPSegment(bytes: segment).opaque
    }

    /// The rows with three colours: WebP has no gray.
    private func withColors<Result>(of view: RowsView, _ body: (UnsafeRawPointer?) -> Result) -> Result {
        guard !shape.format.layout.isColor else { return body(view.bytes.baseAddress) }
        let hasAlpha = shape.format.layout.hasAlpha
        let step = hasAlpha ? 2 : 1
        let colors = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: shape.color.byteCount)
        defer { colors.deallocate() }
        var next = 0
        for y in view.rows {
            let row = view.row(y, as: UInt8.self)
            for x in 0..<shape.width {
                let gray = row[x * step]
                colors[next] = gray
                colors[next + 1] = gray
                colors[next + 2] = gray
                if hasAlpha { colors[next + 3] = row[x * step + 1] }
                next += hasAlpha ? 4 : 3
            }
        }
        return body(UnsafeRawPointer(colors.baseAddress))
    }

    /// Whether this machine's libwebp makes the bytes that Debian 12's makes: other releases compress otherwise.
    static let isReproducible: Bool = {
        let shape = ImageShape(width: 37, height: 29, format: PixelFormat(.rgba, .eight))
        // Slopes of different steepness, which wrap around: smooth parts and edges in each channel.
        let pixels = (0..<shape.byteCount).map { index in
            let (x, y) = (index % shape.bytesPerRow / 4, index / shape.bytesPerRow)
            return UInt8(truncatingIfNeeded: [x * 7 + y * 3, x * y, x * 2 + y * 11, 255 - x * y / 4][index % 4])
        }
        let checksums = [false, true].map { isLossless in
            var checksum: UInt32 = 0
            pixels.withUnsafeBytes { bytes in
                let view = RowsView(shape: shape, rows: 0..<shape.height, base: bytes.baseAddress.unsafelyUnwrapped)
                _ = WebPEncoder(WebPFormat(isLossless: isLossless), shape: shape).encode(view) {
                    checksum = CRC32.checksum($0)
                }
            }
            return checksum
        }
        return checksums == knownChecksums
    }()

    private static let knownChecksums: [UInt32] = [0xfe4b_03bd, 0xb6bd_e1eb]
}
