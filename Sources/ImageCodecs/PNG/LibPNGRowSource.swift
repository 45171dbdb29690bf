import CPNG
import ImageFormats
import Pipelines

/// Rows as libpng decodes them.
final class LibPNGRowSource: PNGRowSource {
    private let reader: OpaquePointer
    private let shape: ImageShape
    private let isInterlaced: Bool
    private let imageData: ImageDataStream
    /// The whole image, when it is interlaced and its first rows have been asked for.
    private var image: UnsafeMutableRawBufferPointer?
    private var nextRow = 0

    /// - Parameters:
    ///   - bytes: the whole file; must outlive the source.
    ///   - contents: what we read ourselves: libpng must see the same.
    init(_ bytes: UnsafeRawBufferPointer, _ contents: PNGContents) throws(CodecError) {
        imageData = try ImageDataStream(bytes, at: contents.imageDataOffset)
        guard let reader = tsr_png_open(bytes.baseAddress, bytes.count) else {
            preconditionFailure("out of memory for a PNG decoder")
        }
        self.reader = reader
        shape = contents.header.shape
        isInterlaced = contents.header.isInterlaced
        var seen = tsr_png_header()
        guard tsr_png_read_header(reader, &seen) else { throw LibPNGRowSource.error(of: reader) }
        let isSame =
            Int(seen.width) == shape.width && Int(seen.height) == shape.height
            && Int(seen.channel_count) == shape.format.channelCount
            && seen.bits_per_sample == shape.format.depth.rawValue && seen.bytes_per_row == shape.bytesPerRow
            && seen.is_interlaced == isInterlaced
        guard isSame else {
            throw .corrupt(
                "The PNG file is damaged: its header can be read as \(seen.width) x \(seen.height) pixels of "
                    + "\(seen.channel_count) samples, or as \(shape.width) x \(shape.height) of \(shape.format.channelCount)."
            )
        }
    }

    deinit {
        image?.deallocate()
        tsr_png_close(reader)
    }

    func readRows(into destination: UnsafeMutableRawPointer, count: Int) throws(CodecError) {
        if isInterlaced {
            let rows = UnsafeRawBufferPointer(rebasing: try wholeImage()[(nextRow * shape.bytesPerRow)...])
            if let start = rows.baseAddress {
                destination.copyMemory(from: start, byteCount: count * shape.bytesPerRow)
            }
        } else {
            guard tsr_png_read_rows(reader, destination, count) else { throw LibPNGRowSource.error(of: reader) }
        }
        nextRow += count
    }

    func finish() throws(CodecError) {
        guard tsr_png_read_end(reader) else { throw LibPNGRowSource.error(of: reader) }
        // libpng does not always look at the Adler-32, nor at what follows it: not when they have chunks of their own.
        try Inflater(imageData).inflateToEnd()
    }

    private func wholeImage() throws(CodecError) -> UnsafeMutableRawBufferPointer {
        if let image { return image }
        let image = UnsafeMutableRawBufferPointer.allocate(byteCount: shape.byteCount, alignment: 16)
        self.image = image
        guard tsr_png_read_image(reader, image.baseAddress) else { throw LibPNGRowSource.error(of: reader) }
        return image
    }

    private static func error(of reader: OpaquePointer) -> CodecError {
        .corrupt("The PNG file is damaged: \(String(cString: tsr_png_message(reader))) (libpng). Send an intact copy.")
    }
}
