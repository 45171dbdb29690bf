import NIOCore

/// The time limits of one connection: what runs, until when. Reads no clock.
struct ConnectionTimers {
    enum Lapse { case handshake, lingering, wholeFrame, idle, writeStall }

    /// How long the peer has to read our last words.
    private static let lingering = TimeAmount.seconds(1)

    private let limits: TransportLimits
    private var handshakeDeadline: NIODeadline?
    private var lingeringDeadline: NIODeadline?
    private var frameDeadline: NIODeadline?
    /// Of the unfinished frame, since its deadline was set.
    private var frameByteCount = 0
    private var idleDeadline: NIODeadline?
    private var writeDeadline: NIODeadline?
    private var writesUnderWay = 0
    private var isBulk = false
    /// When the one timer that is set goes off.
    var armed: NIODeadline?

    init(limits: TransportLimits) { self.limits = limits }

    mutating func handshakeBegan(at now: NIODeadline) { handshakeDeadline = now + TimeAmount(limits.handshake) }

    mutating func handshakeEnded(isBulk: Bool, at now: NIODeadline) {
        handshakeDeadline = nil
        self.isBulk = isBulk
        bytesReceived(at: now)
    }

    mutating func bytesReceived(at now: NIODeadline) {
        if isBulk { idleDeadline = now + TimeAmount(limits.bulkIdle) }
    }

    /// After each read: how much came, whether it completed a frame, and whether part of another is there.
    ///
    /// The limit runs from a frame's first byte, and anew whenever so much has come as shows progress: the longest frame may
    /// take minutes over a slow link, but nobody can keep one open by a few bytes.
    mutating func received(byteCount: Int, isFrameComplete: Bool, isFrameUnfinished: Bool, at now: NIODeadline) {
        guard isFrameUnfinished else {
            frameDeadline = nil
            return
        }
        frameByteCount += byteCount
        if frameDeadline == nil || isFrameComplete || frameByteCount >= limits.frameProgressByteCount {
            frameDeadline = now + TimeAmount(limits.wholeFrame)
            frameByteCount = 0
        }
    }

    mutating func writeBegan(at now: NIODeadline) {
        if writesUnderWay == 0 { writeDeadline = now + TimeAmount(limits.writeStall) }
        writesUnderWay += 1
    }

    mutating func writeEnded(at now: NIODeadline) {
        writesUnderWay -= 1
        writeDeadline = writesUnderWay == 0 ? nil : now + TimeAmount(limits.writeStall)
    }

    mutating func lingeringBegan(at now: NIODeadline) {
        handshakeDeadline = nil
        frameDeadline = nil
        idleDeadline = nil
        lingeringDeadline = now + Self.lingering
    }

    /// The limits that run, soonest-listed first. What the peer sends does not count while we do not read.
    private func running(isReadingPaused: Bool) -> [(Lapse, NIODeadline?)] {
        [
            (.handshake, handshakeDeadline), (.lingering, lingeringDeadline), (.writeStall, writeDeadline),
            (.wholeFrame, isReadingPaused ? nil : frameDeadline),
            // A peer that waits for what we send is not idle.
            (.idle, isReadingPaused || writesUnderWay > 0 ? nil : idleDeadline),
        ]
    }

    func next(isReadingPaused: Bool) -> NIODeadline? {
        running(isReadingPaused: isReadingPaused).compactMap(\.1).min()
    }

    /// Whether a timer for `deadline` would go off before the one that is set.
    func shouldArm(for deadline: NIODeadline) -> Bool {
        guard let armed else { return true }
        return deadline < armed
    }

    func lapsed(at now: NIODeadline, isReadingPaused: Bool) -> Lapse? {
        running(isReadingPaused: isReadingPaused).first { _, deadline in deadline.map { $0 <= now } ?? false }?.0
    }
}
