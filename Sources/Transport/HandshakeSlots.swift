import Synchronization

/// Bounds the encrypted channels of a listener whose peers have not proved themselves.
final class HandshakeSlots: Sendable {
    let limit: Int
    private let count = Mutex(0)

    init(limit: Int) { self.limit = limit }

    /// - Returns: whether there was a place; it must be given back.
    func take() -> Bool {
        count.withLock { count in
            guard count < limit else { return false }
            count += 1
            return true
        }
    }

    func giveBack() { count.withLock { $0 -= 1 } }

    /// The error of a connection that finds no place.
    var exhausted: TransportError {
        TransportError(
            .tooManyConnections,
            "\(limit) encrypted connections are in their handshake, no more may be: try again in a moment")
    }
}
