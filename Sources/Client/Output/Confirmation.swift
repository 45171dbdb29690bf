import ClientKit

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// A question before something that cannot be undone.
enum Confirmation {
    /// Asks on a terminal; where there is none, a script knows what it does.
    /// - Returns: whether the answer is `y` or `yes`.
    static func isGiven(_ question: String) -> Bool {
        guard isatty(STDIN_FILENO) == 1, isatty(STDERR_FILENO) == 1 else { return true }
        try? FileDescriptor(STDERR_FILENO).writeAll(Array("\(question) [y/N] ".utf8))
        return isYes(readLine() ?? "")
    }

    static func isYes(_ answer: String) -> Bool {
        ["y", "yes"].contains(answer.lowercased().filter { !$0.isWhitespace })
    }
}
