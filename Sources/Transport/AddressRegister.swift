import Synchronization

/// Counts connections by address, so that one host cannot take every descriptor.
final class AddressRegister: Sendable {
    struct Admission: Sendable {
        let address: String
        let number: UInt64
        let verdict: Verdict
    }

    enum Verdict: Sendable, Hashable {
        case admitted
        case tooMany(count: Int)
        /// Connections of all addresses together.
        case tooManyInAll(count: Int)
        case tooManyUnauthenticated(count: Int)
        /// Too many connections of the address are being told why they are rejected: this one is closed without a word.
        case dropped
    }

    fileprivate struct State {
        var nextNumber: UInt64 = 0
        var open: [String: Int] = [:]
        var openInAll = 0
        /// The numbers of the connections that have not authenticated.
        var unauthenticated: [String: Set<UInt64>] = [:]
        /// Connections that are being told why they are rejected.
        var rejected: [String: Int] = [:]
    }

    /// Connections of one address that may be told at a time why they are rejected.
    private static let rejectedLimit = 64

    private let state = Mutex(State())
    private let limits: TransportLimits

    init(limits: TransportLimits) { self.limits = limits }

    /// A connection was accepted. Every admission must be given back by `connectionClosed`.
    func connectionOpened(from address: String) -> Admission {
        state.withLock { state in
            state.nextNumber += 1
            let open = state.open[address, default: 0]
            let unauthenticated = state.unauthenticated[address]?.count ?? 0
            let isFull =
                open >= limits.connectionsPerAddress || unauthenticated >= limits.unauthenticatedPerAddress
                || state.openInAll >= limits.connections
            let verdict: Verdict =
                if isFull && state.rejected[address, default: 0] >= Self.rejectedLimit {
                    .dropped
                } else if open >= limits.connectionsPerAddress {
                    .tooMany(count: open)
                } else if unauthenticated >= limits.unauthenticatedPerAddress {
                    .tooManyUnauthenticated(count: unauthenticated)
                } else if state.openInAll >= limits.connections {
                    .tooManyInAll(count: state.openInAll)
                } else {
                    .admitted
                }
            switch verdict {
            case .admitted:
                state.open[address, default: 0] += 1
                state.openInAll += 1
                state.unauthenticated[address, default: []].insert(state.nextNumber)
            case .tooMany, .tooManyInAll, .tooManyUnauthenticated: state.rejected[address, default: 0] += 1
            case .dropped: break
            }
            return Admission(address: address, number: state.nextNumber, verdict: verdict)
        }
    }

    func authenticated(_ admission: Admission) {
        state.withLock { $0.forgetUnauthenticated(admission) }
    }

    func connectionClosed(_ admission: Admission) {
        state.withLock { state in
            switch admission.verdict {
            case .admitted:
                state.forgetUnauthenticated(admission)
                let left = state.open[admission.address, default: 1] - 1
                state.open[admission.address] = left == 0 ? nil : left
                state.openInAll -= 1
            case .tooMany, .tooManyInAll, .tooManyUnauthenticated:
                let left = state.rejected[admission.address, default: 1] - 1
                state.rejected[admission.address] = left == 0 ? nil : left
            case .dropped: break
            }
        }
    }

    /// Why the connection is not admitted; `nil` when it is.
    func rejection(of admission: Admission) -> TransportError? {
        switch admission.verdict {
        case .admitted, .dropped: nil
        case .tooMany(let count):
            TransportError(
                .tooManyConnections,
                "\(count) connections from \(admission.address) are open, at most \(limits.connectionsPerAddress) may be: "
                    + "close some, or raise the master's max-connections-per-address")
        case .tooManyInAll(let count):
            TransportError(
                .tooManyConnections,
                "\(count) connections are open, at most \(limits.connections) may be: try again in a moment, or raise the "
                    + "master's max-connections")
        case .tooManyUnauthenticated(let count):
            TransportError(
                .tooManyConnections,
                "\(count) connections from \(admission.address) are in their handshake, at most "
                    + "\(limits.unauthenticatedPerAddress) may be: try again in a moment, or raise the master's "
                    + "max-handshakes-per-address")
        }
    }
}

extension AddressRegister.State {
    fileprivate mutating func forgetUnauthenticated(_ admission: AddressRegister.Admission) {
        unauthenticated[admission.address]?.remove(admission.number)
        if unauthenticated[admission.address]?.isEmpty == true { unauthenticated[admission.address] = nil }
    }
}
