public import Names

/// The place of one result.
public enum ResultPlace: Sendable, Hashable {
    case standardOutput
    /// A path that the caller chose. A symbolic link is followed.
    case file(BytePath)
    /// A name in a directory; others may have chosen the name. The result never leaves the directory: a symbolic link that has
    /// the name is not followed, and stays.
    case entry(FileName, of: BytePath)

    /// The result's path; `nil` for standard output.
    public var path: BytePath? {
        switch self {
        case .standardOutput: nil
        case .file(let path): path
        case .entry(let name, let directory): directory.appending(name)
        }
    }
}

/// A result that is computed but could not be put into its place.
public struct UnwrittenResult: Sendable, Hashable {
    public let image: ImageStatus
    public let place: ResultPlace
    /// The reason; its code is `cannot-write`, `write-failed`, `exists` or `no-temporary-file`.
    public let error: ClientError
}
