import NIOHTTP1

/// Statuses that NIO has no name for.
enum HTTPStatusNames {
    /// The interim response of resumable uploads.
    static let uploadResumptionSupported = HTTPResponseStatus.custom(
        code: 104, reasonPhrase: "Upload Resumption Supported")
}
