import Glibc
import Protocol
import Synchronization
import Transport

/// One connection through a `FaultProxy`: two sockets, and the two threads that carry frames between them.
final class ProxiedConnection: Sendable {
    private struct State {
        var peer: Peer?
        /// Directions in which nothing arrives any more.
        var lost: Set<FlowDirection> = []
        var bytesPerSecond: Int?
        var isAborted = false
        var pumpCount = 2
    }

    private let number: Int
    private let initiator: Int32
    private let master: Int32
    /// Readable once the connection is to be reset: what a thread waits for besides its socket.
    private let alarm: Int32
    private let alarmBell: Int32
    private let owner: FaultProxy
    private let state = Mutex(State())

    init(number: Int, initiator: Int32, master: Int32, owner: FaultProxy) {
        self.number = number
        self.initiator = initiator
        self.master = master
        self.owner = owner
        // A pair of sockets serves as a pipe that is closed on exec from its first moment.
        var ends: [Int32] = [-1, -1]
        socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0, &ends)
        (alarm, alarmBell) = (ends[0], ends[1])
    }

    /// Resets both ends.
    func abort() {
        state.withLock { state in
            guard !state.isAborted, state.pumpCount > 0 else { return }
            state.isAborted = true
            shutdown(alarmBell, Int32(SHUT_RDWR))
        }
    }

    /// Carries one direction to its end.
    func pump(_ direction: FlowDirection) {
        defer { pumpEnded() }
        let source = direction == .toMaster ? initiator : master
        var frameCount = 0
        var reading = LoopbackSocket.read(source, byteCount: Preface.byteCount, alarm)
        while true {
            switch reading {
            case .aborted: return
            case .failed:
                ended(direction)
                if !isLost(direction) { abort() }
                return
            case .end(let rest):
                ended(direction)
                if !isLost(direction), send(rest, direction) { shutdown(sink(of: direction), Int32(SHUT_WR)) }
                return
            case .bytes(let bytes):
                if bytes.count < FrameHeader.byteCount {
                    guard send(bytes, direction) else { return }
                } else {
                    guard pass(bytes, number: frameCount, direction) else { return }
                    frameCount += 1
                }
            }
            reading = nextFrame(from: source)
        }
    }

    /// Reads a whole frame; bytes that announce none come alone, one by one.
    private func nextFrame(from source: Int32) -> LoopbackSocket.Reading {
        let header = LoopbackSocket.read(source, byteCount: FrameHeader.byteCount, alarm)
        guard case .bytes(let headerBytes) = header else { return header }
        let length = headerBytes[..<4].reduce(0) { $0 << 8 | Int($1) }
        guard length <= FrameKind.data.payloadByteCountLimit else { return header }
        switch LoopbackSocket.read(source, byteCount: length, alarm) {
        case .bytes(let payload): return .bytes(headerBytes + payload)
        case .end(let rest): return .end(headerBytes + rest)
        case .failed: return .failed
        case .aborted: return .aborted
        }
    }

    // MARK: Faults

    /// - Returns: whether the direction continues.
    private func pass(_ bytes: [UInt8], number: Int, _ direction: FlowDirection) -> Bool {
        let frame = FrameSighting(
            connection: self.number, peer: state.withLock { $0.peer }, direction: direction, number: number,
            bytes: bytes)
        if case .handshake(let handshake) = frame.content, case .hello(let hello) = handshake.step {
            state.withLock { $0.peer = Peer(hello) }
        }
        // What nobody will see is not worth a decision.
        if isLost(direction) { return true }
        switch owner.fault(for: frame) {
        case nil: return send(bytes, direction)
        case .delay(let duration): return LoopbackSocket.pause(duration, alarm) && send(bytes, direction)
        case .slow(let bytesPerSecond):
            state.withLock { $0.bytesPerSecond = bytesPerSecond }
            return send(bytes, direction)
        case .cut(let byteCount):
            // Only what has left this machine's buffers is sure to arrive before the reset.
            _ = send(Array(bytes.prefix(byteCount)), direction)
            abort()
            return false
        case .halfOpen(let unaware):
            state.withLock { $0.lost = Set(FlowDirection.allCases) }
            shutdown(unaware == .initiator ? master : initiator, Int32(SHUT_RDWR))
            return true
        case .silence:
            state.withLock { _ = $0.lost.insert(direction) }
            return true
        case .corrupt(let bit):
            var damaged = bytes
            damaged[bit / 8 % bytes.count] ^= 1 << UInt8(bit % 8)
            return send(damaged, direction)
        case .duplicate: return send(bytes + bytes, direction)
        }
    }

    private func isLost(_ direction: FlowDirection) -> Bool { state.withLock { $0.lost.contains(direction) } }

    private func sink(of direction: FlowDirection) -> Int32 { direction == .toMaster ? master : initiator }

    /// - Returns: whether the direction continues.
    private func send(_ bytes: [UInt8], _ direction: FlowDirection) -> Bool {
        var rest = bytes[...]
        while !rest.isEmpty {
            let rate = state.withLock { $0.bytesPerSecond }
            // Fifty portions a second.
            let portion = rest.prefix(rate.map { max(1, $0 / 50) } ?? rest.count)
            rest = rest.dropFirst(portion.count)
            if rate != nil, !LoopbackSocket.pause(.milliseconds(20), alarm) { return false }
            switch LoopbackSocket.write(portion, to: sink(of: direction), alarm) {
            case .done: break
            case .aborted: return false
            case .failed:
                // The receiver is gone; the sender hears of it unless nothing comes back to it.
                if isLost(direction.opposite) {
                    state.withLock { _ = $0.lost.insert(direction) }
                    return true
                }
                abort()
                return false
            }
        }
        return true
    }

    // MARK: Ends

    private func ended(_ direction: FlowDirection) {
        owner.ended(number, state.withLock { $0.peer }, by: direction == .toMaster ? .initiator : .master)
    }

    /// The last of the two threads closes the sockets: before, the other could still use them.
    private func pumpEnded() {
        let (isLast, isAborted) = state.withLock { state in
            state.pumpCount -= 1
            return (state.pumpCount == 0, state.isAborted)
        }
        guard isLast else { return }
        for descriptor in [initiator, master] {
            if isAborted { LoopbackSocket.reset(descriptor) } else { close(descriptor) }
        }
        close(alarm)
        close(alarmBell)
        owner.closed(number)
    }
}

extension Peer {
    /// `nil` when the hello announces none.
    fileprivate init?(_ hello: WireHello) {
        guard let role = UInt8(exactly: hello.role.rawValue).flatMap(Role.init(rawValue:)),
            let channel = UInt8(exactly: hello.channel.rawValue).flatMap(Channel.init(rawValue:)),
            let identity = Identity(hello.identity)
        else { return nil }
        self.init(identity: identity, role: role, channel: channel)
    }
}
