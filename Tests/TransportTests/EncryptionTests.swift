import NIOCore
import NIOEmbedded
import NIOPosix
import MasterClient
import JobModel
import Protocol
import Synchronization
import TLS
import Testing

@testable import Transport

extension TLSContext {
    /// For tests that only need one.
    static let accepting: TLSContext = {
        guard let context = try? TLSContext(.accepting) else { preconditionFailure("OpenSSL has TLS 1.3") }
        return context
    }()
}

@Suite struct `The demand for encryption` {
    @Test(arguments: [
        ("127.0.0.1", true), ("127.255.0.9", true), ("::1", true), ("::ffff:127.0.0.1", true), ("128.0.0.1", false),
        ("10.0.0.1", false), ("::2", false), ("::ffff:10.0.0.1", false), ("::127.0.0.1", false), ("fe80::1", false),
    ]) func `this machine's addresses are known`(address: String, isLoopback: Bool) throws {
        #expect(try RemoteAddress.isLoopback(SocketAddress(ipAddress: address, port: 1)) == isLoopback)
    }

    @Test(arguments: Encryption.allCases) func `both sides follow one rule`(encryption: Encryption) throws {
        for address in ["127.0.0.1", "192.0.2.1"] {
            let remote = try SocketAddress(ipAddress: address, port: 1)
            let isPlainRefused = encryption.refusal(ofPlainFrom: remote) != nil
            #expect(encryption.encrypts(to: remote) == isPlainRefused)
        }
        #expect(encryption.refusal(ofPlainFrom: nil) == nil || encryption != .never)
    }
}

@Suite struct `The first bytes of a connection` {
    private static func hello(byteCount: Int, first: UInt8 = FirstBytes.handshakeRecord) -> [UInt8] {
        [first, 3, 1, UInt8(byteCount >> 8), UInt8(byteCount & 0xFF)] + [UInt8](repeating: 1, count: byteCount)
    }

    @Test func `tell a hello when it is whole, and not before`() {
        let hello = Self.hello(byteCount: 300)
        var bytes = FirstBytes()
        for byte in hello.dropLast() { #expect(bytes.append(ByteBuffer(bytes: [byte])) == .waits) }
        #expect(bytes.append(ByteBuffer(bytes: [hello[304]])) == .encrypted)
        #expect(Array(bytes.bytes.readableBytesView) == hello)
    }

    @Test func `are clear from the first one`() {
        for first in UInt8.min ... .max where first != FirstBytes.handshakeRecord {
            var bytes = FirstBytes()
            #expect(bytes.append(ByteBuffer(bytes: [first])) == .plain)
        }
        var none = FirstBytes()
        #expect(none.append(ByteBuffer()) == .waits)
    }

    @Test func `of a hello that is too long are not collected`() {
        let most = FirstBytes.limit - 5
        var longest = FirstBytes()
        #expect(longest.append(ByteBuffer(bytes: Self.hello(byteCount: most))) == .encrypted)
        var longer = FirstBytes()
        #expect(
            longer.append(ByteBuffer(bytes: Self.hello(byteCount: most + 1).prefix(5))) == .tooLong(byteCount: most + 6)
        )
    }
}

@Suite(.timeLimit(.minutes(1))) struct `Encrypted connections` {
    private static let loopback = Endpoint(host: "127.0.0.1", port: 0)

    /// A listener with one setting, and a dialer to it with another.
    private static func open(
        _ dialing: Encryption, to accepting: Encryption, secret: SharedSecret = .test
    ) async throws -> TransportError.Code? {
        try await withListener(encryption: accepting) { connection in
            connection.close()
        } body: { endpoint in
            let dialer = Dialer(to: endpoint, as: .client, secret: secret, encryption: dialing, logger: quiet)
            do {
                _ = await (try await dialer.openControlConnection()).closed
                return nil
            } catch let error as TransportError {
                return error.code
            }
        }
    }

    @Test(arguments: Encryption.allCases, Encryption.allCases)
    func `are taken wherever both sides may have them`(dialing: Encryption, accepting: Encryption) async throws {
        // Over loopback `auto` means in clear.
        let expected: TransportError.Code? = dialing != .always && accepting == .always ? .encryptionRequired : nil
        #expect(try await Self.open(dialing, to: accepting) == expected)
    }

    @Test func `do not do without the secret`() async throws {
        #expect(try await Self.open(.always, to: .always, secret: .other) == .badSecret)
    }

    @Test func `carry blobs and messages as those in clear do`() async throws {
        let master = TestMaster()
        let blob = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ $0 >> 11) }
        try await withListener(encryption: .always) {
            await master.serve($0)
        } body: { endpoint in
            let dialer = Dialer(to: endpoint, as: .client, secret: .test, encryption: .always, logger: quiet)
            let transfer = BlobTransfer(dialer, connectionCount: 2)
            defer { transfer.close() }
            let stored = try await transfer.put(bytes: blob)
            #expect(try await transfer.bytes(of: BlobSlice(stored)) == blob)
        }
    }

    /// The attacker in between speaks TLS with both sides, and passes all messages on as they are.
    @Test func `refuse somebody in between, every time`() async throws {
        try await withListener(encryption: .always) { connection in
            Issue.record("\(connection.peer) was let in")
        } body: { endpoint in
            let relay = try await Relay(to: endpoint)
            for _ in 0..<100 {
                let dialer = Dialer(
                    to: Endpoint(host: "127.0.0.1", port: relay.port), as: .client, secret: .test, encryption: .always,
                    logger: quiet)
                let error = await #expect(throws: TransportError.self) { _ = try await dialer.openControlConnection() }
                #expect(error?.code == .badSecret)
            }
            #expect(relay.relayedByteCount > 100 * 100)
            try await relay.close()
        }
    }

    /// A listener of an earlier release sees a TLS hello as the bytes of a stranger, and closes.
    @Test func `say what to do about a master that has no TLS`() async throws {
        let server = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { $0.pipeline.addHandler(ClosesAtFirstBytes()) }
            .bind(host: "127.0.0.1", port: 0).get()
        let port = try #require(server.localAddress?.port)
        let dialer = Dialer(
            to: Endpoint(host: "127.0.0.1", port: port), as: .client, secret: .test, encryption: .always, logger: quiet)
        let error = await #expect(throws: TransportError.self) { _ = try await dialer.openControlConnection() }
        #expect(error?.code == .closed)
        #expect(error?.message.contains("set tls to off") == true)
        try await server.close()
    }

    @Test func `that wait for their proof are bounded, and the next one gets through when one ends`() throws {
        let slots = HandshakeSlots(limit: 2)
        #expect(slots.take() && slots.take())
        #expect(!slots.take())
        slots.giveBack()
        #expect(slots.take())
    }
}

private final class ClosesAtFirstBytes: ChannelInboundHandler, Sendable {
    typealias InboundIn = ByteBuffer

    func channelRead(context: ChannelHandlerContext, data: NIOAny) { context.close(promise: nil) }
}
