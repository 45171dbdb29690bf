import NIOCore
import TLS

/// Encrypts a connection to a server of others, which proves its name by a certificate.
///
/// ```
///  idle --active--> handshaking --server proved--> open
///                        |                          |
///                        +--failure--> broken <-----+
/// ```
///
/// The handlers behind it see an active channel once it is open, so that nothing is sent to a server that is another.
final class ServerEncryptionHandler: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private enum State {
        case idle, handshaking, open, broken
    }

    private let tlsContext: TLSContext
    private let server: String
    private var state = State.idle
    private var tls: TLSChannel?

    init(_ tlsContext: TLSContext, server: String) {
        self.tlsContext = tlsContext
        self.server = server
    }

    func channelActive(context: ChannelHandlerContext) {
        do {
            tls = try TLSChannel(tlsContext, to: server)
            try tls?.begin()
            state = .handshaking
            writeOutput(promise: nil, context: context)
            context.flush()
        } catch {
            fail(error, context: context)
        }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if case .broken = state { return }
        let bytes = unwrapInboundIn(data)
        var plaintext = context.channel.allocator.buffer(capacity: bytes.readableBytes)
        do {
            try bytes.withUnsafeReadableBytes { bytes in
                try tls?.receive(bytes) { plaintext.writeBytes($0) }
            }
        } catch {
            fail(error, context: context)
            return
        }
        writeOutput(promise: nil, context: context)
        context.flush()
        if case .handshaking = state, tls?.exported != nil {
            state = .open
            context.fireChannelActive()
        }
        if plaintext.readableBytes > 0 { context.fireChannelRead(wrapInboundOut(plaintext)) }
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard case .open = state else {
            promise?.fail(ChannelError.outputClosed)
            return
        }
        do {
            try unwrapOutboundIn(data).withUnsafeReadableBytes { try tls?.send($0) }
            writeOutput(promise: promise, context: context)
        } catch {
            promise?.fail(error)
            fail(error, context: context)
        }
    }

    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        if case .open = state, (try? tls?.end()) != nil {
            writeOutput(promise: nil, context: context)
            context.flush()
        }
        context.close(mode: mode, promise: promise)
    }

    private func fail(_ error: any Error, context: ChannelHandlerContext) {
        if case .broken = state { return }
        state = .broken
        // Why it ends, for the server.
        writeOutput(promise: nil, context: context)
        context.flush()
        context.fireErrorCaught(error)
    }

    /// Writes what TLS has for the server.
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
}
