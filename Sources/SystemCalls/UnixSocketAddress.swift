import Glibc

/// The address of a Unix socket.
package struct UnixSocketAddress {
    /// The most bytes of a path: the system's structure has one more, for the terminating zero.
    package static let maximumPathByteCount = MemoryLayout.size(ofValue: sockaddr_un().sun_path) - 1

    private var address = sockaddr_un()
    private let byteCount: socklen_t

    /// - Parameter path: a file's path, or with "@" in front a name in the abstract namespace of Linux, which has no file.
    /// - Returns: `nil` when `path` is empty or longer than `maximumPathByteCount`.
    package init?(path: String) {
        var bytes = Array(path.utf8)
        guard let first = bytes.first, bytes.count <= Self.maximumPathByteCount else { return nil }
        let isAbstract = first == UInt8(ascii: "@")
        if isAbstract { bytes[0] = 0 }
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        // An abstract name ends with the length, a path with a zero.
        let pathOffset = MemoryLayout<sockaddr_un>.size - (Self.maximumPathByteCount + 1)
        byteCount = socklen_t(pathOffset + bytes.count + (isAbstract ? 0 : 1))
    }

    /// Calls `body` with the address in the form that `bind`, `connect` and `sendto` take.
    package func withAddress<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
        withUnsafePointer(to: address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, byteCount) }
        }
    }
}
