import Synchronization
import SystemCalls

/// Runs the jobs of one actor on a thread of its own, so that the actor may block.
///
/// It is always the same thread: the kernel sends a parent-death signal when the *thread* that started the process ends, so
/// a world must not be started by a thread of a pool.
final class ThreadExecutor: SerialExecutor {
    private let queue = ExecutorQueue()

    init() {
        queue.owner.withLock { $0.executor = self }
        startThread { [queue] in
            while let job = queue.pop() {
                // A job keeps its actor alive, and the actor its executor; held here too, the executor outlives a job that
                // drops the actor.
                guard let executor = queue.owner.withLock({ $0.executor }) else { return }
                job.runSynchronously(on: executor.asUnownedSerialExecutor())
            }
        }
    }

    deinit { queue.push(nil) }

    func enqueue(_ job: consuming ExecutorJob) { queue.push(UnownedJob(job)) }
}

/// Jobs in order of arrival; `nil` ends the thread.
private final class ExecutorQueue: Sendable {
    struct Owner {
        weak var executor: ThreadExecutor?
    }

    let owner = Mutex(Owner())
    private let jobs = Mutex<[UnownedJob?]>([])
    private let available = CountingSemaphore()

    func push(_ job: UnownedJob?) {
        jobs.withLock { $0.append(job) }
        available.signal()
    }

    /// Blocks until there is a job.
    func pop() -> UnownedJob? {
        available.wait()
        return jobs.withLock { $0.removeFirst() }
    }
}
