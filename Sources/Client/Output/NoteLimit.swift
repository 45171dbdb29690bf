import Synchronization

/// Bounds the notes of one kind that a command shows; more are counted.
final class NoteLimit: Sendable {
    static let shownCount = 50

    private let count = Mutex(0)

    /// Counts one more.
    /// - Returns: whether it may be shown.
    func mayTell() -> Bool {
        count.withLock { count in
            count += 1
            return count <= Self.shownCount
        }
    }

    /// Says how many were not shown, if any were.
    func tellRest(_ console: Console, _ what: String) {
        let rest = count.withLock { $0 } - Self.shownCount
        if rest > 0 { console.note("and \(rest) more \(what)") }
    }
}
