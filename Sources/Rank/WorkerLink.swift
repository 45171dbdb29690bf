import Glibc
import JobModel
import MPI
import SystemCalls

/// The rank's end of the socket to its worker.
///
/// When the worker closes the socket or breaks the protocol, the process exits at once, whatever it is doing: nobody
/// wants its result any more.
///
/// `@unchecked Sendable`: the descriptor never changes; one thread reads from it, the main thread writes.
final class WorkerLink: @unchecked Sendable {
    private let descriptor: Int32

    /// Connects to the worker that listens at `path`.
    init(path: String) throws(RankFailure) {
        guard let address = UnixSocketAddress(path: path) else {
            throw RankFailure(
                .workerError,
                "the socket's path \(path) is longer than \(UnixSocketAddress.maximumPathByteCount) bytes")
        }
        descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw .system("open a socket to", path) }
        let connected = address.withAddress { connect(descriptor, $0, $1) }
        guard connected == 0 else { throw .system("connect to", path) }
    }

    /// Sends a reply; blocks while the worker does not read.
    func send(_ reply: RankReply) {
        let frame: [UInt8]
        do {
            frame = try RankFrame.encode(reply)
        } catch {
            Communicator.abort("a reply cannot be sent: \(error.description)")
        }
        var rest = frame[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            if count < 0 && errno != EINTR { Self.leave() }
            rest.removeFirst(max(count, 0))
        }
    }

    /// Blocks until the worker has sent something, and returns it.
    func receive(into frames: inout RankFrameReader) {
        var bytes = [UInt8](repeating: 0, count: 16 << 10)
        while true {
            let count = read(descriptor, &bytes, bytes.count)
            if count > 0 { return frames.append(bytes[..<count]) }
            if count == 0 || errno != EINTR { Self.leave() }
        }
    }

    /// Ends this process without a word: the worker is gone, and mpirun ends the other ranks.
    static func leave() -> Never { _exit(0) }
}
