import Dispatch
import Glibc

/// A question to a program on this machine that answers by HTTP and then ends the connection.
package struct HTTPQuestion: Sendable {
    /// An address of this machine, in digits and dots.
    package let host: String
    package let port: Int
    /// A reply that takes longer is given up.
    package var limitSeconds = 30

    package init(host: String = "127.0.0.1", port: Int) {
        self.host = host
        self.port = port
    }

    package struct Failure: Error {
        package let step: String
        package let code: CInt
    }

    /// Everything that is answered to `bytes`, until the other side ends the connection.
    ///
    /// - Parameter endsOutput: whether the other side is told that nothing follows.
    package func ask(_ bytes: [UInt8], endsOutput: Bool = false) async throws -> String {
        try await withCheckedThrowingContinuation { continuation in
            DispatchQueue.global().async {
                continuation.resume(with: Result { try converse(bytes, endsOutput) })
            }
        }
    }

    package struct Answer: Sendable, Equatable {
        package let status: Int
        package let body: String

        package init(_ status: Int, _ body: String) {
            self.status = status
            self.body = body
        }
    }

    /// The answer to a GET of `path`.
    package func get(_ path: String) async throws -> Answer {
        let answer = try await ask(Array("GET \(path) HTTP/1.1\r\nHost: localhost\r\n\r\n".utf8))
        let words = answer.prefix { $0 != "\r\n" }.split(separator: " ")
        guard words.count > 1, let status = Int(words[1]), let end = answer.firstRange(of: "\r\n\r\n") else {
            throw Failure(step: "the answer is '\(answer.prefix(200))'", code: 0)
        }
        return Answer(status, String(answer[end.upperBound...]))
    }

    /// An open connection, for tests of what the other side does with it. To be closed by the caller.
    package func connect() throws -> CInt {
        let descriptor = socket(AF_INET, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw Failure(step: "socket", code: errno) }
        var limit = timeval(tv_sec: limitSeconds, tv_usec: 0)
        for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
            setsockopt(descriptor, SOL_SOCKET, option, &limit, socklen_t(MemoryLayout<timeval>.size))
        }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = inet_addr(host)
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard result == 0 else {
            let code = errno
            close(descriptor)
            throw Failure(step: "connect", code: code)
        }
        return descriptor
    }

    private func converse(_ bytes: [UInt8], _ endsOutput: Bool) throws -> String {
        let descriptor = try connect()
        defer { close(descriptor) }
        guard send(descriptor, bytes, bytes.count, CInt(MSG_NOSIGNAL)) == bytes.count else {
            throw Failure(step: "send", code: errno)
        }
        if endsOutput { shutdown(descriptor, CInt(SHUT_WR)) }
        return try Self.rest(of: descriptor)
    }

    /// The bytes that arrive on the connection until its end, as text. Blocks.
    package static func rest(of descriptor: CInt) throws -> String {
        var answer: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = recv(descriptor, &piece, piece.count, 0)
            if count == 0 { return String(decoding: answer, as: UTF8.self) }
            guard count > 0 else { throw Failure(step: "receive", code: errno) }
            answer += piece[..<count]
        }
    }
}
