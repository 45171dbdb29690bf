import JobModel
import Pipelines

extension SegmentGrid {
    /// The grid of the format that the result is written in.
    public init(_ coding: ImageCoding) {
        self.init(byteCount: Int(clamping: coding.segmentByteCount), rowsPerBlock: Int(coding.rowsPerBlock))
    }
}
