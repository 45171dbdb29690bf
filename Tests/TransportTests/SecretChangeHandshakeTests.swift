import Foundation
import Protocol
import Testing

@testable import Transport

/// Handshakes while the secret changes: the master has the new secret and the former one.
@Suite struct `The handshake while the secret changes` {
    private static let initiatorNonce = [UInt8](0..<32)
    private static let masterNonce = [UInt8](32..<64)
    private static let new = SharedSecret.test
    private static let former = SharedSecret.other
    private static let both = Secrets(new, former: former)

    private static func initiator(_ secret: SharedSecret) -> HandshakeMachine {
        .initiator(.test(.worker), secret: secret, software: "tessera-worker 1", nonce: initiatorNonce)
    }

    private static func master(_ secrets: Secrets, nonce: [UInt8] = masterNonce) -> HandshakeMachine {
        .master(secrets: secrets, software: "tessera-master 1", nonce: nonce)
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

    private static let transcript = HandshakeMachine.Transcript(
        peer: .test(.worker), hello: initiatorNonce, challenge: masterNonce)

    @Test(arguments: [(SharedSecret.test, Keyring.Standing.newest), (SharedSecret.other, .former)])
    func `a peer with either secret is accepted, and the master knows which`(
        secret: SharedSecret, standing: Keyring.Standing
    ) throws {
        var initiator = Self.initiator(secret)
        var master = Self.master(Self.both)
        let challenge = try Self.sent(master.received(try Self.sent(initiator.connected())))
        let answer = try Self.sent(initiator.received(challenge))
        let accepted = master.received(answer)
        let agreement = try #require(Self.agreement(accepted))
        #expect(agreement.secret == secret)
        #expect(Keyring(Self.both).standing(of: agreement.secret) == standing)
        #expect(Self.agreement(initiator.received(try Self.sent(accepted)))?.secret == secret)
    }

    @Test func `a peer with a third secret is refused on both sides`() throws {
        let third = try SharedSecret(bytes: [UInt8](repeating: 9, count: 32))
        var initiator = Self.initiator(third)
        var master = Self.master(Self.both)
        let challenge = try Self.sent(master.received(try Self.sent(initiator.connected())))
        #expect(Self.refusal(initiator.received(challenge)) == .badSecret)
        var answer = WireAnswer()
        answer.proof = Data(third.authenticationCode(over: Self.transcript.peerProof))
        #expect(Self.refusal(master.received(WireHandshake(.answer(answer)))) == .badSecret)
    }

    @Test func `a peer of the previous release, which has the former secret, finds its proof where it was`() throws {
        // It looks at `proof` alone.
        var initiator = Self.initiator(Self.former)
        var master = Self.master(Self.both)
        var challenge = try Self.sent(master.received(try Self.sent(initiator.connected())))
        challenge.challenge.newestProof = Data()
        let answer = try Self.sent(initiator.received(challenge))
        #expect(Self.agreement(master.received(answer))?.secret == Self.former)
    }

    @Test func `a master with one secret says what a master of the previous release says`() throws {
        var initiator = Self.initiator(Self.new)
        var master = Self.master(Secrets(Self.new))
        let challenge = try Self.sent(master.received(try Self.sent(initiator.connected()))).challenge
        #expect(challenge.newestProof.isEmpty)
        #expect(Array(challenge.proof) == Self.new.authenticationCode(over: Self.transcript.masterProof))
    }

    @Test func `a peer with the new secret does not fall back when its proof is taken away`() throws {
        // Somebody in between who knows the former secret can leave out the new proof, and can make the other one.
        var initiator = Self.initiator(Self.new)
        var master = Self.master(Self.both)
        var challenge = try Self.sent(master.received(try Self.sent(initiator.connected())))
        challenge.challenge.newestProof = Data()
        let action = initiator.received(challenge)
        #expect(Self.refusal(action) == .badSecret)
        guard case .refused = try Self.sent(action).step else {
            Issue.record("it proved something")
            return
        }
    }

    @Test func `neither of the master's proofs is worth anything to a stranger`() throws {
        for number in 0..<2 {
            var master = Self.master(Self.both)
            var hello = WireHello()
            hello.role = .worker
            hello.channel = .control
            hello.identity = Data(count: 16)
            hello.nonce = Data(Self.initiatorNonce)
            let challenge = try Self.sent(master.received(WireHandshake(.hello(hello)))).challenge
            // Another connection's challenge over the first one's nonce, as an oracle.
            var oracle = Self.master(Self.both, nonce: [UInt8](64..<96))
            hello.nonce = challenge.nonce
            let other = try Self.sent(oracle.received(WireHandshake(.hello(hello)))).challenge
            for challenge in [challenge, other] {
                var attempt = master
                var answer = WireAnswer()
                answer.proof = number == 0 ? challenge.proof : challenge.newestProof
                #expect(Self.refusal(attempt.received(WireHandshake(.answer(answer)))) == .badSecret)
            }
        }
    }

    @Test func `an answer by the former secret is refused once it is retired`() throws {
        var initiator = Self.initiator(Self.former)
        var before = Self.master(Self.both)
        let hello = try Self.sent(initiator.connected())
        let answer = try Self.sent(initiator.received(try Self.sent(before.received(hello))))
        var after = Self.master(Secrets(Self.new))
        _ = try Self.sent(after.received(hello))
        #expect(Self.refusal(after.received(answer)) == .badSecret)
        var again = Self.initiator(Self.former)
        var master = Self.master(Secrets(Self.new))
        let challenge = try Self.sent(master.received(try Self.sent(again.connected())))
        #expect(Self.refusal(again.received(challenge)) == .badSecret)
    }

    @Test(arguments: 0..<200) func `whatever bytes the proofs have, no side accepts without the secret`(seed: Int)
        throws
    {
        var random = SeededBytes(seed: UInt64(seed))
        var initiator = Self.initiator(Self.new)
        _ = initiator.connected()
        var challenge = WireChallenge()
        challenge.nonce = Data(Self.masterNonce)
        challenge.proof = Data(random.bytes(Int(random.next() % 48)))
        challenge.newestProof = Data(random.bytes(Int(random.next() % 48)))
        #expect(Self.refusal(initiator.received(WireHandshake(.challenge(challenge)))) == .badSecret, "seed \(seed)")
        var asker = Self.initiator(Self.new)
        var master = Self.master(Self.both)
        _ = try Self.sent(master.received(try Self.sent(asker.connected())))
        var answer = WireAnswer()
        answer.proof = Data(random.bytes(Int(random.next() % 48)))
        #expect(Self.refusal(master.received(WireHandshake(.answer(answer)))) == .badSecret, "seed \(seed)")
    }
}

/// Bytes that a seed decides.
private struct SeededBytes {
    private var state: UInt64

    init(seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 | 1 }

    mutating func next() -> UInt64 {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return state
    }

    mutating func bytes(_ count: Int) -> [UInt8] { (0..<count).map { _ in UInt8(truncatingIfNeeded: next() >> 24) } }
}
