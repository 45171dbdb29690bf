import JobModel

/// Why a request or a connection was refused: the stable code of a `Refusal`, on the wire and in metric labels.
///
/// docs/protocol.md lists the codes. A code that this release does not know is kept as `other`, so that logs and scripts see
/// what the peer sent.
public enum RefusalCode: Hashable, Sendable {
    // The handshake.
    /// The sides have different secrets.
    case badSecret
    /// The releases speak different versions of the protocol.
    case version
    /// The role or the channel is unknown.
    case badRole
    case handshakeTimeout
    /// The address, or the master, has as many connections as it may have.
    case tooManyConnections
    /// The connection is in clear, and the master takes none such from there.
    case encryptionRequired

    // The end of a connection.
    /// The peer broke the protocol.
    case protocolViolation
    /// Bytes were changed, repeated or lost on their way.
    case damaged
    /// The peer sent nothing, or too slowly.
    case idle
    /// The peer sent more than it may.
    case tooFast
    /// The worker sent no heartbeat.
    case silent
    /// The worker registered on another connection.
    case replaced
    /// The worker's release computes other results than the master's.
    case releaseDiffers
    /// The peer has met a master that was restored from a backup of this one's state.
    case replacedMaster
    /// The peer is connected to another master.
    case otherMaster

    // A request.
    /// The peer's role does not have the right to do this.
    case notPermitted
    case notFound
    case invalidArgument
    case invalidPipeline
    /// There is no room now.
    case overloaded
    /// It never fits.
    case overLimit
    case imageGap
    case imageDiffers
    case imageCountDiffers
    case jobSealed
    case wrongState
    /// An input is not in the store: it must be sent again.
    case blobMissing
    /// The master's disk is full, or would fall below its reserve.
    case noSpace
    case blobNotFound
    case blobDamaged
    case blobOutOfRange
    case blobWrongDigest
    case blobWriterEnded
    case blobSyncFailed
    case blobSystemError

    /// A code of another release.
    case other(String)

    /// The codes of this release.
    public static let known: [RefusalCode] = [
        .badSecret, .version, .badRole, .handshakeTimeout, .tooManyConnections, .encryptionRequired, .protocolViolation,
        .damaged, .idle,
        .tooFast, .silent, .replaced, .releaseDiffers, .replacedMaster, .otherMaster, .notPermitted, .notFound,
        .invalidArgument, .invalidPipeline,
        .overloaded, .overLimit, .imageGap, .imageDiffers, .imageCountDiffers, .jobSealed, .wrongState, .blobMissing,
        .noSpace, .blobNotFound, .blobDamaged, .blobOutOfRange, .blobWrongDigest, .blobWriterEnded, .blobSyncFailed,
        .blobSystemError,
    ]

    private static let byText: [String: RefusalCode] = {
        var codes = Dictionary(uniqueKeysWithValues: known.map { ($0.rawValue, $0) })
        // The code of a full disk in version 1 of the protocol, beside `no-space`.
        codes["blob-no-space"] = .noSpace
        return codes
    }()
}

extension RefusalCode: RawRepresentable {
    public init(rawValue: String) { self = Self.byText[rawValue] ?? .other(rawValue) }

    public var rawValue: String {
        switch self {
        case .badSecret: "bad-secret"
        case .version: "version"
        case .badRole: "bad-role"
        case .handshakeTimeout: "handshake-timeout"
        case .tooManyConnections: "too-many-connections"
        case .encryptionRequired: "tls-required"
        case .protocolViolation: "protocol"
        case .damaged: "damaged"
        case .idle: "idle"
        case .tooFast: "too-fast"
        case .silent: "silent"
        case .replaced: "replaced"
        case .releaseDiffers: "release-differs"
        case .replacedMaster: "replaced-master"
        case .otherMaster: "other-master"
        case .notPermitted: "not-permitted"
        case .notFound: "not-found"
        case .invalidArgument: "invalid-argument"
        case .invalidPipeline: "invalid-pipeline"
        case .overloaded: "overloaded"
        case .overLimit: "over-limit"
        case .imageGap: "image-gap"
        case .imageDiffers: "image-differs"
        case .imageCountDiffers: "image-count-differs"
        case .jobSealed: "job-sealed"
        case .wrongState: "wrong-state"
        case .blobMissing: "blob-missing"
        case .noSpace: "no-space"
        case .blobNotFound: "blob-not-found"
        case .blobDamaged: "blob-damaged"
        case .blobOutOfRange: "blob-out-of-range"
        case .blobWrongDigest: "blob-wrong-digest"
        case .blobWriterEnded: "blob-writer-ended"
        case .blobSyncFailed: "blob-sync-failed"
        case .blobSystemError: "blob-system-error"
        case .other(let text): text
        }
    }
}

extension RefusalCode: CustomStringConvertible {
    public var description: String { rawValue }
}

extension WireRefusal {
    /// - Parameter retryAfter: when a retry may succeed; `nil` when it will not help.
    public init(_ code: RefusalCode, _ message: String, retryAfter: Duration? = nil) {
        self.init()
        self.code = code.rawValue
        // A message that repeats what the peer sent must not be too long for its frame.
        self.message = message.prefix(maximumByteCount: 8_192)
        if let retryAfter { retryAfterMilliseconds = UInt64(max(1, retryAfter.milliseconds)) }
    }

    /// `code`, as a value.
    public var refusalCode: RefusalCode { RefusalCode(rawValue: code) }

    /// When a retry may succeed; `nil` when it will not help.
    public var retryAfter: Duration? {
        retryAfterMilliseconds == 0 ? nil : .milliseconds(Int64(clamping: retryAfterMilliseconds))
    }
}
