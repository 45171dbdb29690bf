import ClientKit
import GatewayLogic
import JobModel
import NIOCore
import NIOHTTP1

/// Results that are being computed, as far as their rows are finished.
extension Gateway {
    /// The code of the master's refusal of a blob that it does not have.
    static let blobIsGone = "blob-not-found"

    /// Answers which rows of a result are finished.
    func finishedRows(_ call: Call) async throws -> HTTPReply {
        let name = try call.imageName()
        var rows = RunningRows(name.id)
        if let partial = try await link.with({ try await $0.partialResult(of: name.id) }) {
            try rows.add(partial)
        } else {
            rows.add(try await status(of: name).state)
        }
        return Self.json(rows.json)
    }

    /// Answers a request by IIIF for a picture of finished rows.
    ///
    /// - Returns: `nil` when the image gives no parts of its result.
    /// - Throws: 404 `not-computed-yet` when some of the rows are not finished; `blobIsGone` when the master's word has become old.
    func runningPicture(
        _ request: HTTPRequest, _ wanted: IIIFPictureRequest, of name: ImageName, _ base: String
    ) async throws -> HTTPReply? {
        let (link, firstRow) = (link, UInt32(clamping: wanted.region.firstRow))
        let partial = try await link.with { try await $0.partialResult(of: name.id, firstRow: firstRow) }
        guard let partial, let result = try RunningResult(name.id, partial) else { return nil }
        let extent = IIIFExtent(width: result.shape.width, height: result.shape.height)
        let picture = try IIIFPicture(wanted, of: extent)
        let made = try await pictures.picture(picture, of: result, request.departure) { blob in
            try ResultParts(link: link, blob: blob).all()
        }
        let headers: HTTPHeaders = [
            "Cache-Control": "no-store", "Content-Security-Policy": SecurityHeaders.filePolicy,
            "Content-Type": wanted.format.mediaType,
            "Link":
                "<\(base)/\(picture.canonicalText)>;rel=\"canonical\", <\(IIIFInformation.profile)>;rel=\"profile\"",
        ]
        return HTTPReply(200, headers, .bytes(ByteBuffer(bytes: made)))
    }
}

extension ImageName {
    /// The image at the master.
    var id: ImageID { ImageID(job: JobID(job), index: index) }
}
