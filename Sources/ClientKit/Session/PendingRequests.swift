import Protocol
import Transport

/// The requests of one connection that wait for an answer, by stream number.
struct PendingRequests {
    enum Request {
        case reply(CheckedContinuation<WireControl, any Error>)
        /// Waits for summaries until a final one.
        case summaries(AsyncThrowingStream<JobSummary, any Error>.Continuation)

        func fail(_ error: any Error) {
            switch self {
            case .reply(let continuation): continuation.resume(throwing: error)
            case .summaries(let continuation): continuation.finish(throwing: error)
            }
        }
    }

    private var waiting: [UInt32: Request] = [:]
    private var lastStream: UInt32 = 0
    private var closed: ConnectionClosed?
    private var hasHeard = false
    private var silentTickCount = 0

    /// A number that no waiting request has; never 0, which marks messages that do not answer a request.
    mutating func nextStream() -> UInt32 {
        repeat { lastStream &+= 1 } while lastStream == 0 || waiting[lastStream] != nil
        return lastStream
    }

    /// - Returns: why the request cannot be made; `nil` when it waits now.
    mutating func add(_ request: Request, stream: UInt32) -> (any Error)? {
        if let closed { return closed }
        waiting[stream] = request
        return nil
    }

    mutating func remove(_ stream: UInt32) -> Request? { waiting.removeValue(forKey: stream) }

    /// The continuation of a request with one reply that nobody waits for any more.
    mutating func removeReply(_ stream: UInt32) -> CheckedContinuation<WireControl, any Error>? {
        guard case .reply(let continuation) = remove(stream) else { return nil }
        return continuation
    }

    /// The request that `message` answers. It keeps waiting if more answers may follow.
    mutating func take(_ stream: UInt32, for message: WireControl) -> Request? {
        guard let request = waiting[stream] else { return nil }
        switch (request, message.body) {
        case (.summaries, .jobSummary(let summary)) where !JobSummary.State(name: summary.state).isFinal: break
        case (.summaries, _), (.reply, _): waiting[stream] = nil
        }
        return request
    }

    /// A message arrived.
    mutating func heard() { hasHeard = true }

    /// A span of time has passed.
    /// - Returns: the number of spans in a row without a message although a request waits.
    mutating func ticked() -> Int {
        silentTickCount = hasHeard || waiting.isEmpty ? 0 : silentTickCount + 1
        hasHeard = false
        return silentTickCount
    }

    /// The connection ended.
    /// - Returns: the requests that will never be answered.
    mutating func close(_ reason: ConnectionClosed) -> [Request] {
        closed = reason
        defer { waiting = [:] }
        return Array(waiting.values)
    }
}
