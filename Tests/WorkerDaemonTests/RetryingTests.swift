import Logging
import MasterClient
import Protocol
import Retrying
import Synchronization
import Testing
import Transport
import WorkerMachine

@testable import WorkerDaemon

/// A clock that only moves when somebody sleeps on it, and then at once.
private final class ManualClock: Clock {
    typealias Duration = Swift.Duration

    struct Instant: InstantProtocol {
        var offset: Swift.Duration
        func advanced(by duration: Swift.Duration) -> Instant { Instant(offset: offset + duration) }
        func duration(to other: Instant) -> Swift.Duration { other.offset - offset }
        static func < (left: Instant, right: Instant) -> Bool { left.offset < right.offset }
    }

    private let time = Mutex(Instant(offset: .zero))

    var now: Instant { time.withLock { $0 } }
    var minimumResolution: Swift.Duration { .nanoseconds(1) }

    func sleep(until deadline: Instant, tolerance: Swift.Duration?) async throws {
        try Task.checkCancellation()
        time.withLock { $0 = max($0, deadline) }
    }

    func advance(by duration: Swift.Duration) { time.withLock { $0 = $0.advanced(by: duration) } }
}

/// A log that is looked at.
private final class RecordedLog: LogHandler {
    private let recorded = Mutex<[(level: Logger.Level, text: String)]>([])
    var lines: [(level: Logger.Level, text: String)] { recorded.withLock { $0 } }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { nil }
        set {}
    }
    var metadata: Logger.Metadata {
        get { [:] }
        set {}
    }
    var logLevel: Logger.Level {
        get { .trace }
        set {}
    }

    func log(event: LogEvent) {
        recorded.withLock { $0.append((event.level, "\(event.message) \(event.metadata ?? [:])")) }
    }
}

private let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

@Suite struct RetryingTransferTests {
    private let clock = ManualClock()

    /// Repeats a transfer that fails by `error`.
    /// - Returns: how often it was tried.
    private func attempts(failingBy error: any Error, policy: RetryPolicy = .taskBlob) async -> Int {
        var count = 0
        do {
            let _: Void = try await retrying(policy, clock: clock, quiet) {
                count += 1
                clock.advance(by: .seconds(1))
                throw error
            }
        } catch {}
        return count
    }

    @Test(arguments: [
        ConnectionClosed(.peer, "closed") as any Error & Sendable,
        ConnectionClosed(.goodbye, "goodbye", refusalCode: .idle),
        TransportError(.refused, "nothing is listening"), TransportError(.tooManyConnections, "too many"),
    ]) func `a lost master is waited for, two minutes long`(error: any Error & Sendable) async {
        #expect(await attempts(failingBy: error) > 30)
        #expect((120...123).contains(clock.now.offset / .seconds(1)))
    }

    @Test(arguments: [
        ConnectionClosed(.protocolViolation, "what?") as any Error & Sendable,
        ConnectionClosed(.goodbye, "what?", refusalCode: .protocolViolation),
        ConnectionClosed(.local, "the blob transfer was closed"), TransportError(.badSecret, "another secret"),
        MasterRefusal(.blobNotFound, "gone"), BlobTransferError(.corrupt, "damaged"), CancellationError(),
    ]) func `what time does not mend is reported at once`(error: any Error & Sendable) async {
        #expect(await attempts(failingBy: error) == 1)
    }

    @Test func `a full disk is asked again when it said so, as long as that is within the two minutes`() async {
        let full = MasterRefusal(.noSpace, "the disk is full", retryAfter: .seconds(10))
        #expect((8...12).contains(await attempts(failingBy: full)))
        #expect(clock.now.offset <= .seconds(122))
    }

    @Test func `a result waits for room at the master as long as it takes, and that is said once`() async throws {
        let log = RecordedLog()
        let notice = RoomNotice(logger: Logger(label: "test") { _ in log })
        let full = MasterRefusal(.noSpace, "1 byte is free; raise --min-free-bytes", retryAfter: .seconds(10))
        var count = 0
        let result = try await retrying(.taskBlob, clock: clock, quiet) {
            try await waitingForRoom(notice, clock: clock) {
                count += 1
                if count <= 1_000 { throw full }
                return "stored"
            }
        }
        #expect(result == "stored")
        #expect(clock.now.offset >= .seconds(10_000), "as the master asks, and no attempt is lost by it")
        #expect(log.lines.map(\.level) == [.warning, .notice])
        #expect(log.lines.first?.text.contains("--min-free-bytes") == true)
    }

    @Test func `several results that wait are said once, and other refusals are not waited out`() async throws {
        let log = RecordedLog()
        let notice = RoomNotice(logger: Logger(label: "test") { _ in log })
        let full = MasterRefusal(.noSpace, "full", retryAfter: .seconds(10))
        for _ in 0..<3 { notice.waits(full) }
        for _ in 0..<3 { notice.stopped() }
        #expect(log.lines.count == 2)
        await #expect(throws: MasterRefusal.self) {
            try await waitingForRoom(notice, clock: clock) { throw MasterRefusal(.overLimit, "never fits") }
        }
        #expect(log.lines.count == 2)
    }

    @Test func `a lease that is taken away ends the wait for room`() async {
        let log = RecordedLog()
        let task = Task { [clock] in
            let notice = RoomNotice(logger: Logger(label: "test") { _ in log })
            try await waitingForRoom(notice, clock: clock) {
                withUnsafeCurrentTask { $0?.cancel() }
                throw MasterRefusal(.noSpace, "full", retryAfter: .seconds(10))
            }
        }
        await #expect(throws: CancellationError.self) { try await task.value }
    }

    @Test func `a transfer is repeated until the master is back`() async throws {
        var count = 0
        let result = try await retrying(.taskBlob, clock: clock, quiet) {
            count += 1
            if count < 5 { throw ConnectionClosed(.network, "reset") }
            return count
        }
        #expect(result == 5)
    }

    @Test func `a lease that is taken away ends the wait`() async {
        let task = Task { [clock] in
            try await retrying(.taskBlob, clock: clock, quiet) {
                withUnsafeCurrentTask { $0?.cancel() }
                throw ConnectionClosed(.network, "reset")
            }
        }
        await #expect(throws: CancellationError.self) { try await task.value }
    }
}

@Suite struct LinkEndTests {
    @Test func `what the master gives as its reason decides what the worker forgets`() {
        func end(_ code: RefusalCode) -> MasterLinkState.End {
            MasterLinkState.End(ConnectionClosed(.goodbye, "", refusalCode: code))
        }
        #expect(end(.replaced) == .replaced)
        #expect(end(.releaseDiffers) == .releaseDiffers)
        #expect(end(.silent) == .lost(.passing))
        #expect(MasterLinkState.End(TransportError(.badSecret, "")) == .lost(.untilChanged))
        #expect(MasterLinkState.End(TransportError(.refused, "")) == .lost(.absent))
        #expect(MasterLinkState.End(ProtocolViolation(field: "a", value: "b", allowed: "c")) == .lost(.unclear))
    }
}
