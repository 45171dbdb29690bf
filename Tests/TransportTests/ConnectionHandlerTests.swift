import Foundation
import NIOCore
import NIOEmbedded
import Protocol
import Testing

@testable import Transport

/// The handler against bytes and a clock that the test moves.
@Suite struct `A connection's limits` {
    /// The master's side of a connection, and the initiator's machine to talk to it with.
    private final class Fixture {
        let channel = EmbeddedChannel()
        let established: EventLoopFuture<FrameConnection>
        var initiator: HandshakeMachine
        private var encoder = FrameEncoder()
        private var decoder = FrameDecoder(allowing: Set(FrameKind.allCases))
        private(set) var error: (any Error)?
        private(set) var connection: FrameConnection?

        init(_ carried: Peer.Channel = .control, limits: TransportLimits = TransportLimits()) throws {
            let promise = channel.embeddedEventLoop.makePromise(of: FrameConnection.self)
            established = promise.futureResult
            initiator = .initiator(.test(.client, carried), secret: .test, software: "t", nonce: [UInt8](0..<32))
            try ConnectionHandler.install(
                on: channel, machine: .master(secret: .test, software: "m", nonce: [UInt8](32..<64)),
                encryption: EncryptionHandler(.accepting(.never, .accepting, HandshakeSlots(limit: 1))), limits: limits,
                logger: quiet, established: promise)
            established.assumeIsolated().whenComplete { result in
                switch result {
                case .success(let connection): self.connection = connection
                case .failure(let error): self.error = error
                }
            }
            try channel.connect(to: SocketAddress(ipAddress: "192.0.2.1", port: 1)).wait()
        }

        var code: TransportError.Code? { (error as? TransportError)?.code }

        func send(_ message: some FrameMessage) throws {
            try send(try message.frame(stream: 0))
        }

        func send(_ frame: Frame) throws { try channel.writeInbound(encoded(frame)) }

        func encoded(_ frame: Frame) -> ByteBuffer {
            var buffer = ByteBuffer()
            encoder.encode(frame, into: &buffer)
            return buffer
        }

        /// What the handler said last.
        var goodbye: WireRefusal {
            get throws { try WireRefusal(decoding: try #require(try frames().last).payload) }
        }

        /// Sends a header without its payload.
        func sendHeader(kind: FrameKind, payloadByteCount: UInt32, number: UInt32) throws {
            var buffer = ByteBuffer()
            FrameHeader(payloadByteCount: payloadByteCount, kind: kind, stream: 0, payloadChecksum: 0)
                .encode(number: number, into: &buffer)
            try channel.writeInbound(buffer)
        }

        func sendPreface(majorVersion: UInt8 = 2) throws {
            var buffer = ByteBuffer()
            Preface(majorVersion: majorVersion).encode(into: &buffer)
            try channel.writeInbound(buffer)
        }

        /// All that the handler wrote so far, less the preface if it comes first.
        func frames() throws -> [Frame] {
            var bytes = ByteBuffer()
            while var part = try channel.readOutbound(as: ByteBuffer.self) { bytes.writeBuffer(&part) }
            if bytes.readableBytesView.starts(with: Preface.magic) { bytes.moveReaderIndex(forwardBy: 8) }
            var frames: [Frame] = []
            while let frame = try decoder.decode(buffer: &bytes) { frames.append(frame) }
            return frames
        }

        func authenticate() throws {
            guard case .send(let hello) = initiator.connected() else { return }
            try sendPreface()
            try send(hello)
            let challenge = try WireHandshake(decoding: try #require(try frames().first).payload)
            guard case .send(let answer) = initiator.received(challenge) else { return }
            try send(answer)
            _ = try frames()
            try #require(connection != nil)
        }
    }

    /// Its buffers alone can be a quarter of a megabyte, and a master sees millions of connections.
    @Test(arguments: Peer.Channel.allCases)
    func `nothing of a connection stays after its end`(channel: Peer.Channel) throws {
        weak var handler: ConnectionHandler?
        weak var connection: FrameConnection?
        do {
            let fixture = try Fixture(channel)
            try fixture.authenticate()
            handler = try fixture.channel.pipeline.syncOperations.handler(type: ConnectionHandler.self)
            connection = fixture.connection
            try #require(handler != nil && connection != nil)
            try fixture.channel.close().wait()
            fixture.channel.embeddedEventLoop.run()
        }
        #expect(handler == nil)
        #expect(connection == nil)
    }

    @Test func `a silent peer is cut when the handshake's time is over`() throws {
        let fixture = try Fixture()
        fixture.channel.embeddedEventLoop.advanceTime(by: .milliseconds(1999))
        #expect(fixture.error == nil)
        fixture.channel.embeddedEventLoop.advanceTime(by: .milliseconds(1))
        #expect(fixture.code == .handshakeTimeout)
        #expect(!fixture.channel.isActive)
    }

    @Test func `a peer that drips its handshake gains no time`() throws {
        let fixture = try Fixture()
        for byte in Array("TESSERA".utf8) {
            try fixture.channel.writeInbound(ByteBuffer(bytes: [byte]))
            fixture.channel.embeddedEventLoop.advanceTime(by: .milliseconds(280))
        }
        #expect(fixture.error == nil)
        fixture.channel.embeddedEventLoop.advanceTime(by: .milliseconds(40))
        #expect(fixture.code == .handshakeTimeout)
    }

    @Test func `every control message before authentication is refused`() throws {
        let bodies: [WireControl.OneOf_Body] = [
            .register(WireRegister()), .heartbeat(WireHeartbeat()), .grantLease(WireGrantLease()),
            .revokeLease(WireRevokeLease()), .bandPublished(WireBandPublished()), .taskFinished(WireTaskFinished()),
            .taskFailed(WireTaskFailed()), .drain(WireDrain()), .openJob(WireOpenJob()), .addImages(WireAddImages()),
            .sealJob(WireSealJob()), .findBlobs(WireFindBlobs()), .getJob(WireGetJob()), .listJobs(WireListJobs()),
            .listImages(WireListImages()), .getSegments(WireGetSegments()), .segmentList(WireSegmentList()),
            .watchJob(WireWatchJob()), .cancelJob(WireCancelJob()),
            .forgetJob(WireForgetJob()),
            .listWorkers(WireListWorkers()), .drainWorker(WireDrainWorker()), .releaseWorker(WireReleaseWorker()),
            .getSecrets(WireGetSecrets()), .secretStatus(WireSecretStatus()),
            .listDead(WireListDead()),
            .showDead(WireShowDead()), .redriveDead(WireRedriveDead()), .purgeDead(WirePurgeDead()),
            .getMaster(WireGetMaster()), .putBlob(WirePutBlob()), .getBlob(WireGetBlob()), .blobEnd(WireBlobEnd()),
        ]
        for body in bodies {
            for afterHello in [false, true] {
                let fixture = try Fixture()
                try fixture.sendPreface()
                if afterHello, case .send(let hello) = fixture.initiator.connected() { try fixture.send(hello) }
                try fixture.send(WireControl(body))
                #expect(fixture.code == .protocolViolation, "\(body)")
                #expect(!fixture.channel.isActive)
            }
        }
    }

    @Test func `before authentication no frame above 2 KiB is waited for`() throws {
        let fixture = try Fixture()
        try fixture.sendPreface()
        try fixture.sendHeader(kind: .handshake, payloadByteCount: 2049, number: 0)
        #expect(fixture.code == .protocolViolation)
    }

    @Test func `a stranger that is not a Tessera peer is told nothing`() throws {
        let fixture = try Fixture()
        try fixture.channel.writeInbound(ByteBuffer(string: "GET / HTTP/1.1\r\n"))
        #expect(fixture.code == .protocolViolation)
        #expect(try fixture.channel.readOutbound(as: ByteBuffer.self) == nil)
        #expect(!fixture.channel.isActive)
    }

    @Test func `another major version is told so`() throws {
        let fixture = try Fixture()
        try fixture.sendPreface(majorVersion: 3)
        #expect(fixture.code == .version)
        let refusal = try WireHandshake(decoding: try #require(try fixture.frames().last).payload).refused
        #expect(refusal.code == "version")
    }

    @Test func `a frame that does not complete within its time ends the connection`() throws {
        let fixture = try Fixture()
        try fixture.authenticate()
        fixture.channel.embeddedEventLoop.advanceTime(by: .seconds(3600))
        #expect(fixture.channel.isActive, "a quiet control connection may stay")
        // Two frames of the handshake came before it.
        try fixture.sendHeader(kind: .control, payloadByteCount: 100, number: 2)
        for _ in 0..<9 {
            fixture.channel.embeddedEventLoop.advanceTime(by: .seconds(1))
            try fixture.channel.writeInbound(ByteBuffer(bytes: [0]))
        }
        #expect(fixture.channel.isActive)
        fixture.channel.embeddedEventLoop.advanceTime(by: .seconds(1))
        #expect(!fixture.channel.isActive)
        let goodbye = try WireRefusal(decoding: try #require(try fixture.frames().last).payload)
        #expect(goodbye.code == "idle")
    }

    @Test func `an idle data connection is closed`() throws {
        let fixture = try Fixture(.data)
        try fixture.authenticate()
        fixture.channel.embeddedEventLoop.advanceTime(by: .seconds(59))
        try fixture.send(WireControl(.getBlob(WireGetBlob())))
        fixture.channel.embeddedEventLoop.advanceTime(by: .seconds(59))
        #expect(fixture.channel.isActive)
        fixture.channel.embeddedEventLoop.advanceTime(by: .seconds(1))
        #expect(!fixture.channel.isActive)
    }

    @Test func `data on a control connection is a violation, and the peer hears why`() throws {
        let fixture = try Fixture()
        try fixture.authenticate()
        try fixture.send(Frame(kind: .data, stream: 0, payload: ByteBuffer(bytes: [1])))
        #expect(!fixture.channel.isActive)
        let goodbye = try WireRefusal(decoding: try #require(try fixture.frames().last).payload)
        #expect(goodbye.code == "protocol")
    }

    @Test func `what was damaged on its way is nobody's fault, and the peer hears of it`() throws {
        let fixture = try Fixture()
        try fixture.authenticate()
        // The same number twice.
        for _ in 0..<2 { try fixture.sendHeader(kind: .control, payloadByteCount: 0, number: 2) }
        #expect(!fixture.channel.isActive)
        let goodbye = try WireRefusal(decoding: try #require(try fixture.frames().last).payload)
        #expect(goodbye.code == "damaged")
    }

    @Test func `a write that is not taken for ten seconds is a stall, one that follows another is not`() {
        var timers = ConnectionTimers(limits: TransportLimits())
        let start = NIODeadline.uptimeNanoseconds(1)
        timers.writeBegan(at: start)
        timers.writeBegan(at: start + .seconds(9))
        #expect(timers.lapsed(at: start + .seconds(9), isReadingPaused: false) == nil)
        timers.writeEnded(at: start + .seconds(9))
        #expect(timers.lapsed(at: start + .seconds(18), isReadingPaused: false) == nil)
        #expect(timers.lapsed(at: start + .seconds(19), isReadingPaused: true) == .writeStall)
        timers.writeEnded(at: start + .seconds(19))
        #expect(timers.next(isReadingPaused: false) == nil)
    }

    @Test func `a peer's unfinished frame does not count while we do not read`() {
        var timers = ConnectionTimers(limits: TransportLimits())
        let start = NIODeadline.uptimeNanoseconds(1)
        timers.received(byteCount: 1, isFrameComplete: false, isFrameUnfinished: true, at: start)
        #expect(timers.lapsed(at: start + .seconds(60), isReadingPaused: true) == nil)
        #expect(timers.lapsed(at: start + .seconds(60), isReadingPaused: false) == .wholeFrame)
    }

    /// The frame's bytes, in pieces of 1000 which come every tenth of a second: 80 kbit/s.
    private func drip(_ frame: Frame, into fixture: Fixture, pieceByteCount: Int = 1000) throws {
        var bytes = fixture.encoded(frame)
        while let piece = bytes.readSlice(length: min(pieceByteCount, bytes.readableBytes)), piece.readableBytes > 0 {
            try fixture.channel.writeInbound(piece)
            fixture.channel.embeddedEventLoop.advanceTime(by: .milliseconds(100))
        }
    }

    @Test func `the longest frame comes through over a slow link`() throws {
        let fixture = try Fixture(.data)
        try fixture.authenticate()
        let payload = ByteBuffer(repeating: 7, count: FrameKind.data.payloadByteCountLimit)
        try drip(Frame(kind: .data, stream: 0, payload: payload), into: fixture)
        #expect(fixture.channel.isActive)
        #expect(fixture.connection?.queue.hasFrames == true)
    }

    @Test func `a frame that comes too slowly to be honest ends the connection`() throws {
        let fixture = try Fixture(.data)
        try fixture.authenticate()
        let payload = ByteBuffer(repeating: 7, count: FrameKind.data.payloadByteCountLimit)
        // A hundred such pieces come in the ten seconds: 50,000 bytes.
        try drip(Frame(kind: .data, stream: 0, payload: payload), into: fixture, pieceByteCount: 500)
        #expect(!fixture.channel.isActive)
        #expect(try fixture.goodbye.code == "idle")
    }

    @Test func `frames that follow each other without a gap have their time each`() throws {
        let fixture = try Fixture(.data)
        try fixture.authenticate()
        // The end of a frame and the beginning of the next arrive together.
        let frame = Frame(kind: .data, stream: 0, payload: ByteBuffer(repeating: 7, count: 1000))
        var stream = ByteBuffer()
        for _ in 0..<40 { stream.writeImmutableBuffer(fixture.encoded(frame)) }
        while let piece = stream.readSlice(length: min(777, stream.readableBytes)), piece.readableBytes > 0 {
            try fixture.channel.writeInbound(piece)
            fixture.channel.embeddedEventLoop.advanceTime(by: .milliseconds(500))
        }
        #expect(fixture.channel.isActive)
    }

    @Test func `a peer that sends more frames than permitted is told which setting permits more`() throws {
        var limits = TransportLimits()
        limits.framesPerSecond = 10
        let fixture = try Fixture(limits: limits)
        try fixture.authenticate()
        let request = WireControl(.getMaster(WireGetMaster()))
        for _ in 0..<100 { try fixture.send(request) }
        #expect(fixture.channel.isActive, "a burst passes")
        fixture.channel.embeddedEventLoop.advanceTime(by: .seconds(1))
        for _ in 0..<10 { try fixture.send(request) }
        #expect(fixture.channel.isActive, "and after a second as many as a second permits")
        try fixture.send(request)
        #expect(!fixture.channel.isActive)
        let goodbye = try fixture.goodbye
        #expect(goodbye.code == "too-fast")
        #expect(goodbye.message.contains("10 frames per second") && goodbye.message.contains("max-frames-per-second"))
    }

    @Test func `control bytes are counted, a blob's bytes are not`() throws {
        var limits = TransportLimits()
        limits.controlBytesPerSecond = 1000
        let control = try Fixture(limits: limits)
        try control.authenticate()
        let request = WireControl(.openJob(.with { $0.pipeline = String(repeating: "x", count: 4_900) }))
        for _ in 0..<2 { try control.send(request) }
        #expect(control.channel.isActive)
        try control.send(request)
        #expect(!control.channel.isActive)
        #expect(try control.goodbye.message.contains("max-control-bytes-per-second"))

        let data = try Fixture(.data, limits: limits)
        try data.authenticate()
        try data.send(Frame(kind: .data, stream: 0, payload: ByteBuffer(repeating: 7, count: 1 << 20)))
        #expect(data.channel.isActive)
    }

    @Test func `a slow link is not a stall while the peer takes part of what is sent`() throws {
        let fixture = try Fixture(.data)
        try fixture.authenticate()
        let taken = OutboundValve()
        try fixture.channel.pipeline.syncOperations.addHandler(taken, position: .first)
        let payload = ByteBuffer(repeating: 7, count: 512 << 10)
        fixture.channel.writeAndFlush(Frame(kind: .data, stream: 0, payload: payload), promise: nil)
        for _ in 0..<8 {
            fixture.channel.embeddedEventLoop.advanceTime(by: .seconds(9))
            #expect(fixture.channel.isActive)
            taken.takeNext()
        }
        fixture.channel.writeAndFlush(Frame(kind: .data, stream: 0, payload: payload), promise: nil)
        fixture.channel.embeddedEventLoop.advanceTime(by: .seconds(10))
        #expect(!fixture.channel.isActive)
    }

    @Test func `a peer that reads nothing is closed as slow`() async throws {
        var limits = TransportLimits()
        limits.outboundByteCount = 100_000
        try await withListener(limits: limits) { connection in
            guard case .control(let control) = connection else { return }
            var summary = WireJobSummary()
            summary.pipeline = String(repeating: "x", count: 60_000)
            // More than the kernel's buffers take; the peer never reads.
            for _ in 0..<1000 { control.send(.jobSummary(summary)) }
            let reason = await control.closed
            #expect(reason.code == .slowPeer)
        } body: { endpoint in
            let control = try await Dialer.test(endpoint).openControlConnection()
            _ = await control.closed
        }
    }
}

/// A peer that takes what is written to it one write at a time.
private final class OutboundValve: ChannelOutboundHandler {
    typealias OutboundIn = ByteBuffer

    private var waiting: [EventLoopPromise<Void>?] = []

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        waiting.append(promise)
    }

    /// Takes the next write that somebody waits for.
    func takeNext() {
        while !waiting.isEmpty {
            guard let promise = waiting.removeFirst() else { continue }
            promise.succeed()
            return
        }
    }
}
