import CLCMS
import ImageFormats

/// Makes RGB (sRGB) of rows of four inks through a printer's profile, by Little CMS: perceptual, as its users have it.
///
/// Belongs to one thread at a time.
final class InkConversion {
    private static let rowsAtATime = 16

    private let transform: OpaquePointer
    private let width: Int
    private let rows: UnsafeMutableRawPointer

    /// - Parameters:
    ///   - profile: `nil` where the file has none that is whole and within the limits.
    ///   - isInverted: whether 255 means no ink.
    init(profile: [UInt8]?, width: Int, isInverted: Bool) throws(CodecError) {
        guard let profile else {
            throw .unsupported(
                "The JPEG file has four inks for printing (CMYK or YCCK), and its colour profile is not complete, or larger than "
                    + "max-metadata-bytes allows. Put the printer's profile into it, or convert it to RGB first.")
        }
        let made = profile.withUnsafeBytes { inks in
            ICCProfile.sRGB.withUnsafeBytes { screen in
                tsr_lcms_create(inks.baseAddress, inks.count, screen.baseAddress, screen.count, isInverted)
            }
        }
        guard let made else {
            throw .unsupported(
                "The JPEG file has four inks for printing (CMYK or YCCK), and its colour profile is damaged, or not one of four "
                    + "inks. Put the printer's profile into it, or convert it to RGB first.")
        }
        transform = made
        self.width = width
        rows = .allocate(byteCount: Self.rowsAtATime * width * 4, alignment: 16)
    }

    deinit {
        tsr_lcms_destroy(transform)
        rows.deallocate()
    }

    /// Converts rows as they are read.
    ///
    /// - Parameter read: reads the next rows of inks.
    func convert(
        rowCount: Int, to destination: UnsafeMutableRawPointer,
        _ read: (UnsafeMutableRawPointer, Int) throws(CodecError) -> Void
    ) throws(CodecError) {
        var done = 0
        while done < rowCount {
            let count = min(Self.rowsAtATime, rowCount - done)
            try read(rows, count)
            tsr_lcms_convert(transform, rows, destination + done * width * 3, UInt32(count * width))
            done += count
        }
    }
}
