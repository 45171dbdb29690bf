import CWebP
import ImageFormats
import JobModel
import Pipelines

/// Decodes a WebP file that is in memory, by libwebp, as a whole when its first rows are asked for.
///
/// Memory is the decoded image, and in libwebp up to 4 bytes for each pixel of a lossless file.
///
/// Belongs to one thread at a time.
final class WebPReader: ImageDecoder {
    let header: ImageHeader
    private(set) var nextRow = 0
    private let file: UnsafeRawBufferPointer
    private let metadata: ImageMetadata
    private let metadataRemarks: [ImageRemark]
    private let isLenient: Bool
    private var pixels: UnsafeMutableRawBufferPointer?
    private var isDamaged: Bool

    /// Reads everything but the image data.
    ///
    /// - Parameter file: the whole file; it must stay, unchanged, as long as the reader is used.
    init(_ file: UnsafeRawBufferPointer, limits: DecodingLimits) throws(CodecError) {
        _ = try ImageFormats.format(ofFileBeginning: Array(file.prefix(ImageFormats.sniffedByteCount)))
        let parsed: WebPHeader
        do {
            parsed = try WebPHeader(byteCount: UInt64(file.count), limits: limits) { offset, count in
                Array(file[Int(offset)..<Int(offset) + count])
            }
        } catch let error as CodecError {
            throw error
        } catch {
            throw .corrupt("The WebP file cannot be read: \(error).")
        }
        self.file = file
        header = ImageHeader(parsed)
        isLenient = limits.options.isLenient
        isDamaged = parsed.isTruncated
        (metadata, metadataRemarks) = WebPMetadata.collected(parsed, limits: limits) { Array(file[$0.range]) }
        var theirs = tsr_webp_header()
        let result = tsr_webp_read_header(file.baseAddress, file.count, &theirs)
        guard result == TSR_WEBP_OK else { throw Self.failure(result) }
        let shape = header.shape
        guard Int(theirs.width) == shape.width, Int(theirs.height) == shape.height,
            !theirs.has_alpha || shape.format.layout.hasAlpha
        else {
            throw .corrupt("The WebP file is damaged: its header can be read in two ways. Send an intact copy.")
        }
    }

    deinit { pixels?.deallocate() }

    func readRows(into destination: UnsafeMutableRawPointer, count: Int) throws(CodecError) {
        let shape = header.shape
        precondition(
            count >= 0 && count <= shape.height - nextRow, "\(count) rows from row \(nextRow) of \(shape.height)")
        guard count > 0 else { return }
        if nextRow == 0, count == shape.height {
            // No copy of an image that is asked for as a whole.
            try decode(to: destination)
        } else {
            let pixels = try decoded()
            guard let start = pixels.baseAddress else { preconditionFailure("no rows") }
            destination.copyMemory(
                from: start + nextRow * shape.bytesPerRow, byteCount: count * shape.bytesPerRow)
        }
        nextRow += count
        guard nextRow == shape.height else { return }
        pixels?.deallocate()
        pixels = nil
    }

    /// The whole image, decoded when it is first asked for.
    private func decoded() throws(CodecError) -> UnsafeMutableRawBufferPointer {
        if let pixels { return pixels }
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: header.shape.byteCount, alignment: 64)
        // From here on `deinit` frees it.
        pixels = memory
        try decode(to: memory.baseAddress.unsafelyUnwrapped)
        return memory
    }

    private func decode(to destination: UnsafeMutableRawPointer) throws(CodecError) {
        let shape = header.shape
        let (width, height) = (UInt32(shape.width), UInt32(shape.height))
        let channels = UInt8(shape.format.channelCount)
        let result = tsr_webp_decode(file.baseAddress, file.count, width, height, channels, destination)
        guard result != TSR_WEBP_OK else { return }
        guard isLenient, result != TSR_WEBP_OUT_OF_MEMORY else { throw Self.failure(result) }
        var rowCount: UInt32 = 0
        let partial = tsr_webp_decode_part(
            file.baseAddress, file.count, width, height, channels, destination, &rowCount)
        guard partial != TSR_WEBP_OUT_OF_MEMORY else { throw Self.failure(partial) }
        // A row behind those that are decoded may have been begun.
        let rest = (destination + Int(rowCount) * shape.bytesPerRow, (shape.height - Int(rowCount)) * shape.bytesPerRow)
        UnsafeMutableRawBufferPointer(start: rest.0, count: rest.1).initializeMemory(as: UInt8.self, repeating: 0)
        isDamaged = true
    }

    func metadata(
        for format: any ImageEncoding, stripping: MetadataStripping, output: ImageShape, effect: MetadataEffect
    ) -> [UInt8] {
        format.framed(metadata.stripped(stripping).adapted(to: output, from: header.shape.format, effect: effect))
    }

    var remarks: [ImageRemark] {
        metadataRemarks + (isDamaged ? [ImageRemark(.damagedImageData, count: 1, byteCount: 0)] : [])
    }

    private static func failure(_ result: tsr_webp_result) -> CodecError {
        let advice = "Send an intact copy, or have what is there decoded with --lenient."
        return switch result {
        case TSR_WEBP_OUT_OF_MEMORY:
            .overLimit(
                "The WebP file takes more memory than this machine has. Make the image smaller, or save it as PNG or TIFF."
            )
        case TSR_WEBP_UNSUPPORTED:
            .unsupported("The WebP file needs what libwebp does not read. Save it again, or as PNG.")
        case TSR_WEBP_TRUNCATED: .corrupt("The WebP file is damaged: its image data end too early. \(advice)")
        default: .corrupt("The WebP file is damaged: libwebp cannot decode its image data. \(advice)")
        }
    }
}
