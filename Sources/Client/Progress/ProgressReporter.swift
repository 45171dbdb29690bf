import ClientKit
import Synchronization

/// How progress is shown (`--progress`).
enum ProgressStyle: String, Sendable, CaseIterable {
    /// A bar on a terminal, lines elsewhere.
    case auto
    case bar
    case plain
    case none

    func resolved(isTerminal: Bool) -> ProgressStyle {
        self == .auto ? (isTerminal ? .bar : .plain) : self
    }
}

/// Shows a job's progress on standard error while it is told about it.
final class ProgressReporter: Sendable {
    private struct State {
        var progress = JobProgress()
        var formatter = ProgressFormatter()
        var limiter = LineLimiter()
        /// Nothing is shown any more.
        var isFinished = false
        /// The progress that `isWaiting` saw last.
        var progressSeen: JobProgress?
    }

    private let console: Console
    private let style: ProgressStyle
    /// The time since the command began.
    private let elapsed: @Sendable () -> Duration
    private let state = Mutex(State())

    init(console: Console, style: ProgressStyle, elapsed: @escaping @Sendable () -> Duration) {
        self.console = console
        self.style = style.resolved(isTerminal: console.terminalWidth != nil)
        self.elapsed = elapsed
    }

    /// Progress changed; `change` says how.
    func update(_ change: (inout JobProgress) -> Void) {
        state.withLock { state in
            change(&state.progress)
            guard style != .none, !state.isFinished else { return }
            let now = elapsed()
            state.formatter.update(state.progress, at: now)
            show(&state, at: now)
        }
    }

    /// Time passed: shows what the limit on lines held back. Called about once a second.
    func tick() {
        guard style != .none else { return }
        state.withLock { state in
            if !state.isFinished { show(&state, at: elapsed()) }
        }
    }

    /// Whether there is a job that has not ended, and no progress since this was asked before.
    var isWaiting: Bool {
        state.withLock { state in
            let progress = state.progress
            defer { state.progressSeen = progress }
            return progress.job != nil && !progress.hasEnded && progress == state.progressSeen
        }
    }

    /// Takes the bar away permanently: whatever is told or ticks later, the line stays free for messages.
    func finish() {
        state.withLock { state in
            state.isFinished = true
            console.showStatus("")
        }
    }

    private func show(_ state: inout State, at now: Duration) {
        guard state.progress.job != nil else { return }
        switch style {
        case .bar, .auto: console.showStatus(state.formatter.bar(width: console.terminalWidth ?? 80))
        case .plain:
            if let line = state.limiter.offer(state.formatter.plain, at: now) { console.note(line, code: "progress") }
        case .none: break
        }
    }
}
