import Glibc
import Synchronization

/// Runs the jobs of one actor on a thread of its own, so that the actor may block.
///
/// It is always the same thread: the kernel sends a parent-death signal when the *thread* that started the process
/// ends, so whoever starts a world must not be a thread of a pool.
final class ThreadExecutor: SerialExecutor {
    private let queue = JobQueue()

    init() {
        let start = ThreadStart(queue: queue)
        queue.owner.withLock { $0.executor = self }
        var thread = pthread_t()
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
        let code = pthread_create(
            &thread, &attributes,
            { argument in
                guard let argument else { return nil }
                Unmanaged<ThreadStart>.fromOpaque(argument).takeRetainedValue().run()
                return nil
            }, Unmanaged.passRetained(start).toOpaque())
        pthread_attr_destroy(&attributes)
        precondition(code == 0, "the system refuses a thread: \(String(cString: strerror(code)))")
    }

    deinit { queue.push(nil) }

    func enqueue(_ job: consuming ExecutorJob) { queue.push(UnownedJob(job)) }
}

private final class ThreadStart {
    private let queue: JobQueue

    init(queue: JobQueue) { self.queue = queue }

    func run() {
        while let job = queue.pop() {
            // A job keeps its actor alive, and that its executor; held here too, it outlives a job that drops the actor.
            guard let executor = queue.owner.withLock({ $0.executor }) else { return }
            job.runSynchronously(on: executor.asUnownedSerialExecutor())
        }
    }
}

/// Jobs in order of arrival; `nil` is the last one.
private final class JobQueue: Sendable {
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

/// A POSIX semaphore.
///
/// `@unchecked Sendable`: `sem_post` and `sem_wait` may be called from any thread, and the pointer never changes.
private final class CountingSemaphore: @unchecked Sendable {
    private let semaphore: UnsafeMutablePointer<sem_t>

    init() {
        semaphore = .allocate(capacity: 1)
        sem_init(semaphore, 0, 0)
    }

    deinit {
        sem_destroy(semaphore)
        semaphore.deallocate()
    }

    func signal() { sem_post(semaphore) }

    func wait() {
        while sem_wait(semaphore) != 0 && errno == EINTR {}
    }
}
