public import JobModel

/// What is there of an image's result while the image is computed.
public struct PartialResult: Hashable, Sendable {
    public var state: ImageStatus.State
    /// Grows when the image starts over; what was said of an earlier run holds no longer.
    public var run: UInt32
    /// The whole result; `nil` while the image does not run in chunks that give segments: small images and documents never do.
    public var output: ImageGeometry?
    /// The format of the result with its options, such as `jpeg quality=90`; empty for PNG.
    public var encoding: String
    /// From top to bottom. There may be gaps.
    public var finished: [FinishedRows]
    /// The first row that was not looked at; `nil` when all were.
    public var nextRow: UInt32?
    /// The file, once the image is done: its segments are gone then.
    public var result: BlobReference?

    public init(
        state: ImageStatus.State, run: UInt32 = 0, output: ImageGeometry? = nil, encoding: String = "",
        finished: [FinishedRows] = [], nextRow: UInt32? = nil, result: BlobReference? = nil
    ) {
        self.state = state
        self.run = run
        self.output = output
        self.encoding = encoding
        self.finished = finished
        self.nextRow = nextRow
        self.result = result
    }
}

/// Rows of a result that are computed and encoded.
public struct FinishedRows: Hashable, Sendable {
    public var rows: Range<UInt32>
    /// The bytes that the result's file will have for them: whole segments.
    public var segments: BlobReference
    /// The checksum of these segments, as the format's `merge` and `frame` take it.
    public var checksum: SegmentChecksum

    public init(rows: Range<UInt32>, segments: BlobReference, checksum: SegmentChecksum) {
        self.rows = rows
        self.segments = segments
        self.checksum = checksum
    }
}
