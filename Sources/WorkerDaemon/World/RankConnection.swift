import ByteCoding
import Glibc
import JobModel
import SystemCalls

/// The worker's end of the socket to one rank. Never blocks.
final class RankConnection {
    let descriptor: OwnedDescriptor
    /// The rank's process, as the kernel knows it. Alive as long as the connection is not closed at the other end:
    /// nobody else holds that end.
    let process: pid_t
    private var frames = RankFrameReader()

    /// What a non-blocking read or write found.
    enum Progress { case done, wouldBlock, closed }

    /// Takes a connection that `listener` has.
    ///
    /// - Returns: `nil` when there is none, or its peer is another user.
    static func accept(from listener: borrowing OwnedDescriptor) -> RankConnection? {
        let number = Glibc.accept(listener.number, nil, nil)
        guard let descriptor = OwnedDescriptor(result: number) else { return nil }
        _ = fcntl(number, F_SETFD, FD_CLOEXEC)
        _ = fcntl(number, F_SETFL, O_NONBLOCK)
        // struct ucred, which the importer does not see: process, user, group.
        var peer: (pid: pid_t, user: uid_t, group: gid_t) = (0, 0, 0)
        var size = socklen_t(MemoryLayout.size(ofValue: peer))
        guard getsockopt(number, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0, peer.user == geteuid() else { return nil }
        return RankConnection(descriptor, process: peer.pid)
    }

    private init(_ descriptor: consuming OwnedDescriptor, process: pid_t) {
        self.descriptor = descriptor
        self.process = process
    }

    /// Reads what has arrived.
    func fill() -> Progress {
        var chunk = [UInt8](repeating: 0, count: 16 << 10)
        while true {
            let count = read(descriptor.number, &chunk, chunk.count)
            if count > 0 {
                frames.append(chunk[..<count])
                if count < chunk.count { return .done }
            } else if count < 0 && errno == EINTR {
                continue
            } else if count < 0 && errno == EAGAIN {
                return .wouldBlock
            } else {
                return .closed
            }
        }
    }

    /// The next whole message of those that were read.
    func nextReply() throws(BinaryCodingError) -> RankReply? { try frames.next() }

    /// Writes what fits of `bytes`, and removes it from them.
    func send(_ bytes: inout ArraySlice<UInt8>) -> Progress {
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes {
                Glibc.send(descriptor.number, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            if count >= 0 {
                bytes.removeFirst(count)
            } else if errno == EAGAIN {
                return .wouldBlock
            } else if errno != EINTR {
                return .closed
            }
        }
        return .done
    }

    /// Whether the other end is closed; what it wrote before stays readable.
    var isHungUp: Bool {
        // Asked for nothing, poll reports the hang-up alone.
        var poll = pollfd(fd: descriptor.number, events: 0, revents: 0)
        return Glibc.poll(&poll, 1, 0) > 0
    }
}

/// A Unix socket at `path` that ranks connect to. The mode of its directory excludes other users.
func listenForRanks(at path: String, count: Int) throws(WorldError) -> OwnedDescriptor {
    guard let address = UnixSocketAddress(path: path) else {
        throw .notStarted(
            "the socket's path \(path) has \(path.utf8.count) bytes, \(UnixSocketAddress.maximumPathByteCount) are allowed: "
                + "choose a shorter directory", outputTail: "")
    }
    let kind = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
    guard let descriptor = OwnedDescriptor(result: socket(AF_UNIX, kind, 0)) else {
        throw .notStarted("cannot open a socket: \(SystemError.last)", outputTail: "")
    }
    guard address.withAddress({ bind(descriptor.number, $0, $1) }) == 0, listen(descriptor.number, Int32(count)) == 0
    else {
        throw .notStarted("cannot listen at \(path): \(SystemError.last)", outputTail: "")
    }
    return descriptor
}
