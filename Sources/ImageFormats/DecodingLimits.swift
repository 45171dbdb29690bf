import JobModel
import Pipelines

/// What an image file may ask of us before it is refused, or before parts of it are left out. Checked from the headers alone,
/// before memory is taken. docs/formats.md lists them with the settings that change them.
public struct DecodingLimits: Hashable, Sendable {
    /// The most pixels an image may have.
    public var maximumPixelCount: UInt64
    /// The most pixels in a row, and the most rows.
    public var maximumSide: Int
    /// The most bytes of text, of a colour profile and of EXIF data, each, that are carried over to the output. What is above
    /// it is left out, with a remark.
    public var maximumMetadataByteCount: UInt64
    /// Decoded bytes that a file of any size may have; larger images need a file of a `maximumExpansion`th.
    ///
    /// Pages that are nearly blank are compressed as far as deflate goes: no ratio tells them from files that mean harm. The
    /// decoded bytes are the cost.
    public var maximumUnpackedByteCount: UInt64
    /// The most decoded bytes of an interlaced image, which has to be held in memory as a whole.
    public var maximumInterlacedByteCount: UInt64

    /// What of the file is decoded.
    public var options = DecodingOptions()
    /// Whether `maximumPixelCount` is that of attachments, which nobody can raise.
    private var isOfAttachment = false

    /// How many times larger than its file an image above `maximumUnpackedByteCount` may be.
    public static let maximumExpansion: UInt64 = 1_000
    /// Deflate makes no more bytes of one (RFC 1951: 258 bytes of two bits).
    public static let deflateExpansion: UInt64 = 1_032
    /// Image data up to which it does not matter whether the file can have it: decoding finds out at once.
    public static let unquestionedByteCount: UInt64 = 16 << 20

    public init(
        maximumPixelCount: UInt64 = 4_000_000_000, maximumSide: Int = 1_000_000,
        maximumMetadataByteCount: UInt64 = JobOptions.standardMetadataByteCount,
        maximumUnpackedByteCount: UInt64 = 4 << 30, maximumInterlacedByteCount: UInt64 = 1 << 30
    ) {
        self.maximumPixelCount = maximumPixelCount
        self.maximumSide = maximumSide
        self.maximumMetadataByteCount = maximumMetadataByteCount
        self.maximumUnpackedByteCount = maximumUnpackedByteCount
        self.maximumInterlacedByteCount = maximumInterlacedByteCount
    }
}

extension DecodingLimits {
    /// The limits of an image that a pipeline attaches, which is held as a whole beside each task's rows.
    public static var ofAttachments: DecodingLimits {
        var limits = DecodingLimits(maximumPixelCount: UInt64(AttachedImage.largestPixelCount))
        limits.isOfAttachment = true
        return limits
    }
}

extension DecodingLimits {
    /// Refuses an image that has too many pixels; both sides are below 2^31.
    func check(width: Int, height: Int) throws(CodecError) {
        guard max(width, height) <= maximumSide else {
            throw .overLimit(
                "The image is \(width) x \(height) pixels; a side may have at most \(maximumSide). Cut it into parts.")
        }
        // The product, and 2^56 pixels of 8 bytes, are below 2^63.
        let pixelCount = UInt64(width) * UInt64(height)
        let maximum = min(maximumPixelCount, 1 << 56)
        guard pixelCount <= maximum else {
            let fact = "The image has \(width) x \(height) = \(pixelCount) pixels; at most \(maximum) are allowed"
            throw .overLimit(
                isOfAttachment
                    ? "\(fact) for an image that is put over others. Scale it down."
                    : "\(fact). Raise the job's pixel limit (max-pixels, which is the master's unless the job says less), or scale the "
                        + "image down.")
        }
    }

    /// Refuses a small file of a very large image.
    func check(unpackedByteCount byteCount: UInt64, ofFileOf fileByteCount: UInt64) throws(CodecError) {
        guard byteCount > maximumUnpackedByteCount, byteCount / Self.maximumExpansion > fileByteCount else { return }
        throw .overLimit(
            "The file of \(fileByteCount) bytes decodes to \(byteCount), more than \(Self.maximumExpansion) "
                + "times its size; at most \(maximumUnpackedByteCount) are allowed then. If it is meant, raise "
                + "max-unpacked-bytes of the master, or save the image with less compression.")
    }
}

/// What of a file is decoded, and how strictly; a format heeds what it has. Jobs, records and messages have it as a text:
/// `page=2 lenient`.
public struct DecodingOptions: Hashable, Sendable {
    /// Which of several images of a file, from 1; `nil` for the first, and a remark where there are others.
    public var page: Int?
    /// Which of the reduced levels of that image; 0 is the image itself.
    public var level = 0
    /// Whether a file that is damaged in its image data is decoded as its library decodes it, with a remark.
    public var isLenient = false
    /// Whether the picture stays as it is stored, whatever its Orientation says.
    public var keepsOrientation = false

    public init() {}

    /// - Throws: `CodecError` (unsupported) for words that are not options, or values that are not allowed.
    public init(parsing text: String) throws(CodecError) {
        for word in text.split(separator: " ") {
            let parts = word.split(separator: "=", maxSplits: 1).map { String($0) }
            switch (parts[0], parts.dropFirst().first) {
            case ("page", let value?): page = try Self.number(value, "page", from: 1)
            case ("level", let value?): level = try Self.number(value, "level", from: 0)
            case ("lenient", nil): isLenient = true
            case ("as-stored", nil): keepsOrientation = true
            default: throw .unsupported("'\(word)' says nothing about decoding.")
            }
        }
    }

    /// The canonical text; empty where nothing special is asked for.
    public var text: String {
        var words: [String] = []
        if let page { words.append("page=\(page)") }
        if level > 0 { words.append("level=\(level)") }
        if isLenient { words.append("lenient") }
        if keepsOrientation { words.append("as-stored") }
        return words.joined(separator: " ")
    }

    private static func number(_ text: String, _ name: String, from least: Int) throws(CodecError) -> Int {
        guard let number = Int(text), (least...1_000_000).contains(number) else {
            throw .unsupported("\(name)=\(text): must be a whole number from \(least) to 1000000.")
        }
        return number
    }
}
