import ImageFormats
import Kernels
import Pipelines

/// Whole PNG files from and to memory, for small images and tools.
public enum PNGFile {
    /// Encodes an image of which `rows` has all rows.
    public static func encode(_ rows: RowsView, metadata: [UInt8] = []) -> [UInt8] {
        do {
            return try ImageFile.encode(rows, metadata: metadata, to: PNGFormat())
        } catch {
            preconditionFailure("the metadata is PNG's: \(error)")
        }
    }

    /// Encodes `pixels`, the rows of an image of shape `shape` one after the other.
    public static func encode(shape: ImageShape, pixels: [UInt8], metadata: [UInt8] = []) -> [UInt8] {
        precondition(pixels.count == shape.byteCount, "\(pixels.count) bytes for \(shape)")
        return pixels.withUnsafeBytes { bytes in
            guard let base = bytes.baseAddress else { preconditionFailure("an image has at least one pixel") }
            return encode(RowsView(shape: shape, rows: 0..<shape.height, base: base), metadata: metadata)
        }
    }

    /// Decodes a whole file; the rows follow each other without padding, 16-bit samples in the machine's byte order.
    public static func decode(
        _ bytes: [UInt8], limits: DecodingLimits = DecodingLimits()
    ) throws(CodecError) -> (shape: ImageShape, pixels: [UInt8]) {
        let result = bytes.withUnsafeBytes { bytes in
            Result { () throws(CodecError) in
                let reader = try PNGReader(bytes, limits: limits)
                let shape = reader.header.shape
                let rows = UnsafeMutableRawBufferPointer.allocate(byteCount: shape.byteCount, alignment: 16)
                defer { rows.deallocate() }
                guard let base = rows.baseAddress else { preconditionFailure("an image has at least one pixel") }
                try reader.readRows(into: base, count: shape.height)
                return (shape: shape, pixels: [UInt8](rows))
            }
        }
        return try result.get()
    }
}
