import Glibc

/// An open file, socket or directory, which is closed at the end of this value's life.
///
/// A bare `CInt` elsewhere is borrowed: its owner closes it.
package struct OwnedDescriptor: ~Copyable, Sendable {
    package let number: CInt

    /// Takes over an open descriptor.
    package init(_ number: CInt) {
        precondition(number >= 0, "\(number) is not an open descriptor")
        self.number = number
    }

    /// Takes over what a system call returned; `nil` when it failed and `errno` says why.
    package init?(result number: CInt) {
        guard number >= 0 else { return nil }
        self.number = number
    }

    deinit { close(number) }

    /// Reads once, at most `count` bytes; empty at the end of a file, `nil` after an error.
    package borrowing func read(upTo count: Int) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: count)
        let got = Glibc.read(number, &bytes, count)
        return got < 0 ? nil : Array(bytes[..<got])
    }

    /// Writes all bytes, in as many calls as that takes.
    package borrowing func writeAll(_ bytes: UnsafeRawBufferPointer) throws(SystemError) {
        var position = 0
        while position < bytes.count {
            let count = write(number, bytes.baseAddress.map { $0 + position }, bytes.count - position)
            if count >= 0 {
                position += count
            } else if errno != EINTR {
                throw .last
            }
        }
    }

    /// Writes all bytes, in as many calls as that takes.
    package borrowing func writeAll(_ bytes: [UInt8]) throws(SystemError) {
        var failure: SystemError?
        bytes.withUnsafeBytes { bytes in
            do throws(SystemError) { try writeAll(bytes) } catch { failure = error }
        }
        if let failure { throw failure }
    }
}
