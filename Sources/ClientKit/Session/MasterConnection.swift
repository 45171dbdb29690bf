import JobModel
import MasterClient
import Protocol
import Synchronization
public import Transport

/// A client's conversation with a master: any number of requests at once over one control connection, and blobs over data
/// connections that are made when they are needed.
///
/// Every request has a stream number that its reply repeats. When the control connection ends, every request that waits
/// fails with `ConnectionClosed`; `MasterSession` connects again.
public final class MasterConnection: MasterAPI {
    /// The blobs that move at a time; more wait their turn.
    public static let dataConnectionCount = 4

    private let control: ControlConnection
    let blobs: BlobTransfer
    private let requests = Mutex(PendingRequests())

    /// The minor version that both sides keep to.
    var minorVersion: UInt32 { control.minorVersion }

    private init(_ control: ControlConnection, _ blobs: BlobTransfer) {
        self.control = control
        self.blobs = blobs
    }

    /// Connects, runs `body`, and closes the connection when `body` ends.
    /// - Throws: `TransportError` when no connection can be made; what `body` throws.
    public static func withConnection<Result: Sendable>(
        _ dialer: Dialer, _ body: @Sendable (MasterConnection) async throws -> Result
    ) async throws -> Result {
        let control = try await dialer.openControlConnection()
        let blobs = BlobTransfer(dialer, connectionCount: dataConnectionCount)
        defer { blobs.close() }
        let connection = MasterConnection(control, blobs)
        async let reading: Void = connection.read()
        async let _: Void = connection.watchForSilence(limit: dialer.limits.silence)
        async let _: Void = connection.watchForNewSecret(dialer.keyring)
        do {
            let result = try await body(connection)
            control.close()
            await reading
            return result
        } catch {
            control.close()
            await reading
            throw error
        }
    }

    /// The master's name and version, in its own words.
    public var software: String { control.software }

    /// Waits for the end of the connection and says why it ended.
    public var closed: ConnectionClosed { get async { await control.closed } }

    // MARK: Requests

    /// Sends a request and waits for its reply.
    /// - Throws: `MasterRefusal`, `ConnectionClosed`, or `CancellationError`; then the reply, if any, is dropped.
    func request(_ body: WireControl.OneOf_Body) async throws -> WireControl.OneOf_Body {
        let message = WireControl(body)
        guard message.fitsFrame else {
            throw OversizedPayload(kind: .control, byteCount: try message.payloadByteCount())
        }
        let stream = requests.withLock { $0.nextStream() }
        try Task.checkCancellation()
        let reply = try await suspended(
            park: { continuation in
                if let failure = requests.withLock({ $0.add(.reply(continuation), stream: stream) }) {
                    return .failure(failure)
                }
                control.send(message, stream: stream)
                return nil
            },
            withdraw: { [self] in requests.withLock { $0.removeReply(stream) } })
        guard let answer = reply.body else {
            throw unexpected(nil)
        }
        if case .refused(let refusal) = answer { throw MasterRefusal(refusal) }
        return answer
    }

    /// Sends a request that is answered by any number of summaries; the stream ends after the first final one.
    func subscribe(
        _ body: WireControl.OneOf_Body, cancelling stop: WireControl.OneOf_Body
    ) -> AsyncThrowingStream<JobSummary, any Error> {
        let stream = requests.withLock { $0.nextStream() }
        // Only the newest counts: a slow consumer skips summaries instead of piling them up. The last one is never
        // skipped, because nothing comes after it.
        let (summaries, continuation) = AsyncThrowingStream.makeStream(
            of: JobSummary.self, bufferingPolicy: .bufferingNewest(1))
        continuation.onTermination = { [weak self] _ in
            guard let self, requests.withLock({ $0.remove(stream) }) != nil else { return }
            control.send(stop, stream: stream)
        }
        if let failure = requests.withLock({ $0.add(.summaries(continuation), stream: stream) }) {
            continuation.finish(throwing: failure)
        } else {
            control.send(body, stream: stream)
        }
        return summaries
    }

    /// The error for a reply of the wrong type.
    func unexpected(_ body: WireControl.OneOf_Body?) -> ProtocolViolation {
        let value = body.map { String("\($0)".prefix { $0 != "(" }) } ?? "nothing"
        return ProtocolViolation(field: "reply", value: value, allowed: "the reply to the request that was sent")
    }

    // MARK: Replies

    /// Hands replies to the requests that wait for them until the connection ends.
    private func read() async {
        do {
            for try await (stream, message) in control.inbound { deliver(message, stream: stream) }
        } catch {
            // `closed` below has the reason.
            control.close()
        }
        let reason = await control.closed
        for request in requests.withLock({ $0.close(reason) }) { request.fail(reason) }
    }

    /// Asks a silent master for a sign of life while requests wait, and gives the connection up when there is none: a stopped
    /// master, or a path on which nothing returns, closes no connection.
    ///
    /// Counts its own ticks, so time during which this process was suspended is not mistaken for the master's silence.
    private func watchForSilence(limit: Duration) async {
        let ticksToLimit = 3
        while true {
            do {
                try await Task.sleep(for: limit / ticksToLimit)
            } catch {
                return
            }
            switch requests.withLock({ $0.ticked() }) {
            case 0: break
            case ticksToLimit...: control.giveUp("the master has said nothing for \(limit)")
            default:
                // Any message is a sign of life; no request waits for this reply.
                control.send(.getMaster(WireGetMaster()), stream: requests.withLock { $0.nextStream() })
            }
        }
    }

    /// Gives the connection up when the secret changes: the next one is made by the new secret. Transfers that run end first.
    private func watchForNewSecret(_ keyring: Keyring) async {
        do {
            try await keyring.waitUntilReplaced(control.secret)
        } catch {
            return
        }
        control.giveUp("the secret has changed")
    }

    private func deliver(_ message: WireControl, stream: UInt32) {
        requests.withLock { $0.heard() }
        // A reply without a waiting request belongs to a cancelled one.
        guard let request = requests.withLock({ $0.take(stream, for: message) }) else { return }
        switch request {
        case .reply(let continuation): continuation.resume(returning: message)
        case .summaries(let continuation):
            switch message.body {
            case .jobSummary(let wire):
                do {
                    let summary = try JobSummary(wire: wire)
                    continuation.yield(summary)
                    if summary.isFinal { continuation.finish() }
                } catch {
                    continuation.finish(throwing: error)
                }
            case .refused(let refusal): continuation.finish(throwing: MasterRefusal(refusal))
            default: continuation.finish(throwing: unexpected(message.body))
            }
        }
    }
}
