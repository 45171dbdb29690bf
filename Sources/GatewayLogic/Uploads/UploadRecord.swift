/// An upload as it is stored: everything but its bytes.
package struct UploadRecord: Hashable, Sendable {
    package let id: String
    /// The name of the token that began it.
    package let owner: String
    package var name: String
    package var fingerprint: String?
    /// All bytes of the file; `nil` while unknown.
    package var byteCount: UInt64?
    /// Bytes that are stored durably.
    package var offset: UInt64
    package var phase: Phase
    /// Milliseconds since 1970, of the last byte.
    package var touchedAt: UInt64

    package enum Phase: Hashable, Sendable {
        case receiving
        case complete(UploadedFile)
        case rejected(code: String, detail: String)

        package var name: String {
            switch self {
            case .receiving: "receiving"
            case .complete: "complete"
            case .rejected: "rejected"
            }
        }
    }

    package init(
        id: String, owner: String, name: String, fingerprint: String? = nil, byteCount: UInt64? = nil,
        offset: UInt64 = 0, phase: Phase = .receiving, touchedAt: UInt64
    ) {
        self.id = id
        self.owner = owner
        self.name = name
        self.fingerprint = fingerprint
        self.byteCount = byteCount
        self.offset = offset
        self.phase = phase
        self.touchedAt = touchedAt
    }

    package static func newID() -> String { RandomText.base32(byteCount: 16) }
    package static func isID(_ text: String) -> Bool { RandomText.isBase32(text, characterCount: 26) }

    package var file: UploadedFile? {
        if case .complete(let file) = phase { file } else { nil }
    }
}

/// What is known of the bytes of an upload once all are there.
package struct UploadedFile: Hashable, Sendable {
    /// SHA-256, hexadecimal.
    package let digest: String
    package let width: Int
    package let height: Int
    /// The format's name, such as `png`.
    package let format: String

    package init(digest: String, width: Int, height: Int, format: String) {
        self.digest = digest
        self.width = width
        self.height = height
        self.format = format
    }
}
