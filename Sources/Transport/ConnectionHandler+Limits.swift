import JobModel
import NIOCore
import Protocol

// Limits on a peer: time without progress, and traffic per second.

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
                .idle, "neither the rest of a frame nor \(count) bytes of it arrived within \(limits.wholeFrame)",
                context: context)
        case .idle:
            lapsed(.idle, "nothing arrived for \(limits.dataIdle)", context: context)
        case .writeStall:
            // It does not read, so it would not read a reason either.
            note(ConnectionClosed(.slowPeer, "the peer read nothing that was sent to it for \(limits.writeStall)"))
            phase = .lingering
            context.close(promise: nil)
        }
    }

    private func lapsed(_ code: ConnectionClosed.Code, _ message: String, context: ChannelHandlerContext) {
        let goodbye = WireRefusal(code == .tooFast ? .tooFast : .idle, message)
        close(ConnectionClosed(code, message), goodbye: goodbye, context: context)
    }

    /// Counts a received frame. A frame beyond the limit closes the connection.
    /// - Returns: whether it may pass.
    func isWithinRates(_ frame: Frame, context: ChannelHandlerContext) -> Bool {
        guard let excess = rates?.received(frame, at: context.eventLoop.now) else { return true }
        lapsed(.tooFast, excess, context: context)
        return false
    }
}

/// The rates at which a peer may send. A blob's bytes are not counted: they are read no faster than they are stored.
struct InboundRates {
    private var frames: RateLimit
    private var controlBytes: RateLimit

    init(limits: TransportLimits) {
        frames = RateLimit(countPerSecond: limits.framesPerSecond)
        controlBytes = RateLimit(countPerSecond: limits.controlBytesPerSecond)
    }

    /// - Returns: which limit is exceeded, for a person; `nil` when the frame may pass.
    mutating func received(_ frame: Frame, at now: NIODeadline) -> String? {
        let now = Instant(nanoseconds: UInt64(now.uptimeNanoseconds))
        func excess(_ limit: RateLimit, _ what: String, _ setting: String) -> String {
            "more than \(limit.countPerSecond) \(what) per second arrived within \(RateLimit.period): send fewer, or raise the "
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
