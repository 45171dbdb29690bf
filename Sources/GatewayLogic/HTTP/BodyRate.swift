/// Tells a peer that sends slowly from a gateway that reads slowly.
///
/// Only the time that is spent waiting for bytes counts: while the disk takes what arrived, nothing is asked of the peer.
package struct BodyRate: Hashable, Sendable {
    /// Bytes that a peer has to send within each window.
    package static let leastByteCount = 64 << 10
    package static let window: Duration = .seconds(10)

    private var waitingSince: Duration?
    private var waited: Duration = .zero
    private var byteCount = 0

    package init() {}

    /// More bytes are wanted.
    package mutating func asked(at now: Duration) {
        if waitingSince == nil { waitingSince = now }
    }

    package mutating func arrived(_ count: Int, at now: Duration) {
        waited += waitingSince.map { now - $0 } ?? .zero
        waitingSince = nil
        byteCount += count
        guard byteCount >= Self.leastByteCount else { return }
        (byteCount, waited) = (0, .zero)
    }

    /// Whether a window of waiting has passed without enough bytes.
    package func isTooSlow(at now: Duration) -> Bool {
        waited + (waitingSince.map { now - $0 } ?? .zero) > Self.window
    }
}
