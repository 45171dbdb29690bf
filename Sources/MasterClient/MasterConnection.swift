import JobModel
import Logging
import Protocol
import Synchronization
import Transport

/// A client's conversation with a master: any number of requests at once over one control connection.
///
/// Every request has a stream number that its reply repeats. When the connection ends, every request that waits fails
/// with `ConnectionClosed`.
public final class MasterConnection: Sendable {
    private let control: ControlConnection
    private let requests = Mutex(PendingRequests())

    private init(_ control: ControlConnection) { self.control = control }

    /// Connects, runs `body`, and closes the connection when `body` ends.
    /// - Throws: `TransportError` when no connection can be made; what `body` throws.
    public static func withConnection<Result: Sendable>(
        to endpoint: Endpoint, secret: SharedSecret, software: String = "tessera",
        limits: TransportLimits = TransportLimits(), logger: Logger,
        _ body: @Sendable (MasterConnection) async throws -> Result
    ) async throws -> Result {
        let control = try await connectControl(
            to: endpoint, role: .client, secret: secret, software: software, limits: limits, logger: logger)
        let connection = MasterConnection(control)
        async let reading: Void = connection.read()
        async let _: Void = connection.watchForSilence(limit: limits.silence)
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

    /// The master's name and version as it says.
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
        let reply: WireControl = try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let failure = requests.withLock { pending -> (any Error)? in
                    if Task.isCancelled { return CancellationError() }
                    return pending.add(.reply(continuation), stream: stream)
                }
                if let failure { return continuation.resume(throwing: failure) }
                control.send(message, stream: stream)
            }
        } onCancel: {
            requests.withLock { $0.remove(stream) }?.fail(CancellationError())
        }
        guard let answer = reply.body else {
            throw unexpected(nil)
        }
        if case .refused(let refusal) = answer { throw MasterRefusal(refusal) }
        return answer
    }

    /// Sends a request whose answer is any number of messages; the stream ends after the first that `isLast`.
    func subscribe(
        _ body: WireControl.OneOf_Body, cancelling stop: WireControl.OneOf_Body,
        isLast: @escaping @Sendable (WireJobSummary) -> Bool
    ) -> AsyncThrowingStream<WireJobSummary, any Error> {
        let stream = requests.withLock { $0.nextStream() }
        // Only the newest counts: a slow consumer skips summaries instead of piling them up. The last one is never
        // skipped, because nothing comes after it.
        let (summaries, continuation) = AsyncThrowingStream.makeStream(
            of: WireJobSummary.self, bufferingPolicy: .bufferingNewest(1))
        continuation.onTermination = { [weak self] _ in
            guard let self, requests.withLock({ $0.remove(stream) }) != nil else { return }
            control.send(stop, stream: stream)
        }
        if let failure = requests.withLock({ $0.add(.summaries(continuation, isLast: isLast), stream: stream) }) {
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
            // `closed` below says why it ended, in the words of whoever ended it.
            control.close()
        }
        let reason = await control.closed
        for request in requests.withLock({ $0.close(reason) }) { request.fail(reason) }
    }

    /// Asks a silent master for a sign of life while requests wait, and gives the connection up when there is none: a
    /// master that stands still, or a path on which nothing returns, closes nothing by itself.
    ///
    /// It counts spans of its own instead of reading a clock: while this process stood still nothing was missed.
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
                // Whatever comes is a sign of life; nobody waits for this reply.
                control.send(.getMaster(WireGetMaster()), stream: requests.withLock { $0.nextStream() })
            }
        }
    }

    private func deliver(_ message: WireControl, stream: UInt32) {
        requests.withLock { $0.heard() }
        // A reply that nobody waits for belongs to a request that was cancelled meanwhile.
        guard let request = requests.withLock({ $0.take(stream, for: message) }) else { return }
        switch request {
        case .reply(let continuation): continuation.resume(returning: message)
        case .summaries(let continuation, let isLast):
            switch message.body {
            case .jobSummary(let summary):
                continuation.yield(summary)
                if isLast(summary) { continuation.finish() }
            case .refused(let refusal): continuation.finish(throwing: MasterRefusal(refusal))
            default: continuation.finish(throwing: unexpected(message.body))
            }
        }
    }
}
