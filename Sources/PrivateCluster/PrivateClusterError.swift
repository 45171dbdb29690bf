/// Why a private cluster cannot be started, ended or found.
package struct PrivateClusterError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Stable; docs/cli.md lists them.
    package enum Code: String, Sendable, CaseIterable {
        /// Neither HOME nor XDG_STATE_HOME says where its files belong.
        case noHome = "no-home"
        /// A file or directory of it cannot be made, read or removed.
        case files = "private-cluster-files"
        /// Another `tessera up` or `tessera down` is at work.
        case busy = "private-cluster-busy"
        /// It is up, but not as it is demanded now.
        case alreadyUp = "private-cluster-up"
        /// A daemon has ended, or did not serve in time.
        case notStarted = "private-cluster-not-started"
        /// A daemon does not end.
        case notEnded = "private-cluster-not-ended"
        /// A program is missing.
        case noProgram = "private-cluster-program"
        case interrupted
    }

    package let code: Code
    /// What happened, with which value, and the way out.
    package let message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    package var description: String { message }
}
