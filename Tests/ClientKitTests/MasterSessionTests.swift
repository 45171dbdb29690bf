import JobModel
import MasterClient
import Synchronization
import Testing
import Transport

@testable import ClientKit

@Suite struct MasterSessionTests {
    @Test func `a master that was never there is given up at once`() async throws {
        let refused = TransportError(.refused, "nothing is listening on 127.0.0.1:7400")
        let dials = Mutex(0)
        await #expect(throws: refused) {
            try await TestSession.with(
                ModelMaster(),
                dial: { _ in
                    dials.withLock { $0 += 1 }
                    throw refused
                }
            ) { test in
                _ = try await test.session.perform { try await $0.workers() }
            }
        }
        #expect(dials.withLock { $0 } == 1)
        #expect(ClientError(refused).kind == .unreachable)
    }

    @Test(arguments: [TransportError.Code.closed, .handshakeTimeout])
    func `a master whose first handshake breaks off is tried again`(code: TransportError.Code) async throws {
        let master = ModelMaster()
        let dials = Mutex(0)
        try await TestSession.with(
            master,
            dial: { body in
                let isFirst = dials.withLock { dials in
                    dials += 1
                    return dials == 1
                }
                if isFirst { throw TransportError(code, "the handshake was not through") }
                await body(master)
            }
        ) { test in
            _ = try await test.session.perform { try await $0.workers() }
            #expect(test.events.first == .lost(reason: "the handshake was not through", reconnectTimeout: .seconds(60)))
        }
        #expect(dials.withLock { $0 } == 2)
    }

    @Test func `dead letters of an image that the job does not have are refused with its images`() async throws {
        let bytes = Array("image".utf8)
        let master = ModelMaster { $0.blobs[BlobReference(to: bytes).digest] = bytes }
        try await TestSession.with(master) { test in
            let session = test.session
            let input = BlobReference(to: bytes)
            let job = try await master.openJob(JobRequest(pipeline: "invert", submitter: "ada")).job
            try await master.addImages([NewImage(name: "a.png", input: input)], to: job, firstIndex: 0)
            let (there, missing) = (ImageID(job: job, index: 0), ImageID(job: job, index: 9))
            let error = ClientError("not-found", "job \(job) has images 0 to 0, but no image 9")
            await #expect(throws: error) { try await session.deadLetters(of: .image(missing)) }
            await #expect(throws: error) { try await session.deadLetter(missing) }
            await #expect(throws: error) { try await session.redrive(.image(missing)) }
            await #expect(throws: error) { try await session.purge(.image(missing)) }
            #expect(try await session.deadLetters(of: .image(there)) == [])
            #expect(try await session.redrive(.image(there)) == 0)
        }
    }

    @Test func `a lost master is tried again until the reconnect timeout`() async throws {
        let master = ModelMaster { $0.breaks = [.before("workers")] }
        let dials = Mutex(0)
        let error = await #expect(throws: MasterUnreachable.self) {
            try await TestSession.with(
                master, reconnectTimeout: .seconds(10),
                dial: { body in
                    if dials.withLock({
                        $0 += 1; return $0
                    }) > 1 {
                        throw TransportError(.refused, "nothing is listening")
                    }
                    await body(master)
                }
            ) { test in
                _ = try await test.session.perform { try await $0.workers() }
            }
        }
        #expect(error?.reason.contains("the connection was reset") == true)
        let described = error.map { ClientError($0) }
        #expect(described?.kind == .unreachable)
        #expect(described?.message.contains("has not been reachable for 10 s: ") == true)
        // Backoff: at most three seconds a pause, so at least a few attempts.
        #expect(dials.withLock { $0 } >= 4)
    }

    @Test func `a wrong secret ends an outage at once`() async throws {
        let master = ModelMaster { $0.breaks = [.before("workers")] }
        let badSecret = TransportError(.badSecret, "the secret is another one")
        let dials = Mutex(0)
        await #expect(throws: badSecret) {
            try await TestSession.with(
                master,
                dial: { body in
                    if dials.withLock({
                        $0 += 1; return $0
                    }) > 1 {
                        throw badSecret
                    }
                    await body(master)
                }
            ) { test in
                _ = try await test.session.perform { try await $0.workers() }
            }
        }
        #expect(ClientError(badSecret).kind == .notAuthorised)
    }

    @Test func `requests that lose one connection together make one new one`() async throws {
        let master = ModelMaster { $0.breaks = Array(repeating: .before("workers"), count: 5) }
        let dials = Mutex(0)
        try await TestSession.with(
            master,
            dial: { body in
                dials.withLock { $0 += 1 }
                await body(master)
            }
        ) { test in
            try await forEach(Array(0..<5), atOnce: 5) { _ in
                _ = try await test.session.perform { try await $0.workers() }
            }
            #expect(test.events.count { if case .lost = $0 { true } else { false } } == 1)
        }
        // One for the start, and one for each wave of losses; never one for each request's every loss and its neighbours'.
        #expect(dials.withLock { $0 } <= 6)
    }

    @Test func `a request under which another one closed the lost connection is made again`() async throws {
        let master = ModelMaster { $0.breaks = [.before("workers")] }
        try await TestSession.with(master) { test in
            let session = test.session
            let retries = try await session.perform { _, retry in
                if retry == 0 {
                    // It finds the connection lost; the session closes it and makes another.
                    _ = try await session.perform { try await $0.workers() }
                    throw ConnectionClosed(.local, "the blob transfer was closed")
                }
                return retry
            }
            #expect(retries == 1)
        }
    }

    @Test func `a connection that answers nothing does not count as recovered`() async throws {
        let master = ModelMaster { $0.breaks = Array(repeating: .before("workers"), count: 1000) }
        await #expect(throws: MasterUnreachable.self) {
            try await TestSession.with(master, reconnectTimeout: .seconds(5)) { test in
                _ = try await test.session.perform { try await $0.workers() }
            }
        }
    }

    @Test func `a session tells of a loss and of the return, with its length`() async throws {
        let master = ModelMaster { $0.breaks = [.before("workers")] }
        try await TestSession.with(master) { test in
            _ = try await test.session.perform { try await $0.workers() }
            #expect(
                test.events == [
                    .lost(
                        reason: "the connection to the master was lost: the connection was reset",
                        reconnectTimeout: .seconds(60)),
                    .recovered(after: test.time.now),
                ])
        }
    }

    @Test func `a cancelled request does not wait for the master's return`() async throws {
        let asleep = AsyncStream.makeStream(of: Void.self)
        let surroundings = MasterSession.Surroundings(
            now: { .zero },
            sleep: { _ in
                asleep.continuation.yield()
                try await Task.sleep(for: .seconds(3600))
            })
        let master = ModelMaster { $0.breaks = [.before("workers")] }
        await #expect(throws: CancellationError.self) {
            try await MasterSession.with(
                reconnectTimeout: .seconds(60), surroundings: surroundings, dial: { body in await body(master) }
            ) { session in
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask { _ = try await session.perform { try await $0.workers() } }
                    for await _ in asleep.stream { break }
                    group.cancelAll()
                    try await group.waitForAll()
                }
            }
        }
    }
}
