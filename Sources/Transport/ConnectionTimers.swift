import NIOCore

/// The time limits of one connection that run, and their deadlines. Reads no clock.
struct ConnectionTimers {
    enum Lapse { case handshake, lingering, wholeFrame, idle, writeStall }

    /// Time for the peer to read our reason before the connection is closed.
    private static let lingering = TimeAmount.seconds(1)

    private let limits: TransportLimits
    private var handshakeDeadline: NIODeadline?
    private var lingeringDeadline: NIODeadline?
    private var frameDeadline: NIODeadline?
    /// Bytes of the incomplete frame since its deadline was set.
    private var frameByteCount = 0
    private var idleDeadline: NIODeadline?
    private var writeDeadline: NIODeadline?
    private var writesUnderWay = 0
    private var isData = false
    /// The deadline of the one timer that is set.
    var armed: NIODeadline?

    init(limits: TransportLimits) { self.limits = limits }

    mutating func handshakeBegan(at now: NIODeadline) { handshakeDeadline = now + TimeAmount(limits.handshake) }

    mutating func handshakeEnded(isData: Bool, at now: NIODeadline) {
        handshakeDeadline = nil
        self.isData = isData
        bytesReceived(at: now)
    }

    mutating func bytesReceived(at now: NIODeadline) {
        if isData { idleDeadline = now + TimeAmount(limits.dataIdle) }
    }

    /// Called after each read: with the number of bytes, whether they completed a frame, and whether part of another is there.
    ///
    /// The limit runs from a frame's first byte, and again from every `frameProgressByteCount` bytes: the longest frame may take
    /// minutes over a slow link, but a few bytes cannot keep one open.
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

    /// The limits that run; where several lapse at once, the first listed counts. Reading limits do not run while reading is paused.
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

    /// Whether a timer for `deadline` would fire before the one that is set.
    func shouldArm(for deadline: NIODeadline) -> Bool {
        guard let armed else { return true }
        return deadline < armed
    }

    func lapsed(at now: NIODeadline, isReadingPaused: Bool) -> Lapse? {
        running(isReadingPaused: isReadingPaused).first { _, deadline in deadline.map { $0 <= now } ?? false }?.0
    }
}
