import ClientKit
import Dispatch
import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// SIGINT, SIGTERM, SIGHUP (the terminal is gone) and SIGQUIT end a command cleanly: its task is cancelled, it says what
/// becomes of its job, and no temporary file is left.
enum Interruption {
    private static let signals = [SIGINT, SIGTERM, SIGHUP, SIGQUIT]

    /// The signal that was received; 0 before the first.
    private static let received = Atomic<Int32>(0)
    /// Cancels the task that a first signal cancels; `nil` while there is none, and a signal ends the process.
    private static let cancel = Mutex<(@Sendable () -> Void)?>(nil)

    /// The exit status of an interrupted command.
    static var status: ExitStatus {
        switch received.load(ordering: .relaxed) {
        case SIGTERM: .terminated
        case SIGHUP: .hungUp
        case SIGQUIT: .quit
        default: .interrupted
        }
    }

    /// Takes the signals from now on. Those that the process was started to ignore, as by `nohup`, stay ignored.
    static func begin() { _ = sources }

    /// Kept alive, made once and never read again: hence no thread changes what another one reads.
    private nonisolated(unsafe) static let sources: [any DispatchSourceSignal] = signals.compactMap { number in
        var action = sigaction()
        let isIgnored = sigaction(number, nil, &action) == 0 && isIgnoring(action)
        // A shell without job control has its background commands ignore SIGINT; a script that sends it means it.
        if isIgnored, number != SIGINT { return nil }
        signal(number, SIG_IGN)
        let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
        source.setEventHandler { receive(number) }
        source.resume()
        return source
    }

    private static func receive(_ number: Int32) {
        let isFirst = received.exchange(number, ordering: .relaxed) == 0
        if isFirst, let cancel = cancel.withLock({ $0 }) { return cancel() }
        // The second signal, or one while there is nothing to be said.
        TemporaryNames.shared.removeAll()
        if isFirst { die(of: number) }
        _exit(128 + number)
    }

    /// Ends as the process would have without us: a shell's loop stops when its command was killed.
    private static func die(of number: Int32) {
        signal(number, SIG_DFL)
        // The threads of Dispatch block signals.
        var numbers = sigset_t()
        sigemptyset(&numbers)
        sigaddset(&numbers, number)
        pthread_sigmask(SIG_UNBLOCK, &numbers, nil)
        raise(number)
    }

    private static func isIgnoring(_ action: sigaction) -> Bool {
        #if canImport(Glibc)
            unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self) == unsafeBitCast(SIG_IGN, to: Int.self)
        #else
            false
        #endif
    }

    private enum End<Result: Sendable>: Sendable { case finished(Result), signalled }

    /// Runs `body` and cancels it at the first signal. A second one ends the process at once.
    static func cancelling<Result: Sendable>(
        _ body: @escaping @Sendable () async throws -> Result
    ) async throws -> Result {
        begin()
        let (signals, continuation) = AsyncStream.makeStream(of: Void.self)
        cancel.withLock { $0 = { continuation.yield() } }
        defer { cancel.withLock { $0 = nil } }
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
