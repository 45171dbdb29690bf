import NIOCore
import Protocol
import TLS

/// What is known of a channel before its handshake begins. `ConnectionHandler` waits for it.
enum ChannelNews: Sendable, Hashable {
    /// The channel is not encrypted, and need not be.
    case plain
    /// The channel is encrypted; both ends know `binding`, and nobody else.
    case encrypted(binding: [UInt8])
    /// The channel must not be used.
    case refused(TransportError)
}

/// Encrypts a connection's bytes, or leaves them as they are: the first bytes decide it.
///
/// ```
///  connecting                                  accepting
///
///  idle --own policy--> plain                  sniffing --policy--> plain
///   |                                             |
///   +--> greeting --TLS--> handshaking            +--hello--> handshaking --done--> encrypted
///           |                  |
///           +--other--> answeredPlainly           (any) --failure--> broken
/// ```
///
/// A side that has begun to encrypt never sends a byte in clear again. What answers it in clear is heard, because a master that has
/// no place says so before it knows how the peer speaks; nothing but a refusal comes of it (`HandshakeMachine`).
final class EncryptionHandler: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// What this end does with a new connection.
    enum Role {
        case connecting(Encryption)
        case accepting(Encryption, TLSContext, HandshakeSlots)
    }

    private enum State {
        case idle
        case sniffing(FirstBytes)
        case plain
        case greeting
        case handshaking
        case encrypted
        case answeredPlainly
        case broken
    }

    private let role: Role
    private var state: State
    private var tls: TLSChannel?
    private var holdsSlot = false

    init(_ role: Role) {
        self.role = role
        state =
            switch role {
            case .connecting: .idle
            case .accepting: .sniffing(FirstBytes())
            }
    }

    // MARK: Life

    func channelActive(context: ChannelHandlerContext) {
        context.fireChannelActive()
        guard case .connecting(let encryption) = role else { return }
        guard encryption.encrypts(to: context.remoteAddress) else {
            announce(.plain, as: .plain, context: context)
            return
        }
        do {
            tls = try TLSChannel(TLSContexts.forConnecting())
            try tls?.begin()
            state = .greeting
            flushOutput(promise: nil, context: context)
        } catch {
            fail(error, context: context)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        giveSlotBack()
        context.fireChannelInactive()
    }

    func handlerRemoved(context: ChannelHandlerContext) { giveSlotBack() }

    /// The peer has proved itself, or will not any more: its handshake is over.
    func giveSlotBack() {
        guard holdsSlot, case .accepting(_, _, let slots) = role else { return }
        holdsSlot = false
        slots.giveBack()
    }

    private func announce(_ news: ChannelNews, as state: State, context: ChannelHandlerContext) {
        self.state = state
        context.fireUserInboundEventTriggered(news)
    }

    private func fail(_ error: any Error, context: ChannelHandlerContext) {
        if case .broken = state { return }
        // TLS may have a last word for the peer: why it ends.
        flushOutput(promise: nil, context: context)
        let error =
            error as? TransportError ?? TransportError(.encryptionFailed, "the encrypted channel failed: \(error)")
        announce(.refused(error), as: .broken, context: context)
    }

    // MARK: Inbound

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch state {
        case .plain, .answeredPlainly: context.fireChannelRead(data)
        case .handshaking, .encrypted: decrypt(unwrapInboundIn(data), context: context)
        case .greeting: firstAnswer(unwrapInboundIn(data), context: context)
        case .sniffing(var first):
            let verdict = first.append(unwrapInboundIn(data))
            state = .sniffing(first)
            begun(verdict, first.bytes, context: context)
        case .idle, .broken: break
        }
    }

    /// The accepting side has heard the beginning of its peer.
    private func begun(_ verdict: FirstBytes.Verdict, _ bytes: ByteBuffer, context: ChannelHandlerContext) {
        guard case .accepting(let encryption, let tlsContext, let slots) = role else { return }
        switch verdict {
        case .waits: break
        case .tooLong(let byteCount):
            let message = "a TLS hello of \(byteCount) bytes arrived, at most \(FirstBytes.limit) are allowed"
            fail(TransportError(.protocolViolation, message), context: context)
        case .plain:
            // A stranger that does not even begin like a peer is not told anything: `ConnectionHandler` sees to that.
            let isPreface = bytes.readableBytesView.first == Preface.magic.first
            if isPreface, let error = encryption.refusal(ofPlainFrom: context.remoteAddress) {
                // The peer's own words are dropped: it is told in clear, as it speaks.
                announce(.refused(error), as: .plain, context: context)
            } else {
                announce(.plain, as: .plain, context: context)
                context.fireChannelRead(wrapInboundOut(bytes))
            }
        case .encrypted:
            guard slots.take() else {
                announce(.refused(slots.exhausted), as: .plain, context: context)
                return
            }
            holdsSlot = true
            do {
                tls = try TLSChannel(tlsContext)
                state = .handshaking
                decrypt(bytes, context: context)
            } catch {
                fail(error, context: context)
            }
        }
    }

    /// The connecting side hears its peer for the first time.
    private func firstAnswer(_ bytes: ByteBuffer, context: ChannelHandlerContext) {
        /// A record of an alert, which says why the peer does not want the channel.
        let alertRecord: UInt8 = 0x15
        guard let first = bytes.readableBytesView.first else { return }
        if first == FirstBytes.handshakeRecord || first == alertRecord {
            state = .handshaking
            decrypt(bytes, context: context)
        } else {
            state = .answeredPlainly
            context.fireChannelRead(wrapInboundOut(bytes))
        }
    }

    private func decrypt(_ bytes: ByteBuffer, context: ChannelHandlerContext) {
        var plaintext = context.channel.allocator.buffer(capacity: bytes.readableBytes)
        do {
            try bytes.withUnsafeReadableBytes { bytes in
                try tls?.receive(bytes) { plaintext.writeBytes($0) }
            }
        } catch {
            fail(error, context: context)
            return
        }
        flushOutput(promise: nil, context: context)
        if case .handshaking = state, let binding = tls?.exported {
            announce(.encrypted(binding: binding), as: .encrypted, context: context)
        }
        if plaintext.readableBytes > 0 { context.fireChannelRead(wrapInboundOut(plaintext)) }
    }

    // MARK: Outbound

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        switch state {
        case .plain: context.write(data, promise: promise)
        // A peer that has begun a TLS hello, and does not end it, would not understand.
        case .sniffing(let first) where first.bytes.readableBytes == 0: context.write(data, promise: promise)
        case .encrypted:
            let bytes = unwrapOutboundIn(data)
            do {
                try bytes.withUnsafeReadableBytes { try tls?.send($0) }
                writeOutput(promise: promise, context: context)
            } catch {
                promise?.fail(error)
                fail(error, context: context)
            }
        // The peer would have to be told in clear.
        case .sniffing, .idle, .greeting, .handshaking, .answeredPlainly, .broken:
            promise?.fail(ChannelError.outputClosed)
        }
    }

    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        if case .encrypted = state, mode != .input, (try? tls?.end()) != nil {
            flushOutput(promise: nil, context: context)
        }
        context.close(mode: mode, promise: promise)
    }

    /// Writes what TLS has for the peer.
    private func writeOutput(promise: EventLoopPromise<Void>?, context: ChannelHandlerContext) {
        guard tls?.hasOutput == true else {
            promise?.succeed()
            return
        }
        let buffer = tls?.takeOutput { bytes in
            var buffer = context.channel.allocator.buffer(capacity: bytes.count)
            buffer.writeBytes(bytes)
            return buffer
        }
        if let buffer { context.write(wrapOutboundOut(buffer), promise: promise) }
    }

    private func flushOutput(promise: EventLoopPromise<Void>?, context: ChannelHandlerContext) {
        guard tls?.hasOutput == true else { return }
        writeOutput(promise: promise, context: context)
        context.flush()
    }
}
