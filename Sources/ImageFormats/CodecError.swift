import JobModel

/// Why an image file is refused: a kind for programs and one sentence for people.
public struct CodecError: Error, Hashable, Sendable, CustomStringConvertible {
    public enum Kind: String, Hashable, Sendable, CaseIterable {
        /// The bytes break the rules of their format: damaged, truncated, or another format altogether.
        case corrupt
        /// The image is above a limit of `DecodingLimits`.
        case overLimit
        /// The bytes may be intact, but this codec does not handle what they hold.
        case unsupported
    }

    public let kind: Kind
    /// What happened, with which value, what is allowed, and what to do about it.
    public let reason: String

    public init(_ kind: Kind, _ reason: String) {
        self.kind = kind
        self.reason = reason
    }

    public static func corrupt(_ reason: String) -> CodecError { CodecError(.corrupt, reason) }
    public static func overLimit(_ reason: String) -> CodecError { CodecError(.overLimit, reason) }
    public static func unsupported(_ reason: String) -> CodecError { CodecError(.unsupported, reason) }

    public var description: String { reason }
}

extension CodecError {
    /// The failure that an image with this error ends with, wherever the file is looked at.
    public var cause: FailureCause {
        switch kind {
        case .corrupt: .corruptInput
        case .overLimit: .overLimit
        case .unsupported: .unsuitable
        }
    }
}
