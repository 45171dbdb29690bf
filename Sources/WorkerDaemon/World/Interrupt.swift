import Glibc
import Synchronization
import SystemCalls

/// Wakes a thread that waits in `poll`, from any other thread, with a reason.
final class Interrupt: Sendable {
    /// Readable after `requestStop` or `requestCancel`, until `clear`.
    var descriptor: CInt { waitingEnd.number }
    private let waitingEnd: OwnedDescriptor
    /// The other end of a pair of sockets; a byte written here makes `descriptor` readable.
    private let wakingEnd: OwnedDescriptor
    private let stopped = Atomic(false)
    private let cancelled = Atomic(false)

    init() {
        var ends: [Int32] = [-1, -1]
        let kind = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
        let code = socketpair(AF_UNIX, kind, 0, &ends)
        precondition(code == 0, "the system gives no pair of sockets: \(SystemError.last)")
        waitingEnd = OwnedDescriptor(ends[0])
        wakingEnd = OwnedDescriptor(ends[1])
    }

    var isStopRequested: Bool { stopped.load(ordering: .acquiring) }
    var isCancelRequested: Bool { cancelled.load(ordering: .acquiring) }

    /// Ends the world permanently.
    func requestStop() {
        stopped.store(true, ordering: .releasing)
        wake()
    }

    /// Cancels the order in progress.
    func requestCancel() {
        cancelled.store(true, ordering: .releasing)
        wake()
    }

    /// A new order begins.
    func forgetCancel() {
        cancelled.store(false, ordering: .releasing)
        clear()
    }

    /// Makes the descriptor unreadable again.
    func clear() {
        var bytes: [UInt8] = [0, 0, 0, 0]
        while read(descriptor, &bytes, bytes.count) > 0 {}
    }

    private func wake() {
        // A full buffer wakes as well as one more byte.
        _ = write(wakingEnd.number, [1], 1)
    }
}
