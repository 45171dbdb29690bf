import Retrying

/// A transfer failed for a reason other than the connection or a refusal.
public struct BlobTransferError: Error, Hashable, CustomStringConvertible {
    public enum Code: String, Sendable, Hashable, CaseIterable {
        /// The bytes that arrived are not those that were asked for.
        case corrupt = "corrupt-blob"
        /// The source became shorter while it was sent.
        case sourceChanged = "source-changed"
        /// A local file could not be opened, read or written.
        case file
    }

    public let code: Code
    /// For a person: what happened, with which value, what to do.
    public let message: String
    /// The system's words for what is wrong with a local file; `nil` for other errors.
    public let reason: String?

    public init(_ code: Code, _ message: String, reason: String? = nil) {
        self.code = code
        self.message = message
        self.reason = reason
    }

    public var description: String { "\(message) (\(code.rawValue))" }
}

extension BlobTransferError: ClassifiedError {
    public var persistence: Persistence {
        switch code {
        // The transfer was repeated before this was thrown.
        case .corrupt: .unclear
        case .sourceChanged, .file: .untilChanged
        }
    }
}
