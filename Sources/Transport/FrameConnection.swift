import Logging
import NIOCore
import Protocol
import Synchronization

/// The shared half of `ControlConnection` and `DataConnection`: frames out in order and within bounds, frames in.
final class FrameConnection: Sendable {
    let agreement: HandshakeMachine.Agreement
    let remoteAddress: String
    let queue: FrameQueue
    private let channel: any Channel
    private let limits: TransportLimits
    private let closedFuture: EventLoopFuture<ConnectionClosed>
    /// Control bytes that were queued and that the operating system has not accepted yet.
    private let controlByteCount = Atomic<Int>(0)
    /// Data writes that are under way, oldest first.
    private let window = Mutex(Window())

    private struct Window {
        var writes = CircularBuffer<(done: EventLoopFuture<Void>, byteCount: Int)>()
        var byteCount = 0
    }

    init(
        agreement: HandshakeMachine.Agreement, channel: any Channel, queue: FrameQueue, limits: TransportLimits,
        closed: EventLoopFuture<ConnectionClosed>
    ) {
        self.agreement = agreement
        self.channel = channel
        self.queue = queue
        self.limits = limits
        closedFuture = closed
        remoteAddress = channel.remoteAddress.map(RemoteAddress.text) ?? "unknown"
    }

    var peer: Peer { agreement.peer }

    func send(_ message: WireControl, stream: UInt32) {
        let frame: Frame
        do {
            frame = try message.frame(stream: stream)
        } catch {
            request(.close(ConnectionClosed(.oversized, "\(error)"), goodbye: nil))
            return
        }
        send(control: frame)
    }

    /// Whether the peer has left more unread than a message of the greatest length.
    var isBehind: Bool { controlByteCount.load(ordering: .relaxed) > FrameKind.control.payloadByteCountLimit }

    func send(control frame: Frame) {
        let byteCount = FrameHeader.byteCount + frame.payload.readableBytes
        let waiting = controlByteCount.add(byteCount, ordering: .relaxed).newValue
        guard waiting <= limits.outboundByteCount else {
            let message =
                "\(remoteAddress) has left \(waiting - byteCount) bytes unread; at most \(limits.outboundByteCount) may wait"
            request(.close(ConnectionClosed(.slowPeer, message), goodbye: nil))
            return
        }
        channel.writeAndFlush(frame).whenComplete { _ in
            self.controlByteCount.subtract(byteCount, ordering: .relaxed)
        }
    }

    func send(data: ByteBuffer) async throws {
        var rest = data
        try await withTaskCancellationHandler {
            while rest.readableBytes > 0 {
                let count = min(rest.readableBytes, FrameKind.data.payloadByteCountLimit)
                guard let payload = rest.readSlice(length: count) else { break }
                try await send(payload: payload)
            }
        } onCancel: {
            close()
        }
    }

    private func send(payload: ByteBuffer) async throws {
        try Task.checkCancellation()
        let byteCount = payload.readableBytes
        let promise = channel.eventLoop.makePromise(of: Void.self)
        channel.writeAndFlush(Frame(kind: .data, stream: 0, payload: payload), promise: promise)
        window.withLock { window in
            window.writes.append((promise.futureResult, byteCount))
            window.byteCount += byteCount
        }
        while let oldest = window.withLock({ window -> EventLoopFuture<Void>? in
            guard window.byteCount > limits.dataWindowByteCount else { return nil }
            guard let oldest = window.writes.popFirst() else { return nil }
            window.byteCount -= oldest.byteCount
            return oldest.done
        }) {
            do {
                try await oldest.get()
            } catch {
                try Task.checkCancellation()
                throw await closed
            }
        }
    }

    /// The message in a control frame; a peer that sends something else is closed.
    func decodeControl(_ frame: Frame) throws -> WireControl {
        do {
            return try WireControl(decoding: frame.payload)
        } catch {
            let refusal = WireRefusal(error.code, error.description)
            request(.close(ConnectionClosed(.protocolViolation, error.description), goodbye: refusal))
            throw error
        }
    }

    func close() { request(.close(ConnectionClosed(.local, "this side closed the connection"), goodbye: nil)) }

    func giveUp(_ reason: String) { request(.close(ConnectionClosed(.idle, reason), goodbye: nil)) }

    func close(goodbye: WireRefusal) {
        let message = "this side closed the connection: \(goodbye.message)"
        request(.close(ConnectionClosed(.local, message), goodbye: goodbye))
    }

    private func request(_ request: ConnectionHandler.Request) {
        // Fails only when the channel is closed already, which is what was asked for.
        channel.triggerUserOutboundEvent(request, promise: nil)
    }

    var closed: ConnectionClosed {
        get async {
            do {
                return try await closedFuture.get()
            } catch {
                // The handler succeeds the promise on every path; only the event loop's own end fails it.
                return ConnectionClosed(.local, "the event loop ended: \(ErrorText.of(error))")
            }
        }
    }
}

/// The form of addresses in logs and in the counts for limits.
enum RemoteAddress {
    static func text(_ address: SocketAddress) -> String {
        Endpoint(host: host(address), port: address.port ?? 0).description
    }

    static func host(_ address: SocketAddress) -> String { address.ipAddress ?? "local" }

    /// Whether `address` is of this machine alone: `127.0.0.0/8`, also as IPv6 sockets have it, `::1`, or no network's at all.
    static func isLoopback(_ address: SocketAddress?) -> Bool {
        switch address {
        case .v4(let address): UInt32(bigEndian: address.address.sin_addr.s_addr) >> 24 == 127
        case .v6(let address):
            withUnsafeBytes(of: address.address.sin6_addr) { bytes in
                let mapped = [UInt8](repeating: 0, count: 10) + [0xFF, 0xFF, 127]
                return bytes.elementsEqual([UInt8](repeating: 0, count: 15) + [1]) || bytes.starts(with: mapped)
            }
        case .unixDomainSocket: true
        case nil: false
        }
    }
}
