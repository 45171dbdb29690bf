import CLCMS
import ImageFormats
import Pipelines

/// Makes RGB (sRGB) of four inks through a printer's profile, by Little CMS: perceptual, as its users have it.
///
/// Belongs to one thread at a time.
final class InkConversion {
    private static let rowsAtATime = 16

    private let transform: OpaquePointer
    private let bytesPerSample: Int

    /// - Parameters:
    ///   - profile: `nil` where the file has none that is whole and within the limits.
    ///   - isInverted: whether the largest value means no ink.
    ///   - kind: the format of the file, for errors.
    init(profile: [UInt8]?, isInverted: Bool, depth: SampleDepth, kind: String) throws(CodecError) {
        guard let profile else {
            throw .unsupported(
                "The \(kind) file has four inks for printing (CMYK or YCCK), and its colour profile is not complete, or larger than "
                    + "max-metadata-bytes allows. Put the printer's profile into it, or convert it to RGB first.")
        }
        let made = profile.withUnsafeBytes { inks in
            ICCProfile.sRGB.withUnsafeBytes { screen in
                tsr_lcms_create(
                    inks.baseAddress, inks.count, screen.baseAddress, screen.count, isInverted, depth == .sixteen)
            }
        }
        guard let made else {
            throw .unsupported(
                "The \(kind) file has four inks for printing (CMYK or YCCK), and its colour profile is damaged, or not one of four "
                    + "inks. Put the printer's profile into it, or convert it to RGB first.")
        }
        transform = made
        bytesPerSample = depth == .sixteen ? 2 : 1
    }

    deinit { tsr_lcms_destroy(transform) }

    /// Converts pixels.
    ///
    /// - Parameters:
    ///   - inks: four samples for each pixel.
    ///   - colors: room for three samples for each.
    func convert(_ inks: UnsafeRawPointer, count: Int, to colors: UnsafeMutableRawPointer) {
        tsr_lcms_convert(transform, inks, colors, UInt32(count))
    }

    /// Converts rows of a picture as they are read.
    ///
    /// - Parameter read: reads the next rows of inks.
    func convert(
        rowCount: Int, width: Int, to destination: UnsafeMutableRawPointer,
        _ read: (UnsafeMutableRawPointer, Int) throws(CodecError) -> Void
    ) throws(CodecError) {
        let rows = UnsafeMutableRawPointer.allocate(
            byteCount: min(Self.rowsAtATime, rowCount) * width * 4 * bytesPerSample, alignment: 16)
        defer { rows.deallocate() }
        for done in stride(from: 0, to: rowCount, by: Self.rowsAtATime) {
            let count = min(Self.rowsAtATime, rowCount - done)
            try read(rows, count)
            convert(rows, count: count * width, to: destination + done * width * 3 * bytesPerSample)
        }
    }
}
