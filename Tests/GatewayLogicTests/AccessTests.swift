import GatewayLogic
import GatewayStore
import JSONText
import Testing

/// Rights of roles, and the origins of requests.
@Suite struct AccessTests {
    @Test func `each role has the rights of those before it`() throws {
        for role in Role.allCases {
            let caller = Caller(name: "ada", role: role, tokenID: "t", isSession: false, expiresAt: nil)
            for least in Role.allCases {
                let isAllowed = (try? caller.requires(least, for: "this")) != nil
                #expect(isAllowed == (role >= least), "\(role) asks for what needs \(least)")
            }
        }
    }

    @Test func `the jobs of others are an operator's business`() {
        let submitter = Caller(name: "ada", role: .submitter, tokenID: "t", isSession: false, expiresAt: nil)
        #expect(throws: Never.self) { try submitter.requires(own: "ada", for: "cancelling a job") }
        #expect(throws: Problem.self) { try submitter.requires(own: "bob", for: "cancelling a job") }
        let op = Caller(name: "ada", role: .operator, tokenID: "t", isSession: false, expiresAt: nil)
        #expect(throws: Never.self) { try op.requires(own: "bob", for: "cancelling a job") }
    }

    @Test(arguments: [
        // A cookie, and nothing, our own page, another page, a page that the person typed.
        (true, String?.none, String?.none, false), (true, "same-origin", nil, true), (true, "cross-site", nil, false),
        (true, "same-site", nil, false), (true, "none", nil, false), (true, nil, "http://127.0.0.1:7480", true),
        (true, nil, "http://evil.example", false), (true, nil, "null", false),
        (true, "cross-site", "http://127.0.0.1:7480", false),
        // A bearer token is never sent unasked.
        (false, "cross-site", "http://evil.example", true),
    ]) func `a cookie counts only on requests of our own page`(
        isSession: Bool, fetchSite: String?, origin: String?, isAllowed: Bool
    ) {
        let check = OriginCheck(hosts: ["127.0.0.1:7480"])
        let passes =
            (try? check.check(isSafe: false, isSession: isSession, fetchSite: fetchSite, origin: origin)) != nil
        #expect(passes == isAllowed)
        #expect(throws: Never.self) {
            try check.check(isSafe: true, isSession: isSession, fetchSite: fetchSite, origin: origin)
        }
    }

    @Test func `a host that is not ours is refused`() {
        let check = OriginCheck(hosts: ["Gateway.example:443"])
        #expect(throws: Never.self) { try check.checkHost("gateway.EXAMPLE:443") }
        for host in [nil, "", "gateway.example", "evil.example", "127.0.0.1:7480"] {
            #expect(throws: Problem.self) { try check.checkHost(host) }
        }
    }

    @Test func `a credential is read back and matches only its own digest`() throws {
        let credential = Credential()
        let text = credential.text(prefix: "tsw")
        let read = try #require(Credential(parsing: text, prefix: "tsw"))
        #expect(read == credential)
        #expect(read.matches(credential.digest))
        #expect(!Credential().matches(credential.digest))
        for bad in ["", "tsw", "tss" + text.dropFirst(3), text + "a", String(text.dropLast()), text.uppercased()] {
            #expect(Credential(parsing: bad, prefix: "tsw") == nil)
        }
    }

    @Test func `a cursor is good for its own list only`() throws {
        let key = CursorKey([UInt8](repeating: 7, count: 32))
        let cursor = key.cursor(12_345, of: "jobs\nstate=done")
        #expect(try key.position(cursor, of: "jobs\nstate=done") == 12_345)
        #expect(throws: Problem.self) { try key.position(cursor, of: "jobs") }
        #expect(throws: Problem.self) { try CursorKey([1]).position(cursor, of: "jobs\nstate=done") }
        #expect(throws: Problem.self) { try key.position("1" + cursor, of: "jobs\nstate=done") }
    }

    @Test func `a path is found with its values, and another method is told which there are`() throws {
        let (route, values) = try Route.find("GET", ["jobs", "17", "images", "3", "result"])
        #expect(route.action == .result)
        #expect(values == ["job": "17", "image": "3"])
        #expect(try Route.find("HEAD", ["jobs", "17"]).route.action == .job)
        #expect(try Route.find("HEAD", ["uploads", "x"]).route.action == .uploadOffset)
        let problem = try #require(throws: Problem.self) { try Route.find("PUT", ["jobs"]) }
        #expect(problem.status == 405)
        #expect(problem.headers.contains { $0.name == "Allow" && $0.value == "GET, HEAD, POST" })
        #expect(throws: Problem.self) { try Route.find("GET", ["nothing"]) }
        #expect(throws: Problem.self) { try Route.find("GET", ["jobs", ""]) }
    }

    @Test func `every action has exactly one route`() {
        #expect(
            Route.all.map(\.action).sorted { $0.rawValue < $1.rawValue }
                == Action.allCases.sorted { $0.rawValue < $1.rawValue })
    }
}

/// Bodies of requests.
@Suite struct RequestBodyTests {
    private func job(_ text: String) throws -> NewJob { try NewJob(try JSON(parsing: Array(text.utf8))) }

    @Test func `a job is read`() throws {
        let new = try job(
            #"{"pipeline":"invert","priority":5,"images":[{"upload":"x"},{"name":"a","size":3,"fingerprint":"f"},{"source":"17.3"}],"options":{"encoding":"jpeg"}}"#
        )
        #expect(new.priority == 5)
        #expect(new.sealsWhenComplete)
        #expect(
            new.images.map(\.origin) == [
                .upload("x"), .promise(byteCount: 3, fingerprint: "f"), .source(ImageName(job: 17, index: 3)),
            ])
        #expect(new.options.encoding == "jpeg")
    }

    @Test(arguments: [
        (#"{}"#, "/pipeline"), (#"[]"#, ""), (#"{"pipeline":1}"#, "/pipeline"), (#"{"pipeline":"invert"}"#, "/images"),
        (#"{"pipeline":"invert","images":[{"name":"a"}]}"#, "/images/0"),
        (#"{"pipeline":"invert","images":[{"name":"a","size":0}]}"#, "/images/0/size"),
        (#"{"pipeline":"invert","images":[{"size":1}]}"#, "/images/0/name"),
        (#"{"pipeline":"invert","images":[{"upload":"x","size":1}]}"#, "/images/0"),
        (#"{"pipeline":"invert","images":[{"source":"17"}]}"#, "/images/0/source"),
        (#"{"pipeline":"invert","images":[{"upload":"x","z/~":1}]}"#, "/images/0/z~1~0"),
        (#"{"pipeline":"invert","seal":"later"}"#, "/seal"), (#"{"pipeline":"invert","priority":101}"#, "/priority"),
        (#"{"pipeline":"invert","seal":"never","options":{"attempts":1.5}}"#, "/options/attempts"),
        (#"{"pipeline":"invert","seal":"never","what":1}"#, "/what"),
    ]) func `a wrong job is refused at its place`(text: String, pointer: String) throws {
        let problem = try #require(throws: Problem.self) { _ = try job(text) }
        #expect(problem.status == 422)
        #expect(problem.errors.map(\.pointer) == [pointer])
    }

    @Test func `dead letters are named one by one, or counted`() throws {
        let named = try DeadLetterRequest(try JSON(parsing: Array(#"{"images":["17.3","17.0"]}"#.utf8)))
        #expect(named == .images([ImageName(job: 17, index: 3), ImageName(job: 17, index: 0)]))
        let counted = try DeadLetterRequest(try JSON(parsing: Array(#"{"filter":{"job":17},"count":2}"#.utf8)))
        #expect(counted == .matching(job: 17, count: 2))
        for bad in [
            #"{}"#, #"{"images":[]}"#, #"{"filter":{}}"#, #"{"images":["17"]}"#, #"{"images":["1.2"],"count":1}"#,
        ] {
            #expect(throws: Problem.self) { _ = try DeadLetterRequest(try JSON(parsing: Array(bad.utf8))) }
        }
    }
}
