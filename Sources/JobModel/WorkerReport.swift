/// What a worker reports on a lease. The master acknowledges each report.
public enum WorkerReport: Hashable, Sendable {
    /// A decoder has put a band of rows.
    case band(LeaseID, index: UInt32, blob: BlobReference)
    case finished(LeaseID, TaskOutput)
    case failed(LeaseID, Failure)

    public var lease: LeaseID {
        switch self {
        case .band(let lease, _, _), .finished(let lease, _), .failed(let lease, _): lease
        }
    }

    /// The blobs that must be in the store for the report to hold.
    public var blobs: [BlobReference] {
        switch self {
        case .band(_, _, let blob): [blob]
        case .finished(_, let output): output.blobs
        case .failed: []
        }
    }
}
