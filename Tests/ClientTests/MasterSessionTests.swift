import Foundation
import JobModel
import MasterClient
import Synchronization
import Testing
import Transport

@testable import Client

@Suite struct MasterSessionTests {
    @Test func `a master that was never there is given up at once`() async throws {
        let refused = TransportError(.refused, "nobody listens on 127.0.0.1:7400")
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
        #expect(ClientError(refused).status == .unreachable)
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
            #expect(test.notes.text.contains("trying again"))
        }
        #expect(dials.withLock { $0 } == 2)
    }

    @Test func `a lost master is tried again until the reconnect timeout`() async throws {
        let master = ModelMaster { $0.breaks = [.before("workers")] }
        let dials = Mutex(0)
        let error = await #expect(throws: ClientError.self) {
            try await TestSession.with(
                master, reconnectTimeout: .seconds(10),
                dial: { body in
                    if dials.withLock({
                        $0 += 1; return $0
                    }) > 1 {
                        throw TransportError(.refused, "nobody listens")
                    }
                    await body(master)
                }
            ) { test in
                _ = try await test.session.perform { try await $0.workers() }
            }
        }
        #expect(error?.status == .unreachable)
        #expect(error?.message.contains("has not been reachable for 10 s: ") == true)
        #expect(error?.message.contains("the connection was reset") == true)
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
        #expect(ClientError(badSecret).status == .notAuthorised)
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
            #expect(test.notes.text.components(separatedBy: "trying again").count == 2)
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
        let error = await #expect(throws: ClientError.self) {
            try await TestSession.with(master, reconnectTimeout: .seconds(5)) { test in
                _ = try await test.session.perform { try await $0.workers() }
            }
        }
        #expect(error?.status == .unreachable)
    }
}
