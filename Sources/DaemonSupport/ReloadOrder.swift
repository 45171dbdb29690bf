import Glibc
import LogHandlers
import Logging
import Settings
import Synchronization
import SystemCalls
import Transport

/// Calls `handler` on a thread of its own whenever this process is told to read its files again (SIGHUP), until it ends.
package func onReload(_ handler: @escaping @Sendable () -> Void) { ReloadOrder.current.add(handler) }

/// Orders to read files again, and what is done at each.
final class ReloadOrder: Sendable {
    /// The orders to this process.
    static let current = ReloadOrder()

    private let handlers = Mutex<[@Sendable () -> Void]>([])
    /// Counts signals; a signal handler may do nothing else than post a semaphore.
    private static let arrivals = CountingSemaphore()

    func add(_ handler: @escaping @Sendable () -> Void) { handlers.withLock { $0.append(handler) } }

    func give() { for handler in handlers.withLock({ $0 }) { handler() } }

    /// Gives the order at each signal `number`.
    /// - Parameter isSomethingElse: asked first, on the same thread.
    func give(at number: CInt, unless isSomethingElse: @escaping @Sendable () -> Bool = { false }) {
        // Made before a handler can ask for it.
        let arrivals = Self.arrivals
        signal(number) { _ in ReloadOrder.arrivals.signal() }
        startThread { [self] in
            // The threads of Dispatch block nearly all signals; this one surely takes it.
            var unblocked = sigset_t()
            sigemptyset(&unblocked)
            sigaddset(&unblocked, number)
            pthread_sigmask(SIG_UNBLOCK, &unblocked, nil)
            while true {
                arrivals.wait()
                if !isSomethingElse() { give() }
            }
        }
    }
}

/// Whether the process has a controlling terminal.
enum Terminal {
    static var isThere: Bool {
        let descriptor = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC)
        guard descriptor >= 0 else { return false }
        close(descriptor)
        return true
    }
}

extension Keyring {
    /// Reads the secret file again whenever this process is told to. A file that cannot be used changes nothing, and the log
    /// says why.
    ///
    /// - Parameters:
    ///   - path: the file that was read at the start.
    ///   - changed: called after the secrets have changed.
    package func reload(
        from path: String, _ logger: Logger, changed: @escaping @Sendable (_ secrets: Secrets) -> Void = { _ in }
    ) {
        onReload { [self] in
            let path = Self.handedOver ?? path
            do throws(TransportError) {
                let secrets = try Secrets(file: path)
                guard replace(with: secrets) else {
                    return logger.notice(
                        "the secret file was read again: nothing has changed", metadata: ["secret-file": "\(path)"])
                }
                logger.notice(
                    "the secret file was read again: the secret has changed",
                    metadata: ["secret-file": "\(path)", "secrets": "\(secrets.former == nil ? 1 : 2)"])
                changed(secrets)
            } catch {
                logger.error(
                    "the secret file cannot be used; the secret stays as it was",
                    metadata: ["reason": "\(error.message)"])
            }
        }
    }

    /// The copy that the unit's `ExecReload=` made of the secret file, which only root may read: the credentials that a service
    /// manager hands over stay as they were at the start.
    private static var handedOver: String? {
        guard let directory = ThisProcess.environment("RUNTIME_DIRECTORY") else { return nil }
        let path = directory + "/secret"
        return Settings.fileExists(path) ? path : nil
    }
}
