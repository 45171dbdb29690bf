import Checksums
import ClientKit
import Cryptography
import GatewayLogic
import GatewayStore
import ImageFormats
import JobModel
import JSONText
import Names
import NIOCore
import NIOHTTP1
import Pipelines
import Synchronization
import SystemCalls

extension Gateway {
    /// A file to download.
    private struct Download: Sendable {
        let name: String
        let mediaType: String
        /// SHA-256, hexadecimal.
        let digest: String
        let byteCount: UInt64
    }

    func result(_ call: Call) async throws -> HTTPReply {
        let name = try call.imageName()
        let (image, blob, kind) = try await finishedResult(name)
        let file = OutputNaming.name(for: image.name, index: image.index, fileExtension: image.fileExtension(kind)).file
        let download = Download(
            name: NameText.repaired(file.text).text, mediaType: Self.mediaType(image, kind),
            digest: blob.digest.description, byteCount: blob.byteCount)
        return try send(download, call) { [link] range, writer in
            let slice = BlobSlice(blob: blob, offset: range.lowerBound, byteCount: UInt64(range.count))
            try await link.with { session in try await session.read(slice) { try await writer.write($0) } }
        }
    }

    func source(_ call: Call) async throws -> HTTPReply {
        let (record, file, spooled) = try await keptSource(try call.imageName())
        let download = Download(
            name: record.name.split(separator: "/").last.map(String.init) ?? "image",
            mediaType: ImageFormats.all.first { $0.name == file.format }?.mediaType ?? "application/octet-stream",
            digest: file.digest, byteCount: record.offset)
        return try send(download, call) { range, writer in
            var offset = range.lowerBound
            while offset < range.upperBound {
                let (start, count) = (offset, Int(min(256 << 10, range.upperBound - offset)))
                try await writer.write(try await offCooperativePool { try spooled.read(at: start, count: count) })
                offset += UInt64(count)
            }
        }
    }

    /// The result of an image that is done.
    func finishedResult(
        _ name: ImageName
    ) async throws -> (image: ImageStatus, blob: BlobReference, kind: ResultKind) {
        let image = try await status(of: name)
        guard image.state == .done, let blob = image.result else {
            throw Problem(409, "not-ready", "image \(name) has no result: it is \(image.state.name)")
        }
        let summary = try await link.perform { try await $0.job(JobID(name.job)) }
        return (image, blob, Self.resultKind(of: summary))
    }

    static func resultKind(of summary: JobSummary) -> ResultKind {
        (try? PipelineCache.shared.pipeline(summary.pipeline))?.resultKind ?? .image
    }

    private static func mediaType(_ image: ImageStatus, _ kind: ResultKind) -> String {
        switch kind {
        case .json: "application/json"
        case .csv: "text/csv; charset=utf-8"
        case .image: ImageFormats.output(named: image.formatName)?.mediaType ?? "application/octet-stream"
        }
    }

    func keptSource(_ name: ImageName) async throws -> (UploadRecord, UploadedFile, SpoolFile) {
        let (store, spool) = (store, desk.spool)
        let found = try await offCooperativePool { () throws -> (UploadRecord, SpoolFile)? in
            guard let record = try store.source(of: name), record.file != nil, let file = spool.reading(record.id)
            else {
                return nil
            }
            return (record, file)
        }
        guard let (record, spooled) = found, let file = record.file else {
            _ = try await status(of: name)
            throw Problem(
                410, "source-not-kept",
                "the original of image \(name) is not kept here: it came from another client, or its time is over (keep-sources)"
            )
        }
        return (record, file, spooled)
    }

    /// Sends a file, or the part of it that is asked for.
    private func send(
        _ file: Download, _ call: Call,
        _ body: @escaping @Sendable (Range<UInt64>, HTTPBodyWriter) async throws -> Void
    ) throws -> HTTPReply {
        let disposition = try call.target.choice("disposition", of: ["attachment", "inline"]) ?? "attachment"
        let tag = "\"\(file.digest)\""
        var headers: HTTPHeaders = [
            "ETag": tag, "Accept-Ranges": "bytes", "Cache-Control": "private, no-cache",
            "Content-Security-Policy": SecurityHeaders.filePolicy,
        ]
        if let list = call.request.field("If-None-Match"), FieldValues.hasTag(tag, in: list) {
            return HTTPReply(304, headers)
        }
        headers.add(name: "Content-Type", value: file.mediaType)
        headers.add(name: "Content-Disposition", value: FieldValues.disposition(disposition, fileName: file.name))
        headers.add(name: "Repr-Digest", value: "sha-256=:\(Base64.text(HexText.bytes(file.digest) ?? [])):")
        // A range of another version of the file would not fit.
        let isSame = call.request.field("If-Range").map { $0 == tag } ?? true
        switch ByteRange(isSame ? call.request.field("Range") : nil, of: file.byteCount) {
        case .whole:
            return HTTPReply(200, headers, .stream(length: file.byteCount) { try await body(0..<file.byteCount, $0) })
        case .part(let range):
            headers.add(
                name: "Content-Range", value: "bytes \(range.lowerBound)-\(range.upperBound - 1)/\(file.byteCount)")
            return HTTPReply(206, headers, .stream(length: UInt64(range.count)) { try await body(range, $0) })
        case .unsatisfiable:
            throw Problem(
                416, "range-not-satisfiable", "the file has \(file.byteCount) bytes, and the range begins behind them"
            )
            .with("Content-Range", "bytes */\(file.byteCount)")
        }
    }

    // MARK: All results

    func archive(_ call: Call) async throws -> HTTPReply {
        let job = JobID(try call.jobNumber())
        let summary = try await link.perform { try await $0.job(job) }
        guard summary.imagesDone > 0 else {
            throw Problem(409, "not-ready", "no image of job \(job) is done yet, so there is nothing to archive")
        }
        let headers: HTTPHeaders = [
            "Content-Type": "application/zip", "Cache-Control": "private, no-store",
            "Content-Disposition": FieldValues.disposition("attachment", fileName: "job-\(job).zip"),
            "Content-Security-Policy": SecurityHeaders.filePolicy,
        ]
        return HTTPReply(
            200, headers,
            .stream(length: nil) { [link] writer in
                try await Self.writeArchive(of: summary, link, writer)
            })
    }

    /// Writes the results that are done, in their order. Nothing but one page of images is held.
    private static func writeArchive(of summary: JobSummary, _ link: MasterLink, _ writer: HTTPBodyWriter) async throws
    {
        let kind = resultKind(of: summary)
        var layout = ZIPLayout(secondsSince1970: WallClock.millisecondsSince1970 / 1000)
        var names = OutputNameRegister()
        var first: UInt32 = 0
        while true {
            let from = first
            let page = try await link.perform { try await $0.images(summary.id, first: from) }
            for image in page.images where image.state == .done {
                guard let blob = image.result else { continue }
                let name = names.claim(image.name, index: image.index, fileExtension: image.fileExtension(kind)).file
                try await writer.write(layout.begin(NameText.repaired(name.text).text, byteCount: blob.byteCount))
                let checksum = Mutex(CRC32())
                try await link.with { session in
                    try await session.read(BlobSlice(blob)) { piece in
                        checksum.withLock { checksum in piece.withUnsafeReadableBytes { checksum.update($0) } }
                        try await writer.write(piece)
                    }
                }
                try await writer.write(layout.end(crc32: checksum.withLock { $0.value }))
            }
            first += UInt32(page.images.count)
            if page.images.isEmpty || first >= page.imageCount { break }
        }
        try await writer.write(layout.finish())
    }

    // MARK: Thumbnails

    func thumbnail(_ call: Call) async throws -> HTTPReply {
        let name = try call.imageName()
        let size = try call.target.integer("size", in: 16...2048) ?? 256
        let digest: String
        let load: @Sendable () async throws -> [UInt8]
        if try call.target.choice("of", of: ["result", "source"]) != "source" {
            let (_, blob, kind) = try await finishedResult(name)
            guard !kind.isDocument else {
                throw Problem(415, "not-an-image", "the result of image \(name) is a document and has no picture")
            }
            digest = blob.digest.description
            let link = link
            load = {
                try Thumbnails.check(byteCount: blob.byteCount)
                let bytes = Mutex<[UInt8]>([])
                try await link.with { session in
                    try await session.read(BlobSlice(blob)) { piece in bytes.withLock { $0 += piece.readableBytesView }
                    }
                }
                return bytes.withLock { $0 }
            }
        } else {
            let (record, file, spooled) = try await keptSource(name)
            digest = file.digest
            load = {
                try Thumbnails.check(byteCount: record.offset)
                return try await offCooperativePool { try spooled.read(at: 0, count: Int(record.offset)) }
            }
        }
        let tag = "\"\(digest)-\(size)\""
        let headers: HTTPHeaders = [
            "ETag": tag, "Cache-Control": "private, max-age=86400", "Content-Type": "image/jpeg",
            "Content-Security-Policy": SecurityHeaders.filePolicy,
        ]
        if let list = call.request.field("If-None-Match"), FieldValues.hasTag(tag, in: list) {
            return HTTPReply(304, headers)
        }
        let picture = try await thumbnails.picture("\(digest)-\(size)", side: size, load)
        return HTTPReply(200, headers, .bytes(ByteBuffer(bytes: picture)))
    }
}
