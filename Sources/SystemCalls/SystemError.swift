import Glibc

/// The error number of a failed system call.
package struct SystemError: Error, Hashable, Sendable, CustomStringConvertible {
    package let code: CInt

    package init(code: CInt) { self.code = code }

    /// The error of the call that just failed on this thread (`errno`).
    package static var last: SystemError { SystemError(code: errno) }

    /// The system's text for the error, such as "No such file or directory".
    package var description: String { String(cString: strerror(code)) }
}
