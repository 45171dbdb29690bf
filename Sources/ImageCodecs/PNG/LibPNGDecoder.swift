import CPNG
import ImageFormats
import Pipelines

/// Images as libpng decodes them, with libpng's own ideas of what is wrong with a file and what is not: what our decoder is
/// compared with, in tests and by the fuzzer. No image of a job is decoded by it.
package enum LibPNGDecoder {
    /// Decodes a whole file; the rows follow each other without padding, 16-bit samples in the machine's byte order.
    ///
    /// - Throws: `CodecError` (corrupt) with libpng's message; over-limit for more bytes than `maximumByteCount`.
    package static func decode(
        _ file: [UInt8], maximumByteCount: Int
    ) throws(CodecError) -> (shape: ImageShape, pixels: [UInt8]) {
        let result = file.withUnsafeBytes { bytes in
            Result { () throws(CodecError) in
                guard let reader = tsr_png_open(bytes.baseAddress, bytes.count) else {
                    preconditionFailure("out of memory for a PNG decoder")
                }
                defer { tsr_png_close(reader) }
                return try decode(reader, maximumByteCount)
            }
        }
        return try result.get()
    }

    private static func decode(
        _ reader: OpaquePointer, _ maximumByteCount: Int
    ) throws(CodecError) -> (shape: ImageShape, pixels: [UInt8]) {
        var header = tsr_png_header()
        guard tsr_png_read_header(reader, &header) else { throw error(of: reader) }
        guard let layout = ChannelLayout(rawValue: header.channel_count),
            let depth = SampleDepth(rawValue: header.bits_per_sample)
        else { throw .corrupt("\(header.channel_count) samples of \(header.bits_per_sample) bits (libpng)") }
        let shape = ImageShape(
            width: Int(header.width), height: Int(header.height), format: PixelFormat(layout, depth))
        guard shape.bytesPerRow <= maximumByteCount, shape.height <= maximumByteCount / shape.bytesPerRow else {
            throw .overLimit("The image would decode to more than \(maximumByteCount) bytes.")
        }
        let rows = UnsafeMutableRawBufferPointer.allocate(byteCount: shape.byteCount, alignment: 16)
        defer { rows.deallocate() }
        guard tsr_png_read_image(reader, rows.baseAddress), tsr_png_read_end(reader) else {
            throw error(of: reader)
        }
        return (shape, [UInt8](rows))
    }

    private static func error(of reader: OpaquePointer) -> CodecError {
        .corrupt("\(String(cString: tsr_png_message(reader))) (libpng)")
    }
}
