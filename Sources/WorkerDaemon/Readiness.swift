/// Whether the worker can run tasks, why not, and when it looks again. Performs no I/O, reads no clock.
///
/// ```
///            found trouble                      the trouble is over
///    ready --------------> not ready: looks --------------------------> ready
///                          again after 1 s, 2 s, 4 s ... 30 s
/// ```
/// The pauses start from the beginning once a task was computed: a world that starts and dies at once is not started again and
/// again without a pause.
struct Readiness: Sendable {
    /// What keeps the worker from running tasks.
    enum Trouble: Hashable, Sendable {
        /// The scratch directory is gone, or nothing can be made in it.
        case scratchGone(String)
        /// Something else fills the file system of the scratch directory; `need` bytes would do.
        case scratchFull(String, need: UInt64)
        /// The world of the slot does not come up.
        case noWorld(slot: Int, String)

        /// What an operator is told.
        var reason: String {
            switch self {
            case .scratchGone(let reason), .scratchFull(let reason, _): reason
            case .noWorld(let slot, let reason): "the world of slot \(slot) does not come up: \(reason)"
            }
        }
    }

    private static let firstPause = Duration.seconds(1)
    private static let longestPause = Duration.seconds(30)

    private(set) var trouble: Trouble?
    /// Time until the worker looks whether there is trouble, or whether it is over.
    private(set) var pause = firstPause
    private var failures = 0

    /// - Returns: whether the worker was ready before.
    mutating func found(_ new: Trouble) -> Bool {
        defer { trouble = new }
        pause = min(Self.firstPause * (1 << min(failures, 5)), Self.longestPause)
        failures += 1
        return trouble == nil
    }

    mutating func isOver() {
        trouble = nil
        pause = Self.firstPause
    }

    /// A task was computed: whatever was wrong is over.
    mutating func taskComputed() { failures = 0 }
}
