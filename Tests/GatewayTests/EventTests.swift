import GatewayLogic
import JobModel
import JSONText
import NIOCore
import NIOEmbedded
import NIOHTTP1
import Synchronization
import Testing

@testable import Gateway

/// Streams of events.
@Suite struct EventHubTests {
    private func audience(_ topics: Topic..., name: String = "ada") -> EventAudience {
        EventAudience(topics: Set(topics), name: name)
    }

    /// What a reader was woken by.
    private final class Wakes: Sendable {
        private let list = Mutex<[EventHub.Wake]>([])
        func add(_ wake: EventHub.Wake) { list.withLock { $0.append(wake) } }
        var all: [EventHub.Wake] { list.withLock { $0 } }
    }

    private func text(_ batch: EventRounds<ByteBuffer>.Batch?) -> String {
        batch.map { String(buffer: $0.bytes) } ?? ""
    }

    @Test func `a reader is woken by its own topics only`() {
        let hub = EventHub()
        let (jobs, workers) = (audience(.jobs), audience(.workers))
        let (oneWakes, otherWakes) = (Wakes(), Wakes())
        let one = hub.join(jobs, after: nil) { oneWakes.add($0) }
        let other = hub.join(workers, after: nil) { otherWakes.add($0) }
        #expect(one.gap != nil)
        #expect(hub.interest == [.jobs, .workers])
        #expect(hub.readerCount == 2)
        hub.publish("worker:w1", [.workers], "worker", ["worker": "w1"])
        #expect(hub.next(for: workers, after: other.sequence) == nil, "it is told in a round")
        hub.tell()
        #expect(otherWakes.all == [.changed])
        #expect(
            text(hub.next(for: workers, after: other.sequence)).hasSuffix(
                "event: worker\ndata: {\"worker\":\"w1\"}\n\n"))
        #expect(oneWakes.all == [], "nothing for it")
        hub.leave(one.reader, of: jobs)
        hub.leave(other.reader, of: workers)
        #expect(hub.interest.isEmpty)
    }

    @Test func `readers of the same at the same place share the bytes`() throws {
        let hub = EventHub()
        hub.publish([1, 2, 3].map { EventHub.News(JobID($0), ["job": .integer($0)]) })
        hub.tell()
        let first = try #require(hub.next(for: audience(.jobs, name: "ada"), after: 0)).bytes
        let second = try #require(hub.next(for: audience(.jobs, name: "eve"), after: 0)).bytes
        let places = [first, second].map { $0.withUnsafeReadableBytes { $0.baseAddress } }
        #expect(places[0] == places[1])
        #expect(first.readableBytes > 100)
    }

    @Test func `a new job is told at once, and never in place of a later state`() {
        let hub = EventHub()
        hub.publish([EventHub.News(JobID(1), ["state": "done"])])
        hub.publish(
            [EventHub.News(JobID(1), ["state": "open"]), EventHub.News(JobID(2), ["state": "open"])], onlyNew: true)
        hub.tell()
        let told = text(hub.next(for: audience(.jobs), after: 0))
        #expect(told.contains("done"))
        #expect(told.split(separator: "\n").filter { $0.contains("open") }.count == 1)
    }

    @Test func `a reader that returns continues, and one of another run has a gap`() {
        let hub = EventHub()
        let boot = RunOfGateway.name(hub)
        hub.publish("a", [.jobs], "job", ["job": .integer(1)])
        hub.publish("b", [.jobs], "job", ["job": .integer(2)])
        hub.tell()
        let wakes = Wakes()
        let back = hub.join(audience(.jobs), after: EventID(boot: boot, sequence: 1)) { wakes.add($0) }
        #expect(back.gap == nil)
        #expect(wakes.all == [.changed], "it does not wait for the next change")
        #expect(
            text(hub.next(for: audience(.jobs), after: back.sequence))
                == "id: \(boot)-2\nevent: job\ndata: {\"job\":2}\n\n")
        #expect(hub.join(audience(.jobs), after: EventID(boot: "other", sequence: 1)) { _ in }.gap != nil)
        #expect(hub.join(audience(.jobs), after: EventID(boot: boot, sequence: 99)) { _ in }.gap != nil)
    }

    @Test func `a stop ends all readers, and those to come`() {
        let hub = EventHub()
        let (before, later) = (Wakes(), Wakes())
        _ = hub.join(audience(.jobs), after: nil) { before.add($0) }
        hub.stop()
        _ = hub.join(audience(.jobs), after: nil) { later.add($0) }
        #expect([before.all, later.all] == [[.stop], [.stop]])
    }

    @Test func `changes are told without anybody asking`() async throws {
        let hub = EventHub()
        let (stream, wake) = AsyncStream.makeStream(of: EventHub.Wake.self)
        let reader = hub.join(audience(.jobs), after: nil) { wake.yield($0) }
        let telling = Task { await hub.run() }
        defer { telling.cancel() }
        var wakes = stream.makeAsyncIterator()
        var sequence = reader.sequence
        for job in UInt64(1)...3 {
            hub.publish([EventHub.News(JobID(job), ["job": .integer(job)])])
            _ = await wakes.next()
            let batch = try #require(hub.next(for: audience(.jobs), after: sequence))
            #expect(text(batch).hasSuffix("{\"job\":\(job)}\n\n"))
            sequence = batch.readUpTo
        }
    }

    /// What the ids of a hub begin with, as its first reader is told.
    private enum RunOfGateway {
        static func name(_ hub: EventHub) -> String {
            let gap = hub.join(EventAudience(topics: [.cluster], name: ""), after: nil) { _ in }.gap ?? ""
            return String(gap.dropFirst(4).prefix { $0 != "-" })
        }
    }
}

/// A stream of events on a connection.
@Suite struct EventStreamHandlerTests {
    private let hub = EventHub()
    private let channel = EmbeddedChannel()
    private let end: EventLoopPromise<Void>

    init() throws {
        end = channel.eventLoop.makePromise()
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
    }

    private func begin(after last: EventID? = nil) throws {
        let jobs = EventAudience(topics: [.jobs], name: "ada")
        try channel.pipeline.syncOperations.addHandler(EventStreamHandler(jobs, after: last, hub, end: end))
    }

    private func change(_ job: UInt64, _ state: String) {
        hub.publish([EventHub.News(JobID(job), ["state": .string(state)])])
    }

    /// What was written since it was asked for the last time.
    private func written() throws -> String {
        channel.embeddedEventLoop.run()
        var text = ""
        while let part = try channel.readOutbound(as: HTTPPart<HTTPResponseHead, ByteBuffer>.self) {
            guard case .body(let bytes) = part else { continue }
            #expect(bytes.readableBytes > 0, "an empty chunk ends the body")
            text += String(buffer: bytes)
        }
        return text
    }

    @Test func `a reader is told what changes, and hears a beat when nothing does`() throws {
        try begin()
        let head = try written()
        #expect(head.hasPrefix("retry: ") && head.contains("event: gap"))
        change(1, "running")
        #expect(try written() == "", "it is told in a round")
        hub.tell()
        #expect(try written().hasSuffix("data: {\"state\":\"running\"}\n\n"))
        hub.beat()
        #expect(try written() == ": beat\n\n")
        _ = try? channel.finish()
    }

    @Test func `a connection that takes nothing is sent nothing, and then the newest state once`() throws {
        try begin()
        _ = try written()
        channel.isWritable = false
        for state in ["running", "running again", "done"] {
            change(1, state)
            hub.tell()
            hub.beat()
        }
        #expect(try written() == "")
        channel.isWritable = true
        channel.pipeline.fireChannelWritabilityChanged()
        let told = try written()
        #expect(told.contains("done") && !told.contains("running"))
        hub.tell()
        #expect(try written() == "")
        _ = try? channel.finish()
    }

    @Test func `a reader that returns is told at once what it missed`() throws {
        change(1, "running")
        hub.tell()
        let boot = String(
            try #require(
                hub.next(for: EventAudience(topics: [.jobs], name: ""), after: 0)?.bytes.getString(at: 4, length: 8)))
        change(2, "done")
        hub.tell()
        try begin(after: EventID(boot: boot, sequence: 1))
        let told = try written()
        #expect(told.contains("\(boot)-2") && !told.contains("gap") && !told.contains("running"))
        _ = try? channel.finish()
    }

    @Test func `a stop ends the stream and leaves the connection`() throws {
        try begin()
        _ = try written()
        hub.stop()
        change(1, "done")
        hub.tell()
        #expect(try written() == "")
        try end.futureResult.wait()
        #expect(channel.isActive)
        #expect(hub.readerCount == 0)
        _ = try? channel.finish()
    }

    @Test func `the departure of the peer ends the stream`() throws {
        try begin()
        _ = try? channel.finish()
        try end.futureResult.wait()
        #expect(hub.readerCount == 0)
        change(1, "done")
        hub.tell()
        channel.embeddedEventLoop.run()
    }
}
