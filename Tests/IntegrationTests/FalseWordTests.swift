import Foundation
import JobModel
import MasterClient
import Protocol
import TestSupport
import Testing
import Transport

extension Integration {
    /// Peers that know the secret, and say what is not so.
    @Suite struct `False words` {
        private static let image = TestImage(width: 150, height: 100)

        @Test func `a wrong size in a request harms no blob`() async throws {
            try await Cluster.with(workers: 1, ranks: 1) { cluster in
                let job = try await cluster.submit("invert", [try cluster.file("a.png", Self.image.png)])
                let expected = try Self.image.processedSerially("invert")
                #expect(try await cluster.result(of: job) == expected)
                let image = try await cluster.withMaster { try await $0.images(job).images.first }
                let result = try #require(image?.result)
                let uploads = BlobTransfer(cluster.dialer(), connectionCount: 1)
                defer { uploads.close() }
                let input = try await uploads.put(bytes: Self.image.png)
                for role in [Peer.Role.client, .worker] {
                    let blobs = BlobTransfer(cluster.dialer(as: role), connectionCount: 1)
                    defer { blobs.close() }
                    for byteCount in [result.byteCount + 1, result.byteCount - 1, UInt64(1) << 40] {
                        let said = BlobReference(digest: result.digest, byteCount: byteCount)
                        let refusal = await #expect(throws: MasterRefusal.self) {
                            try await blobs.bytes(of: BlobSlice(blob: said, offset: 0, byteCount: 1))
                        }
                        #expect(refusal?.code == .invalidArgument)
                        #expect(refusal?.message.contains("has \(result.byteCount) bytes") == true)
                    }
                    #expect(try await blobs.bytes(of: BlobSlice(result)) == expected)
                }
                let client = try await cluster.dialer().openControlConnection()
                defer { client.close() }
                client.send(
                    .openJob(
                        .with {
                            $0.token = "a wrong size"
                            $0.submitter = "somebody"
                            $0.pipeline = "invert"
                        }), stream: 1)
                var replies = client.inbound.makeAsyncIterator()
                guard case .jobOpened(let opened) = try await replies.next()?.message.body else {
                    Issue.record("the job was not opened")
                    return
                }
                client.send(
                    .addImages(
                        .with {
                            $0.job = opened.job
                            $0.images = [
                                .with {
                                    $0.name = "a"
                                    $0.input = BlobReference(digest: input.digest, byteCount: input.byteCount + 1).wire
                                }
                            ]
                        }), stream: 2)
                guard case .refused(let refusal) = try await replies.next()?.message.body else {
                    Issue.record("an image was added with a wrong size")
                    return
                }
                #expect(refusal.refusalCode == .invalidArgument)
                let damaged = cluster.path("state/blobs/damaged")
                #expect(try FileManager.default.contentsOfDirectory(atPath: damaged).isEmpty)
                #expect(try await cluster.result(of: job) == expected)
                #expect(try !cluster.text(cluster.master.logFile).contains("damaged"))
            }
        }

        @Test func `what is not a result is delivered to nobody`() async throws {
            try await Cluster.with(workers: 0, ranks: 1) { cluster in
                let file = try cluster.file("a.png", Self.image.png)
                let job = try await cluster.submit("invert", [file])
                let liar = FalseWorker(cluster)
                let text = Array("this is not a PNG".utf8)
                try await liar.answer(1) { lease, _, blobs in
                    let blob = try await blobs.put(bytes: text, recomputable: true, purpose: .task)
                    return .taskFinished(WireTaskFinished(lease: lease, output: TaskOutput(payload: blob)))
                }
                let summary = try await cluster.withMaster { try await $0.job(job) }
                #expect(summary.attemptsFailed == 1 && !summary.isFinal, "\(summary)")
                #expect(try cluster.text(cluster.master.logFile).contains("a worker's report was refused"))
                try cluster.startWorker()
                let expected = try Self.image.processedSerially("invert")
                #expect(try await cluster.result(of: job) == expected)
                // Kept results do not have it either.
                #expect(try await cluster.result(of: try await cluster.submit("invert", [file])) == expected)
            }
        }

        @Test func `a chunk of a wrong length ends its attempt, and no honest worker's connection`() async throws {
            let pipeline = "median size=3 | rotate degrees=90 | sobel"
            try await Cluster.with(workers: 1, ranks: 1, chunkBytes: 9_000) { cluster in
                let liar = FalseWorker(cluster)
                let job = try await cluster.submit(pipeline, [try cluster.file("a.png", Self.image.png)])
                try await liar.answer(1) { lease, _, blobs in
                    // Others have to decode.
                    guard case .chunk = lease.task.step else {
                        return .taskFailed(
                            WireTaskFailed(lease: lease, failure: Failure(.workerError, "no, thank you")))
                    }
                    let blob = try await blobs.put(bytes: [7], recomputable: true, purpose: .task)
                    return .taskFinished(WireTaskFinished(lease: lease, output: TaskOutput(payload: blob)))
                }
                #expect(try await cluster.result(of: job) == Self.image.processedSerially(pipeline))
                let summary = try await cluster.withMaster { try await $0.job(job) }
                #expect(summary.attemptsLost <= 8, "what the liar held when it went: \(summary)")
                #expect(try !cluster.text(cluster.workers[0].logFile).contains("no connection to the master"))
            }
        }

        @Test func `an input that was never synced is, before its job is acknowledged`() async throws {
            try await Cluster.with(workers: 0) { cluster in
                let blobs = BlobTransfer(cluster.dialer(), connectionCount: 1)
                defer { blobs.close() }
                let input = try await blobs.put(bytes: Self.image.png, recomputable: true)
                let name = input.digest.description
                let path = cluster.path("state/blobs/\(name.prefix(2))/\(name.dropFirst(2))")
                func mode() throws -> Int? {
                    try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
                }
                #expect(try mode() == 0o600)
                _ = try await cluster.submit("invert", [try cluster.file("a.png", Self.image.png)])
                #expect(try mode() == 0o400)
            }
        }
    }
}

/// A worker that answers grants as the test says.
private struct FalseWorker {
    private let cluster: Cluster

    init(_ cluster: Cluster) { self.cluster = cluster }

    /// Registers, answers grants until `count` tasks were said to be finished and that was heard, and goes.
    func answer(
        _ count: Int, _ answer: (LeaseID, TaskSpec, BlobTransfer) async throws -> WireControl.OneOf_Body
    ) async throws {
        let dialer = cluster.dialer(as: .worker)
        let connection = try await dialer.openControlConnection()
        defer { connection.close() }
        let blobs = BlobTransfer(dialer, connectionCount: 1)
        defer { blobs.close() }
        connection.send(
            .register(
                .with {
                    ($0.name, $0.slotCount, $0.ranksPerSlot) = ("liar", 4, 1)
                    $0.resultRevision = JobOptions.currentResultRevision
                }))
        var grants = GrantAssembly()
        var told: Set<UInt32> = []
        var heard = 0
        var stream: UInt32 = 0
        for try await (reply, message) in connection.inbound {
            let grant: GrantAssembly.Grant?
            switch message.body {
            case .grantLease(let message): grant = try grants.received(message)
            case .grantInputs(let message): grant = try grants.received(message)
            case .done where told.contains(reply):
                heard += 1
                if heard == count { return }
                continue
            default: continue
            }
            guard case .usable(let lease, let spec)? = grant else { continue }
            stream += 1
            let body = try await answer(lease, spec, blobs)
            if case .taskFinished = body { told.insert(stream) }
            connection.send(body, stream: stream)
        }
    }
}
