import Testing

@testable import GatewayLogic

/// The second dialect of uploads.
@Suite struct TusDialectTests {
    @Test(arguments: [
        ("filename Y2F0LnBuZw==", "cat.png"), ("filetype aW1hZ2UvcG5n,filename Y2F0LnBuZw==", "cat.png"),
        ("is_confidential,name w6Q/LnBuZw==", "ä?.png"), ("is_confidential", nil), ("", nil), ("filename", nil),
    ]) func `a file is named in its metadata`(field: String, name: String?) throws {
        #expect(try TusDialect.fileName(inMetadata: field) == name)
    }

    @Test(arguments: ["filename !", "filename /w==", "filename Y2F0LnBuZw===", "filename Y2F0LnBuZx=="])
    func `a name that is not Base64 of UTF-8 is refused`(field: String) {
        #expect(throws: Problem.self) { try TusDialect.fileName(inMetadata: field) }
    }

    @Test func `the body that reaches the end of the file is the last one`() {
        #expect(TusDialect.isLast(offset: 6, contentLength: 4, of: 10))
        #expect(TusDialect.isLast(offset: 10, contentLength: 0, of: 10))
        #expect(!TusDialect.isLast(offset: 5, contentLength: 4, of: 10))
        #expect(!TusDialect.isLast(offset: 7, contentLength: 4, of: 10))
        #expect(!TusDialect.isLast(offset: 0, contentLength: 11, of: 10))
        #expect(!TusDialect.isLast(offset: 6, contentLength: nil, of: 10))
        #expect(!TusDialect.isLast(offset: 6, contentLength: 4, of: nil))
    }

    @Test func `another version of the protocol is refused, naming this one`() {
        let problem = #expect(throws: Problem.self) { try TusDialect.check(version: "0.2.2") }
        #expect(problem?.status == 412)
        #expect(problem?.headers.contains { $0 == ("Tus-Version", "1.0.0") } == true)
    }
}
