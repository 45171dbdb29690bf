import JobModel

/// The connections between the master and its peers, as TCP keeps them: in order within one, in no order across them.
///
/// A link can be cut in either direction, for a while or permanently. Messages sent during a cut arrive when it is over, as TCP
/// sends again; or never. A connection whose end is not delivered is half open.
struct Network {
    enum Peer: Hashable {
        case worker(Int)
        case client(Int)
    }

    struct Connection {
        let peer: Peer
        let masterRun: Int
        let peerRun: Int
        var isOpenAtMaster = true
        var isOpenAtPeer = true
        var lastToMaster = Instant.zero
        var lastToPeer = Instant.zero
        /// The worker that registered on it.
        var worker: WorkerID?
        /// When something from the peer reached the master's host last, read or not.
        private(set) var lastArrival = Instant.zero
        /// The end of its latest silence.
        private(set) var lastSilenceEnded = Instant.zero
        /// Until then the master, which was stalled, does not read the connection.
        var heldUntil = Instant.zero

        mutating func arrived(at now: Instant) {
            if now - lastArrival >= .seconds(2) { lastSilenceEnded = now }
            lastArrival = now
        }
    }

    /// When each direction of a peer's link works again.
    struct Link {
        var toMasterCutUntil = Instant.zero
        var toPeerCutUntil = Instant.zero
    }

    static let forever = Instant(nanoseconds: .max / 4)

    private(set) var connections: [Connection] = []
    var links: [Peer: Link] = [:]

    mutating func open(_ peer: Peer, masterRun: Int, peerRun: Int) -> Int {
        connections.append(Connection(peer: peer, masterRun: masterRun, peerRun: peerRun))
        return connections.count - 1
    }

    subscript(_ id: Int) -> Connection {
        get { connections[id] }
        set { connections[id] = newValue }
    }

    func link(of peer: Peer) -> Link { links[peer] ?? Link() }

    /// When something sent now by the peer arrives; `nil` for never.
    mutating func arrivalAtMaster(on id: Int, now: Instant, delay: Duration) -> Instant? {
        let until = link(of: connections[id].peer).toMasterCutUntil
        guard until < Self.forever else { return nil }
        let time = max(max(now, until) + delay, connections[id].lastToMaster)
        connections[id].lastToMaster = time
        return time
    }

    mutating func arrivalAtPeer(on id: Int, now: Instant, delay: Duration) -> Instant? {
        let until = link(of: connections[id].peer).toPeerCutUntil
        guard until < Self.forever else { return nil }
        let time = max(max(now, until) + delay, connections[id].lastToPeer)
        connections[id].lastToPeer = time
        return time
    }

    /// Whether a handshake, which needs both directions, succeeds now.
    func isReachable(_ peer: Peer, at now: Instant) -> Bool {
        let link = link(of: peer)
        return link.toMasterCutUntil <= now && link.toPeerCutUntil <= now
    }
}

extension Network {
    /// In the order in which they were made.
    func openConnections(ofMaster run: Int) -> [Int] {
        connections.indices.filter { connections[$0].masterRun == run && connections[$0].isOpenAtMaster }
    }
}
