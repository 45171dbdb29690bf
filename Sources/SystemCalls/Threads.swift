import CSystemCalls
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
///
/// - Parameters:
///   - name: at most 15 bytes of it show in the list of a process's threads.
///   - stackByteCount: the size of its stack; the system's default when it is `nil`.
package func startThread(
    name: String? = nil, stackByteCount: Int? = nil, _ body: @escaping @Sendable () -> Void
) {
    final class Start {
        let name: String?
        let body: @Sendable () -> Void

        init(name: String?, body: @escaping @Sendable () -> Void) {
            self.name = name
            self.body = body
        }
    }
    var attributes = pthread_attr_t()
    pthread_attr_init(&attributes)
    defer { pthread_attr_destroy(&attributes) }
    if let stackByteCount { pthread_attr_setstacksize(&attributes, stackByteCount) }
    var thread = pthread_t()
    let code = pthread_create(
        &thread, &attributes,
        { argument in
            guard let argument else { return nil }
            let start = Unmanaged<Start>.fromOpaque(argument).takeRetainedValue()
            if let name = start.name { tsr_system_name_thread(name) }
            start.body()
            return nil
        }, Unmanaged.passRetained(Start(name: name, body: body)).toOpaque())
    precondition(code == 0, "the system refuses a thread: \(SystemError(code: code))")
    pthread_detach(thread)
}
