import Pipelines
import MasterClient
import Protocol
import Transport

/// Something that a client could not do, as programs (`code`), people (`message`) and callers (`kind`) need to know it.
///
/// `init(_:)` describes every error that this library throws.
public struct ClientError: Error, Hashable, CustomStringConvertible {
    /// What a caller can do about it; the command makes its exit status from this.
    public enum Kind: Sendable, Hashable, CaseIterable {
        /// The request could not be carried out.
        case failed
        /// What was asked is wrong: a pipeline, a setting, a name.
        case usage
        /// The master does not accept the secret, or there is none.
        case notAuthorised
        /// The master cannot be reached, or speaks another version.
        case unreachable
        /// The caller's task was cancelled.
        case interrupted
        /// The reader of the output has gone.
        case brokenPipe
    }

    /// Stable; docs/cli.md lists the codes.
    public let code: String
    /// What happened, with which value, what is allowed, what to do.
    public let message: String
    public let kind: Kind

    public init(_ code: String, _ message: String, kind: Kind = .failed) {
        self.code = code
        self.message = message
        self.kind = kind
    }

    /// An error of the caller, with the code `usage`.
    public static func usage(_ message: String) -> ClientError { ClientError("usage", message, kind: .usage) }

    public var description: String { message }

    /// The object that `--json` prints to standard error.
    public var json: JSON { ["error": ["code": .string(code), "message": .string(message)]] }
}

extension ClientError {
    /// The code, words and kind of `error`; `internal` for an error that is not one of this library.
    public init(_ error: any Error) {
        switch error {
        case let error as ClientError: self = error
        case let error as PipelineError: self.init(error.code.rawValue, error.message, kind: .usage)
        case let error as TransportError: self.init(error)
        case let error as ConnectionClosed:
            self.init("connection-lost", "the connection to the master was lost: \(error.message)", kind: .unreachable)
        case let error as MasterUnreachable:
            self.init(
                "unreachable",
                "the master has not been reachable for \(Units.duration(error.reconnectTimeout)): \(error.reason); jobs "
                    + "that it has accepted are kept, and continue when it is back", kind: .unreachable)
        case let error as MasterRefusal: self.init(error.code.rawValue, error.message)
        case let error as BlobTransferError: self.init(error.code.rawValue, error.message)
        case let error as ProtocolViolation:
            self.init(
                RefusalCode.protocolViolation.rawValue, "the master's answer makes no sense: \(error)",
                kind: .unreachable)
        case let error as SubmissionInterrupted:
            self.init(
                "interrupted",
                "interrupted while images were still being sent: job \(error.job) was not complete and "
                    + (error.isJobCancelled
                        ? "is cancelled" : "could not be cancelled, because the master did not answer"),
                kind: .interrupted)
        case let error as WaitInterrupted:
            self.init("interrupted", "interrupted; job \(error.job) continues", kind: .interrupted)
        case is CancellationError: self.init("interrupted", "interrupted", kind: .interrupted)
        default: self.init("internal", ErrorText.of(error))
        }
    }

    private init(_ error: TransportError) {
        let kind: Kind =
            switch error.code {
            case .badSecret, .secretFile, .badRole: .notAuthorised
            case .badEndpoint: .usage
            case .refused, .unreachable, .protocolViolation, .version, .handshakeTimeout, .closed,
                .tooManyConnections, .cannotBind, .encryptionRequired, .encryptionFailed, .replacedMaster, .otherMaster,
                .other:
                .unreachable
            }
        self.init(error.code.rawValue, error.message, kind: kind)
    }
}
