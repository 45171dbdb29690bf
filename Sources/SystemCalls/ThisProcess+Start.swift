import CSystemCalls
import Glibc

extension ThisProcess {
    /// Makes sure that the descriptors 0 to 2 are open, so that no file or socket of ours gets the number of a stream that the
    /// program writes messages to. What was closed stays of no use: reading from or writing to it fails. To be called first.
    package static func occupyStandardStreams() { tsr_system_occupy_standard_streams() }

    /// A reader of our output that goes away is an error of the write, not the end of the process.
    package static func ignoreBrokenPipes() { signal(SIGPIPE, SIG_IGN) }

    /// Continues as a process that belongs to no other: with a session of its own, and a parent that is not the one that
    /// started it. Ends the process that calls. To be called while there is one thread.
    package static func leaveFamily() throws(SystemError) {
        let code = tsr_system_leave_family()
        guard code == 0 else { throw SystemError(code: code) }
    }

    /// Gives the process another name in the lists of processes, of which 15 bytes are kept.
    package static func rename(_ name: String) { tsr_system_name_thread(name) }

    /// Whether a signal was ignored when the process started, as `nohup` does with SIGHUP.
    package static func ignores(_ number: CInt) -> Bool {
        var action = sigaction()
        guard sigaction(number, nil, &action) == 0 else { return false }
        // SIG_IGN is the address 1.
        return unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self) == 1
    }
}
