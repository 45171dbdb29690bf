/// How the file of an image is read, and how its result is written: what the job asks for, made out for this file when it was
/// admitted. Texts of the module `ImageFormats`, which nobody else takes apart.
public struct ImageCoding: Hashable, Sendable {
    /// What of the file is decoded (`page=2`); empty where nothing special is asked for.
    public var decoding: String
    /// The format of the result with its options (`jpeg quality=90 subsampling=4:2:0`); empty for PNG, which results were
    /// before there was a choice.
    public var encoding: String
    /// Raw bytes of a segment of the result.
    public var segmentByteCount: UInt64
    /// A segment has a multiple of this many rows.
    public var rowsPerBlock: UInt32
    /// How the picture is to be shown, as EXIF's Orientation says. The pipeline begins by turning it upright.
    public var orientation: UInt8

    public static let standardSegmentByteCount: UInt64 = 262_144
    public static let standard = ImageCoding()

    public init(
        decoding: String = "", encoding: String = "",
        segmentByteCount: UInt64 = ImageCoding.standardSegmentByteCount, rowsPerBlock: UInt32 = 1,
        orientation: UInt8 = 1
    ) {
        self.decoding = decoding
        self.encoding = encoding
        self.segmentByteCount = segmentByteCount
        self.rowsPerBlock = rowsPerBlock
        self.orientation = orientation
    }

    /// The coding for tasks, whose pipeline turns the picture upright already.
    public var ofTasks: ImageCoding {
        var coding = self
        coding.orientation = 1
        return coding
    }

    /// Whether the result has smaller copies of the image: half of each side, a quarter, and so on.
    public var hasReducedLevels: Bool { encoding.split(separator: " ").contains("pyramid") }

    /// What is done to the decoded image.
    ///
    /// - Parameter pipeline: the job's, in canonical form.
    public func pipeline(_ pipeline: String) -> String {
        guard orientation != 1 else { return pipeline }
        let upright = "auto-orient orientation=\(orientation)"
        return pipeline.isEmpty ? upright : "\(upright) | \(pipeline)"
    }
}

/// An image as it was admitted.
public struct AcceptedImage: Hashable, Sendable {
    /// The image as it is decoded.
    public var geometry: ImageGeometry
    /// Whether the file can only be decoded all at once, which takes memory for the whole image.
    public var needsWholeImage: Bool
    public var coding: ImageCoding
    /// Set where the chunks of the first stage read their rows straight from the file, so that nobody decodes it first.
    public var pieces: PieceFacts?

    public init(
        _ geometry: ImageGeometry, needsWholeImage: Bool = false, coding: ImageCoding = .standard,
        pieces: PieceFacts? = nil
    ) {
        self.geometry = geometry
        self.needsWholeImage = needsWholeImage
        self.coding = coding
        self.pieces = pieces
    }
}

extension ImageDescription.Admission {
    public static func accepted(
        _ geometry: ImageGeometry, needsWholeImage: Bool = false, coding: ImageCoding = .standard,
        pieces: PieceFacts? = nil
    ) -> Self {
        .accepted(AcceptedImage(geometry, needsWholeImage: needsWholeImage, coding: coding, pieces: pieces))
    }
}
