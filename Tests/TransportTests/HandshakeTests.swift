import Foundation
import Protocol
import Testing

@testable import Transport

@Suite struct `The handshake` {
    private static let initiatorNonce = [UInt8](0..<32)
    private static let masterNonce = [UInt8](32..<64)

    private static func initiator(
        _ role: ConnectionRole = .worker, secret: SharedSecret = .test, nonce: [UInt8] = initiatorNonce
    ) -> HandshakeMachine {
        .initiator(role: role, secret: secret, software: "tessera-worker 1", nonce: nonce)
    }

    private static func master(secret: SharedSecret = .test, nonce: [UInt8] = masterNonce) -> HandshakeMachine {
        .master(secret: secret, software: "tessera-master 1", nonce: nonce)
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

    private static func peer(_ action: HandshakeMachine.Action) -> HandshakeMachine.Peer? {
        if case .establish(let peer, _) = action { peer } else { nil }
    }

    @Test(arguments: ConnectionRole.allCases) func `both sides that know the secret know each other in the end`(
        role: ConnectionRole
    ) throws {
        var initiator = Self.initiator(role)
        var master = Self.master()
        _ = master.connected()
        let hello = try Self.sent(initiator.connected())
        let challenge = try Self.sent(master.received(hello))
        let answer = try Self.sent(initiator.received(challenge))
        let accepted = master.received(answer)
        #expect(Self.peer(accepted)?.role == role)
        #expect(Self.peer(accepted)?.software == "tessera-worker 1")
        let welcomed = initiator.received(try Self.sent(accepted))
        #expect(Self.peer(welcomed)?.software == "tessera-master 1")
    }

    @Test func `the proofs are those of the worked example in the reference`() throws {
        let secret = try SharedSecret(bytes: Array("0123456789abcdef0123456789abcdef".utf8))
        let byMaster = HandshakeMachine.masterProof(
            role: .worker, hello: Self.initiatorNonce, challenge: Self.masterNonce)
        let byPeer = HandshakeMachine.peerProof(
            role: .worker, hello: Self.initiatorNonce, challenge: Self.masterNonce)
        func hex(_ bytes: [UInt8]) -> String { bytes.map { String(format: "%02x", $0) }.joined() }
        #expect(
            hex(secret.authenticationCode(over: byMaster))
                == "418e3f05d9c85b62e3acb45936abfdeb8b63514d8b2fc3edc37a9ede282cccfe")
        #expect(
            hex(secret.authenticationCode(over: byPeer))
                == "f27c1cade6fe7157427687d634bee007c50eda6584bc9daab9513e213d3bf1d4")
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
        let proof = HandshakeMachine.peerProof(
            role: .worker, hello: Self.initiatorNonce, challenge: Self.masterNonce)
        answer.proof = Data(SharedSecret.other.authenticationCode(over: proof))
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
        var hello = WireHello()
        hello.role = .worker
        hello.nonce = Data(Self.initiatorNonce)
        let challenge = try Self.sent(master.received(WireHandshake(.hello(hello)))).challenge
        var answer = WireAnswer()
        answer.proof = challenge.proof
        #expect(Self.refusal(master.received(WireHandshake(.answer(answer)))) == .badSecret)
    }

    @Test func `a second connection to the master makes no proof for the first`() throws {
        var first = Self.master(nonce: Self.masterNonce)
        var second = Self.master(nonce: [UInt8](64..<96))
        var hello = WireHello()
        hello.role = .worker
        hello.nonce = Data(Self.initiatorNonce)
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
        let parts = HandshakeMachine.masterProof(
            role: .worker, hello: Self.initiatorNonce, challenge: Self.initiatorNonce)
        challenge.proof = Data(SharedSecret.test.authenticationCode(over: parts))
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
        // The same the other way round: a recorded challenge is no proof for a new nonce.
        var again = Self.initiator(nonce: [UInt8](96..<128))
        _ = again.connected()
        #expect(Self.refusal(again.received(challenge)) == .badSecret)
    }

    @Test func `a proof for one role is none for another`() throws {
        var master = Self.master()
        var initiator = Self.initiator(.worker)
        var hello = try Self.sent(initiator.connected())
        let asWorker = try Self.sent(master.received(hello))
        // Someone in between turns the worker into a client.
        hello.hello.role = .client
        var misled = Self.master()
        _ = try Self.sent(misled.received(hello))
        let answer = try Self.sent(initiator.received(asWorker))
        #expect(Self.refusal(misled.received(answer)) == .badSecret)
    }

    @Test(arguments: [0, 4, 255, 258]) func `an unknown role is refused`(role: Int) {
        var master = Self.master()
        var hello = WireHello()
        hello.role = WireRole(rawValue: role) ?? .unspecified
        hello.nonce = Data(Self.initiatorNonce)
        #expect(Self.refusal(master.received(WireHandshake(.hello(hello)))) == .badRole)
    }

    @Test(arguments: [0, 31, 33]) func `a nonce has 32 bytes`(count: Int) {
        var master = Self.master()
        var hello = WireHello()
        hello.role = .client
        hello.nonce = Data(count: count)
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
        #expect(Self.refusal(master.prefaceReceived(Preface(majorVersion: 2))) == .version)
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

    @Test func `a peer's name for itself is cut and cleaned`() throws {
        var master = Self.master()
        var initiator = HandshakeMachine.initiator(
            role: .client, secret: .test, software: "evil\u{1b}[31m\n" + String(repeating: "x", count: 500),
            nonce: Self.initiatorNonce)
        let challenge = try Self.sent(master.received(try Self.sent(initiator.connected())))
        let peer = Self.peer(master.received(try Self.sent(initiator.received(challenge))))
        #expect(peer?.software.hasPrefix("evil[31mxxx") == true)
        #expect((peer?.software.count ?? .max) <= 64)
    }
}
