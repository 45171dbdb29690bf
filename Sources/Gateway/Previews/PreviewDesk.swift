import GatewayLogic
import ImageFormats
import Pipelines

/// Makes previews, two at a time, and keeps the latest images decoded, so that a change of the pipeline decodes nothing again.
struct PreviewDesk: Sendable {
    private static let cachedByteCount = 192 << 20
    /// Larger files are not previewed.
    private static let maximumFileByteCount: UInt64 = 512 << 20

    /// An image file, known by the digest of its bytes.
    struct File: Sendable {
        let digest: String
        let byteCount: UInt64
        let read: @Sendable () throws -> [UInt8]
    }

    private let maximumPixelCount: Int
    private let pictures = PictureCache(byteCount: cachedByteCount)
    private let turns = WorkTurns(concurrentCount: 2, waitingCount: 4, of: "previews")

    init(maximumPixelCount: Int) { self.maximumPixelCount = maximumPixelCount }

    func preview(
        of file: File, _ pipeline: Pipeline, _ view: PreviewRequest.View, _ departure: PeerDeparture
    ) async throws -> Preview {
        guard file.byteCount <= Self.maximumFileByteCount else {
            throw Problem(
                413, "over-limit",
                "the file has \(file.byteCount) bytes; previews are made of files of at most \(Self.maximumFileByteCount)"
            )
        }
        let (stop, pictures) = (PreviewStop(), pictures)
        let maker = PreviewMaker(maximumPixelCount: maximumPixelCount, pipeline: pipeline, stop: stop)
        return try await turns.run(stop, until: departure) { try Self.make(maker, file, view, pictures) }
    }

    private static func make(
        _ maker: PreviewMaker, _ file: File, _ view: PreviewRequest.View, _ pictures: PictureCache
    ) throws -> Preview {
        do {
            maker.stop.begin()
            try maker.stop.check()
            let source = try source(of: file, pictures)
            func copy(_ side: Int) throws -> DecodedPicture {
                if case .decoded(let picture) = source, max(picture.shape.width, picture.shape.height) <= side {
                    return picture
                }
                let key = "\(file.digest) \(side)"
                if let kept = pictures[key] { return kept }
                let made = try source.reduced(to: side, maker.stop)
                pictures.keep(made, as: key)
                return made
            }
            switch view {
            case .overview(let side): return try maker.overview(of: try copy(side), from: source.shape)
            case .region(let x, let y, let width, let height):
                return try maker.region(x: x, y: y, width: width, height: height, of: source) {
                    try copy(PreviewMaker.valuesSide)
                }
            }
        } catch let error as CodecError {
            throw Problem(error)
        } catch let error as PipelineError {
            var problem = Problem(422, "invalid-pipeline", error.message)
            problem.errors = [Problem.Place(pointer: "/pipeline", detail: error.message)]
            throw problem
        }
    }

    private static func source(of file: File, _ pictures: PictureCache) throws -> PreviewSource {
        if let kept = pictures[file.digest] { return .decoded(kept) }
        let source = try PreviewSource(try file.read())
        if case .decoded(let picture) = source { pictures.keep(picture, as: file.digest) }
        return source
    }
}
