import CJPEG
import CLCMS
import ImageFormats
import JobModel
import Pipelines

/// Decodes a JPEG file that is in memory, by libjpeg as its users have it: the exact DCT, smooth chroma, RGB or gray. Inks become
/// RGB through the file's profile, by Little CMS.
///
/// What libjpeg only warns of, such as data that end early, is an error, unless the limits' options are lenient: then it is
/// decoded as libjpeg does, and counted in a remark. Bytes behind the end of the image are ignored.
///
/// Memory is some rows of blocks; of a file with several scans, all coefficients: up to twice the decoded image.
///
/// Belongs to one thread at a time.
final class JPEGReader: ImageDecoder {
    let header: ImageHeader
    private(set) var nextRow = 0
    private var metadata: ImageMetadata
    private let metadataRemarks: [ImageRemark]
    private let reader: OpaquePointer
    private let isLenient: Bool
    private var inks: InkConversion?
    private var isEndDamaged = false

    /// Reads everything but the image data.
    ///
    /// - Parameter file: the whole file; it must stay, unchanged, as long as the reader is used.
    init(_ file: UnsafeRawBufferPointer, limits: DecodingLimits) throws(CodecError) {
        _ = try ImageFormats.format(ofFileBeginning: Array(file.prefix(ImageFormats.sniffedByteCount)))
        var collector = JPEGMetadata.Collector(limits: limits)
        let parsed: JPEGHeader
        do {
            parsed = try JPEGHeader(byteCount: UInt64(file.count), limits: limits) { offset, count in
                Array(file[Int(offset)..<Int(offset) + count])
            } visit: { marker, place, _ in
                collector.take(marker, Array(file[place]))
            }
        } catch let error as CodecError {
            throw error
        } catch {
            throw .corrupt("The JPEG file cannot be read: \(error).")
        }
        header = ImageHeader(parsed)
        (metadata, metadataRemarks) = collector.finish()
        isLenient = limits.options.isLenient
        guard let reader = tsr_jpeg_open(file.baseAddress, file.count, isLenient) else {
            preconditionFailure("out of memory for a JPEG decoder")
        }
        self.reader = reader
        // From here on `deinit` closes the reader.
        var theirs = tsr_jpeg_header()
        guard tsr_jpeg_read_header(reader, &theirs) else { throw failure() }
        let shape = header.shape
        guard Int(theirs.width) == shape.width, Int(theirs.height) == shape.height,
            Int(theirs.channel_count) == (parsed.isOfInks ? 4 : shape.format.channelCount),
            theirs.has_multiple_scans == (header.order == .whole)
        else {
            throw .corrupt(
                "The JPEG file is damaged: its header can be read in two ways. Send an intact copy.")
        }
        if parsed.isOfInks {
            inks = try InkConversion(
                profile: metadata.profile, isInverted: theirs.is_inverted, depth: .eight, kind: "JPEG")
            metadata.profile = ICCProfile.sRGB
        }
    }

    deinit { tsr_jpeg_close(reader) }

    func readRows(into destination: UnsafeMutableRawPointer, count: Int) throws(CodecError) {
        precondition(
            count >= 0 && count <= header.shape.height - nextRow,
            "\(count) rows from row \(nextRow) of \(header.shape.height)")
        guard count > 0 else { return }
        if let inks {
            try inks.convert(rowCount: count, width: header.shape.width, to: destination) {
                rows, count throws(CodecError) in
                guard tsr_jpeg_read_rows(reader, rows, UInt32(count)) else { throw failure() }
            }
        } else {
            guard tsr_jpeg_read_rows(reader, destination, UInt32(count)) else { throw failure() }
        }
        nextRow += count
        // All pixels are there: where damage is passed over, so is damage behind them.
        guard nextRow == header.shape.height, !tsr_jpeg_read_end(reader) else { return }
        guard isLenient else { throw failure() }
        isEndDamaged = true
    }

    func metadata(
        for format: any ImageEncoding, stripping: MetadataStripping, output: ImageShape, effect: MetadataEffect
    ) -> [UInt8] {
        format.framed(metadata.stripped(stripping).adapted(to: output, from: header.shape.format, effect: effect))
    }

    var remarks: [ImageRemark] {
        let damageCount = tsr_jpeg_damage_count(reader) + (isEndDamaged ? 1 : 0)
        return metadataRemarks
            + (damageCount == 0 ? [] : [ImageRemark(.damagedImageData, count: damageCount, byteCount: 0)])
    }

    private func failure() -> CodecError { .ofLibJPEG(reader) }
}

extension CodecError {
    /// What made libjpeg stop.
    ///
    /// - Parameter place: of what is damaged, for part of a file.
    static func ofLibJPEG(_ reader: OpaquePointer, in place: String = "") -> CodecError {
        let reason = String(cString: tsr_jpeg_message(reader))
        switch tsr_jpeg_failure_kind(reader) {
        case TSR_JPEG_OUT_OF_MEMORY:
            return .overLimit(
                "The JPEG file takes more memory than this machine has (\(reason)). Save it as baseline JPEG.")
        case TSR_JPEG_UNSUPPORTED:
            return .unsupported("The JPEG file needs what libjpeg does not read: \(reason). Save it again, or as PNG.")
        default:
            return .corrupt(
                "The JPEG file is damaged\(place): \(reason). Send an intact copy, or have what is there decoded with --lenient."
            )
        }
    }
}
