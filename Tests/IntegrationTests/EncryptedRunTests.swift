import Foundation
import Glibc
import TestSupport
import Testing
import Transport

extension Integration {
    /// A cluster whose connections are encrypted, though they are of one machine.
    @Suite(.clusterLogs) struct `Encrypted clusters` {
        @Test func `a job ends right although a worker is killed`() async throws {
            try await Cluster.with(workers: 2, ranks: 1, chunkBytes: 64 << 10, encryption: .always) { cluster in
                let image = TestImage(width: 1200, height: 900)
                let job = try await cluster.submit("median size=9", [try cluster.file("photo.png", image.png)])
                _ = try await cluster.waitForBusyRank(of: cluster.workers[0])
                try await cluster.workers[0].kill()
                #expect(try await cluster.result(of: job) == image.processedSerially("median size=9"))
            }
        }

        /// A listener on the network sees no message, no name and no picture.
        @Test func `nothing of a job is seen on the way`() async throws {
            let name = "an-unusual-name-for-a-picture.png"
            let words = ["TESSERA", "IHDR", "IDAT", name, "gaussian-blur"]
            func seen(_ encryption: Encryption) async throws -> Set<String> {
                try await Cluster.with(workers: 0, ranks: 1) { cluster in
                    let tap = try await Tap(to: cluster.endpoint)
                    defer { tap.stop() }
                    let place = Endpoint(host: "127.0.0.1", port: tap.port)
                    try cluster.startWorker(["--tls", encryption.rawValue], through: place)
                    let file = try cluster.file(name, TestImage(width: 200, height: 100).png)
                    let run = try cluster.start(
                        [
                            "run", "gaussian-blur sigma=2", file, "-o", cluster.path("out.png"), "--tls",
                            encryption.rawValue,
                        ],
                        through: place)
                    let outcome = try await run.outcome()
                    try #require(outcome.status == 0, "\(outcome)")
                    let bytes = tap.bytes
                    #expect(bytes.count > 10_000)
                    return Set(words.filter { bytes.firstRange(of: Data($0.utf8)) != nil })
                }
            }
            // What is looked for is there when it is not hidden.
            #expect(try await seen(.never) == Set(words))
            #expect(try await seen(.always).isEmpty)
        }

        @Test func `a master that demands encryption says so to who does not`() async throws {
            try await Cluster.with(workers: 0, encryption: .always, masterArguments: ["--tls", "on"]) { cluster in
                let refused = try await cluster.run("jobs", "--tls", "off", "--reconnect-timeout", "0s")
                #expect(refused.status == 5)
                #expect(refused.errors.contains("set tls to auto or on here"), "\(refused)")
                #expect(try await cluster.run("jobs", "--tls", "on").status == 0)
            }
        }

        /// Another program's TLS finds version 1.3 and nothing older.
        @Test func `openssl finds TLS 1.3, and no older version`() async throws {
            try await Cluster.with(workers: 0) { cluster in
                func client(_ options: String...) throws -> String {
                    let process = Process()
                    process.executableURL = URL(fileURLWithPath: "/usr/bin/openssl")
                    process.arguments = ["s_client", "-connect", "\(cluster.endpoint)", "-brief"] + options
                    let pipe = Pipe()
                    process.standardInput = FileHandle.nullDevice
                    process.standardOutput = pipe
                    process.standardError = pipe
                    try process.run()
                    let output = try pipe.fileHandleForReading.readToEnd() ?? Data()
                    process.waitUntilExit()
                    return String(decoding: output, as: UTF8.self)
                }
                let newest = try client()
                #expect(newest.contains("Protocol version: TLSv1.3"))
                let older = try client("-tls1_2")
                #expect(older.contains("alert protocol version"))
            }
        }
    }
}
