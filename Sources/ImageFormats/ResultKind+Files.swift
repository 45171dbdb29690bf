import Pipelines

extension ResultKind {
    /// The end of the names of result files, without the dot.
    public var fileExtension: String {
        switch self {
        case .image: ImageFormats.standardOutput.fileExtension
        case .json: "json"
        case .csv: "csv"
        }
    }

    public var mediaType: String {
        switch self {
        case .image: ImageFormats.standardOutput.mediaType
        case .json: "application/json"
        case .csv: "text/csv"
        }
    }
}
