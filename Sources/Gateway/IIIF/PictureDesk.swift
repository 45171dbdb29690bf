import GatewayLogic
import ImageCodecs
import ImageFormats
import JobModel
import Pipelines
import Synchronization

/// Makes pictures of finished images, two at a time, and keeps what the next ones need: rows that were decoded, small images, reduced
/// levels.
struct PictureDesk: Sendable {
    /// An image file, known by the digest of its bytes.
    struct File: Sendable {
        let digest: String
        let parts: any FileParts
    }

    private static let bandByteCount = 128 << 20
    private static let pictureByteCount = 160 << 20
    /// Files whose layout is kept.
    private static let openedCount = 64
    /// Images up to this are decoded as a whole where their files could be read by parts, too.
    private static let smallByteCount = 16 << 20
    /// Files that cannot be read by parts, and have more, are not shown.
    private static let maximumWholeByteCount: UInt64 = 512 << 20
    private static let maximumPixelCount: UInt64 = 4_000_000_000

    private let turns = WorkTurns(concurrentCount: 2, waitingCount: 64, of: "pictures")
    private let shared = Shared()

    private final class Shared: Sendable {
        let bands = BandCache(limit: PictureDesk.bandByteCount)
        let pictures = PictureCache(limit: PictureDesk.pictureByteCount)
        let opened = RecentValues<String, LeveledImage>(limit: PictureDesk.openedCount) { _ in 1 }
        /// One level is made at a time: two that wait for the same make it once.
        let levels = Mutex<Void>(())
    }

    /// The size of an image, and whether it has colours.
    func header(of file: File, _ departure: PeerDeparture) async throws -> (extent: IIIFExtent, isColor: Bool) {
        let (stop, shared) = (PreviewStop(), shared)
        return try await turns.run(stop, until: departure) {
            try Self.explained {
                let image = try Self.open(file, shared)
                return (image.extent, image.image.shape.format.layout.isColor)
            }
        }
    }

    /// The bytes of a picture, and which of its spellings is the canonical one.
    func picture(
        _ request: IIIFPictureRequest, of file: File, _ departure: PeerDeparture
    ) async throws -> (bytes: [UInt8], picture: IIIFPicture) {
        let (stop, shared) = (PreviewStop(), shared)
        return try await turns.run(stop, until: departure) {
            try Self.explained {
                let image = try Self.open(file, shared)
                let picture = try IIIFPicture(request, of: image.extent)
                let (source, region) = try Self.source(for: picture, of: image, file, shared)
                // Others need the level, too: its time does not count.
                stop.begin()
                return (try PictureMaker(stop: stop).file(picture, region, of: source), picture)
            }
        }
    }

    private static func explained<Value>(_ work: () throws -> Value) throws -> Value {
        do {
            return try work()
        } catch let error as CodecError {
            throw error.kind == .overLimit
                ? Problem(413, "over-limit", error.reason) : Problem(415, "not-an-image", error.reason)
        }
    }

    // MARK: Sources

    /// The image, or the level of it, that a picture is made of, and its region there.
    private static func source(
        for picture: IIIFPicture, of image: LeveledImage, _ file: File, _ shared: Shared
    ) throws -> (source: any RowSource, region: IIIFRectangle) {
        if !image.levels.isEmpty {
            let level = LeveledImage.level(for: picture, of: image.extent, upTo: image.levels.count)
            let source = level == 0 ? image.image : image.levels[level - 1]
            return (source, LeveledImage.region(picture.region, onLevel: level))
        }
        let made = LeveledImage.madeLevel(of: image.image.shape)
        guard image.extent.width * image.extent.height >= LeveledImage.smallestLeveledPixelCount,
            LeveledImage.level(for: picture, of: image.extent, upTo: made) == made
        else { return (image.image, picture.region) }
        let key = "\(file.digest) level \(made)"
        let level = try shared.levels.withLock { _ in
            if let kept = shared.pictures[key] { return kept }
            let new = try LeveledImage.reduced(image.image, to: made)
            shared.pictures.keep(new, as: key)
            return new
        }
        return (PreviewSource.decoded(level), LeveledImage.region(picture.region, onLevel: made))
    }

    private static func open(_ file: File, _ shared: Shared) throws -> LeveledImage {
        if let known = shared.opened[file.digest] { return known }
        let parts = file.parts
        let limits = DecodingLimits(maximumPixelCount: maximumPixelCount)
        let (format, header) = try ImageFormats.identify(byteCount: parts.byteCount, limits: limits) { offset, count in
            try parts.read(at: offset, count: count)
        }
        if header.orientation == 1, header.shape.byteCount > smallByteCount,
            let image = try inParts(file, format, header, limits, shared)
        {
            shared.opened.keep(image, as: file.digest)
            return image
        }
        return LeveledImage(image: try whole(file, header, shared), levels: [])
    }

    /// An image of which any rows can be read; `nil` for other files.
    private static func inParts(
        _ file: File, _ format: any ImageFormat, _ header: ImageHeader, _ limits: DecodingLimits, _ shared: Shared
    ) throws -> LeveledImage? {
        let parts = file.parts
        if format is PNGFormat {
            guard header.order == .rows, let index = try PNGSegmentIndex(parts, header) else { return nil }
            let image = BandSource(name: file.digest, shape: header.shape, cache: shared.bands) {
                PNGBandReader(index, ReadAheadParts(parts))
            }
            // Another program's file may begin in the same way.
            do { _ = try image.withRows { read in try read(0..<1) } } catch is CodecError { return nil }
            return LeveledImage(image: image, levels: [])
        }
        guard let format = format as? any PieceDecoding,
            let image = try pieces(format, file, limits, level: 0, shared)
        else { return nil }
        var levels: [any RowSource] = []
        while let level = try? pieces(format, file, limits, level: levels.count + 1, shared),
            level.isHalf(of: levels.last ?? image)
        {
            levels.append(level)
        }
        return LeveledImage(image: image, levels: levels)
    }

    private static func pieces(
        _ format: some PieceDecoding, _ file: File, _ limits: DecodingLimits, level: Int, _ shared: Shared
    ) throws -> BandSource? {
        guard level == 0 || format.holdsSeveralImages else { return nil }
        var limits = limits
        limits.options.level = level
        return try BandSource(
            format, file.parts, name: "\(file.digest) \(level)", limits: limits, cache: shared.bands)
    }

    /// An image whose file is decoded from its start.
    private static func whole(_ file: File, _ header: ImageHeader, _ shared: Shared) throws -> any RowSource {
        if let kept = shared.pictures[file.digest] { return PreviewSource.decoded(kept) }
        guard file.parts.byteCount <= maximumWholeByteCount else {
            throw Problem(
                413, "over-limit",
                "the file has \(file.parts.byteCount) bytes; of a file that cannot be read by parts, at most \(maximumWholeByteCount) are shown"
            )
        }
        let source = try PreviewSource(try file.parts.all())
        guard case .decoded(let stored) = source else {
            guard header.orientation == 1 else {
                throw Problem(
                    413, "over-limit",
                    "the picture is stored turned (Orientation \(header.orientation)), and has more than \(PreviewSource.heldByteCount >> 20) MiB of pixels; look at its result"
                )
            }
            return source
        }
        let (shape, pixels) = Orientation.upright(stored.shape, stored.pixels, as: stored.orientation)
        let upright = DecodedPicture(shape: shape, orientation: 1, pixels: pixels)
        shared.pictures.keep(upright, as: file.digest)
        return PreviewSource.decoded(upright)
    }
}

extension RowSource {
    /// Whether it may be the next level of an image.
    fileprivate func isHalf(of source: any RowSource) -> Bool {
        shape.format == source.shape.format && shape.width == (source.shape.width + 1) / 2
            && shape.height == (source.shape.height + 1) / 2
    }
}
