/// What an image file may ask of us before it is refused. Checked from the headers alone, before memory is taken.
public struct DecodingLimits: Hashable, Sendable {
    /// The most pixels an image may have.
    public var maximumPixelCount: UInt64
    /// The most pixels in a row, and the most rows.
    public var maximumSide: Int
    /// The most ancillary chunks (metadata, colour management, text) in a file.
    public var maximumAncillaryChunkCount: Int
    /// The most bytes in one ancillary chunk.
    public var maximumAncillaryChunkByteCount: Int
    /// The most bytes of all metadata that is carried over to the output.
    public var maximumMetadataByteCount: Int
    /// How many times larger than its file a decoded image may be, once it is above `expansionFreeByteCount`.
    public var maximumExpansion: UInt64
    /// Decoded bytes up to which the expansion does not matter.
    public var expansionFreeByteCount: UInt64
    /// The most decoded bytes of an interlaced image, which has to be held in memory as a whole.
    public var maximumInterlacedByteCount: UInt64

    public init(
        maximumPixelCount: UInt64 = 4_000_000_000, maximumSide: Int = 1_000_000,
        maximumAncillaryChunkCount: Int = 1_000, maximumAncillaryChunkByteCount: Int = 1 << 20,
        maximumMetadataByteCount: Int = 8 << 20, maximumExpansion: UInt64 = 1_000,
        expansionFreeByteCount: UInt64 = 16 << 20, maximumInterlacedByteCount: UInt64 = 1 << 30
    ) {
        self.maximumPixelCount = maximumPixelCount
        self.maximumSide = maximumSide
        self.maximumAncillaryChunkCount = maximumAncillaryChunkCount
        self.maximumAncillaryChunkByteCount = maximumAncillaryChunkByteCount
        self.maximumMetadataByteCount = maximumMetadataByteCount
        self.maximumExpansion = maximumExpansion
        self.expansionFreeByteCount = expansionFreeByteCount
        self.maximumInterlacedByteCount = maximumInterlacedByteCount
    }
}
