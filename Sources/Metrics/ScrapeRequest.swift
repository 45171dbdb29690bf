/// The head of an HTTP/1.1 request to a listener that answers `GET` and `HEAD` and nothing else.
///
/// Anybody who reaches the port may have written the bytes. So the head is limited, every byte of it is checked, and a request
/// with a body is refused unread. A connection carries one request.
package struct ScrapeRequest: Sendable, Equatable {
    /// A head with more bytes is refused.
    package static let maximumByteCount = 8_192

    /// The path without its query, as it was sent.
    package let path: String
    /// Whether the answer is sent without its body.
    package let isHead: Bool

    /// Why a request is refused, as a status of HTTP.
    package enum Refusal: Int, Error, Sendable, CaseIterable {
        case malformed = 400
        case wrongMethod = 405
        case bodyNotWanted = 413
        case headTooLong = 431
        case wrongVersion = 505
    }

    /// Collects the bytes of a connection until the head is complete.
    package struct Reader: Sendable {
        private var bytes: [UInt8] = []

        package init() {}

        /// - Returns: the request; `nil` while its head is not complete.
        package mutating func received(_ more: some Sequence<UInt8>) throws(Refusal) -> ScrapeRequest? {
            for byte in more {
                bytes.append(byte)
                if byte == newline, bytes.suffix(4).elementsEqual([return_, newline, return_, newline]) {
                    return try ScrapeRequest(head: bytes.dropLast(4))
                }
                if bytes.count >= ScrapeRequest.maximumByteCount { throw .headTooLong }
            }
            return nil
        }
    }

    private init(head: ArraySlice<UInt8>) throws(Refusal) {
        // Lines end with CR LF, and neither is anywhere else.
        var lines = head.split(separator: newline, omittingEmptySubsequences: false)
        let last = lines.removeLast()
        for (index, line) in lines.enumerated() {
            guard line.last == return_ else { throw .malformed }
            lines[index] = line.dropLast()
        }
        lines.append(last)
        for line in lines {
            guard line.allSatisfy({ ($0 >= 0x20 && $0 != 0x7F) || $0 == 0x09 }) else { throw .malformed }
        }
        for line in lines.dropFirst() { try Self.checkField(line) }

        let words = lines[0].split(separator: space, omittingEmptySubsequences: false)
        guard words.count == 3, words.allSatisfy({ !$0.isEmpty && $0.allSatisfy { (0x21...0x7E).contains($0) } }) else {
            throw .malformed
        }
        guard words[2].starts(with: Array("HTTP/".utf8)) else { throw .malformed }
        guard words[2].elementsEqual("HTTP/1.1".utf8) || words[2].elementsEqual("HTTP/1.0".utf8) else {
            throw .wrongVersion
        }
        switch String(decoding: words[0], as: UTF8.self) {
        case "GET": isHead = false
        case "HEAD": isHead = true
        default: throw .wrongMethod
        }
        guard words[1].first == UInt8(ascii: "/") else { throw .malformed }
        path = String(decoding: words[1].prefix { $0 != UInt8(ascii: "?") }, as: UTF8.self)
    }

    /// A field is a name of token characters, a colon, and a value. One that announces a body is refused.
    private static func checkField(_ line: ArraySlice<UInt8>) throws(Refusal) {
        guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else { throw .malformed }
        let name = line[..<colon]
        guard !name.isEmpty, name.allSatisfy(isTokenCharacter) else { throw .malformed }
        switch String(decoding: name, as: UTF8.self).lowercased() {
        case "transfer-encoding": throw .bodyNotWanted
        case "content-length":
            let value = line[(colon + 1)...].filter { $0 != space && $0 != 0x09 }
            guard value.elementsEqual("0".utf8) else { throw .bodyNotWanted }
        default: break
        }
    }

    private static func isTokenCharacter(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
        }
    }
}

private let newline: UInt8 = 0x0A
private let return_: UInt8 = 0x0D
private let space: UInt8 = 0x20

/// An answer to a `ScrapeRequest`, after which the connection ends.
package struct ScrapeAnswer: Sendable, Equatable {
    package let status: Int
    package let contentType: String
    package let body: String

    package init(status: Int, contentType: String = "text/plain; charset=utf-8", body: String) {
        self.status = status
        self.contentType = contentType
        self.body = body
    }

    package init(_ refusal: ScrapeRequest.Refusal) {
        let reason =
            switch refusal {
            case .malformed: "the request is not HTTP/1.1 as RFC 9112 has it"
            case .wrongMethod: "only GET and HEAD are answered here"
            case .bodyNotWanted: "a request has no body here"
            case .headTooLong: "the head of the request has more than \(ScrapeRequest.maximumByteCount) bytes"
            case .wrongVersion: "only HTTP/1.1 and HTTP/1.0 are spoken here"
            }
        self.init(status: refusal.rawValue, body: reason + "\n")
    }

    /// The bytes to send.
    package func encoded(isHead: Bool) -> [UInt8] {
        var head = "HTTP/1.1 \(status) \(Self.phrase(status))\r\n"
        head += "Content-Type: \(contentType)\r\nContent-Length: \(body.utf8.count)\r\n"
        if status == 405 { head += "Allow: GET, HEAD\r\n" }
        head += "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n"
        return Array(head.utf8) + (isHead ? [] : Array(body.utf8))
    }

    private static func phrase(_ status: Int) -> String {
        switch status {
        case 200: "OK"
        case 400: "Bad Request"
        case 404: "Not Found"
        case 405: "Method Not Allowed"
        case 413: "Content Too Large"
        case 431: "Request Header Fields Too Large"
        case 503: "Service Unavailable"
        case 505: "HTTP Version Not Supported"
        default: "Answer"
        }
    }
}
