/// One request that sends bytes of an upload, as the draft "Resumable Uploads for HTTP" (-15) describes it.
///
/// A value without effects: the shell asks it what to do with each piece, and writes.
///
///     begin ──► receive(piece) ──► ... ──► end ──► .wait for the next request
///       │            │                      └────► .finish: all bytes are there
///       └─ Problem   └─ Problem: the rest is refused, what was stored stays
package struct UploadAppend: Hashable, Sendable {
    package enum End: Hashable, Sendable {
        /// More bytes are expected in another request.
        case wait
        /// The file is complete.
        case finish
    }

    package private(set) var offset: UInt64
    package private(set) var byteCount: UInt64?
    private let isLast: Bool
    private let limits: UploadLimits

    /// - Parameters:
    ///   - offset: where the request says that its bytes belong.
    ///   - isLast: whether the request says that the file ends with its body.
    ///   - announced: the length of the file, if the request says it.
    ///   - contentLength: bytes of the body, if known.
    package init(
        to upload: UploadRecord, at offset: UInt64, isLast: Bool, announced: UInt64? = nil,
        contentLength: UInt64? = nil,
        limits: UploadLimits
    ) throws(Problem) {
        switch upload.phase {
        case .receiving: break
        case .complete:
            throw .wrongState("upload \(upload.id) is complete; nothing can be appended")
        case .rejected(let code, let detail):
            throw Problem(410, "upload-gone", "upload \(upload.id) was refused (\(code)): \(detail)")
        }
        guard offset == upload.offset else {
            var problem = Problem(
                409, "mismatching-upload-offset",
                "upload \(upload.id) continues at byte \(upload.offset), not at \(offset)")
            problem.uploadOffset = upload.offset
            throw problem.with("Upload-Offset", "\(upload.offset)")
        }
        if let announced, let known = upload.byteCount, announced != known {
            throw Self.inconsistent("upload \(upload.id) has \(known) bytes, not \(announced)")
        }
        self.offset = offset
        byteCount = upload.byteCount ?? announced
        self.isLast = isLast
        self.limits = limits
        if isLast, let contentLength {
            let end = offset + contentLength
            if let byteCount, byteCount != end {
                throw Self.inconsistent(
                    "the body would end the upload at byte \(end), but it has \(byteCount) bytes in all")
            }
            byteCount = end
        }
        if let byteCount { try limits.accept(byteCount) }
        if let contentLength { try check(end: offset + contentLength) }
    }

    /// Takes the next `count` bytes of the body.
    package mutating func receive(_ count: Int) throws(Problem) {
        let end = offset + UInt64(count)
        try check(end: end)
        offset = end
    }

    /// The body ended as it should.
    package mutating func end() throws(Problem) -> End {
        guard isLast else { return .wait }
        if let byteCount, byteCount != offset {
            throw Self.inconsistent(
                "the upload was said to be complete at byte \(offset), but it has \(byteCount) bytes")
        }
        byteCount = offset
        return .finish
    }

    private func check(end: UInt64) throws(Problem) {
        if let byteCount, end > byteCount {
            throw Self.inconsistent("the body goes on to byte \(end), but the upload has \(byteCount) bytes")
        }
        try limits.accept(end)
    }

    private static func inconsistent(_ detail: String) -> Problem { Problem(409, "inconsistent-upload-length", detail) }
}

/// What uploads may ask for.
package struct UploadLimits: Hashable, Sendable {
    package var maximumByteCount: UInt64
    /// Bytes that a client should send in one request: after a cut it sends at most these again.
    package var appendByteCount: UInt64
    /// How long an upload waits for its next byte, in seconds.
    package var ageSeconds: Int

    package init(maximumByteCount: UInt64, appendByteCount: UInt64 = 16 << 20, ageSeconds: Int) {
        self.maximumByteCount = maximumByteCount
        self.appendByteCount = appendByteCount
        self.ageSeconds = ageSeconds
    }

    /// The value of the field `Upload-Limit`.
    package var field: String {
        "max-size=\(maximumByteCount), max-append-size=\(appendByteCount), max-age=\(ageSeconds)"
    }

    /// - Throws: `over-limit`.
    package func accept(_ byteCount: UInt64) throws(Problem) {
        guard byteCount <= maximumByteCount else {
            throw Problem(
                413, "over-limit",
                "the upload has \(byteCount) bytes; at most \(maximumByteCount) are accepted (max-upload-bytes)"
            ).with("Upload-Limit", field)
        }
    }
}
