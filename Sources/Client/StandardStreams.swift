#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// The descriptors 0 to 2, which every program writes messages to.
enum StandardStreams {
    /// Makes sure that all three are open, so that no result and no connection gets the number of a stream that messages go to.
    /// What was closed stays of no use: it is opened in the wrong direction, so that a result that has no place to go is an
    /// error. To be called before anything else opens a file.
    ///
    /// `SystemCalls` has the same for the daemons; this program also runs where that target does not.
    static func occupy() {
        for number: Int32 in [0, 1, 2] where fcntl(number, F_GETFD) < 0 && errno == EBADF {
            // The lowest free number is this one.
            if open("/dev/null", number == 0 ? O_WRONLY : O_RDONLY) < 0 { _ = open("/", O_RDONLY) }
        }
    }
}
