import Foundation
import JobModel
import Protocol
import Testing

@testable import Transport

@Suite struct `The handshake` {
    private static let initiatorNonce = [UInt8](0..<32)
    private static let masterNonce = [UInt8](32..<64)

    private static let worker = Peer.test(.worker)

    private static func initiator(
        _ peer: Peer = worker, secret: SharedSecret = .test, nonce: [UInt8] = initiatorNonce
    ) -> HandshakeMachine {
        .initiator(peer, secret: secret, software: "tessera-worker 1", nonce: nonce)
    }

    private static func master(
        secret: SharedSecret = .test, nonce: [UInt8] = masterNonce, binding: [UInt8] = []
    ) -> HandshakeMachine {
        var machine = HandshakeMachine.master(secret: secret, software: "tessera-master 1", nonce: nonce)
        _ = machine.connected(binding: binding)
        return machine
    }

    /// The hello of a stranger that knows no secret.
    private static func hello(nonce: Data = Data(initiatorNonce)) -> WireHello {
        .with {
            $0.role = .worker
            $0.channel = .control
            $0.identity = Data(count: 16)
            $0.nonce = nonce
        }
    }

    /// The message that `action` sends, through bytes as over the wire.
    private static func sent(_ action: HandshakeMachine.Action) throws -> WireHandshake {
        let message: WireHandshake? =
            switch action {
            case .send(let message): message
            case .establish(_, let message): message
            case .refuse(_, let message): message
            case .none: nil
            }
        return try WireHandshake(decoding: .init(bytes: try #require(message).serializedBytes() as [UInt8]))
    }

    private static func refusal(_ action: HandshakeMachine.Action) -> TransportError.Code? {
        if case .refuse(let error, _) = action { error.code } else { nil }
    }

    private static func agreement(_ action: HandshakeMachine.Action) -> HandshakeMachine.Agreement? {
        if case .establish(let agreement, _) = action { agreement } else { nil }
    }

    @Test(arguments: Peer.Role.allCases, Peer.Channel.allCases)
    func `both sides that know the secret know each other in the end`(
        role: Peer.Role, channel: Peer.Channel
    ) throws {
        let peer = Peer.test(role, channel)
        var initiator = Self.initiator(peer)
        var master = Self.master()
        _ = master.connected()
        let hello = try Self.sent(initiator.connected())
        let challenge = try Self.sent(master.received(hello))
        let answer = try Self.sent(initiator.received(challenge))
        let accepted = master.received(answer)
        #expect(Self.agreement(accepted)?.peer == peer)
        #expect(Self.agreement(accepted)?.software == "tessera-worker 1")
        let welcomed = initiator.received(try Self.sent(accepted))
        #expect(Self.agreement(welcomed)?.peer == peer)
        #expect(Self.agreement(welcomed)?.software == "tessera-master 1")
    }

    @Test(arguments: [nil, 0, 1_800_000_000_000] as [UInt64?])
    func `the initiator is told of which generation the master's state is`(number: UInt64?) throws {
        let lineage = try #require(Lineage([UInt8](0..<16)))
        let generation = number.map { Generation(of: lineage, number: $0) }
        var initiator = Self.initiator()
        var master = HandshakeMachine.master(
            secret: .test, software: "tessera-master 1", generation: generation, nonce: Self.masterNonce)
        _ = master.connected()
        let answer = try Self.sent(
            initiator.received(try Self.sent(master.received(try Self.sent(initiator.connected())))))
        let welcomed = initiator.received(try Self.sent(master.received(answer)))
        #expect(try #require(Self.agreement(welcomed)).generation == generation)
    }

    @Test(arguments: [1, 15, 17]) func `a lineage of another length is a violation`(byteCount: Int) throws {
        var initiator = Self.initiator()
        var master = Self.master()
        _ = try Self.sent(initiator.received(try Self.sent(master.received(try Self.sent(initiator.connected())))))
        var welcome = WireWelcome()
        welcome.lineage = Data(count: byteCount)
        #expect(Self.refusal(initiator.received(WireHandshake(.welcome(welcome)))) == .protocolViolation)
    }

    @Test func `the proofs are those of the worked example in the reference`() throws {
        let secret = try SharedSecret(bytes: Array("0123456789abcdef0123456789abcdef".utf8))
        let identity = try #require(Peer.Identity([UInt8](0xa0...0xaf)))
        let transcript = HandshakeMachine.Transcript(
            peer: Peer(identity: identity, role: .worker, channel: .data), hello: Self.initiatorNonce,
            challenge: Self.masterNonce)
        func hex(_ bytes: [UInt8]) -> String { bytes.map { String(format: "%02x", $0) }.joined() }
        #expect(
            hex(secret.authenticationCode(over: transcript.masterProof))
                == "d37a034b6d9be045dec259afaadaa9315258e4c9f12103e1a0ad7d336e1cf499")
        #expect(
            hex(secret.authenticationCode(over: transcript.peerProof))
                == "e27b7fb77f4657d53ecfe382b6bb7446d32a0e6c57856e92167aa106310a3e5b")
    }

    @Test func `a master with another secret is found out before the initiator proves anything`() throws {
        var initiator = Self.initiator()
        var master = Self.master(secret: .other)
        let challenge = try Self.sent(master.received(try Self.sent(initiator.connected())))
        let action = initiator.received(challenge)
        #expect(Self.refusal(action) == .badSecret)
        // The master hears why.
        #expect(Self.refusal(master.received(try Self.sent(action))) == .badSecret)
    }

    @Test func `an initiator with another secret is refused`() throws {
        var master = Self.master()
        var initiator = Self.initiator(secret: .other)
        var answer = WireAnswer()
        _ = try Self.sent(master.received(try Self.sent(initiator.connected())))
        let transcript = HandshakeMachine.Transcript(
            peer: Self.worker, hello: Self.initiatorNonce, challenge: Self.masterNonce)
        answer.proof = Data(SharedSecret.other.authenticationCode(over: transcript.peerProof))
        #expect(Self.refusal(master.received(WireHandshake(.answer(answer)))) == .badSecret)
    }

    @Test(arguments: [0, 16, 31, 33]) func `a proof of any other length is refused`(length: Int) throws {
        var master = Self.master()
        var initiator = Self.initiator()
        let challenge = try Self.sent(master.received(try Self.sent(initiator.connected())))
        var answer = try Self.sent(initiator.received(challenge))
        answer.answer.proof = length == 33 ? answer.answer.proof + [0] : answer.answer.proof.prefix(length)
        #expect(Self.refusal(master.received(answer)) == .badSecret)
    }

    @Test func `the master's own proof sent back to it proves nothing`() throws {
        var master = Self.master()
        // The attacker knows no secret; it says hello with any nonce and reflects what it gets.
        let challenge = try Self.sent(master.received(WireHandshake(.hello(Self.hello())))).challenge
        var answer = WireAnswer()
        answer.proof = challenge.proof
        #expect(Self.refusal(master.received(WireHandshake(.answer(answer)))) == .badSecret)
    }

    @Test func `a second connection to the master makes no proof for the first`() throws {
        var first = Self.master(nonce: Self.masterNonce)
        var second = Self.master(nonce: [UInt8](64..<96))
        var hello = Self.hello()
        let challenge = try Self.sent(first.received(WireHandshake(.hello(hello)))).challenge
        // The attacker uses the first connection's nonce as its own, hoping for a proof over it.
        hello.nonce = challenge.nonce
        let oracle = try Self.sent(second.received(WireHandshake(.hello(hello)))).challenge
        var answer = WireAnswer()
        answer.proof = oracle.proof
        #expect(Self.refusal(first.received(WireHandshake(.answer(answer)))) == .badSecret)
    }

    @Test func `a master that echoes the initiator's nonce is refused`() throws {
        var initiator = Self.initiator()
        _ = initiator.connected()
        var challenge = WireChallenge()
        challenge.nonce = Data(Self.initiatorNonce)
        let transcript = HandshakeMachine.Transcript(
            peer: Self.worker, hello: Self.initiatorNonce, challenge: Self.initiatorNonce)
        challenge.proof = Data(SharedSecret.test.authenticationCode(over: transcript.masterProof))
        #expect(Self.refusal(initiator.received(WireHandshake(.challenge(challenge)))) == .protocolViolation)
    }

    @Test func `a recorded conversation opens no second connection`() throws {
        var initiator = Self.initiator()
        var master = Self.master()
        let hello = try Self.sent(initiator.connected())
        let challenge = try Self.sent(master.received(hello))
        let answer = try Self.sent(initiator.received(challenge))
        var next = Self.master(nonce: [UInt8](64..<96))
        _ = try Self.sent(next.received(hello))
        #expect(Self.refusal(next.received(answer)) == .badSecret)
        // In the other direction: a recorded challenge does not prove anything for a new nonce.
        var again = Self.initiator(nonce: [UInt8](96..<128))
        _ = again.connected()
        #expect(Self.refusal(again.received(challenge)) == .badSecret)
    }

    /// What somebody in between may turn a peer into.
    private static let changes: [@Sendable (inout WireHello) -> Void] = [
        { $0.role = .client }, { $0.channel = .data }, { $0.identity[0] ^= 1 },
    ]

    @Test(arguments: 0..<3) func `a proof for one role, channel and identity does not prove another`(
        change: Int
    ) throws {
        var master = Self.master()
        var initiator = Self.initiator()
        var hello = try Self.sent(initiator.connected())
        let asSent = try Self.sent(master.received(hello))
        Self.changes[change](&hello.hello)
        var misled = Self.master()
        _ = try Self.sent(misled.received(hello))
        let answer = try Self.sent(initiator.received(asSent))
        #expect(Self.refusal(misled.received(answer)) == .badSecret)
    }

    @Test func `proofs that are bound to one channel are worthless on another`() throws {
        var initiator = Self.initiator()
        var master = Self.master(binding: [1, 2, 3])
        let hello = try Self.sent(initiator.connected(binding: [1, 2, 3]))
        let challenge = try Self.sent(master.received(hello))
        let answer = try Self.sent(initiator.received(challenge))
        #expect(Self.agreement(master.received(answer)) != nil)

        // An attacker between two encrypted channels passes the messages on.
        var victim = Self.initiator()
        var other = Self.master(binding: [4, 5, 6])
        let passedOn = try Self.sent(other.received(try Self.sent(victim.connected(binding: [1, 2, 3]))))
        #expect(Self.refusal(victim.received(passedOn)) == .badSecret)

        // Neither does it help to leave the encryption out on one side.
        var plain = Self.master()
        var asksForMore = Self.initiator()
        let inClear = try Self.sent(plain.received(try Self.sent(asksForMore.connected(binding: [1, 2, 3]))))
        #expect(Self.refusal(asksForMore.received(inClear)) == .badSecret)
    }

    /// Until its channel is encrypted, an initiator says nothing, whatever it hears in clear.
    @Test func `an initiator that encrypts takes from a channel in clear only that it is refused`() throws {
        var master = Self.master()
        var other = Self.initiator()
        let challenge = try Self.sent(master.received(try Self.sent(other.connected())))
        for message in [challenge, WireHandshake(.welcome(WireWelcome())), WireHandshake(.hello(Self.hello()))] {
            var waiting = Self.initiator()
            _ = waiting.prefaceReceived(Preface())
            #expect(Self.refusal(waiting.received(message)) == .protocolViolation)
        }
        var refused = Self.initiator()
        let refusal = WireRefusal(.tooManyConnections, "try again")
        #expect(Self.refusal(refused.received(WireHandshake(.refused(refusal)))) == .tooManyConnections)
    }

    @Test(arguments: [0, 3, 4, 255, 258]) func `an unknown role is refused`(role: Int) {
        var master = Self.master()
        var hello = Self.hello()
        hello.role = WireRole(rawValue: role) ?? .unspecified
        #expect(Self.refusal(master.received(WireHandshake(.hello(hello)))) == .badRole)
    }

    @Test(arguments: [0, 3, 255, 258]) func `an unknown channel is refused`(channel: Int) {
        var master = Self.master()
        var hello = Self.hello()
        hello.channel = WireChannel(rawValue: channel) ?? .unspecified
        #expect(Self.refusal(master.received(WireHandshake(.hello(hello)))) == .badRole)
    }

    @Test(arguments: [0, 15, 17]) func `an identity has 16 bytes`(count: Int) {
        var master = Self.master()
        var hello = Self.hello()
        hello.identity = Data(count: count)
        #expect(Self.refusal(master.received(WireHandshake(.hello(hello)))) == .protocolViolation)
    }

    @Test func `a peer of the first version is told to install the same release`() throws {
        var master = Self.master()
        let action = master.prefaceReceived(Preface(majorVersion: 1))
        #expect(Self.refusal(action) == .version)
        #expect(try Self.sent(action).refused.message.contains("install the same release"))
    }

    @Test(arguments: [0, 31, 33]) func `a nonce has 32 bytes`(count: Int) {
        var master = Self.master()
        let hello = Self.hello(nonce: Data(count: count))
        #expect(Self.refusal(master.received(WireHandshake(.hello(hello)))) == .protocolViolation)
        var initiator = Self.initiator()
        _ = initiator.connected()
        var challenge = WireChallenge()
        challenge.nonce = Data(count: count)
        #expect(Self.refusal(initiator.received(WireHandshake(.challenge(challenge)))) == .protocolViolation)
    }

    @Test func `steps out of turn are refused`() {
        let steps: [WireHandshake.OneOf_Step?] = [
            .challenge(WireChallenge()), .answer(WireAnswer()), .welcome(WireWelcome()), nil,
        ]
        for step in steps {
            var master = Self.master()
            var message = WireHandshake()
            message.step = step
            #expect(Self.refusal(master.received(message)) == .protocolViolation)
        }
        for step in [.hello(WireHello()), .answer(WireAnswer()), .welcome(WireWelcome())] as [WireHandshake.OneOf_Step]
        {
            var initiator = Self.initiator()
            _ = initiator.connected()
            #expect(Self.refusal(initiator.received(WireHandshake(step))) == .protocolViolation)
        }
    }

    @Test func `another major version is refused on both sides`() throws {
        var master = Self.master()
        #expect(Self.refusal(master.prefaceReceived(Preface(majorVersion: 3))) == .version)
        var initiator = Self.initiator()
        _ = initiator.connected()
        #expect(Self.refusal(initiator.prefaceReceived(Preface(majorVersion: 0))) == .version)
    }

    @Test func `time runs out in every state but the last`() throws {
        var idle = Self.master()
        #expect(Self.refusal(idle.timedOut(after: .seconds(2))) == .handshakeTimeout)
        var initiator = Self.initiator()
        var master = Self.master()
        let challenge = try Self.sent(master.received(try Self.sent(initiator.connected())))
        let answer = try Self.sent(initiator.received(challenge))
        _ = master.received(answer)
        #expect(Self.refusal(master.timedOut(after: .seconds(2))) == nil)
        #expect(Self.refusal(initiator.timedOut(after: .seconds(2))) == .handshakeTimeout)
    }

    private static func error(_ action: HandshakeMachine.Action) -> TransportError? {
        if case .refuse(let error, _) = action { error } else { nil }
    }

    @Test(arguments: [
        ("HTTP/1.", "(it answers like a web server)"), ("SSH-2.0", "(it answers like an SSH server)"),
        ("hello", "(it answers in another protocol)"),
    ]) func `a listener of another kind is called what it is`(start: String, words: String) {
        var initiator = Self.initiator()
        _ = initiator.connected()
        let violation = ProtocolViolation(field: "preface", value: "48", allowed: "the bytes of \"TESSERA\"")
        let error = initiator.strangerAnswered(Array(start.utf8), violation)
        #expect(error.code == .protocolViolation)
        #expect(error.message == "what listens there is not a tessera-master \(words); check the port")
        #expect(Self.master().strangerAnswered(Array(start.utf8), violation).message == violation.description)
    }

    @Test func `a listener that has proved nothing is not called the master`() throws {
        var silent = Self.initiator()
        _ = silent.connected()
        let timeout = try #require(Self.error(silent.timedOut(after: .seconds(2))))
        #expect(timeout.code == .handshakeTimeout)
        #expect(
            timeout.message.hasPrefix("what listens there did not answer within 2.0 seconds; is it a tessera-master?"))

        var closing = Self.initiator()
        _ = closing.connected()
        let closed = try #require(Self.error(closing.disconnected()))
        #expect(closed.code == .closed)
        #expect(
            closed.message.hasPrefix(
                "what listens there closed the connection during the handshake; is it a tessera-master?"))

        var initiator = Self.initiator()
        var master = Self.master()
        _ = initiator.received(try Self.sent(master.received(try Self.sent(initiator.connected()))))
        let lost = try #require(Self.error(initiator.disconnected()))
        #expect(lost.message == "the master closed the connection during the handshake")
    }

    @Test func `a peer's name for itself is cut and cleaned`() throws {
        var master = Self.master()
        var initiator = HandshakeMachine.initiator(
            .test(.client), secret: .test, software: "evil\u{1b}[31m\n" + String(repeating: "x", count: 500),
            nonce: Self.initiatorNonce)
        let challenge = try Self.sent(master.received(try Self.sent(initiator.connected())))
        let agreement = Self.agreement(master.received(try Self.sent(initiator.received(challenge))))
        #expect(agreement?.software.hasPrefix("evil[31mxxx") == true)
        #expect((agreement?.software.count ?? .max) <= 64)
    }
}
