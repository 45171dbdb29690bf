import Glibc
import NIOCore
import Synchronization
import SystemCalls

/// Asks the system for the addresses of a name.
enum NameResolver {
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    /// All addresses of `host`, each once, on a thread of its own: the system's resolver blocks.
    ///
    /// Fails at `deadline`; the thread ends when the resolver does, by its own limits.
    static func addresses(
        of host: String, port: Int, until deadline: NIODeadline, on loop: any EventLoop
    ) async throws -> [SocketAddress] {
        let answer = Answer(loop.makePromise(of: [SocketAddress].self))
        let timer = loop.scheduleTask(deadline: deadline) {
            answer.complete(.failure(Failure(description: "its name was not resolved in time")))
        }
        startThread(name: "resolver") { answer.complete(Result { try resolve(host, port) }) }
        defer { timer.cancel() }
        return try await withTaskCancellationHandler {
            try await answer.promise.futureResult.get()
        } onCancel: {
            answer.complete(.failure(CancellationError()))
        }
    }

    private static func resolve(_ host: String, _ port: Int) throws -> [SocketAddress] {
        var hints = addrinfo()
        hints.ai_family = AF_UNSPEC
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        hints.ai_flags = AI_NUMERICSERV
        var list: UnsafeMutablePointer<addrinfo>?
        let code = getaddrinfo(host, "\(port)", &hints, &list)
        guard code == 0 else {
            throw Failure(description: "its name cannot be resolved: \(String(cString: gai_strerror(code)))")
        }
        defer { freeaddrinfo(list) }
        var addresses: [SocketAddress] = []
        var next = list
        while let entry = next?.pointee {
            next = entry.ai_next
            guard let pointer = entry.ai_addr else { continue }
            let raw = UnsafeRawPointer(pointer)
            switch entry.ai_family {
            case AF_INET: addresses.append(SocketAddress(raw.loadUnaligned(as: sockaddr_in.self)))
            case AF_INET6: addresses.append(SocketAddress(raw.loadUnaligned(as: sockaddr_in6.self)))
            default: continue
            }
        }
        return addresses
    }
}

/// A promise that the first of several completes.
final class Answer<Value: Sendable>: Sendable {
    let promise: EventLoopPromise<Value>
    private let isCompleted = Mutex(false)

    init(_ promise: EventLoopPromise<Value>) { self.promise = promise }

    func complete(_ result: Result<Value, any Error>) {
        let isFirst = isCompleted.withLock { isCompleted in
            defer { isCompleted = true }
            return !isCompleted
        }
        if isFirst { promise.completeWith(result) }
    }
}
