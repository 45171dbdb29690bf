import Glibc

/// A POSIX semaphore.
///
/// `@unchecked Sendable`: `sem_post` and `sem_wait` may be called from any thread, and the pointer never changes.
package final class CountingSemaphore: @unchecked Sendable {
    private let semaphore: UnsafeMutablePointer<sem_t>

    package init() {
        semaphore = .allocate(capacity: 1)
        sem_init(semaphore, 0, 0)
    }

    deinit {
        sem_destroy(semaphore)
        semaphore.deallocate()
    }

    package func signal() { sem_post(semaphore) }

    /// Blocks until a signal arrives that no other waiter takes.
    package func wait() {
        while sem_wait(semaphore) != 0 && errno == EINTR {}
    }
}

/// Runs `body` on a new thread, which ends with it. Nothing waits for the thread.
package func startThread(_ body: @escaping @Sendable () -> Void) {
    final class Start {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }
    var thread = pthread_t()
    let code = pthread_create(
        &thread, nil,
        { argument in
            guard let argument else { return nil }
            Unmanaged<Start>.fromOpaque(argument).takeRetainedValue().body()
            return nil
        }, Unmanaged.passRetained(Start(body)).toOpaque())
    precondition(code == 0, "the system refuses a thread: \(SystemError(code: code))")
    pthread_detach(thread)
}
