import Dispatch
import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// SIGINT and SIGTERM end a command cleanly: its task is cancelled, and it says what becomes of its job.
enum Interruption {
    /// The signal that was received; 0 before the first.
    private static let received = Atomic<Int32>(0)

    /// The exit status of an interrupted command.
    static var status: ExitStatus { received.load(ordering: .relaxed) == SIGTERM ? .terminated : .interrupted }

    private enum End<Result: Sendable>: Sendable { case finished(Result), signalled }

    /// Runs `body` and cancels it at the first signal. A second one ends the process at once.
    static func cancelling<Result: Sendable>(
        _ body: @escaping @Sendable () async throws -> Result
    ) async throws -> Result {
        let (signals, continuation) = AsyncStream.makeStream(of: Void.self)
        let sources = [SIGINT, SIGTERM].map { number in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler {
                if received.exchange(number, ordering: .relaxed) != 0 { _exit(128 + number) }
                continuation.yield()
            }
            source.resume()
            return source
        }
        defer {
            for source in sources { source.cancel() }
            for number in [SIGINT, SIGTERM] { signal(number, SIG_DFL) }
        }
        return try await withThrowingTaskGroup(of: End<Result>.self) { group in
            group.addTask { .finished(try await body()) }
            group.addTask {
                for await _ in signals { break }
                return .signalled
            }
            defer { group.cancelAll() }
            while let end = try await group.next() {
                switch end {
                case .finished(let result): return result
                case .signalled: group.cancelAll()
                }
            }
            throw CancellationError()
        }
    }
}
