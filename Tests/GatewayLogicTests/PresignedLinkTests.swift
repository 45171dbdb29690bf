import GatewayLogic
import Testing

/// Addresses of presigned links, and what they open.
@Suite struct PresignedLinkTests {
    private func target(_ path: String) throws -> RequestTarget { try RequestTarget(parsing: path) }

    @Test(arguments: [
        "/jobs/17", "/jobs/17/images", "/jobs/17/images/0", "/jobs/17/images/3/result", "/jobs/17/images/3/source",
        "/jobs/17/images/3/thumbnail", "/jobs/17/results.zip",
    ]) func `a link opens a job and its files`(path: String) throws {
        #expect(try LinkScope(path: path, isPrefix: false).path == path)
    }

    @Test(arguments: [
        "", "/", "jobs/17", "/jobs", "/jobs/", "/jobs/x", "/jobs/017", "/jobs/-1", "/jobs/17/", "/jobs//17",
        "/jobs/1%37",
        "/jobs/17?q=1", "/jobs/17/*", "/jobs/17/uploads", "/jobs/17/images/3/attempts", "/jobs/17/cancel", "/tokens",
        "/workers",
        "/events", "/openapi.json", "/jobs/17/images/3/result/..", "/jobs/18446744073709551616",
    ]) func `a link opens nothing else`(path: String) {
        #expect(throws: Problem.self) { try LinkScope(path: path, isPrefix: false) }
    }

    @Test func `only a job and an image have something below them`() throws {
        #expect(try LinkScope(path: "/jobs/17", isPrefix: true).text == "/jobs/17/*")
        #expect(try LinkScope(path: "/jobs/17/images/3", isPrefix: true).text == "/jobs/17/images/3/*")
        for path in ["/jobs/17/images", "/jobs/17/results.zip", "/jobs/17/images/3/result"] {
            #expect(throws: Problem.self) { try LinkScope(path: path, isPrefix: true) }
        }
    }

    @Test func `a path is opened by itself and by the prefixes that it is below`() {
        let texts = { (segments: [String]) in LinkScope.scopes(opening: segments).map(\.text) }
        #expect(
            texts(["jobs", "17", "images", "3", "result"])
                == ["/jobs/17/images/3/result", "/jobs/17/*", "/jobs/17/images/3/*"])
        #expect(texts(["jobs", "17"]) == ["/jobs/17", "/jobs/17/*"])
        #expect(texts(["jobs", "17", "results.zip"]) == ["/jobs/17/results.zip", "/jobs/17/*"])
        #expect(texts(["jobs", "17", "uploads"]).isEmpty, "not everything below a job")
        #expect(texts(["jobs"]).isEmpty)
        #expect(texts(["jobs", "17", "images", "3/result"]).isEmpty)
    }

    @Test func `an address is read back, and every other spelling is refused`() throws {
        let scope = try LinkScope(path: "/jobs/17/images/3/result", isPrefix: false)
        let signature = (0..<32).map { UInt8($0 * 7) }
        let path = LinkAddress.path(
            expiry: 1_800_000_000, key: "abcdefgh", id: "abcdefghabcdefgh", signature: signature, scope: scope)
        let read = try #require(LinkAddress(try target(path)))
        #expect(read.expiry == 1_800_000_000)
        #expect(read.key == "abcdefgh")
        #expect(read.id == "abcdefghabcdefgh")
        #expect(read.signature == signature)
        #expect(read.segments == ["jobs", "17", "images", "3", "result"])
        #expect(LinkAddress(try target(path + "?disposition=inline")) != nil)
        for (part, other) in [
            ("/s/1800000000.", "/s/01800000000."), ("/s/1800000000.", "/s/+1800000000."), ("/s/1800000000.", "/s/."),
            (".abcdefgh.", ".abcdefg1."), (".abcdefgh.", "."), ("/s/", "/t/"), ("/s/", "/%73/"), ("/s/", "//s/"),
            ("/jobs", "=/jobs"), ("/jobs", "./jobs"), ("/s/1800000000", "/s/99999999999999999999"),
        ] {
            #expect(LinkAddress(try target(path.replacing(part, with: other, maxReplacements: 1))) == nil, "\(other)")
        }
        #expect(LinkAddress(try target("/s/1800000000.abcdefgh.abcdefghabcdefgh.AAAA")) == nil, "nothing behind it")
    }

    @Test func `bytes have one text for addresses`() throws {
        #expect(Base64.urlText([0xFB, 0xFF, 0xFE, 0x01]) == "-__-AQ")
        #expect(Base64.text([0xFB, 0xFF, 0xFE, 0x01]) == "+//+AQ==")
        for count in 0..<40 {
            let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 37 &+ count) }
            #expect(Base64.bytes(urlText: Base64.urlText(bytes)) == bytes)
        }
        // The same bytes, but for bits that are left over.
        #expect(Base64.bytes(urlText: "AQ") == [1])
        for text in ["AR", "AQ==", "A", "A+", "A A=", "AQ\n"] { #expect(Base64.bytes(urlText: text) == nil, "\(text)") }
    }

    @Test(arguments: [
        ("/s/1800000000.abcdefgh.abcdefghabcdefgh.#/jobs/17?x=#", "/s/1800000000.abcdefgh.abcdefghabcdefgh.../jobs/17"),
        ("/s/#", "/s..."), ("/s/#/jobs/17", "/s..."), ("/s/1800000000.abcdefgh.abcdefghabcdefgh%2E#=/jobs", "/s..."),
        ("/s/1800000000.abcdefgh.abcdefghabcdefgh.#A/jobs/17", "/s..."),
        ("/s/1800000000.abcdefgh.abcdefghabcdefgh.AA/#/jobs/17", "/s..."), ("//s/1.2.3.#", "/..."),
        ("/r/1800000000.abcdefgh.abcdefghabcdefgh.#/jobs/17", "/r..."), ("http://host/s/1.2.3.#/jobs", "(not a path)"),
        ("/so1800000000.abcdefgh.abcdefghabcdefgh.#/jobs/17", "/so1800000000.abcdefg..."), ("*", "(not a path)"),
        ("/api/v1/jobs?q=#", "/api/v1/jobs"), ("/jobs", "/jobs"), ("/jobs/17", "/jobs..."), ("/", "/"),
        ("/assets/0f3a/main.js", "/assets/0f3a/main.js"),
    ]) func `the log has no whole signature`(target: String, logged: String) {
        let signature = String(repeating: "A", count: 43)
        #expect(LinkAddress.loggable(target.replacing("#", with: signature)) == logged)
    }

    @Test func `a link always ends`() throws {
        let scope = try LinkScope(path: "/jobs/17", isPrefix: true)
        for lifetime in [1, NewLink.maximumLifetime] {
            #expect(try NewLink(scope: scope, lifetime: lifetime, as: "").lifetime == lifetime)
        }
        for lifetime in [nil, 0, NewLink.maximumLifetime + 1, .max] {
            #expect(throws: Problem.self) { try NewLink(scope: scope, lifetime: lifetime, as: "x") }
        }
    }
}
