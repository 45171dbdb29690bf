import Foundation
import TestSupport
import Testing

/// `tessera up` with the page: real processes, one cluster at a time.
@Suite(.serialized, .timeLimit(.minutes(5))) struct PrivateClusterPageTests {
    /// The answer to a request of the gateway, asked by curl.
    private func ask(_ home: PrivateClusterHome, _ arguments: String...) async throws -> (status: String, body: String)
    {
        let name = home.path + "/curl-\(UUID().uuidString)"
        let process = try ChildProcess(
            name: "curl", executable: "/usr/bin/curl",
            arguments: ["-s", "-o", name + ".body", "-w", "%{http_code}"] + arguments, environment: [:],
            output: name + ".status", errors: "/dev/null")
        try await process.waitForEnd()
        return (
            (try? String(contentsOfFile: name + ".status", encoding: .utf8)) ?? "",
            (try? String(contentsOfFile: name + ".body", encoding: .utf8)) ?? ""
        )
    }

    private struct Report: Decodable {
        struct Daemon: Decodable {
            var role: String
            var address: String?
            var started: Bool
        }
        var daemons: [Daemon]
        var link: String?
        var remark: String?
    }

    private func up(_ home: PrivateClusterHome, _ arguments: String...) async throws -> Report {
        let outcome = try await home.start(["up", "--json"] + arguments).outcome()
        home.note()
        try #require(outcome.status == 0, "\(outcome)")
        return try JSONDecoder().decode(Report.self, from: Data(outcome.output))
    }

    /// Follows the link as the page does: the page answers, and the code opens one session.
    private func signIn(_ home: PrivateClusterHome, _ link: String) async throws -> String {
        let parts = link.split(separator: "#code=").map(String.init)
        try #require(parts.count == 2, "\(link)")
        let page = try await ask(home, parts[0])
        #expect(page.status == "200" && page.body.contains("<html"), "\(page)")
        let base = try #require(parts[0].split(separator: "/sign-in").first)
        return try await ask(
            home, "-H", "Origin: \(base)", "--json", "{\"code\":\"\(parts[1])\"}", "\(base)/api/v1/session"
        ).status
    }

    @Test func `the page answers at its link, which signs in once, and a second start gives another`() async throws {
        try await PrivateClusterHome.with { home in
            let first = try await up(home)
            #expect(first.daemons.map(\.role) == ["master", "worker", "web"])
            let link = try #require(first.link, "\(first)")
            #expect(try await signIn(home, link) == "201")
            #expect(try await signIn(home, link) == "401")
            // A code is for one person: it is in no file that stays.
            let code = try #require(link.split(separator: "=").last)
            let log = try String(contentsOfFile: home.directory + "/log/web.log", encoding: .utf8)
            #expect(!log.contains(code))
            #expect(access(home.directory + "/link", F_OK) != 0)

            let again = try await up(home)
            #expect(again.daemons.allSatisfy { !$0.started })
            let other = try #require(again.link, "\(again)")
            #expect(other != link)
            #expect(try await signIn(home, other) == "201")
            #expect(try await home.run("down").status == 0)
            #expect(home.survivors == [])
        }
    }

    @Test func `a gateway that was killed comes back at its address`() async throws {
        try await PrivateClusterHome.with { home in
            _ = try await up(home)
            let before = home.running
            let address = try #require(home.record?["web"]?.address)
            try await home.kill("web")
            let again = try await up(home)
            #expect(again.daemons.filter(\.started).map(\.role) == ["web"])
            #expect(home.record?["web"]?.address == address)
            #expect(home.running["master"] == before["master"] && home.running["worker"] == before["worker"])
            #expect(try await signIn(home, try #require(again.link)) == "201")

            // Whether there is a page is asked each time.
            try await home.kill("web")
            let without = try await up(home, "--no-page")
            #expect(without.daemons.map(\.role) == ["master", "worker"] && without.link == nil)
        }
    }

    @Test func `a gateway that cannot start takes down what was started with it, and nothing else`() async throws {
        try await PrivateClusterHome.with { home in
            let taken = try LoopbackListener()
            let port = taken.port
            let failed = try await home.run("up", "--page-port", "\(port)")
            #expect(failed.status == 1, "\(failed)")
            #expect(failed.errors.contains("tessera-web ended with status 64"), "\(failed)")
            #expect(failed.errors.contains("cannot listen on 127.0.0.1:\(port)"), "\(failed)")
            #expect(home.record == nil && home.survivors == [])

            _ = try await home.run("up", "--no-page")
            let before = home.running
            #expect(before.count == 2)
            let second = try await home.run("up", "--page-port", "\(port)")
            #expect(second.status == 1, "\(second)")
            #expect(home.running == before)
        }
    }
}
