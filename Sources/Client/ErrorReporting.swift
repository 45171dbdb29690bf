import ClientKit
import PrivateCluster
import Settings

extension ClientError {
    /// The words of the command line for `error`: those of the library, with the options and commands that help.
    init(reporting error: any Error) {
        let library = ClientError(error)
        switch error {
        case let error as SettingsError: self = .usage(error.description)
        case let error as PrivateClusterError:
            self.init(error.code.rawValue, error.message, kind: error.code == .interrupted ? .interrupted : .failed)
        case is MasterUnreachable:
            self.init(
                library.code, library.message + " (--reconnect-timeout sets how long to try)", kind: library.kind)
        case let error as SubmissionInterrupted where !error.isJobCancelled:
            self.init(library.code, library.message + ": tessera cancel \(error.job)", kind: library.kind)
        case let error as WaitInterrupted:
            self.init(
                library.code,
                library.message + """

                      tessera watch \(error.job)              shows its progress again
                      tessera fetch \(error.job) -o PATH      waits for its results
                      tessera cancel \(error.job)             stops it
                    """, kind: library.kind)
        default: self = library
        }
    }

    var status: ExitStatus { ExitStatus(self) }
}

extension SessionEvent {
    /// What a person who waits is told.
    var text: String {
        switch self {
        case .lost(let reason, let reconnectTimeout):
            "\(reason); trying again for up to \(Units.duration(reconnectTimeout))"
        case .recovered(let outage): "the master is back after \(Units.duration(outage)); continuing"
        case .askedToWait(let refusal):
            "the master asks to wait (\(refusal.code)): \(refusal.message); waiting as long as it takes"
        }
    }
}
