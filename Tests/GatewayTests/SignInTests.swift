import Foundation
import GatewayStore
import TestBasics
import Testing

@testable import Gateway

/// Links that sign one browser in.
@Suite struct SignInTests {
    @Test func `a code is good once, and for ten minutes`() throws {
        try withTemporaryDirectory { directory in
            let store = try WebStore(path: directory + "/web.sqlite")
            let code = try store.makeSignInCode(now: 1000)
            #expect(try !store.takeSignInCode("other", now: 1000))
            #expect(try store.takeSignInCode(code, now: 1000 + WebStore.signInLifetime - 1))
            #expect(try !store.takeSignInCode(code, now: 1001))
            let late = try store.makeSignInCode(now: 1000)
            #expect(try !store.takeSignInCode(late, now: 1000 + WebStore.signInLifetime))
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
            #expect(try gateway.takeSignInCode(code, now: 1001))
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
            #expect(try store.takeSignInCode(code, now: UInt64(Date().timeIntervalSince1970 * 1000)))
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
