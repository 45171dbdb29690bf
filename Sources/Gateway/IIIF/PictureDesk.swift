import GatewayLogic
import ImageCodecs
import ImageFormats
import JobModel
import Pipelines
import Synchronization

/// Makes pictures of images, two at a time, and keeps what the next ones need: rows that were decoded, small images, reduced
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
    /// Images whose size is kept.
    private static let headerCount = 4096
    /// Files of pictures that are kept, so that what several people look at is made once.
    private static let madeByteCount = 32 << 20
    /// Images up to this are decoded as a whole where their files could be read by parts, too.
    private static let smallByteCount = 16 << 20
    /// Files that cannot be read by parts, and have more, are not shown.
    private static let maximumWholeByteCount: UInt64 = 512 << 20
    private static let maximumPixelCount: UInt64 = 4_000_000_000

    private let turns = WorkTurns(concurrentCount: 2, waitingCount: 64, of: "pictures")
    private let shared = Shared()
    private let levels: LevelDesk

    init() { levels = LevelDesk(shared.pictures) }

    private final class Shared: Sendable {
        let bands = BandCache(limit: PictureDesk.bandByteCount)
        let pictures = PictureCache(byteCount: PictureDesk.pictureByteCount)
        let opened = RecentValues<String, LeveledImage>(limit: PictureDesk.openedCount) { _ in 1 }
        let headers = RecentValues<String, Header>(limit: PictureDesk.headerCount) { _ in 1 }
        let files = RecentValues<MadeName, [UInt8]>(limit: PictureDesk.madeByteCount) { $0.count }
    }

    /// What is known of an image before its pixels are.
    struct Header: Sendable {
        let extent: IIIFExtent
        /// Whether it has more than gray levels.
        let isColor: Bool
        /// The level that looks from afar are made of, where the file has none.
        let madeLevel: Int?
    }

    /// A picture of a file, whatever its address was spelled like.
    private struct MadeName: Hashable, Sendable {
        let digest: String
        let canonicalText: String
    }

    func header(of file: File, _ departure: PeerDeparture) async throws -> Header {
        let shared = shared
        if let known = shared.headers[file.digest] { return known }
        return try await turns.run(PreviewStop(), until: departure) {
            try Self.explained {
                let image = try Self.open(file, shared)
                let header = Header(
                    extent: image.extent, isColor: image.image.shape.format.layout.isColor, madeLevel: image.madeLevel)
                shared.headers.keep(header, as: file.digest)
                return header
            }
        }
    }

    /// The bytes of a picture's file.
    ///
    /// - Parameter picture: of an image of the extent that `header` gives.
    func picture(_ picture: IIIFPicture, of file: File, _ departure: PeerDeparture) async throws -> [UInt8] {
        let name = MadeName(digest: file.digest, canonicalText: picture.canonicalText)
        let (stop, shared) = (PreviewStop(), shared)
        if let kept = shared.files[name] { return kept }
        var level: DecodedPicture?
        let header = try await header(of: file, departure)
        if let wanted = header.madeLevel,
            LeveledImage.level(for: picture, of: header.extent, upTo: wanted) == wanted
        {
            level = try await levels.level("\(file.digest) level \(wanted)") {
                try Self.explained { try LeveledImage.reduced(try Self.open(file, shared).image, to: wanted) }
            }
        }
        let made = try await turns.run(stop, until: departure) { [level] in
            try Self.explained {
                stop.begin()
                let (source, region) = Self.source(for: picture, of: try Self.open(file, shared), level)
                return try PictureMaker(stop: stop).file(picture, region, of: source)
            }
        }
        shared.files.keep(made, as: name)
        return made
    }

    /// The bytes of a picture of finished rows of a result that is being computed. They are not kept: a viewer
    /// has them, and asks for each once.
    ///
    /// - Parameters:
    ///   - picture: of an image of the result's extent.
    ///   - bytes: fetches a blob; blocking.
    func picture(
        _ picture: IIIFPicture, of result: RunningResult, _ departure: PeerDeparture,
        bytes: @escaping @Sendable (BlobReference) throws -> [UInt8]
    ) async throws -> [UInt8] {
        try result.demand(picture.region.y..<picture.region.y + picture.region.extent.height)
        let (stop, shared) = (PreviewStop(), shared)
        return try await turns.run(stop, until: departure) {
            try Self.explained {
                stop.begin()
                let image = LeveledImage(image: result.source(shared.bands, bytes), levels: [])
                if let level = image.madeLevel,
                    LeveledImage.level(for: picture, of: image.extent, upTo: level) == level
                {
                    return try PictureMaker(stop: stop).file(
                        picture, LeveledImage.region(picture.region, onLevel: level),
                        of: ReducedSource(image.image, level: level))
                }
                return try PictureMaker(stop: stop).file(picture, picture.region, of: image.image)
            }
        }
    }

    private static func explained<Value>(_ work: () throws -> Value) throws -> Value {
        do {
            return try work()
        } catch let error as CodecError {
            throw Problem(error)
        }
    }

    // MARK: Sources

    /// The image, or the level of it, that a picture is made of, and its region there.
    private static func source(
        for picture: IIIFPicture, of image: LeveledImage, _ level: DecodedPicture?
    ) -> (source: any RowSource, region: IIIFRectangle) {
        if let level, let number = image.madeLevel {
            return (PreviewSource.decoded(level), LeveledImage.region(picture.region, onLevel: number))
        }
        let number = LeveledImage.level(for: picture, of: image.extent, upTo: image.levels.count)
        return (
            number == 0 ? image.image : image.levels[number - 1],
            LeveledImage.region(picture.region, onLevel: number)
        )
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
