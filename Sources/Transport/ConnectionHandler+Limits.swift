import JobModel
import NIOCore
import Protocol

// What a connection's peer may cost us: time without progress, and what it sends in a time.

extension ConnectionHandler {
    func armTimer(context: ChannelHandlerContext) {
        if case .closed = phase { return }
        guard let deadline = timers.next(isReadingPaused: isReadingPaused) else { return }
        guard timers.shouldArm(for: deadline) else { return }
        timer?.cancel()
        timers.armed = deadline
        timer = context.eventLoop.assumeIsolated().scheduleTask(deadline: deadline) {
            self.timers.armed = nil
            self.timerFired(context: context)
        }
    }

    private func timerFired(context: ChannelHandlerContext) {
        defer { armTimer(context: context) }
        guard let lapse = timers.lapsed(at: context.eventLoop.now, isReadingPaused: isReadingPaused) else { return }
        switch lapse {
        case .handshake:
            guard case .handshaking(var machine, let prefaceSeen) = phase else { return }
            let action = machine.timedOut(after: limits.handshake)
            phase = .handshaking(machine, prefaceSeen: prefaceSeen)
            perform(action, context: context)
        case .lingering:
            context.close(promise: nil)
        case .wholeFrame:
            let count = limits.frameProgressByteCount
            lapsed(
                .idle, "neither the rest of a frame nor \(count) bytes of it came within \(limits.wholeFrame)",
                context: context)
        case .idle:
            lapsed(.idle, "nothing came for \(limits.bulkIdle)", context: context)
        case .writeStall:
            // It does not read: nothing that we say would reach it.
            note(ConnectionClosed(.slowPeer, "the peer took nothing that was sent to it for \(limits.writeStall)"))
            phase = .lingering
            context.close(promise: nil)
        }
    }

    private func lapsed(_ code: ConnectionClosed.Code, _ message: String, context: ChannelHandlerContext) {
        let goodbye = WireRefusal(code: code.rawValue, message: message)
        close(ConnectionClosed(code, message), goodbye: goodbye, context: context)
    }

    /// Counts a frame that came. One that is too many closes the connection.
    /// - Returns: whether it may pass.
    func isWithinRates(_ frame: Frame, context: ChannelHandlerContext) -> Bool {
        guard let excess = rates?.received(frame, at: context.eventLoop.now) else { return true }
        lapsed(.tooFast, excess, context: context)
        return false
    }
}

/// How fast a peer may send. A blob's bytes are not counted: they are read no faster than they are stored.
struct InboundRates {
    private var frames: RateLimit
    private var controlBytes: RateLimit

    init(limits: TransportLimits) {
        frames = RateLimit(countPerSecond: limits.framesPerSecond)
        controlBytes = RateLimit(countPerSecond: limits.controlBytesPerSecond)
    }

    /// - Returns: what is too much; `nil` when nothing is.
    mutating func received(_ frame: Frame, at now: NIODeadline) -> String? {
        let now = Instant(nanoseconds: UInt64(now.uptimeNanoseconds))
        func excess(_ limit: RateLimit, _ what: String, _ setting: String) -> String {
            "more than \(limit.countPerSecond) \(what) a second came within \(RateLimit.period): send fewer, or raise the "
                + "master's \(setting)"
        }
        guard frames.take(at: now) else { return excess(frames, "frames", "max-frames-per-second") }
        let byteCount = FrameHeader.byteCount + frame.payload.readableBytes
        guard frame.kind == .data || controlBytes.take(byteCount, at: now) else {
            return excess(controlBytes, "bytes of control frames", "max-control-bytes-per-second")
        }
        return nil
    }
}
