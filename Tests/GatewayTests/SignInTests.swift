import Foundation
import GatewayLogic
import TestBasics
import Testing

@testable import Gateway
@testable import GatewayStore

/// Links that sign one browser in.
@Suite struct SignInTests {
    @Test func `a code is good once, and for ten minutes`() throws {
        try withTemporaryDirectory { directory in
            let store = try WebStore(path: directory + "/web.sqlite")
            let code = try store.makeSignInCode(now: 1000)
            #expect(try store.openSession(code: "other", now: 1000) == nil)
            let end = 1000 + WebStore.signInLifetime
            let opened = try #require(try store.openSession(code: code, now: end - 1))
            let caller = try store.caller(session: opened.cookie, now: end)
            #expect(caller.name == "local" && caller.role == .admin && caller.tokenID == opened.caller.tokenID)
            #expect(try store.openSession(code: code, now: 1001) == nil)
            let late = try store.makeSignInCode(now: 1000)
            #expect(try store.openSession(code: late, now: end) == nil)
        }
    }

    /// A store of a gateway into which a browser has signed in by a link, at the time 1000, and the session's cookie.
    private func withBrowser(_ body: (_ store: WebStore, _ cookie: String) throws -> Void) throws {
        try withTemporaryDirectory { directory in
            let store = try WebStore(path: directory + "/web.sqlite")
            let opened = try #require(try store.openSession(code: store.makeSignInCode(now: 1000), now: 1000))
            try body(store, opened.cookie)
        }
    }

    /// The names in the database, also those that lists leave out.
    private func storedNames(_ store: WebStore) throws -> [String] {
        try store.read { try $0.rows("SELECT name FROM token") { $0.text(at: 0) ?? "" } }
    }

    @Test func `what a link made ends when its browser signs out`() throws {
        try withBrowser { store, cookie in
            let listed = try store.tokens(now: 1001)
            #expect(listed.map(\.isSignIn) == [true])
            #expect(listed.first?.lastUsedAt == 1000 && listed.first?.expiresAt == 1000 + WebStore.sessionIdle)
            try store.closeSession(cookie)
            #expect(try storedNames(store) == [])
        }
    }

    @Test func `what a link made ends with a session that nobody uses, and no other token does`() throws {
        try withBrowser { store, cookie in
            let (record, text) = try store.createToken(name: "local", role: .admin, expiresAt: nil, now: 1000)
            let ada = try store.caller(token: text, now: 1000)
            let own = try store.openSession(for: ada, now: 1000)
            try store.closeSession(own)
            #expect(try store.tokens(now: 1000).map(\.isSignIn).count == 2)
            let later = 1000 + WebStore.sessionIdle
            #expect(try store.tokens(now: later).map(\.id) == [record.id])
            #expect(throws: Problem.self) { try store.caller(session: cookie, now: later) }
            // The next sign-in, by a link or a token, leaves nothing of it.
            _ = try store.openSession(for: ada, now: later + 1)
            #expect(try storedNames(store) == ["local"])
        }
    }

    @Test func `a browser that a link signed in is signed out when its token is revoked`() throws {
        try withBrowser { store, cookie in
            let id = try #require(try store.tokens(now: 1001).first?.id)
            #expect(try store.deleteToken(id))
            #expect(throws: Problem.self) { try store.caller(session: cookie, now: 1001) }
        }
    }

    @Test func `codes of other processes count, and are not in the file`() throws {
        try withTemporaryDirectory { directory in
            let gateway = try WebStore(path: directory + "/web.sqlite")
            let command = try WebStore(path: directory + "/web.sqlite")
            let code = try command.makeSignInCode(now: 1000)
            try command.close()
            for name in try TestFiles.names(in: directory) {
                let bytes = Data(try contents(directory + "/" + name))
                #expect(bytes.range(of: Data(code.utf8)) == nil, "\(name)")
            }
            #expect(try gateway.openSession(code: code, now: 1001) != nil)
        }
    }

    @Test func `a link is made only for a gateway that runs, and that gives links`() throws {
        try withTemporaryDirectory { directory in
            func reason() -> String {
                do {
                    return try SignInLink(stateDirectory: directory).make()
                } catch {
                    return "\(error)"
                }
            }
            #expect(reason().contains("no gateway runs"))
            let store = try WebStore(path: directory + "/web.sqlite")
            try SignInLink(base: "http://127.0.0.1:1", store: store).announce(in: directory)
            // What an earlier gateway left.
            #expect(reason().contains("no gateway runs"))
            let lock = try StateLock(directory: directory)
            let link = reason()
            #expect(link.hasPrefix("http://127.0.0.1:1/sign-in#code="))
            let code = try #require(link.split(separator: "=").last.map(String.init))
            #expect(try store.openSession(code: code, now: UInt64(Date().timeIntervalSince1970 * 1000)) != nil)
            SignInLink.withdraw(in: directory)
            #expect(reason().contains("tessera-web token create"))
            withExtendedLifetime(lock) {}
        }
    }

    @Test func `the page of a build is that of its sources, and an installed one comes first`() {
        func place(_ there: String...) -> String {
            GatewaySettings.usualShareDirectory {
                "/x/" + $0
            } exists: {
                there.contains($0)
            }
        }
        #expect(place() == "/x/../share/tessera")
        #expect(place("/x/../../../share/tessera/openapi.json") == "/x/../../../share/tessera")
        #expect(
            place("/x/../share/tessera/openapi.json", "/x/../../../share/tessera/openapi.json") == "/x/../share/tessera"
        )
    }
}
