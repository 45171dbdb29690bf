import Glibc
import Synchronization
import Transport

/// A proxy between a master and its peers, on loopback: passes frames on, and applies faults to them.
///
/// ```
///   client or worker  <--TCP-->  FaultProxy  <--TCP-->  master
///                                    |
///                        decide(frame) -> nothing, or a fault
/// ```
///
/// It knows frames, so that a fault strikes at a message instead of at some moment. Other bytes pass unchanged.
/// Each direction of each connection has a thread that blocks: a decision that takes its time holds the frame back.
public final class FaultProxy: Sendable {
    /// Called for every frame before it passes, by the thread of its direction.
    public typealias Decide = @Sendable (FrameSighting) -> Fault?

    /// A fault that was done.
    public struct Incident: Sendable, CustomStringConvertible {
        public let frame: FrameSighting
        public let fault: Fault
        public var description: String { "\(fault) at \(frame)" }
    }

    private struct State {
        var target: Endpoint
        var decide: Decide = { _ in nil }
        var connections: [Int: ProxiedConnection] = [:]
        var connectionCount = 0
        var incidents: [Incident] = []
        var ends: [(connection: Int, peer: Peer?, by: Fault.End)] = []
        var isStopped = false
    }

    private let listener: Int32
    /// Where to connect to instead of to the master.
    public let endpoint: Endpoint
    private let state: Mutex<State>

    /// Begins to listen.
    /// - Parameter target: the master's address, an IPv4 address of this host.
    public init(to target: Endpoint) throws(SocketError) {
        let opened = try LoopbackSocket.listen()
        listener = opened.descriptor
        endpoint = Endpoint(host: "127.0.0.1", port: opened.port)
        state = Mutex(State(target: target))
        startThread { [self] in accept() }
    }

    /// What is decided from now on.
    public func decide(_ decide: @escaping Decide) { state.withLock { $0.decide = decide } }

    /// Another master is behind the proxy from now on: what is connected is reset.
    public func redirect(to target: Endpoint) {
        let connections = state.withLock { state in
            state.target = target
            return Array(state.connections.values)
        }
        for connection in connections { connection.abort() }
    }

    /// From now on every frame passes as it is; what happened to connections stays.
    public func letAllPass() { decide { _ in nil } }

    /// The faults that were done so far.
    public var incidents: [Incident] { state.withLock { $0.incidents } }

    /// Control connections of a role that an end has closed so far, by itself.
    public func endCount(of role: Peer.Role, by end: Fault.End) -> Int {
        state.withLock { $0.ends.count { $0.peer?.role == role && $0.peer?.channel == .control && $0.by == end } }
    }

    public var openConnectionCount: Int { state.withLock { $0.connections.count } }

    /// Resets every connection and listens no more.
    public func stop() {
        let connections = state.withLock { state in
            state.isStopped = true
            return Array(state.connections.values)
        }
        shutdown(listener, Int32(SHUT_RDWR))
        for connection in connections { connection.abort() }
    }

    // MARK: Within

    private func accept() {
        while let initiator = LoopbackSocket.accept(listener) {
            let (target, number, isStopped) = state.withLock { state in
                defer { state.connectionCount += 1 }
                return (state.target, state.connectionCount, state.isStopped)
            }
            guard !isStopped, let master = try? LoopbackSocket.connect(to: target) else {
                // As if nobody listened: the initiator is told by a reset.
                LoopbackSocket.reset(initiator)
                continue
            }
            let connection = ProxiedConnection(number: number, initiator: initiator, master: master, owner: self)
            let isWanted = state.withLock { state in
                if !state.isStopped { state.connections[number] = connection }
                return !state.isStopped
            }
            if !isWanted { connection.abort() }
            for direction in FlowDirection.allCases { startThread { connection.pump(direction) } }
        }
        close(listener)
    }

    func fault(for frame: FrameSighting) -> Fault? {
        let fault = state.withLock { $0.decide }(frame)
        if let fault { state.withLock { $0.incidents.append(Incident(frame: frame, fault: fault)) } }
        return fault
    }

    func ended(_ connection: Int, _ peer: Peer?, by end: Fault.End) {
        state.withLock { $0.ends.append((connection, peer, end)) }
    }

    func closed(_ connection: Int) { state.withLock { _ = $0.connections.removeValue(forKey: connection) } }
}
