import FoundationEssentials
import JobModel
import Protocol

/// Authenticates both ends of a new connection to each other. Performs no I/O, reads no clock, draws no randomness.
///
/// ```
///  initiator                                               master
///  helloSent    -- preface, Hello(peer, nonce i) -->       awaitingHello
///               <-- preface, Challenge(nonce m, P, P') --  challengeSent     P = HMAC("tessera-2 master" | peer | i | m | b)
///  answerSent   -- Answer(Q) -->                                             Q = HMAC("tessera-2 peer"   | peer | m | i | b)
///               <-- Welcome --                             finished
///  finished
/// ```
///
/// Each side refuses with a `Refusal` whose code says why. The labels differ, so one side never accepts a proof that it made
/// itself: a peer that reflects our own messages learns and proves nothing. Both nonces enter both proofs, so a proof from
/// another connection is worthless here. While the secret changes, a master has two: P is made with the former one, which is
/// what peers of earlier releases look at, and P' with the new one. The initiator has one secret, takes either proof that is
/// made with it, and proves that one; the master learns by the answer which it is. Nothing of what an initiator says before the
/// master has proved itself depends on the secret, and no side ever falls back to another secret. `b` binds the proofs to the channel that carries them; it is empty over plain TCP.
package struct HandshakeMachine: Sendable {
    package static let nonceByteCount = 32

    /// What the handshake settled.
    package struct Agreement: Sendable, Hashable {
        /// The initiator, as announced and proved.
        package let peer: Peer
        /// The name and version of the other side, as it says.
        package let software: String
        package let minorVersion: UInt32
        /// The secret that both sides have proved.
        package let secret: SharedSecret
        /// The generation of the master's state; `nil` when the master does not say.
        package var generation: Generation?
    }

    package enum Action: Sendable {
        case send(WireHandshake)
        /// Send the message if there is one; from then on the connection may be used.
        case establish(Agreement, sending: WireHandshake?)
        /// Tell the peer if there is a message, close, and report the error.
        case refuse(TransportError, sending: WireHandshake?)
        /// The handshake is over already; the event changes nothing.
        case none
    }

    private enum State: Sendable {
        case initiatorIdle(Peer)
        case helloSent(Peer)
        case answerSent(Agreement)
        case awaitingHello
        case challengeSent(Peer, WireHello)
        case finished
    }

    private var state: State
    private let secrets: Secrets
    private let software: String
    /// The generation of this side's state, if it is a master.
    private let generation: Generation?
    private let nonce: [UInt8]
    private var binding: [UInt8] = []

    /// - Parameters:
    ///   - peer: what this side announces itself as.
    ///   - nonce: 32 unpredictable bytes that were never used before.
    package static func initiator(
        _ peer: Peer, secret: SharedSecret, software: String, nonce: [UInt8]
    ) -> HandshakeMachine {
        HandshakeMachine(
            state: .initiatorIdle(peer), secrets: Secrets(secret), software: software, generation: nil, nonce: nonce)
    }

    /// - Parameters:
    ///   - secrets: the peer proves either one.
    ///   - generation: of the master's state, which the peer is told in the end.
    ///   - nonce: 32 unpredictable bytes that were never used before.
    package static func master(
        secrets: Secrets, software: String, generation: Generation? = nil, nonce: [UInt8]
    ) -> HandshakeMachine {
        HandshakeMachine(
            state: .awaitingHello, secrets: secrets, software: software, generation: generation, nonce: nonce)
    }

    /// A master with one secret.
    package static func master(
        secret: SharedSecret, software: String, generation: Generation? = nil, nonce: [UInt8]
    ) -> HandshakeMachine {
        .master(secrets: Secrets(secret), software: software, generation: generation, nonce: nonce)
    }

    private init(state: State, secrets: Secrets, software: String, generation: Generation?, nonce: [UInt8]) {
        precondition(nonce.count == Self.nonceByteCount, "a nonce of \(nonce.count) bytes")
        self.state = state
        self.secrets = secrets
        self.software = software
        self.generation = generation
        self.nonce = nonce
    }

    /// Whether this side speaks first.
    package var isInitiator: Bool {
        switch state {
        case .initiatorIdle, .helloSent, .answerSent: true
        case .awaitingHello, .challengeSent, .finished: false
        }
    }

    /// The channel is established. The initiator says hello, the master waits for it.
    /// - Parameter binding: what both ends of an encrypted channel know and nobody else does; empty over plain TCP.
    package mutating func connected(binding: [UInt8] = []) -> Action {
        self.binding = binding
        switch state {
        case .initiatorIdle(let peer):
            state = .helloSent(peer)
            var hello = WireHello()
            hello.minorVersion = Preface.currentMinorVersion
            hello.role = WireRole(rawValue: Int(peer.role.rawValue)) ?? .unspecified
            hello.channel = WireChannel(rawValue: Int(peer.channel.rawValue)) ?? .unspecified
            hello.identity = Data(peer.identity.bytes)
            hello.software = software
            hello.nonce = Data(nonce)
            return .send(WireHandshake(.hello(hello)))
        case .awaitingHello, .finished: return .none
        case .helloSent, .answerSent, .challengeSent:
            preconditionFailure("connected twice, in state \(state)")
        }
    }

    /// The connection is not admitted, whatever the peer is.
    package mutating func reject(_ error: TransportError) -> Action { refuse(error.code, error.message) }

    /// The peer's preface arrived.
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
            let code = TransportError.Code(refusal.refusalCode)
            return .refuse(TransportError(code, "the other side refused: \(refusal.message)"), sending: nil)
        case (.awaitingHello, .hello(let hello)): return helloReceived(hello)
        case (.helloSent(let peer), .challenge(let challenge)): return challengeReceived(challenge, as: peer)
        case (.challengeSent(let peer, let hello), .answer(let answer)):
            return answerReceived(answer, from: peer, hello)
        case (.answerSent(let agreement), .welcome(let welcome)): return welcomed(agreement, by: welcome)
        case (.initiatorIdle, _), (.helloSent, _), (.answerSent, _), (.awaitingHello, _), (.challengeSent, _):
            return violated("handshake step", "\(Self.name(of: message.step)) in state \(stateName)")
        }
    }

    /// The time limit passed.
    package mutating func timedOut(after limit: Duration) -> Action {
        if case .finished = state { return .none }
        let isStranger = !hasHeardFromMaster
        state = .finished
        let message = "the handshake was not complete after \(limit)"
        let told = isStranger ? "what listens there did not answer within \(limit)\(Self.doubt)" : message
        return .refuse(
            TransportError(.handshakeTimeout, told),
            sending: WireHandshake(.refused(WireRefusal(.handshakeTimeout, message))))
    }

    /// What the person does about a listener that has not shown what it is.
    private static let doubt = "; is it a tessera-master? check the address and the port"

    /// The same where the other side has not answered TLS.
    private static let doubtOfEncryption =
        "\(doubt); one of an earlier release has no TLS: install this release there, or set tls to off here"

    /// Whether an initiator knows that it talks to a master. A master itself has no such question: true.
    private var hasHeardFromMaster: Bool {
        switch state {
        case .initiatorIdle, .helloSent: false
        case .answerSent, .awaitingHello, .challengeSent, .finished: true
        }
    }

    /// The error for bytes that are not a preface: the other side is not a Tessera program.
    /// - Parameter start: the first bytes that it sent.
    package func strangerAnswered(_ start: [UInt8], _ violation: ProtocolViolation) -> TransportError {
        guard isInitiator else { return TransportError(.protocolViolation, violation.description) }
        let kinds: [(prefix: String, name: String)] = [
            ("HTTP", "like a web server"), ("SSH-", "like an SSH server"), ("220", "like a mail or FTP server"),
            ("\u{15}\u{3}", "like a TLS server"),
        ]
        let kind = kinds.first { start.starts(with: $0.prefix.utf8) }?.name ?? "in another protocol"
        return TransportError(
            .protocolViolation, "what listens there is not a tessera-master (it answers \(kind)); check the port")
    }

    /// The bytes that arrived are not a handshake.
    package mutating func violated(_ violation: ProtocolViolation) -> Action {
        if case .finished = state { return .none }
        return refuse(.protocolViolation, violation.description)
    }

    /// The peer closed the connection.
    package mutating func disconnected() -> Action {
        if case .finished = state { return .none }
        let what = hasHeardFromMaster ? (isInitiator ? "the master" : "the peer") : "what listens there"
        let remedy =
            switch state {
            case .initiatorIdle: Self.doubtOfEncryption
            default: hasHeardFromMaster ? "" : Self.doubt
            }
        state = .finished
        return .refuse(
            TransportError(.closed, "\(what) closed the connection during the handshake\(remedy)"), sending: nil)
    }

    // MARK: Steps

    private mutating func helloReceived(_ hello: WireHello) -> Action {
        guard hello.nonce.count == Self.nonceByteCount else {
            return violated("Hello.nonce", "\(hello.nonce.count) bytes", allowed: "32 bytes")
        }
        guard let role = UInt8(exactly: hello.role.rawValue).flatMap(Peer.Role.init(rawValue:)) else {
            return refuse(.badRole, "role \(hello.role.rawValue) is unknown; allowed are 1 client, 2 worker")
        }
        guard let channel = UInt8(exactly: hello.channel.rawValue).flatMap(Peer.Channel.init(rawValue:)) else {
            return refuse(.badRole, "channel \(hello.channel.rawValue) is unknown; allowed are 1 control, 2 data")
        }
        guard let identity = Peer.Identity(hello.identity) else {
            return violated(
                "Hello.identity", "\(hello.identity.count) bytes", allowed: "\(Peer.Identity.byteCount) bytes")
        }
        let peer = Peer(identity: identity, role: role, channel: channel)
        state = .challengeSent(peer, hello)
        let transcript = Transcript(peer: peer, hello: [UInt8](hello.nonce), challenge: nonce, binding: binding)
        var challenge = WireChallenge()
        challenge.minorVersion = Preface.currentMinorVersion
        challenge.software = software
        challenge.nonce = Data(nonce)
        let first = secrets.former ?? secrets.newest
        challenge.proof = Data(first.authenticationCode(over: transcript.masterProof))
        if secrets.former != nil {
            challenge.newestProof = Data(secrets.newest.authenticationCode(over: transcript.masterProof))
        }
        return .send(WireHandshake(.challenge(challenge)))
    }

    private mutating func challengeReceived(_ challenge: WireChallenge, as peer: Peer) -> Action {
        let challengeNonce = [UInt8](challenge.nonce)
        guard challengeNonce.count == Self.nonceByteCount, challengeNonce != nonce else {
            return violated("Challenge.nonce", "\(challengeNonce.count) bytes", allowed: "32 bytes of the master's own")
        }
        let transcript = Transcript(peer: peer, hello: nonce, challenge: challengeNonce, binding: binding)
        let secret = secrets.newest
        let isProved = [challenge.proof, challenge.newestProof].contains { proof in
            secret.isAuthenticationCode(proof, over: transcript.masterProof)
        }
        guard isProved else {
            return refuse(
                .badSecret, "wrong secret: the master has another one; both sides must use the same secret file")
        }
        state = .answerSent(
            Agreement(
                peer: peer, software: Self.label(challenge.software), minorVersion: challenge.minorVersion,
                secret: secret))
        var answer = WireAnswer()
        answer.proof = Data(secret.authenticationCode(over: transcript.peerProof))
        return .send(WireHandshake(.answer(answer)))
    }

    private mutating func answerReceived(_ answer: WireAnswer, from peer: Peer, _ hello: WireHello) -> Action {
        let transcript = Transcript(peer: peer, hello: [UInt8](hello.nonce), challenge: nonce, binding: binding)
        let proved = [secrets.newest, secrets.former].compactMap(\.self).first { secret in
            secret.isAuthenticationCode(answer.proof, over: transcript.peerProof)
        }
        guard let proved else {
            return refuse(.badSecret, "the proof is wrong: give both sides the same secret file")
        }
        state = .finished
        let agreement = Agreement(
            peer: peer, software: Self.label(hello.software), minorVersion: hello.minorVersion, secret: proved,
            generation: generation)
        return .establish(agreement, sending: WireHandshake(.welcome(WireWelcome(generation))))
    }

    private mutating func welcomed(_ agreement: Agreement, by welcome: WireWelcome) -> Action {
        do throws(ProtocolViolation) {
            var agreement = agreement
            agreement.generation = try welcome.validated()
            state = .finished
            return .establish(agreement, sending: nil)
        } catch {
            return violated(error)
        }
    }

    // MARK: Parts

    /// What the proofs are made over; docs/protocol.md has a worked example.
    package struct Transcript {
        package let peer: Peer
        package let hello: [UInt8]
        package let challenge: [UInt8]
        package let binding: [UInt8]

        package init(peer: Peer, hello: [UInt8], challenge: [UInt8], binding: [UInt8] = []) {
            self.peer = peer
            self.hello = hello
            self.challenge = challenge
            self.binding = binding
        }

        private var announced: [UInt8] { [peer.role.rawValue, peer.channel.rawValue] + peer.identity.bytes }

        package var masterProof: [[UInt8]] {
            [Array("tessera-2 master".utf8), announced, hello, challenge, binding]
        }

        package var peerProof: [[UInt8]] {
            [Array("tessera-2 peer".utf8), announced, challenge, hello, binding]
        }
    }

    private mutating func refuse(_ code: TransportError.Code, _ message: String) -> Action {
        state = .finished
        let refusal = WireRefusal(code.refusalCode, message)
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
