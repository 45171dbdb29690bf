import Pipelines
import JobModel

/// The records of a job of large images whose chunks are half done: what a master with much to do has to read again.
public struct LargeJournal {
    /// Tasks of the whole job.
    public let taskCount: Int
    private let imageCount: Int
    private let plan: ProcessingPlan
    private let geometry: ImageGeometry

    private static let job = JobID(1)
    private static let pipeline = "box-blur size=3"
    private static let width = 1000
    /// Rows of a chunk: as few as whole segments of the output allow.
    private static let rowCount = SegmentGrid.standard.rowsPerSegment(
        of: ImageShape(width: width, height: 1, format: PixelFormat(.gray, .eight)))

    /// - Parameter taskCount: at least; images have up to 100,000 chunks.
    public init(taskCount: Int) throws {
        let chunkCount = min(100_000, taskCount)
        imageCount = (taskCount + chunkCount - 1) / chunkCount
        let height = chunkCount * Self.rowCount
        geometry = ImageGeometry(
            width: UInt32(Self.width), height: UInt32(height), channelCount: 1, bitsPerSample: 8)
        plan = try ProcessingPlan(
            pipeline: Pipeline(parsing: Self.pipeline),
            input: ImageShape(width: Self.width, height: height, format: PixelFormat(.gray, .eight)),
            chunkByteCount: Self.width * Self.rowCount)
        self.taskCount = imageCount * (1 + plan.stages.reduce(0) { $0 + $1.chunks.count })
    }

    /// Passes the records on in transactions of about 256.
    public func write(_ append: ([Record]) throws -> Void) throws {
        let options = JobOptions(chunkByteCount: UInt64(Self.width * Self.rowCount))
        let description = JobDescription(
            id: Self.job, token: "large", submitter: "test", priority: 0, pipeline: Self.pipeline, options: options,
            submittedAt: 1_800_000_000_000)
        let images = (0..<imageCount).map { index in
            ImageDescription(
                index: UInt32(index), name: "image-\(index).png", input: Self.blob(UInt64(index)),
                admission: .accepted(geometry))
        }
        try append([
            .jobOpened(description), .imagesAdded(Self.job, images),
            .jobSealed(Self.job, imageCount: UInt32(imageCount)),
        ])
        for index in 0..<imageCount { try write(image: index, append) }
    }

    private func write(image index: Int, _ append: ([Record]) throws -> Void) throws {
        let image = ImageID(job: Self.job, index: UInt32(index))
        func lease(_ step: TaskStep) -> LeaseID { LeaseID(task: TaskID(image: image, step: step), attempt: 1) }
        var transaction: [Record] = []
        func add(_ records: Record...) throws {
            transaction += records
            guard transaction.count >= 256 else { return }
            try append(transaction)
            transaction = []
        }
        let first = UInt64(index + 1) << 32
        try add(.attemptStarted(lease(.decode), worker: WorkerID(1)))
        for band in 0..<plan.bands.count {
            let blob = Self.blob(first + UInt64(band))
            try add(.bandPublished(lease(.decode).task, band: UInt32(band), blob: blob))
        }
        try add(.taskCompleted(lease(.decode), output: TaskOutput()))
        for chunk in 0..<plan.stages[0].chunks.count / 2 {
            let lease = lease(.chunk(stage: 0, index: UInt32(chunk)))
            let output = TaskOutput(
                payload: Self.blob(first + 1 << 31 + UInt64(chunk)),
                checksum: SegmentChecksum([1, 0, 0, 0, 0xe8, 0x07]))
            try add(
                .attemptStarted(lease, worker: WorkerID(UInt64(chunk % 1000 + 1))),
                .taskCompleted(lease, output: output))
        }
        try append(transaction)
    }

    /// A blob that nobody has: its digest looks like one.
    private static func blob(_ number: UInt64) -> BlobReference {
        var state = number
        let bytes = (0..<4).flatMap { _ -> [UInt8] in
            state = (state &+ 0x9e37_79b9_7f4a_7c15) &* 0xbf58_476d_1ce4_e5b9
            state ^= state >> 29
            return withUnsafeBytes(of: state) { Array($0) }
        }
        guard let digest = BlobDigest(bytes) else { preconditionFailure("four words are a digest") }
        return BlobReference(digest: digest, byteCount: 262_000)
    }
}
