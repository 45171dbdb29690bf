import FoundationEssentials
import Protocol

/// Authenticates both ends of a new connection to each other. Performs no I/O, reads no clock, draws no randomness.
///
/// ```
///  initiator                                            master
///  helloSent    -- preface, Hello(role, nonce i) -->    awaitingHello
///               <-- preface, Challenge(nonce m, P) --   challengeSent     P = HMAC("tessera-1 master" | role | i | m)
///  answerSent   -- Answer(Q) -->                                          Q = HMAC("tessera-1 peer"   | role | m | i)
///               <-- Welcome --                          finished
///  finished
/// ```
///
/// Each side refuses with a `Refusal` whose code says why. The labels differ, so a proof that one side made is never one
/// that it accepts: a peer that reflects our own messages learns and proves nothing. Both nonces enter both proofs, so a
/// proof from another connection is worthless here.
package struct HandshakeMachine: Sendable {
    package static let nonceByteCount = 32

    /// Who the peer is, once it has proved that it knows the secret.
    package struct Peer: Sendable, Hashable {
        package let role: ConnectionRole
        package let software: String
        package let minorVersion: UInt32
    }

    package enum Action: Sendable {
        case send(WireHandshake)
        /// Send the message if there is one; from then on the connection may be used.
        case establish(Peer, sending: WireHandshake?)
        /// Tell the peer if there is a message, close, and report the error.
        case refuse(TransportError, sending: WireHandshake?)
        /// The handshake is over already; the event changes nothing.
        case none
    }

    private enum State: Sendable {
        case initiatorIdle(ConnectionRole)
        case helloSent(ConnectionRole)
        case answerSent(Peer)
        case awaitingHello
        case challengeSent(Peer, helloNonce: [UInt8])
        case finished
    }

    private var state: State
    private let secret: SharedSecret
    private let software: String
    private let nonce: [UInt8]

    /// - Parameter nonce: 32 bytes that were never used before and that nobody can guess.
    package static func initiator(
        role: ConnectionRole, secret: SharedSecret, software: String, nonce: [UInt8]
    ) -> HandshakeMachine {
        HandshakeMachine(state: .initiatorIdle(role), secret: secret, software: software, nonce: nonce)
    }

    /// - Parameter nonce: 32 bytes that were never used before and that nobody can guess.
    package static func master(secret: SharedSecret, software: String, nonce: [UInt8]) -> HandshakeMachine {
        HandshakeMachine(state: .awaitingHello, secret: secret, software: software, nonce: nonce)
    }

    private init(state: State, secret: SharedSecret, software: String, nonce: [UInt8]) {
        precondition(nonce.count == Self.nonceByteCount, "a nonce of \(nonce.count) bytes")
        self.state = state
        self.secret = secret
        self.software = software
        self.nonce = nonce
    }

    /// Whether this side speaks first.
    package var isInitiator: Bool {
        switch state {
        case .initiatorIdle, .helloSent, .answerSent: true
        case .awaitingHello, .challengeSent, .finished: false
        }
    }

    /// The connection is there. The initiator says hello, the master waits for it.
    package mutating func connected() -> Action {
        switch state {
        case .initiatorIdle(let role):
            state = .helloSent(role)
            var hello = WireHello()
            hello.minorVersion = Preface.currentMinorVersion
            hello.role = WireRole(rawValue: Int(role.rawValue)) ?? .unspecified
            hello.software = software
            hello.nonce = Data(nonce)
            return .send(WireHandshake(.hello(hello)))
        case .awaitingHello, .finished: return .none
        case .helloSent, .answerSent, .challengeSent:
            preconditionFailure("connected twice, in state \(state)")
        }
    }

    /// The connection is not admitted, whoever the peer is.
    package mutating func turnAway(_ error: TransportError) -> Action { refuse(error.code, error.message) }

    /// The peer's preface came.
    package mutating func prefaceReceived(_ preface: Preface) -> Action {
        guard preface.majorVersion != Preface.currentMajorVersion else { return .none }
        return refuse(
            .version,
            "\(isInitiator ? "the master" : "the peer") speaks protocol version \(preface.majorVersion), this side "
                + "\(Preface.currentMajorVersion): install the same release on both")
    }

    package mutating func received(_ message: WireHandshake) -> Action {
        switch (state, message.step) {
        case (.finished, _): return .none
        case (_, .refused(let refusal)):
            state = .finished
            let code = TransportError.Code(rawValue: refusal.code) ?? .other
            return .refuse(TransportError(code, "the other side refused: \(refusal.message)"), sending: nil)
        case (.awaitingHello, .hello(let hello)): return helloReceived(hello)
        case (.helloSent(let role), .challenge(let challenge)): return challengeReceived(challenge, role: role)
        case (.challengeSent(let peer, let helloNonce), .answer(let answer)):
            return answerReceived(answer, from: peer, helloNonce: helloNonce)
        case (.answerSent(let peer), .welcome):
            state = .finished
            return .establish(peer, sending: nil)
        case (.initiatorIdle, _), (.helloSent, _), (.answerSent, _), (.awaitingHello, _), (.challengeSent, _):
            return violated("handshake step", "\(Self.name(of: message.step)) in state \(stateName)")
        }
    }

    /// The time limit passed.
    package mutating func timedOut(after limit: Duration) -> Action {
        if case .finished = state { return .none }
        return refuse(.handshakeTimeout, "the handshake was not through after \(limit)")
    }

    /// The bytes that came are no handshake.
    package mutating func violated(_ violation: ProtocolViolation) -> Action {
        if case .finished = state { return .none }
        return refuse(.protocolViolation, violation.description)
    }

    /// The peer closed the connection.
    package mutating func disconnected() -> Action {
        if case .finished = state { return .none }
        let what = isInitiator ? "the master" : "the peer"
        state = .finished
        return .refuse(TransportError(.closed, "\(what) closed the connection during the handshake"), sending: nil)
    }

    // MARK: Steps

    private mutating func helloReceived(_ hello: WireHello) -> Action {
        guard hello.nonce.count == Self.nonceByteCount else {
            return violated("Hello.nonce", "\(hello.nonce.count) bytes", allowed: "32 bytes")
        }
        guard let role = UInt8(exactly: hello.role.rawValue).flatMap(ConnectionRole.init(rawValue:)) else {
            return refuse(.badRole, "role \(hello.role.rawValue) is unknown; allowed are 1 client, 2 worker, 3 bulk")
        }
        let peer = Peer(role: role, software: Self.label(hello.software), minorVersion: hello.minorVersion)
        let helloNonce = [UInt8](hello.nonce)
        state = .challengeSent(peer, helloNonce: helloNonce)
        var challenge = WireChallenge()
        challenge.minorVersion = Preface.currentMinorVersion
        challenge.software = software
        challenge.nonce = Data(nonce)
        challenge.proof = Data(
            secret.authenticationCode(over: Self.masterProof(role: role, hello: helloNonce, challenge: nonce)))
        return .send(WireHandshake(.challenge(challenge)))
    }

    private mutating func challengeReceived(_ challenge: WireChallenge, role: ConnectionRole) -> Action {
        let challengeNonce = [UInt8](challenge.nonce)
        guard challengeNonce.count == Self.nonceByteCount, challengeNonce != nonce else {
            return violated("Challenge.nonce", "\(challengeNonce.count) bytes", allowed: "32 bytes of the master's own")
        }
        let expected = Self.masterProof(role: role, hello: nonce, challenge: challengeNonce)
        guard secret.isAuthenticationCode(challenge.proof, over: expected) else {
            return refuse(
                .badSecret, "the master does not know this side's secret: give both sides the same secret file")
        }
        state = .answerSent(
            Peer(role: role, software: Self.label(challenge.software), minorVersion: challenge.minorVersion))
        var answer = WireAnswer()
        answer.proof = Data(
            secret.authenticationCode(over: Self.peerProof(role: role, hello: nonce, challenge: challengeNonce)))
        return .send(WireHandshake(.answer(answer)))
    }

    private mutating func answerReceived(_ answer: WireAnswer, from peer: Peer, helloNonce: [UInt8]) -> Action {
        let expected = Self.peerProof(role: peer.role, hello: helloNonce, challenge: nonce)
        guard secret.isAuthenticationCode(answer.proof, over: expected) else {
            return refuse(.badSecret, "the proof is wrong: give both sides the same secret file")
        }
        state = .finished
        return .establish(peer, sending: WireHandshake(.welcome(WireWelcome())))
    }

    // MARK: Parts

    /// What the master's proof is made over; docs/protocol.md has a worked example.
    package static func masterProof(role: ConnectionRole, hello: [UInt8], challenge: [UInt8]) -> [[UInt8]] {
        [Array("tessera-1 master".utf8), [role.rawValue], hello, challenge]
    }

    /// What the initiator's proof is made over.
    package static func peerProof(role: ConnectionRole, hello: [UInt8], challenge: [UInt8]) -> [[UInt8]] {
        [Array("tessera-1 peer".utf8), [role.rawValue], challenge, hello]
    }

    private mutating func refuse(_ code: TransportError.Code, _ message: String) -> Action {
        state = .finished
        let refusal = WireRefusal(code: code.rawValue, message: message)
        return .refuse(TransportError(code, message), sending: WireHandshake(.refused(refusal)))
    }

    private mutating func violated(_ field: String, _ value: String, allowed: String = "the next step") -> Action {
        violated(ProtocolViolation(field: field, value: value, allowed: allowed))
    }

    /// A peer's own words, for logs: bounded, without control characters.
    private static func label(_ text: String) -> String {
        String(String.UnicodeScalarView(text.unicodeScalars.prefix(64).filter { $0.value >= 0x20 && $0.value != 0x7f }))
    }

    private var stateName: String {
        switch state {
        case .initiatorIdle: "idle"
        case .helloSent: "hello sent"
        case .answerSent: "answer sent"
        case .awaitingHello: "awaiting hello"
        case .challengeSent: "challenge sent"
        case .finished: "finished"
        }
    }

    private static func name(of step: WireHandshake.OneOf_Step?) -> String {
        switch step {
        case .hello: "Hello"
        case .challenge: "Challenge"
        case .answer: "Answer"
        case .welcome: "Welcome"
        case .refused: "Refusal"
        case nil: "nothing"
        }
    }
}
