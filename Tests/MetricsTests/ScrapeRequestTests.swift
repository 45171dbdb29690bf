import Metrics
import Testing

@Suite struct ScrapeRequestTests {
    /// Reads `text` in pieces of `pieceByteCount`.
    private func read(_ text: String, pieceByteCount: Int = .max) throws(ScrapeRequest.Refusal) -> ScrapeRequest? {
        var reader = ScrapeRequest.Reader()
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = min(pieceByteCount, rest.count)
            if let request = try reader.received(rest.prefix(count)) { return request }
            rest = rest.dropFirst(count)
        }
        return nil
    }

    @Test(arguments: [1, 2, 3, 7, .max]) func `a request is read in pieces of any size`(pieceByteCount: Int) throws {
        let text = "GET /metrics?x=1 HTTP/1.1\r\nHost: a\r\nAccept: */*\r\nX-Empty:\r\n\r\n"
        let request = try read(text, pieceByteCount: pieceByteCount)
        #expect(request?.path == "/metrics" && request?.isHead == false)
        #expect(try read("HEAD /healthz HTTP/1.0\r\n\r\n", pieceByteCount: pieceByteCount)?.isHead == true)
    }

    @Test func `a head that is not complete is waited for`() throws {
        let whole = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
        for count in 0..<whole.utf8.count {
            #expect(try read(String(decoding: whole.utf8.prefix(count), as: UTF8.self)) == nil)
        }
    }

    @Test(arguments: [
        ("\r\n\r\n", ScrapeRequest.Refusal.malformed), ("GET /\r\n\r\n", .malformed),
        ("GET  / HTTP/1.1\r\n\r\n", .malformed),
        ("GET / HTTP/1.1 \r\n\r\n", .malformed), (" GET / HTTP/1.1\r\n\r\n", .malformed),
        ("GET metrics HTTP/1.1\r\n\r\n", .malformed), ("GET http://a/metrics HTTP/1.1\r\n\r\n", .malformed),
        ("GET /\u{E4} HTTP/1.1\r\n\r\n", .malformed), ("GET /\0 HTTP/1.1\r\n\r\n", .malformed),
        ("GET / XTTP/1.1\r\n\r\n", .malformed), ("GET / HTTP/1.1\nHost: a\r\n\r\n", .malformed),
        ("GET / HTTP/1.1\r\nHost: a\rb\r\n\r\n", .malformed), ("GET / HTTP/1.1\r\nHost\r\n\r\n", .malformed),
        ("GET / HTTP/1.1\r\n: a\r\n\r\n", .malformed), ("GET / HTTP/1.1\r\nHost : a\r\n\r\n", .malformed),
        ("GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n", .malformed), ("\u{16}\u{3}\u{1}\r\n\r\n", .malformed),
        ("GET / HTTP/2.0\r\n\r\n", .wrongVersion), ("GET / HTTP/1.11\r\n\r\n", .wrongVersion),
        ("POST /metrics HTTP/1.1\r\n\r\n", .wrongMethod), ("get / HTTP/1.1\r\n\r\n", .wrongMethod),
        ("GET / HTTP/1.1\r\nContent-Length: 1\r\n\r\n", .bodyNotWanted),
        ("GET / HTTP/1.1\r\nContent-Length: 0, 5\r\n\r\n", .bodyNotWanted),
        ("GET / HTTP/1.1\r\nTRANSFER-Encoding: chunked\r\n\r\n", .bodyNotWanted),
    ]) func `what is not a plain question is refused`(text: String, refusal: ScrapeRequest.Refusal) {
        #expect(throws: refusal, "\(text)") { try read(text) }
    }

    @Test func `a body of no bytes is none`() throws {
        #expect(try read("GET / HTTP/1.1\r\nContent-Length: 0\r\n\r\n")?.path == "/")
    }

    @Test func `a head may have as many bytes as the limit, and not one more`() throws {
        let start = "GET / HTTP/1.1\r\nX: "
        let filling = ScrapeRequest.maximumByteCount - start.utf8.count - 4
        func head(_ count: Int) -> String { start + String(repeating: "x", count: count) + "\r\n\r\n" }
        #expect(try read(head(filling))?.path == "/")
        #expect(throws: ScrapeRequest.Refusal.headTooLong) { try read(head(filling + 1)) }
        #expect(throws: ScrapeRequest.Refusal.headTooLong) {
            try read(String(repeating: "x", count: 9_000), pieceByteCount: 1)
        }
    }

    @Test func `an answer says its length, and that the connection ends`() {
        let answer = ScrapeAnswer(status: 200, body: "\u{E4}\n")
        let text = String(decoding: answer.encoded(isHead: false), as: UTF8.self)
        #expect(text.hasPrefix("HTTP/1.1 200 OK\r\n") && text.hasSuffix("\r\nConnection: close\r\n\r\n\u{E4}\n"))
        #expect(text.contains("\r\nContent-Length: 3\r\n"))
        let head = String(decoding: answer.encoded(isHead: true), as: UTF8.self)
        #expect(text == head + "\u{E4}\n")
        for refusal in ScrapeRequest.Refusal.allCases {
            let text = String(decoding: ScrapeAnswer(refusal).encoded(isHead: false), as: UTF8.self)
            #expect(text.hasPrefix("HTTP/1.1 \(refusal.rawValue) ") && !text.contains(" Answer\r\n"))
        }
    }
}
