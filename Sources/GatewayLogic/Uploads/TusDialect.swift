/// What of the tus protocol 1.0 differs from the draft "Resumable Uploads for HTTP": the same uploads, told apart by the field
/// `Tus-Resumable` of a request.
package enum TusDialect {
    package static let version = "1.0.0"
    /// Names the dialect in requests and answers.
    package static let versionField = "Tus-Resumable"
    package static let extensions = "creation,termination"
    package static let mediaType = "application/offset+octet-stream"

    /// - Throws: 412 for another version of the protocol.
    package static func check(version: String) throws(Problem) {
        guard version == Self.version else {
            throw Problem(
                412, "unsupported-version",
                "\(versionField) is '\(version.prefix(20))'; this server speaks tus \(Self.version)"
            ).with("Tus-Version", Self.version)
        }
    }

    /// The file's name in an `Upload-Metadata` field such as `filename Y2F0LnBuZw==,is_confidential`; `nil` when it has none.
    /// - Throws: for a value that is not Base64 of UTF-8.
    package static func fileName(inMetadata text: String) throws(Problem) -> String? {
        for pair in text.split(separator: ",") {
            let words = pair.split(separator: " ")
            guard words.count == 2, ["filename", "name"].contains(words[0]) else { continue }
            let digits = words[1].replacing("+", with: "-").replacing("/", with: "_")
            let bare = digits.prefix { $0 != "=" }
            guard digits.utf8.count - bare.utf8.count <= 2, let bytes = Base64.bytes(urlText: bare),
                let name = String(validating: bytes, as: UTF8.self)
            else {
                throw .malformed("Upload-Metadata has a file name that is not Base64 of UTF-8")
            }
            return name.isEmpty ? nil : name
        }
        return nil
    }

    /// Whether a body ends the file: tus does not say it, the lengths do.
    package static func isLast(offset: UInt64, contentLength: UInt64?, of byteCount: UInt64?) -> Bool {
        guard let contentLength, let byteCount else { return false }
        return contentLength <= byteCount && offset == byteCount - contentLength
    }
}
