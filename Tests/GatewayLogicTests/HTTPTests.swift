import GatewayLogic
import JSONText
import SeededRandom
import Testing

/// Parts of requests.
@Suite struct HTTPTests {
    @Test(arguments: [
        ("bytes=0-0", ByteRange.part(0..<1)), ("bytes=5-", .part(5..<10)), ("bytes=-3", .part(7..<10)),
        ("bytes=2-99", .part(2..<10)), ("Bytes = 2-3", .part(2..<4)), ("bytes=-99", .part(0..<10)),
        ("bytes=10-", .unsatisfiable), ("bytes=-0", .unsatisfiable), ("bytes=99999999999999999999999-", .unsatisfiable),
        // Not a range that is understood: all of the file.
        ("bytes=3-2", .whole), ("bytes=a-b", .whole), ("lines=0-1", .whole), ("bytes=0-1,4-5", .whole),
        ("bytes=-", .whole),
        ("", .whole),
    ]) func `a range is cut to the file`(field: String, range: ByteRange) {
        #expect(ByteRange(field, of: 10) == range)
    }

    @Test func `no range is within an empty file`() {
        #expect(ByteRange("bytes=0-", of: 0) == .unsatisfiable)
        #expect(ByteRange("bytes=-1", of: 0) == .unsatisfiable)
        #expect(ByteRange(nil, of: 0) == .whole)
    }

    @Test func `paths and queries are decoded once`() throws {
        let target = try RequestTarget(parsing: "/a%20b/%2Fc/?q=%25+x&limit=7&empty=")
        #expect(target.segments == ["a b", "/c", ""])
        #expect(target.value("q") == "%+x")
        #expect(target.value("empty") == nil)
        #expect(try target.integer("limit", in: 1...9) == 7)
        #expect(throws: Problem.self) { try target.integer("limit", in: 1...6) }
        #expect(throws: Problem.self) { try RequestTarget(parsing: "/jobs?limit=").integer("limit", in: 1...6) }
        #expect(try RequestTarget(parsing: "/jobs?state=").integer("limit", in: 1...6) == nil)
    }

    @Test func `a choice of the query is one of those that there are, or left out`() throws {
        func choice(_ query: String) throws -> String? {
            try RequestTarget(parsing: "/uploads" + query).choice("state", of: ["receiving", "complete", "rejected"])
        }
        #expect(try choice("?state=complete") == "complete")
        #expect(try choice("?limit=1") == nil)
        for wrong in ["?state=", "?state", "?state=other", "?state=complete,rejected"] {
            let problem = #expect(throws: Problem.self) { try choice(wrong) }
            #expect(problem?.status == 422)
            #expect(problem?.detail.hasSuffix("it is receiving, complete or rejected") == true)
        }
    }

    @Test(arguments: [
        "/?q=a&q=b", "/?since=&since=true", "/?a&%61", "", "a", "/%", "/%2", "/%zz", "/%ff", "/a%00b", "http://x/",
    ])
    func `a target that is not a path of UTF-8, or names something twice, is refused`(text: String) {
        #expect(throws: Problem.self) { _ = try RequestTarget(parsing: text) }
    }

    @Test(arguments: [
        ("attachment; filename=\"a.png\"", "a.png"),
        ("attachment; filename*=UTF-8''%e2%82%ac.png; filename=\"x\"", "€.png"),
        ("attachment; filename=\"a\\\"b;c.png\"", "a\"b;c.png"), ("inline; filename=plain.png", "plain.png"),
    ]) func `a file's name is read from its disposition`(field: String, name: String) {
        #expect(FieldValues.fileName(inDisposition: field) == name)
    }

    @Test(arguments: ["a.png", "\"><img src=x onerror=alert(1)>.png", "é\r\nSet-Cookie: a=b", "日本.png", "a;b\\c.png"])
    func `a disposition gives back the name it was made of, on one line`(name: String) {
        let field = FieldValues.disposition("attachment", fileName: name)
        #expect(FieldValues.fileName(inDisposition: field) == name)
        #expect(!field.contains { $0.isNewline })
        let isASCII = field.utf8.allSatisfy { $0 < 0x80 }
        #expect(isASCII)
    }

    @Test func `structured fields are read strictly`() {
        #expect(FieldValues.boolean("?1") == true)
        #expect(FieldValues.boolean(" ?0;a=b") == false)
        #expect(FieldValues.boolean("1") == nil)
        #expect(FieldValues.count("123") == 123)
        for text in ["-1", "1.0", "", "0x1", "1234567890123456", "１"] { #expect(FieldValues.count(text) == nil) }
    }

    @Test func `entity tags match by their opaque part`() {
        #expect(FieldValues.hasTag("\"a\"", in: "\"b\", W/\"a\""))
        #expect(FieldValues.hasTag("\"a\"", in: "*"))
        #expect(!FieldValues.hasTag("\"a\"", in: "\"aa\""))
    }

    @Test func `only waiting counts against a peer that sends slowly`() {
        var rate = BodyRate()
        rate.asked(at: .seconds(0))
        rate.arrived(100, at: .seconds(9))
        // The disk takes a minute.
        rate.asked(at: .seconds(69))
        #expect(!rate.isTooSlow(at: .milliseconds(69_900)))
        #expect(rate.isTooSlow(at: .milliseconds(70_100)))
        rate.arrived(BodyRate.leastByteCount, at: .milliseconds(70_000))
        rate.asked(at: .seconds(70))
        #expect(!rate.isTooSlow(at: .seconds(79)))
    }

    @Test func `random bytes are refused or read, and never more`() throws {
        var random = SeededGenerator(seed: 4)
        let alphabet = Array("{}[]\",:0123456789.eE+-truefalsn \\u00/d\u{00e9}=;?%bytes".utf8)
        for _ in 0..<20_000 {
            let bytes = (0..<Int.random(in: 0...24, using: &random)).map { _ in
                alphabet[Int.random(in: 0..<alphabet.count, using: &random)]
            }
            if let json = try? JSON(parsing: bytes) {
                // What was read is written so that it reads the same.
                #expect(try JSON(parsing: Array(json.text.utf8)).text == json.text)
            }
            let text = String(decoding: bytes, as: UTF8.self)
            if case .part(let range) = ByteRange(text, of: 1000) { #expect(!range.isEmpty && range.upperBound <= 1000) }
            _ = try? RequestTarget(parsing: "/" + text)
            _ = FieldValues.fileName(inDisposition: text)
            _ = EventID(text)
            _ = ImageName(text)
        }
    }
}

/// JSON as requests have it.
@Suite struct JSONParserTests {
    @Test func `values are read as they are`() throws {
        let text = #"{"a":[1,-2.5,true,null,"x\u00e9\n\ud83d\ude00"],"b":{"c":1e3}}"#
        let json = try JSON(parsing: Array(text.utf8))
        #expect(json == ["a": [.integer(1), .number(-2.5), .bool(true), .null, "xé\n😀"], "b": ["c": .number(1000)]])
    }

    @Test(arguments: [
        "", "{", "[1,]", "{\"a\":1,\"a\":2}", "01", "1.", "+1", "nul", "\"\\x\"", "\"\\ud800\"", "\"a", "[1] 2",
        "{a:1}",
        "\"\u{1}\"", "1e999", "'a'", "[1 2]",
    ]) func `what is not JSON is refused`(text: String) {
        #expect(throws: MalformedJSON.self) { _ = try JSON(parsing: Array(text.utf8)) }
    }

    @Test func `bytes that are not UTF-8 are refused`() {
        #expect(throws: MalformedJSON.self) { _ = try JSON(parsing: [0x22, 0xff, 0x22]) }
    }

    @Test func `nesting has a limit`() {
        let deep = { (count: Int) in
            Array(repeating: UInt8(ascii: "["), count: count) + Array(repeating: UInt8(ascii: "]"), count: count)
        }
        #expect(throws: Never.self) { _ = try JSON(parsing: deep(JSON.maximumDepth)) }
        #expect(throws: MalformedJSON.self) { _ = try JSON(parsing: deep(JSON.maximumDepth + 1)) }
        #expect(throws: MalformedJSON.self) { _ = try JSON(parsing: deep(1_000_000)) }
    }
}

/// Codings that a client takes.
@Suite struct AcceptedEncodingTests {
    @Test(arguments: [
        ("gzip", true), ("gzip, deflate, br, zstd", true), ("br;q=1.0, GZIP;q=0.5", true), ("*", true),
        ("x-gzip", true),
        ("gzip;q=0", false), ("gzip;q=0.000, *", false), ("*;q=0", false), ("identity", false), ("", false),
        ("br", false),
        ("gzip;q=x", false), ("gzipped", false), (" , gzip ; q=0.1", true),
    ]) func `gzip is sent to those who take it`(field: String, isTaken: Bool) {
        #expect(FieldValues.acceptsGzip(field) == isTaken)
    }

    @Test func `without the field nothing is compressed`() { #expect(!FieldValues.acceptsGzip(nil)) }
}
