import Logging
import NIOCore
import Protocol

/// Turns a channel's bytes into frames: preface, handshake, limits, back-pressure. Does not know what messages mean, nor how the
/// bytes are encrypted: `EncryptionHandler`, in front of it, says when the handshake can begin.
///
/// ```
///  handshaking --proved--> open --goodbye--> lingering --> closed
///       |                    |                               ^
///       +----refused---------+----end, violation, limit------+
/// ```
///
/// While lingering, the handler has sent its reason and shut its sending half; it discards what still arrives, so that the
/// peer's kernel does not discard the reason with a reset.
final class ConnectionHandler: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = Never
    typealias OutboundIn = Frame
    typealias OutboundOut = ByteBuffer

    /// A request of the connection's owner, sent as a user outbound event.
    enum Request: Sendable {
        case close(ConnectionClosed, goodbye: WireRefusal?)
    }

    enum Phase {
        case handshaking(HandshakeMachine, prefaceSeen: Bool)
        case open
        case lingering
        case closed
    }

    var phase: Phase
    private var encoder = FrameEncoder()
    private var receiveBuffer = ReceiveBuffer()
    /// Frames received since the handshake.
    private var frameCount = 0
    /// Why the peer is rejected at once; `nil` when it is not.
    private let rejection: TransportError?
    let limits: TransportLimits
    private let established: EventLoopPromise<FrameConnection>
    private let closed: EventLoopPromise<ConnectionClosed>
    private let logger: Logger
    private var queue: FrameQueue?
    /// The reason for the end of the connection, once that is decided; the first reason counts.
    private var closeReason: ConnectionClosed?
    /// Limits on what an initiator may send; `nil` for a connection that this side opened.
    var rates: InboundRates?
    var timers: ConnectionTimers
    var timer: Scheduled<Void>?
    private(set) var isReadingPaused = false
    private var hasPendingRead = false

    /// - Parameter established: succeeded when the peer is authenticated, else failed with a `TransportError`.
    init(
        machine: HandshakeMachine, rejection: TransportError?, limits: TransportLimits, eventLoop: any EventLoop,
        logger: Logger, established: EventLoopPromise<FrameConnection>
    ) {
        phase = .handshaking(machine, prefaceSeen: false)
        self.rejection = rejection
        self.limits = limits
        self.logger = logger
        self.established = established
        closed = eventLoop.makePromise()
        timers = ConnectionTimers(limits: limits)
    }

    // MARK: Life

    func handlerAdded(context: ChannelHandlerContext) {
        if context.channel.isActive { connected(context: context) }
    }

    func channelActive(context: ChannelHandlerContext) {
        connected(context: context)
        context.fireChannelActive()
    }

    private func connected(context: ChannelHandlerContext) {
        guard case .handshaking(var machine, let prefaceSeen) = phase, timer == nil else { return }
        timers.handshakeBegan(at: context.eventLoop.now)
        armTimer(context: context)
        guard let rejection else { return }
        // Before it is known how the peer speaks: the next reader of this connection is in clear.
        let action = machine.reject(rejection)
        phase = .handshaking(machine, prefaceSeen: prefaceSeen)
        sendPreface(context: context)
        perform(action, context: context)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard let news = event as? ChannelNews else {
            context.fireUserInboundEventTriggered(event)
            return
        }
        switch (phase, news) {
        case (.handshaking(var machine, let prefaceSeen), .refused(let error)):
            let action = machine.reject(error)
            phase = .handshaking(machine, prefaceSeen: prefaceSeen)
            if !machine.isInitiator { sendPreface(context: context) }
            perform(action, context: context)
        case (.handshaking(let machine, _), .plain): begin(machine, binding: [], context: context)
        case (.handshaking(let machine, _), .encrypted(let binding)): begin(machine, binding: binding, context: context)
        case (.open, .refused(let error)):
            note(ConnectionClosed(.network, error.message))
            phase = .lingering
            context.close(promise: nil)
        case (.open, _), (.lingering, _), (.closed, _): break
        }
    }

    /// The channel is known: the initiator speaks.
    private func begin(_ machine: HandshakeMachine, binding: [UInt8], context: ChannelHandlerContext) {
        var machine = machine
        let action = machine.connected(binding: binding)
        phase = .handshaking(machine, prefaceSeen: false)
        if machine.isInitiator { sendPreface(context: context) }
        perform(action, context: context)
    }

    func channelInactive(context: ChannelHandlerContext) {
        if case .handshaking(var machine, _) = phase {
            perform(machine.disconnected(), context: context)
        }
        let leftOver = receiveBuffer.byteCount
        if leftOver > 0, case .open = phase {
            note(ConnectionClosed(.network, "the connection broke off \(leftOver) bytes into a frame"))
        }
        end(context: context)
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        note(ConnectionClosed(.network, "the connection failed: \(ErrorText.of(error))"))
        context.close(promise: nil)
    }

    func handlerRemoved(context: ChannelHandlerContext) { end(context: context) }

    /// The channel is closed: every waiting task is told why.
    private func end(context: ChannelHandlerContext) {
        if case .closed = phase { return }
        phase = .closed
        timer?.cancel()
        let reason = closeReason ?? ConnectionClosed(.peer, "the peer closed the connection")
        switch reason.code {
        case .local:
            queue?.discard()
            queue?.finish(.success(()))
        case .peer: queue?.finish(.success(()))
        case .network, .slowPeer, .idle, .tooFast, .protocolViolation, .oversized, .goodbye:
            queue?.finish(.failure(reason))
        }
        // Without effect when the handshake succeeded or failed before.
        established.fail(TransportError(.closed, reason.message))
        closed.succeed(reason)
    }

    func note(_ reason: ConnectionClosed) {
        if closeReason == nil { closeReason = reason }
    }

    // MARK: Inbound

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch phase {
        case .lingering, .closed: return
        case .handshaking, .open: break
        }
        let bytes = unwrapInboundIn(data)
        timers.bytesReceived(at: context.eventLoop.now)
        receiveBuffer.append(bytes)
        let frameCount = frameCount
        do {
            try consume(context: context)
        } catch let violation as ProtocolViolation {
            violated(violation, context: context)
        } catch {
            note(ConnectionClosed(.protocolViolation, "\(error)"))
            context.close(promise: nil)
        }
        timers.received(
            byteCount: bytes.readableBytes, isFrameComplete: self.frameCount > frameCount,
            isFrameUnfinished: receiveBuffer.byteCount > 0 && !isReadingPaused, at: context.eventLoop.now)
        armTimer(context: context)
    }

    private func consume(context: ChannelHandlerContext) throws {
        while true {
            switch phase {
            case .handshaking(var machine, prefaceSeen: false):
                guard let preface = try receiveBuffer.nextPreface() else { return }
                if !machine.isInitiator { sendPreface(context: context) }
                let action = machine.prefaceReceived(preface)
                phase = .handshaking(machine, prefaceSeen: true)
                perform(action, context: context)
            case .handshaking(var machine, prefaceSeen: true):
                guard let frame = try receiveBuffer.nextFrame() else { return }
                let action = machine.received(try WireHandshake(decoding: frame.payload))
                phase = .handshaking(machine, prefaceSeen: true)
                perform(action, context: context)
            case .open:
                guard let frame = try receiveBuffer.nextFrame() else { return }
                frameCount += 1
                if isWithinRates(frame, context: context) { try received(frame, context: context) }
            case .lingering, .closed:
                receiveBuffer.discard()
                return
            }
        }
    }

    private func received(_ frame: Frame, context: ChannelHandlerContext) throws {
        if frame.kind == .goodbye {
            let refusal = try WireRefusal(decoding: frame.payload)
            note(
                ConnectionClosed(
                    .goodbye, "the peer closed the connection: \(refusal.message) [\(refusal.code)]",
                    refusalCode: refusal.refusalCode))
            phase = .lingering
            context.close(promise: nil)
            return
        }
        guard frame.kind != .data || frame.payload.readableBytes > 0 else {
            throw ProtocolViolation(field: "frame length", value: "0", allowed: "at least 1 byte in a data frame")
        }
        if queue?.append(frame) == false { isReadingPaused = true }
    }

    private func violated(_ violation: ProtocolViolation, context: ChannelHandlerContext) {
        logger.debug("peer broke the protocol", metadata: ["violation": "\(violation)"])
        switch phase {
        case .handshaking(let machine, prefaceSeen: false):
            // This is not a Tessera peer: it is told nothing.
            let error = machine.strangerAnswered(receiveBuffer.start, violation)
            note(ConnectionClosed(.protocolViolation, error.message))
            established.fail(error)
            phase = .lingering
            context.close(promise: nil)
        case .handshaking where violation.isDamage:
            // Neither side is at fault, and neither is authenticated yet: the initiator tries again.
            note(ConnectionClosed(.network, violation.description))
            established.fail(TransportError(.closed, violation.description))
            phase = .lingering
            context.close(promise: nil)
        case .handshaking(var machine, prefaceSeen: true):
            let action = machine.violated(violation)
            phase = .handshaking(machine, prefaceSeen: true)
            perform(action, context: context)
        case .open:
            let reason: ConnectionClosed.Code = violation.isDamage ? .network : .protocolViolation
            let refusal = WireRefusal(violation.code, violation.description)
            close(ConnectionClosed(reason, violation.description), goodbye: refusal, context: context)
        case .lingering, .closed: break
        }
    }

    func read(context: ChannelHandlerContext) {
        if isReadingPaused { hasPendingRead = true } else { context.read() }
    }

    private func resumeReading(context: ChannelHandlerContext) {
        guard isReadingPaused else { return }
        isReadingPaused = false
        timers.bytesReceived(at: context.eventLoop.now)
        timers.received(
            byteCount: 0, isFrameComplete: false, isFrameUnfinished: receiveBuffer.byteCount > 0,
            at: context.eventLoop.now)
        armTimer(context: context)
        if hasPendingRead {
            hasPendingRead = false
            context.read()
        }
    }

    // MARK: Handshake

    private func sendPreface(context: ChannelHandlerContext) {
        var buffer = context.channel.allocator.buffer(capacity: Preface.byteCount)
        Preface().encode(into: &buffer)
        context.writeAndFlush(wrapOutboundOut(buffer), promise: nil)
    }

    func perform(_ action: HandshakeMachine.Action, context: ChannelHandlerContext) {
        switch action {
        case .none: break
        case .send(let message): send(message, context: context)
        case .establish(let agreement, let message):
            if let message { send(message, context: context) }
            establish(agreement, context: context)
        case .refuse(let error, let message):
            note(ConnectionClosed(.protocolViolation, error.message))
            established.fail(error)
            if let message { send(message, context: context) }
            linger(context: context)
        }
    }

    private func send(_ message: WireHandshake, context: ChannelHandlerContext) {
        do {
            put(try message.frame(stream: 0), promise: nil, context: context)
            context.flush()
        } catch {
            // Handshake messages are far shorter than their frame: only a broken message gets here.
            note(ConnectionClosed(.oversized, "\(error)"))
            context.close(promise: nil)
        }
    }

    private func establish(_ agreement: HandshakeMachine.Agreement, context: ChannelHandlerContext) {
        if case .handshaking(let machine, _) = phase, !machine.isInitiator { rates = InboundRates(limits: limits) }
        phase = .open
        let isData = agreement.peer.channel == .data
        timers.handshakeEnded(isData: isData, at: context.eventLoop.now)
        receiveBuffer.allow(agreement.peer.channel.frameKinds)
        // Until now a peer could make us hold one small buffer; an authenticated peer may fill larger ones.
        context.channel.setOption(
            .recvAllocator, value: isData ? Self.dataReceiveAllocator : Self.controlReceiveAllocator
        ).whenFailure { [logger] error in
            logger.debug("receive buffers stay small", metadata: ["error": "\(error)"])
        }
        let loopBound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        let eventLoop = context.eventLoop
        let queue = FrameQueue(highByteCount: isData ? 4 << 20 : 256 << 10) {
            eventLoop.execute {
                let (handler, context) = loopBound.value
                handler.resumeReading(context: context)
            }
        }
        self.queue = queue
        established.succeed(
            FrameConnection(
                agreement: agreement, channel: context.channel, queue: queue, limits: limits,
                closed: closed.futureResult))
    }

    private static var dataReceiveAllocator: any RecvByteBufferAllocator {
        AdaptiveRecvByteBufferAllocator(minimum: 16 << 10, initial: 256 << 10, maximum: 1 << 20)
    }
    private static var controlReceiveAllocator: any RecvByteBufferAllocator {
        AdaptiveRecvByteBufferAllocator(minimum: 2 << 10, initial: 4 << 10, maximum: 64 << 10)
    }

    // MARK: Outbound

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        put(unwrapOutboundIn(data), promise: promise, context: context)
    }

    /// Writes bytes that the peer must read within the limit for writes.
    private func writeTimed(_ bytes: ByteBuffer, promise: EventLoopPromise<Void>?, context: ChannelHandlerContext) {
        let promise = promise ?? context.eventLoop.makePromise()
        timers.writeBegan(at: context.eventLoop.now)
        armTimer(context: context)
        promise.futureResult.assumeIsolated().whenComplete { _ in
            self.timers.writeEnded(at: context.eventLoop.now)
        }
        context.write(wrapOutboundOut(bytes), promise: promise)
    }

    /// Numbers a frame and writes it. A blob's bytes are not copied behind their header, and are written in parts: over a slow
    /// link, each part that the peer reads shows that it is still reading.
    private func put(_ frame: Frame, promise: EventLoopPromise<Void>?, context: ChannelHandlerContext) {
        var buffer = context.channel.allocator.buffer(capacity: FrameHeader.byteCount)
        switch frame.kind {
        case .data:
            encoder.encodeHeader(of: frame, into: &buffer)
            context.write(wrapOutboundOut(buffer), promise: nil)
            var rest = frame.payload
            while let part = rest.readSlice(length: min(rest.readableBytes, limits.frameProgressByteCount)) {
                writeTimed(part, promise: rest.readableBytes == 0 ? promise : nil, context: context)
                if rest.readableBytes == 0 { break }
            }
        case .control:
            encoder.encode(frame, into: &buffer)
            writeTimed(buffer, promise: promise, context: context)
        case .handshake, .goodbye:
            encoder.encode(frame, into: &buffer)
            context.write(wrapOutboundOut(buffer), promise: promise)
        }
    }

    func triggerUserOutboundEvent(context: ChannelHandlerContext, event: Any, promise: EventLoopPromise<Void>?) {
        guard let request = event as? Request else {
            context.triggerUserOutboundEvent(event, promise: promise)
            return
        }
        switch request {
        case .close(let reason, let goodbye): close(reason, goodbye: goodbye, context: context)
        }
        promise?.succeed()
    }

    func close(_ reason: ConnectionClosed, goodbye: WireRefusal?, context: ChannelHandlerContext) {
        switch phase {
        case .lingering, .closed: return
        case .handshaking, .open: break
        }
        note(reason)
        guard let goodbye else {
            phase = .lingering
            context.close(promise: nil)
            return
        }
        do {
            put(try goodbye.frame(stream: 0), promise: nil, context: context)
            context.flush()
        } catch {
            logger.debug("goodbye does not fit a frame", metadata: ["error": "\(error)"])
        }
        linger(context: context)
    }

    /// Shuts our sending half behind the reason and gives the peer a moment to read it.
    private func linger(context: ChannelHandlerContext) {
        phase = .lingering
        isReadingPaused = false
        context.close(mode: .output, promise: nil)
        timers.lingeringBegan(at: context.eventLoop.now)
        armTimer(context: context)
        if hasPendingRead {
            hasPendingRead = false
            context.read()
        }
    }
}
