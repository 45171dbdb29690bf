import JobModel
import Pipelines

/// The Tag Image File Format (TIFF 6.0) and BigTIFF, read and written.
public struct TIFFFormat: PieceFormat {
    /// How files are written.
    public let compression: EncodingOptions.Compression
    /// Whether files that are written have reduced levels.
    public let isPyramid: Bool

    public init(compression: EncodingOptions.Compression = .deflate, isPyramid: Bool = false) {
        self.compression = compression
        self.isPyramid = isPyramid
    }

    public var name: String { "tiff" }
    public var fileExtensions: [String] { ["tif", "tiff"] }
    public var mediaType: String { "image/tiff" }

    public func recognizes(_ start: [UInt8]) -> Bool { TIFFSource.isBig(start) != nil }

    public var holdsSeveralImages: Bool { true }

    /// Reads the directories up to that of the image, and where its pieces are: a few hundred bytes, and 4 to 16 for each piece.
    public func probe(
        byteCount: UInt64, limits: DecodingLimits, read: (_ offset: UInt64, _ count: Int) throws -> [UInt8]
    ) throws -> ImageHeader {
        try image(byteCount: byteCount, limits: limits, read: read).header
    }

    public var listsPieces: Bool { true }

    public func pieces(
        byteCount: UInt64, limits: DecodingLimits, read: (_ offset: UInt64, _ count: Int) throws -> [UInt8]
    ) throws -> TIFFLayout? {
        try layout(byteCount: byteCount, limits: limits, read: read)
    }

    /// Reads which parts of the file have which rows of the image: every TIFF image is in strips or tiles.
    public func layout(
        byteCount: UInt64, limits: DecodingLimits, read: (_ offset: UInt64, _ count: Int) throws -> [UInt8]
    ) throws -> TIFFLayout {
        try image(byteCount: byteCount, limits: limits, read: read).layout
    }

    private func image(
        byteCount: UInt64, limits: DecodingLimits, read: (_ offset: UInt64, _ count: Int) throws -> [UInt8]
    ) throws -> TIFFImage {
        try withoutActuallyEscaping(read) { read in
            try TIFFImage(try TIFFSource(byteCount: byteCount, read: read), limits: limits, isComplete: false)
        }
    }
}
