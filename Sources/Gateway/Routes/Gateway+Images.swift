import ClientKit
import GatewayLogic
import JobModel
import NIOCore
import NIOHTTP1
import Pipelines

/// Pictures by the IIIF Image API 3.0 (https://iiif.io/api/image/3.0/), for results and kept originals: what viewers of large images
/// ask for.
extension Gateway {
    /// Whether pages of others may read the answer to a request for this path.
    static func isShared(_ target: String) -> Bool {
        let first = target.prefix { $0 != "?" }.split(separator: "/").prefix(4).map(String.init)
        return first.starts(with: IIIFAddress.base)
            || first.first == "s" && first.dropFirst(2).starts(with: IIIFAddress.base)
    }

    /// The answer to a browser that asks whether a page may send a token along.
    static var sharedOptions: HTTPReply {
        HTTPReply(
            204,
            [
                "Access-Control-Allow-Methods": "GET, HEAD, OPTIONS",
                "Access-Control-Allow-Headers": "Authorization, If-None-Match",
                "Access-Control-Max-Age": "86400", "Allow": "GET, HEAD, OPTIONS",
            ])
    }

    /// Answers a request of somebody who shows a token.
    func image(_ request: HTTPRequest, _ target: RequestTarget, isEncrypted: Bool) async throws -> HTTPReply {
        guard ["GET", "HEAD"].contains(request.method) else {
            throw Problem(405, "method-not-allowed", "\(request.method.prefix(20)) is not allowed here").with(
                "Allow", "GET, HEAD, OPTIONS")
        }
        guard try await caller(of: request, isNeeded: true, isEncrypted: isEncrypted) != nil else {
            throw Self.noToken
        }
        var reply = try await image(
            request, try IIIFAddress(target.segments), below: "", isEncrypted: isEncrypted)
        // A browser must not give what it keeps of this answer to a page of another origin that shows nothing.
        reply.headers.add(name: "Vary", value: "Authorization, Cookie")
        return reply
    }

    /// Answers a permitted request.
    ///
    /// - Parameter prefix: what is before `/iiif` in addresses: a link's signature, or nothing.
    func image(
        _ request: HTTPRequest, _ address: IIIFAddress, below prefix: String, isEncrypted: Bool
    ) async throws -> HTTPReply {
        let host = request.field("Host") ?? ""
        let base = "\(isEncrypted ? "https" : "http")://\(host)\(prefix)/iiif/3/\(address.identifier)"
        do {
            return try await image(request, address, base)
        } catch let problem as Problem where problem.code == Self.blobIsGone {
            // Finished rows went into the result's file since the master told of them, or the image has started over.
            return try await image(request, address, base)
        }
    }

    private func image(_ request: HTTPRequest, _ address: IIIFAddress, _ base: String) async throws -> HTTPReply {
        let file: PictureDesk.File
        do {
            file = try await self.file(of: address.identifier)
        } catch let problem as Problem where problem.code == "not-ready" {
            if case .picture(let wanted) = address.resource,
                let reply = try await runningPicture(request, wanted, of: address.identifier.image, base)
            {
                return reply
            }
            // To the standard, an image that is not computed does not exist.
            throw Problem(404, problem.code, problem.detail).with("Retry-After", "1")
        }
        switch address.resource {
        case .base: return HTTPReply(303, ["Location": base + "/info.json", "Cache-Control": "no-store"])
        case .information: return try await information(request, file, base)
        case .picture(let wanted): return try await picture(request, wanted, file, base)
        }
    }

    private func information(
        _ request: HTTPRequest, _ file: PictureDesk.File, _ base: String
    ) async throws -> HTTPReply {
        let tag = "\"\(file.digest)-info-1\""
        var headers: HTTPHeaders = [
            "ETag": tag, "Cache-Control": Self.caching, "Vary": "Accept",
            "Link": "<\(IIIFInformation.profile)>;rel=\"profile\"",
        ]
        if let list = request.field("If-None-Match"), FieldValues.hasTag(tag, in: list) {
            return HTTPReply(304, headers)
        }
        let header = try await pictures.header(of: file, request.departure)
        let isLinkedData = request.field("Accept")?.lowercased().contains("application/ld+json") ?? false
        let type =
            isLinkedData ? "application/ld+json;profile=\"\(IIIFInformation.context)\"" : "application/json"
        headers.add(name: "Content-Type", value: type)
        let text = IIIFInformation(address: base, image: header.extent, isColor: header.isColor).json.text
        return HTTPReply(200, headers, .bytes(ByteBuffer(string: text)))
    }

    private func picture(
        _ request: HTTPRequest, _ wanted: IIIFPictureRequest, _ file: PictureDesk.File, _ base: String
    ) async throws -> HTTPReply {
        let start = ContinuousClock.now
        let extent = try await pictures.header(of: file, request.departure).extent
        let picture = try IIIFPicture(wanted, of: extent)
        // The tag is that of the canonical spelling: what others spell otherwise is the same picture.
        let canonical = picture.canonicalText
        // Without commas, which separate the tags of a list.
        let tag = "\"\(file.digest)-1-\(canonical.replacing(",", with: "_"))\""
        var headers: HTTPHeaders = [
            "ETag": tag, "Cache-Control": Self.caching, "Content-Security-Policy": SecurityHeaders.filePolicy,
            "Link": "<\(base)/\(canonical)>;rel=\"canonical\", <\(IIIFInformation.profile)>;rel=\"profile\"",
        ]
        if let list = request.field("If-None-Match"), FieldValues.hasTag(tag, in: list) {
            return HTTPReply(304, headers)
        }
        let made = try await pictures.picture(picture, of: file, request.departure)
        headers.add(name: "Content-Type", value: wanted.format.mediaType)
        headers.add(name: "Server-Timing", value: "picture;dur=\(Int((.now - start) / .milliseconds(1)))")
        return HTTPReply(200, headers, .bytes(ByteBuffer(bytes: made)))
    }

    /// A result does not change; the number of a job may be another's after the master's state was deleted.
    private static let caching = "private, max-age=86400"

    private func file(of identifier: IIIFIdentifier) async throws -> PictureDesk.File {
        switch identifier.part {
        case .source:
            let (record, file, _) = try await keptSource(identifier.image)
            return PictureDesk.File(
                digest: file.digest,
                parts: SourceParts(spool: desk.spool, upload: record.id, byteCount: record.offset))
        case .result:
            let (_, blob, kind) = try await finishedResult(identifier.image)
            guard !kind.isDocument else {
                throw Problem.notFound("the result of image \(identifier.image) is a document and has no picture")
            }
            return PictureDesk.File(digest: blob.digest.description, parts: ResultParts(link: link, blob: blob))
        }
    }
}
