import NIOCore
import Protocol
import Synchronization

/// Hands frames from the event loop to the task that consumes them, and tells when reading has to pause.
final class FrameQueue: Sendable {
    private struct State {
        var frames = CircularBuffer<Frame>()
        var byteCount = 0
        var isPaused = false
        var waiting: CheckedContinuation<Frame?, any Error>?
        /// Set at the connection's end; success means that it was closed without an error.
        var end: Result<Void, any Error>?
        /// Lets reading continue. It refers to the connection, which refers to this queue, so the end of the connection removes it.
        var resume: (@Sendable () -> Void)?
    }

    /// Accounts for what a queued frame costs besides its payload.
    private static let frameOverheadByteCount = 64

    private let state: Mutex<State>
    private let highByteCount: Int

    /// - Parameters:
    ///   - highByteCount: reading pauses when this much is queued, and continues at a quarter of it.
    ///   - resume: called, on any thread, when reading may continue.
    init(highByteCount: Int, resume: @escaping @Sendable () -> Void) {
        self.highByteCount = highByteCount
        state = Mutex(State(resume: resume))
    }

    private static func cost(_ frame: Frame) -> Int { frame.payload.readableBytes + frameOverheadByteCount }

    var hasFrames: Bool { state.withLock { !$0.frames.isEmpty || $0.end != nil } }

    /// - Returns: whether reading may continue.
    func append(_ frame: Frame) -> Bool {
        let (waiting, mayRead) = state.withLock { state -> (CheckedContinuation<Frame?, any Error>?, Bool) in
            if let waiting = state.waiting.take() { return (waiting, true) }
            state.frames.append(frame)
            state.byteCount += Self.cost(frame)
            if state.byteCount >= highByteCount { state.isPaused = true }
            return (nil, !state.isPaused)
        }
        waiting?.resume(returning: frame)
        return mayRead
    }

    /// Nothing follows. Frames that are queued can still be taken.
    func finish(_ end: Result<Void, any Error>) {
        let waiting = state.withLock { state -> CheckedContinuation<Frame?, any Error>? in
            guard state.end == nil else { return nil }
            state.end = end
            state.resume = nil
            return state.waiting.take()
        }
        waiting?.resume(with: end.map { nil })
    }

    /// Drops the queued frames: this side closed the connection and will not receive them.
    func discard() {
        state.withLock { state in
            state.frames.removeAll()
            state.byteCount = 0
        }
    }

    /// The next frame; `nil` when the connection was closed without an error.
    func next() async throws -> Frame? {
        try Task.checkCancellation()
        return try await suspended(park: take, withdraw: { [self] in state.withLock { $0.waiting.take() } })
    }

    private func take(_ continuation: CheckedContinuation<Frame?, any Error>) -> Result<Frame?, any Error>? {
        enum Outcome {
            case frame(Frame, resume: (@Sendable () -> Void)?)
            case end(Result<Void, any Error>)
            case waits
        }
        let outcome = state.withLock { state -> Outcome in
            precondition(state.waiting == nil, "two tasks receive from one connection")
            if let frame = state.frames.popFirst() {
                state.byteCount -= Self.cost(frame)
                let resumes = state.isPaused && state.byteCount <= highByteCount / 4
                if resumes { state.isPaused = false }
                return .frame(frame, resume: resumes ? state.resume : nil)
            }
            if let end = state.end { return .end(end) }
            state.waiting = continuation
            return .waits
        }
        switch outcome {
        case .frame(let frame, let resume):
            resume?()
            return .success(frame)
        case .end(let end): return end.map { nil }
        case .waits: return nil
        }
    }
}
