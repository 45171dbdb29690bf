import Glibc
import NIOCore
import Protocol
import Synchronization
import Testing

@testable import TestSupport

/// The proxy between two plain sockets: its input and its output.
@Suite(.timeLimit(.minutes(1))) struct `The fault proxy` {
    /// One connection through a proxy: `near` has made it, `far` takes the place of a master.
    private final class Line {
        let proxy: FaultProxy
        let near: Int32
        let far: Int32

        init(_ decide: @escaping FaultProxy.Decide = { _ in nil }) throws {
            let listener = try LoopbackSocket.listen()
            defer { close(listener.descriptor) }
            proxy = try FaultProxy(to: .init(host: "127.0.0.1", port: listener.port))
            proxy.decide(decide)
            near = try LoopbackSocket.connect(to: proxy.endpoint)
            far = try #require(LoopbackSocket.accept(listener.descriptor))
            try send(Array("TESSERA".utf8) + [1], from: near)
            try send(Array("TESSERA".utf8) + [1], from: far)
            #expect(try receive(8, at: far) == Array("TESSERA".utf8) + [1])
            #expect(try receive(8, at: near) == Array("TESSERA".utf8) + [1])
        }

        deinit {
            close(near)
            close(far)
            proxy.stop()
        }

        func send(_ bytes: [UInt8], from end: Int32) throws {
            guard case .done = LoopbackSocket.write(bytes, to: end, -1) else { throw Broken() }
        }

        func receive(_ count: Int, at end: Int32) throws -> [UInt8] {
            guard case .bytes(let bytes) = LoopbackSocket.read(end, byteCount: count, -1) else { throw Broken() }
            return bytes
        }

        /// Whether there is nothing to read at `end` for a while: not a byte, not its end.
        func isQuiet(_ end: Int32) -> Bool { LoopbackSocket.pause(.milliseconds(100), end) }

        func isAtEnd(_ end: Int32) -> Bool {
            if case .end([]) = LoopbackSocket.read(end, byteCount: 1, -1) { true } else { false }
        }
    }

    private struct Broken: Error {}

    private static func frames(_ payloads: [Int], kind: FrameKind = .data) -> [[UInt8]] {
        var encoder = FrameEncoder()
        return payloads.map { byteCount in
            var buffer = ByteBuffer()
            let payload = ByteBuffer(bytes: (0..<byteCount).map { UInt8(truncatingIfNeeded: $0 * 7 + byteCount) })
            encoder.encode(Frame(kind: kind, stream: 3, payload: payload), into: &buffer)
            return Array(buffer.readableBytesView)
        }
    }

    private static let small = frames([10, 0, 300])

    @Test func `passes on what it is given, in both directions, to the end`() throws {
        let line = try Line()
        let frames = Self.frames([0, 1, 4000, 100_000, 7])
        for (source, sink) in [(line.near, line.far), (line.far, line.near)] {
            for frame in frames {
                try line.send(frame, from: source)
                #expect(try line.receive(frame.count, at: sink) == frame)
            }
            // An incomplete frame arrives with the end.
            try line.send([9, 9, 9], from: source)
            shutdown(source, Int32(SHUT_WR))
            #expect(try line.receive(3, at: sink) == [9, 9, 9])
            #expect(line.isAtEnd(sink))
        }
    }

    @Test func `passes on bytes that are not frames`() throws {
        let line = try Line()
        let garbage = [UInt8](repeating: 0xee, count: 5000)
        try line.send(garbage, from: line.near)
        #expect(try line.receive(5000, at: line.far) == garbage)
    }

    @Test func `sees messages, their number and whose connection it is`() throws {
        let seen = Mutex<[String]>([])
        let line = try Line { frame in
            seen.withLock { $0.append("\(frame)") }
            return nil
        }
        var hello = WireHello()
        (hello.role, hello.channel, hello.identity) = (.worker, .control, .init(count: 16))
        var encoder = FrameEncoder()
        var bytes = ByteBuffer()
        encoder.encode(try WireHandshake(.hello(hello)).frame(stream: 0), into: &bytes)
        encoder.encode(try WireControl(.heartbeat(WireHeartbeat())).frame(stream: 4), into: &bytes)
        try line.send(Array(bytes.readableBytesView), from: line.near)
        _ = try line.receive(bytes.readableBytes, at: line.far)
        try line.send(Self.small[0], from: line.far)
        _ = try line.receive(Self.small[0].count, at: line.near)
        #expect(
            seen.withLock { $0 } == [
                "frame 0 to the master of new connection 0: handshake",
                "frame 1 to the master of worker's control connection 0: heartbeat",
                "frame 0 from the master of worker's control connection 0: data of 10 bytes",
            ])
    }

    /// A line on which the second frame to the master suffers `fault`, after the first has arrived.
    private func line(_ fault: Fault) throws -> Line {
        let line = try Line { $0.direction == .toMaster && $0.number == 1 ? fault : nil }
        try line.send(Self.small[0], from: line.near)
        #expect(try line.receive(Self.small[0].count, at: line.far) == Self.small[0])
        return line
    }

    @Test func `delays a frame`() throws {
        let line = try line(.delay(.milliseconds(80)))
        let start = ContinuousClock.now
        try line.send(Self.small[1] + Self.small[2], from: line.near)
        #expect(
            try line.receive(Self.small[1].count + Self.small[2].count, at: line.far) == Self.small[1] + Self.small[2])
        #expect(ContinuousClock.now - start >= .milliseconds(80))
        #expect(line.proxy.incidents.count == 1)
    }

    @Test func `lets a connection trickle, in both directions`() throws {
        let line = try line(.slow(bytesPerSecond: 5000))
        for (source, sink) in [(line.near, line.far), (line.far, line.near)] {
            let start = ContinuousClock.now
            for frame in Self.small[1...] { try line.send(frame, from: source) }
            for frame in Self.small[1...] { #expect(try line.receive(frame.count, at: sink) == frame) }
            // 340 bytes.
            #expect(ContinuousClock.now - start >= .milliseconds(60))
        }
    }

    @Test func `cuts a connection within a frame`() throws {
        let line = try line(.cut(afterByteCount: 21))
        try line.send(Self.small[2], from: line.near)
        // Part of it may be lost with the reset, but nothing else comes.
        switch LoopbackSocket.read(line.far, byteCount: 1000, -1) {
        case .failed: break
        case .end(let bytes): #expect(Self.small[2].prefix(21).starts(with: bytes))
        case .bytes, .aborted: Issue.record("more came than was let through")
        }
        guard case .failed = LoopbackSocket.read(line.near, byteCount: 1, -1) else {
            Issue.record("the sender was not reset")
            return
        }
    }

    @Test(arguments: [Fault.End.initiator, .master]) func `closes one end behind the other's back`(
        unaware: Fault.End
    ) throws {
        let line = try line(.halfOpen(unaware: unaware))
        let (open, closed) = unaware == .initiator ? (line.near, line.far) : (line.far, line.near)
        try line.send(Self.small[1], from: line.near)
        #expect(line.isAtEnd(closed))
        #expect(line.isQuiet(open))
        // What it says is lost, and it does not hear of that either.
        try line.send(Self.small[2], from: open)
        #expect(line.isQuiet(open))
    }

    @Test func `silences one direction, its end included, and not the other`() throws {
        let line = try line(.silence)
        try line.send(Self.small[1] + Self.small[2], from: line.near)
        #expect(line.isQuiet(line.far))
        try line.send(Self.small[0], from: line.far)
        #expect(try line.receive(Self.small[0].count, at: line.near) == Self.small[0])
        shutdown(line.near, Int32(SHUT_WR))
        #expect(line.isQuiet(line.far))
        shutdown(line.far, Int32(SHUT_WR))
        #expect(line.isAtEnd(line.near))
    }

    @Test func `changes one bit of a frame`() throws {
        let line = try line(.corrupt(bit: 8 * 25 + 3))
        try line.send(Self.small[2], from: line.near)
        var expected = Self.small[2]
        expected[25] ^= 1 << 3
        #expect(try line.receive(expected.count, at: line.far) == expected)
    }

    @Test func `sends a frame twice`() throws {
        let line = try line(.duplicate)
        try line.send(Self.small[2], from: line.near)
        #expect(try line.receive(2 * Self.small[2].count, at: line.far) == Self.small[2] + Self.small[2])
        try line.send(Self.small[0], from: line.near)
        #expect(try line.receive(Self.small[0].count, at: line.far) == Self.small[0])
    }

    @Test func `holds a frame back while a decision is made`() throws {
        let hold = FrameHold()
        let line = try Line { frame in
            if frame.number == 0 { hold.holdUntilReleased() }
            return nil
        }
        try line.send(Self.small[0], from: line.near)
        #expect(line.isQuiet(line.far))
        hold.release()
        #expect(try line.receive(Self.small[0].count, at: line.far) == Self.small[0])
    }

    @Test func `refuses like a master that is not there`() throws {
        let listener = try LoopbackSocket.listen()
        close(listener.descriptor)
        let proxy = try FaultProxy(to: .init(host: "127.0.0.1", port: listener.port))
        defer { proxy.stop() }
        let near = try LoopbackSocket.connect(to: proxy.endpoint)
        defer { close(near) }
        guard case .failed = LoopbackSocket.read(near, byteCount: 1, -1) else {
            Issue.record("the connection lives on")
            return
        }
    }

    @Test func `a seed decides which frames suffer what`() {
        func faults(_ seed: UInt64) -> [Fault?] {
            (0..<1000).map { number in
                FaultPlan(seed: seed, frameInterval: 10).fault(
                    for: FrameSighting(
                        connection: number % 7, peer: nil, direction: .toMaster, number: number,
                        bytes: Self.small[2]))
            }
        }
        #expect(faults(1) == faults(1))
        #expect(faults(1) != faults(2))
        #expect((50...200).contains(faults(3).count { $0 != nil }))
    }
}
