import SystemCalls
import Synchronization

/// When something was last heard, on the clock that continues in suspend.
final class LastHeard: Sendable {
    private let nanoseconds: Mutex<UInt64>

    init() { nanoseconds = Mutex(BootTimeClock.now) }

    func now() { nanoseconds.withLock { $0 = BootTimeClock.now } }

    var silence: Duration { nanoseconds.withLock { .nanoseconds(Int64(BootTimeClock.now - $0)) } }
}
