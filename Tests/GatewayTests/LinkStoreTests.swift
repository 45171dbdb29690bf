import GatewayLogic
import GatewayStore
import Testing

/// Presigned links and their keys, over real files.
@Suite struct LinkStoreTests {
    private let directory: OwnDirectory
    private let store: WebStore

    init() throws {
        directory = try OwnDirectory()
        store = try WebStore(path: directory.path + "/web.sqlite")
    }

    private func link(
        _ path: String = "/jobs/17/images/3/result", isPrefix: Bool = false, seconds: UInt64 = 60, now: UInt64 = 5000,
        owner: String = "ada"
    ) throws -> LinkRecord {
        let new = try NewLink(scope: try LinkScope(path: path, isPrefix: isPrefix), lifetime: seconds, as: "")
        return try store.createLink(new, owner: owner, now: now)
    }

    private func address(_ path: String) throws -> LinkAddress {
        try #require(LinkAddress(try RequestTarget(parsing: path)), "\(path) is the address of a link")
    }

    /// The code with which a path is refused; `nil` when it opens.
    private func refusal(_ path: String, now: UInt64) throws -> String? {
        do {
            try store.open(try address(path), now: now)
            return nil
        } catch let problem as Problem {
            #expect(problem.status == 403)
            return problem.code
        }
    }

    @Test func `a link opens until it ends, and then says that it has ended`() throws {
        let made = try link(seconds: 60, now: 5001)
        #expect(made.expiresAt == 66_000, "not shorter than asked for")
        #expect(try refusal(made.url, now: 5001) == nil)
        #expect(try refusal(made.url, now: 65_999) == nil)
        #expect(try refusal(made.url, now: 66_000) == "link-expired")
        #expect(try store.links(of: "ada", after: 0, limit: 10).map(\.0.lastUsedAt) == [65_999])
    }

    @Test func `a link opens its own path only, and a prefix what is below it`() throws {
        let one = try link("/jobs/17/images/3/result")
        let job = try link("/jobs/17", isPrefix: true)
        let credential = { (made: LinkRecord) in made.url.dropFirst(3).prefix { $0 != "/" } }
        let opens = { (made: LinkRecord, path: String) in try refusal("/s/\(credential(made))\(path)", now: 6000) == nil
        }
        #expect(try opens(one, "/jobs/17/images/3/result"))
        for path in ["/jobs/17", "/jobs/17/images/3", "/jobs/17/images/2/result", "/jobs/18/images/3/result"] {
            #expect(try !opens(one, path), "\(path)")
        }
        for path in ["/jobs/17", "/jobs/17/images", "/jobs/17/images/9/source", "/jobs/17/results.zip"] {
            #expect(try opens(job, path), "\(path)")
        }
        for path in ["/jobs/1", "/jobs/170", "/jobs/18/results.zip", "/jobs/17/uploads", "/tokens"] {
            #expect(try !opens(job, path), "\(path)")
        }
    }

    @Test func `no changed part of an address opens`() throws {
        let made = try link(seconds: 60)
        let other = try link("/jobs/18/images/3/result", seconds: 60)
        let parts = made.url.dropFirst(3).split(separator: "/", maxSplits: 1)[0].split(separator: ".").map(String.init)
        let others = other.url.dropFirst(3).split(separator: "/", maxSplits: 1)[0].split(separator: ".").map(
            String.init)
        let path = { (parts: [String]) in "/s/\(parts.joined(separator: "."))/jobs/17/images/3/result" }
        #expect(try refusal(path(parts), now: 6000) == nil)
        #expect(try refusal(path(["9999999999"] + parts[1...]), now: 6000) == "link-invalid", "a later end")
        #expect(
            try refusal(path([parts[0], "aaaaaaaa", parts[2], parts[3]]), now: 6000) == "link-invalid", "another key")
        #expect(
            try refusal(path([parts[0], parts[1], others[2], parts[3]]), now: 6000) == "link-invalid", "another id")
        #expect(try refusal(path(others), now: 6000) == "link-invalid", "the signature of another path")
        let none = String(repeating: "A", count: parts[3].count)
        #expect(try refusal(path([parts[0], parts[1], parts[2], none]), now: 6000) == "link-invalid", "a guess")
    }

    @Test func `a link that is revoked opens no more`() throws {
        let made = try link()
        #expect(try store.ownerOfLink(made.id) == "ada")
        #expect(try store.deleteLink(made.id))
        #expect(try refusal(made.url, now: 6000) == "link-invalid")
        #expect(try !store.deleteLink(made.id))
        #expect(try store.ownerOfLink(made.id) == nil)
    }

    @Test func `two keys are good at a time`() throws {
        let first = try link(now: 1000)
        #expect(try store.rotateLinkKey(now: 2000)?.ended == 0)
        let second = try link(now: 2000)
        #expect(try refusal(first.url, now: 3000) == nil, "one rotation ends no link")
        #expect(try refusal(second.url, now: 3000) == nil)
        #expect(try store.rotateLinkKey(now: 4000)?.ended == 1)
        #expect(try refusal(first.url, now: 5000) == "link-invalid")
        #expect(try refusal(second.url, now: 5000) == nil)
        #expect(try store.links(of: "ada", after: 0, limit: 10).map(\.0.id) == [second.id])
    }

    @Test func `keys are replaced in time, and no link ends early by that`() throws {
        let day: UInt64 = 86_400_000
        #expect(try store.rotateLinkKey(ifOlderThan: WebStore.linkKeyAge, now: 0) == nil, "the first key is new")
        let last = try link(seconds: NewLink.maximumLifetime, now: 30 * day - 1)
        #expect(try store.rotateLinkKey(ifOlderThan: WebStore.linkKeyAge, now: 30 * day - 1) == nil)
        #expect(try store.rotateLinkKey(ifOlderThan: WebStore.linkKeyAge, now: 30 * day) != nil)
        #expect(try store.rotateLinkKey(ifOlderThan: WebStore.linkKeyAge, now: 60 * day - 1) == nil)
        #expect(try refusal(last.url, now: 60 * day - 1) == nil)
        #expect(try store.rotateLinkKey(ifOlderThan: WebStore.linkKeyAge, now: 60 * day) != nil)
        #expect(try refusal(last.url, now: 60 * day) != nil)
    }

    @Test func `links are listed for their owners with the addresses that were given`() throws {
        let mine = try link("/jobs/1", isPrefix: true)
        let other = try link("/jobs/2/results.zip", owner: "bob")
        let again = try link("/jobs/1/results.zip")
        #expect(try store.links(of: "ada", after: 0, limit: 10).map(\.0) == [mine, again])
        let all = try store.links(of: nil, after: 0, limit: 2)
        #expect(all.map(\.0) == [mine, other])
        #expect(try store.links(of: nil, after: all[1].1, limit: 2).map(\.0) == [again])
        try store.close()
        let reopened = try WebStore(path: store.path)
        #expect(try reopened.links(of: "ada", after: 0, limit: 10).map(\.0) == [mine, again])
        try reopened.open(try address(mine.url), now: 6000)
    }
}
