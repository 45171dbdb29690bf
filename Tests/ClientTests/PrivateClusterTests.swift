import Foundation
import PrivateCluster
import TestBasics
import Testing

@testable import Client

/// Where commands find a master, and what `up` and `down` say.
@Suite struct PrivateClusterTests {
    /// Passes an environment in which a private cluster is up.
    private func withCluster<Result>(_ body: ([String: String]) async throws -> Result) async throws -> Result {
        try await withTemporaryDirectory { home in
            let environment = ["HOME": home, "XDG_STATE_HOME": home + "/state"]
            let places = try #require(ClusterPlaces(environment: environment))
            try FileManager.default.createDirectory(atPath: places.directory, withIntermediateDirectories: true)
            let record = ClusterRecord(bootID: "b", addresses: [.master: "127.0.0.1:4711"])
            try TestFiles.write(record.text, to: places.record)
            return try await body(environment)
        }
    }

    private func settings(
        _ flags: [(name: String, value: String?)] = [], _ environment: [String: String], exists: Set<String> = []
    ) async throws -> ClientSettings {
        try await ClientSettings(flags: flags, environment: environment) { exists.contains($0) }
    }

    @Test func `the private cluster is found where no other is named`() async throws {
        try await withCluster { environment in
            let found = try await settings([], environment)
            #expect("\(found.masters)" == "127.0.0.1:4711")
            #expect(found.secretFile == environment["XDG_STATE_HOME"].map { $0 + "/tessera/private/secret" })
            #expect(found.masterOrigin == .privateCluster)
            // A secret in its usual place names no cluster.
            let usual = (environment["HOME"] ?? "") + "/.config/tessera/secret"
            let other = try await settings([], environment, exists: [usual])
            #expect(other.masterOrigin == .privateCluster && other.secretFile == found.secretFile)
        }
    }

    @Test func `option, environment and settings file come first`() async throws {
        try await withCluster { environment in
            let option = try await settings([("master", "a:1")], environment)
            #expect("\(option.masters)" == "a:1" && option.masterOrigin == .given)
            let variable = try await settings([], environment.merging(["TESSERA_MASTER": "b:2"]) { $1 })
            #expect("\(variable.masters)" == "b:2" && variable.masterOrigin == .given)
            let file = try #require(environment["HOME"]) + "/client.yaml"
            try TestFiles.write("master: c:3\n", to: file)
            let named = try await settings([("config", file)], environment)
            #expect("\(named.masters)" == "c:3" && named.masterOrigin == .given)
            let secret = try await settings([("secret-file", "/s")], environment)
            #expect("\(secret.masters)" == "127.0.0.1:7400" && secret.secretFile == "/s")
            #expect(secret.masterOrigin == .given)
        }
    }

    @Test func `without any, the built-in address and a way out are left`() async throws {
        let settings = try await settings([], ["HOME": "/nonexistent"])
        #expect("\(settings.masters)" == "127.0.0.1:7400" && settings.masterOrigin == .builtIn)
        #expect(settings.masterOrigin.advice?.contains("'tessera up'") == true)
    }

    @Test(arguments: [
        (["up", "--port", "0"], "1 to 65535"), (["up", "--page-port", "65536"], "1 to 65535"),
        (["up", "--no-page", "--page-port", "1"], "--no-page"), (["down", "--yes"], "--purge"),
    ]) func `a wrong command line is refused before anything is done`(_ words: [String], _ part: String) {
        let error = #expect(throws: (any Error).self) { try Tessera.parseAsRoot(words) }
        #expect(error.map { Tessera.message(for: $0).contains(part) } == true)
    }

    @Test func `what was started, what ran before and what is missing is said`() {
        var report = PrivateCluster.Report(
            daemons: [
                .init(role: .master, pid: 1, address: "127.0.0.1:4000", isNew: false),
                .init(role: .worker, pid: 2, address: nil, isNew: true),
            ], link: nil, remark: "there is no page")
        let places = ClusterPlaces(directory: "/s")
        #expect(
            report.text(places) == """
                the private cluster is up again
                  master   127.0.0.1:4000, process 1, was running
                  worker   process 2
                  state    /s
                  logs     /s/log
                there is no page
                'tessera down' ends it.

                """)
        report.link = "http://127.0.0.1:1/sign-in#code=x"
        #expect(report.text(places).contains("  page     http://127.0.0.1:1/sign-in#code=x\n"))
        #expect(report.text(places).contains("once, within ten minutes"))
    }
}
