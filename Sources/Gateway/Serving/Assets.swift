import Cryptography
import GatewayLogic
import Glibc
import NIOCore
import NIOHTTP1
import SystemCalls

/// The page's files, read and compressed once: served under a name that their content decides, so that browsers keep them
/// permanently.
struct Assets: Sendable {
    private struct File: Sendable {
        let bytes: ByteBuffer
        let mediaType: String
        let tag: String
        /// Compressed, with a tag of its own: another run may compress otherwise. `nil` for what does not get shorter.
        let gzip: (bytes: ByteBuffer, tag: String)?

        init(_ bytes: [UInt8], mediaType: String) {
            self.bytes = ByteBuffer(bytes: bytes)
            self.mediaType = mediaType
            tag = Self.tag(bytes)
            // Pictures and fonts are compressed already.
            let isText = mediaType.hasPrefix("text/") || mediaType.contains("json") || mediaType.hasSuffix("+xml")
            gzip = isText ? Gzip.compressed(bytes).map { (ByteBuffer(bytes: $0), Self.tag($0)) } : nil
        }

        private static func tag(_ bytes: [UInt8]) -> String {
            "\"\(HexText.text(Array(SHA256.hash(bytes).prefix(16))))\""
        }
    }

    private static let mediaTypes = [
        "html": "text/html; charset=utf-8", "js": "text/javascript; charset=utf-8", "css": "text/css; charset=utf-8",
        "svg": "image/svg+xml", "png": "image/png", "json": "application/json",
        "webmanifest": "application/manifest+json",
        "ico": "image/x-icon", "txt": "text/plain; charset=utf-8", "woff2": "font/woff2",
    ]
    private static let maximumFileByteCount = 4 << 20
    private static let maximumFileCount = 1000

    /// The path below which the files are, such as `/assets/0f3a9c...`.
    let base: String
    private let openAPI: File
    private let files: [String: File]
    private let index: File?

    /// Reads `web/` and `openapi.json` of a directory.
    /// - Throws: `StoreFailure` with the path that cannot be read.
    init(directory: String) throws {
        guard let description = wholeFile(at: directory + "/openapi.json", upTo: Self.maximumFileByteCount) else {
            throw UnreadableShare(path: directory + "/openapi.json")
        }
        openAPI = File(description, mediaType: "application/json")
        var contents: [(path: String, bytes: [UInt8])] = []
        try Self.collect(directory + "/web", "", into: &contents)
        contents.sort { $0.path < $1.path }
        var hash = SHA256()
        for (path, bytes) in contents {
            hash.update(Array("\(path)\n\(bytes.count)\n".utf8))
            hash.update(bytes)
        }
        base = "/assets/\(HexText.text(Array(hash.finalize().prefix(8))))"
        var files: [String: File] = [:]
        for (path, bytes) in contents {
            let ending = path.split(separator: ".").last.map(String.init) ?? ""
            files[path] = File(bytes, mediaType: Self.mediaTypes[ending] ?? "application/octet-stream")
        }
        self.files = files
        index = files["index.html"].map { [base] page in
            let text = String(buffer: page.bytes).replacing("{{assets}}", with: base)
            return File(Array(text.utf8), mediaType: page.mediaType)
        }
    }

    /// Takes the regular files below a directory; other things, and hidden ones, are passed over.
    private static func collect(
        _ directory: String, _ prefix: String, into contents: inout [(path: String, bytes: [UInt8])]
    ) throws {
        guard let names = try? directoryEntries(at: directory) else { throw UnreadableShare(path: directory) }
        for name in names where !name.hasPrefix(".") {
            var status = stat()
            let path = directory + "/" + name
            guard stat(path, &status) == 0 else { continue }
            switch status.st_mode & S_IFMT {
            case S_IFDIR: try collect(path, prefix + name + "/", into: &contents)
            case S_IFREG:
                guard contents.count < maximumFileCount, let bytes = wholeFile(at: path, upTo: maximumFileByteCount)
                else {
                    throw UnreadableShare(path: path)
                }
                contents.append((prefix + name, bytes))
            default: continue
            }
        }
    }

    /// The answer to a request for a path outside the API; `nil` when nothing is there.
    func reply(to request: HTTPRequest, _ target: RequestTarget) -> HTTPReply? {
        let mark = base + "/"
        if target.path.hasPrefix(mark) {
            return files[String(target.path.dropFirst(mark.count))].map {
                reply(request, $0, caching: "public, max-age=31536000, immutable")
            }
        }
        // Old pages that are still open get to know that there is a new release.
        if target.segments.first == "assets" { return nil }
        if target.path == "/favicon.ico" {
            return files["favicon.ico"].map { reply(request, $0, caching: "max-age=86400") }
        }
        guard Self.isPage(target.segments) else { return nil }
        return index.map { reply(request, $0, caching: "no-cache") }
    }

    /// Whether a path is one that the page draws by itself.
    private static func isPage(_ segments: [String]) -> Bool {
        guard let first = segments.first else { return false }
        return ["", "new", "jobs", "nodes", "failures", "settings", "sign-in", "problems", "help"].contains(first)
    }

    /// The description of the API.
    func description(for request: HTTPRequest) -> HTTPReply { reply(request, openAPI, caching: "no-cache") }

    private func reply(_ request: HTTPRequest, _ file: File, caching: String) -> HTTPReply {
        let gzip = FieldValues.acceptsGzip(request.field("Accept-Encoding")) ? file.gzip : nil
        let tag = gzip?.tag ?? file.tag
        var headers: HTTPHeaders = [
            "Content-Type": file.mediaType, "Cache-Control": caching, "ETag": tag, "Vary": "Accept-Encoding",
            "Content-Security-Policy": SecurityHeaders.pagePolicy,
        ]
        if let list = request.field("If-None-Match"), FieldValues.hasTag(tag, in: list) {
            return HTTPReply(304, headers)
        }
        if gzip != nil { headers.add(name: "Content-Encoding", value: "gzip") }
        return HTTPReply(200, headers, .bytes(gzip?.bytes ?? file.bytes))
    }
}

/// The page's files are not where they should be.
struct UnreadableShare: Error, CustomStringConvertible {
    let path: String
    var description: String { "cannot read \(path): --share-dir names the directory with openapi.json and web/" }
}

/// All bytes of a file; `nil` when it cannot be read, or has more than `limit`.
func wholeFile(at path: String, upTo limit: Int) -> [UInt8]? {
    guard let file = OwnedDescriptor(result: open(path, O_RDONLY | O_CLOEXEC)) else { return nil }
    var bytes: [UInt8] = []
    while true {
        guard let part = file.read(upTo: 1 << 16) else { return nil }
        if part.isEmpty { return bytes }
        bytes += part
        guard bytes.count <= limit else { return nil }
    }
}

/// Fields that keep a browser from doing what nobody meant.
enum SecurityHeaders {
    static let pagePolicy = [
        "default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self' blob:", "connect-src 'self'",
        "worker-src 'self'", "manifest-src 'self'", "form-action 'self'", "base-uri 'none'", "frame-ancestors 'none'",
        "require-trusted-types-for 'script'", "trusted-types tessera",
    ].joined(separator: "; ")

    /// What a file of a user may do when a browser shows it by itself: nothing.
    static let filePolicy = "default-src 'none'; style-src 'unsafe-inline'; sandbox"

    /// Adds what lets pages of others read an answer. Browsers then send no cookie: a page needs a token or a link of its own.
    static func share(_ headers: inout HTTPHeaders) {
        headers.replaceOrAdd(name: "Access-Control-Allow-Origin", value: "*")
        headers.replaceOrAdd(name: "Access-Control-Expose-Headers", value: "ETag, Link, Retry-After, Server-Timing")
    }

    /// Adds what every answer has.
    static func add(to headers: inout HTTPHeaders, isEncrypted: Bool) {
        for (name, value) in [
            ("X-Content-Type-Options", "nosniff"), ("Referrer-Policy", "no-referrer"),
            ("Cross-Origin-Opener-Policy", "same-origin"), ("Cross-Origin-Resource-Policy", "same-origin"),
            ("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
        ] where !headers.contains(name: name) { headers.add(name: name, value: value) }
        if !headers.contains(name: "Content-Security-Policy") {
            headers.add(name: "Content-Security-Policy", value: "default-src 'none'; frame-ancestors 'none'")
        }
        if isEncrypted { headers.add(name: "Strict-Transport-Security", value: "max-age=31536000") }
    }
}
