import Glibc

/// The standard error stream of this process.
package enum StandardError {
    /// Writes `text` by one `write(2)`, unless the system takes it in parts, so that lines of several threads and processes do
    /// not mix. An error is ignored: nobody is left to read of it.
    package static func write(_ text: String) {
        var text = text
        text.withUTF8 { bytes in
            var position = 0
            while position < bytes.count {
                let count = Glibc.write(STDERR_FILENO, bytes.baseAddress.map { $0 + position }, bytes.count - position)
                guard count > 0 || errno == EINTR else { return }
                position += max(count, 0)
            }
        }
    }
}
