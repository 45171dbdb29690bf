import Pipelines
import MasterClient
import Protocol
import Settings
import Transport

/// Why a command ends without having done what it was asked, as it is shown to people and programs.
struct ClientError: Error, Hashable, CustomStringConvertible {
    /// Stable; what `--json` reports as `code`.
    let code: String
    /// What happened, with which value, what is allowed, what to do.
    let message: String
    let status: ExitStatus

    init(_ code: String, _ message: String, status: ExitStatus = .failed) {
        self.code = code
        self.message = message
        self.status = status
    }

    static func usage(_ message: String) -> ClientError { ClientError("usage", message, status: .usage) }

    var description: String { message }

    /// As `--json` prints it to standard error.
    var json: JSON { ["error": ["code": .string(code), "message": .string(message)]] }
}

extension ClientError {
    /// What a person is told about `error`, and the exit status that goes with it.
    init(_ error: any Error) {
        switch error {
        case let error as ClientError: self = error
        case let error as SubmissionInterrupted: self.init(error)
        case let error as PipelineError:
            self.init(error.code.rawValue, error.message, status: .usage)
        case let error as SettingsError: self = .usage(error.description)
        case let error as TransportError: self.init(error)
        case let error as ConnectionClosed:
            self.init(
                "connection-lost", "the connection to the master was lost: \(error.message)", status: .unreachable)
        case let error as MasterRefusal: self.init(error)
        case let error as BlobTransferError: self.init(error.code.rawValue, error.message)
        case let error as ProtocolViolation:
            self.init(
                RefusalCode.protocolViolation.rawValue, "the master's answer makes no sense: \(error)",
                status: .unreachable)
        default: self.init("internal", "unexpected error: \(error)")
        }
    }

    private init(_ refusal: MasterRefusal) {
        self.init(refusal.code.rawValue, refusal.message)
    }

    private init(_ error: TransportError) {
        let status: ExitStatus =
            switch error.code {
            case .badSecret, .secretFile, .badRole: .notAuthorised
            case .badEndpoint: .usage
            case .refused, .unreachable, .protocolViolation, .version, .handshakeTimeout, .closed,
                .tooManyConnections, .cannotBind, .other:
                .unreachable
            }
        self.init(error.code.rawValue, error.message, status: status)
    }
}
