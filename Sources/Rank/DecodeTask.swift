import ImageCodecs
import ImageFormats
import Pipelines
import JobModel

/// Decodes an image file, band by band: the order `decode`. Not collective.
///
/// At most `RankOrder.decodeCredit` bands exist at a time: the rest of the image waits in the file.
struct DecodeTask {
    /// Bytes that are decoded at a time: they pass through the cache on their way to the band's file.
    private static let batchByteCount = 1 << 20

    var plans = PlanCache()
    /// What the order may take in all, the file itself and the bands included.
    var memoryByteCount = UInt64.max
    /// Hands over a finished band; blocks while the worker has as many as it may have.
    let publish: (_ index: UInt32, _ path: String, _ byteCount: UInt64) throws(RankFailure) -> Void
    var isCancelled: () -> Bool = { false }

    /// - Returns: the path and the size of the metadata for the output, and what the file's owner should know.
    func run(_ spec: TaskSpec, input: String, directory: String) throws(RankFailure) -> (
        path: String, byteCount: UInt64, remarks: [ImageRemark]
    ) {
        do {
            let task = try plans.plan(for: spec)
            let plan = task.plan
            let file = try MappedFile(input)
            return try withExtendedLifetime(file) {
                let reader = try ImageFile.decoder(
                    of: file.bytes, limits: DecodingLimits(admitted: spec, task.decoding))
                guard reader.header.shape == plan.input else {
                    throw RankFailure(
                        .workerError, "the file's image is \(reader.header.shape); the task says \(plan.input)")
                }
                try checkMemory(reader.header, fileByteCount: file.bytes.count)
                let bands =
                    spec.task.step == .whole
                    ? RowPartition(rowCount: plan.input.height, rowsPerPart: plan.input.height) : plan.bands
                let needed = spec.task.step == .whole ? 0..<1 : plan.neededBands
                for index in 0..<bands.count {
                    // The others are decoded too: what is damaged is found, and metadata may follow the rows.
                    guard needed.contains(index) else {
                        try decode(bands[index].count, reader, to: nil)
                        continue
                    }
                    let path = "\(directory)/band-\(index)"
                    try decode(bands[index].count, reader, to: path)
                    try publish(UInt32(index), path, UInt64(bands[index].count * plan.input.bytesPerRow))
                }
                let framed = reader.metadata(
                    for: task.format, stripping: task.stripping, output: plan.output,
                    effect: try PipelineCache.shared.pipeline(spec.pipeline).metadataEffect)
                let path = "\(directory)/metadata"
                try OutputFile.create(path).write(framed, at: 0)
                return (path, UInt64(framed.count), reader.remarks)
            }
        } catch {
            throw RankFailure(error)
        }
    }

    /// An image whose rows do not come in order is held as a whole; of others, a rank holds a few rows.
    private func checkMemory(_ header: ImageHeader, fileByteCount: Int) throws(RankFailure) {
        guard header.needsWholeImage else { return }
        // The decoded image and the bands that are made of it.
        let need = UInt64(fileByteCount) + 2 * UInt64(header.shape.byteCount)
        guard need > memoryByteCount else { return }
        throw RankFailure(
            .workerError,
            "the image has to be decoded as a whole, which takes \(need) bytes; this worker has \(memoryByteCount) for a "
                + "slot: give a worker more (--memory), or save the image so that its rows come in order (no interlaced PNG, "
                + "no progressive JPEG, no WebP)")
    }

    /// - Parameter path: `nil` to drop the rows.
    private func decode(_ rowCount: Int, _ reader: any ImageDecoder, to path: String?) throws {
        let file = try path.map { try OutputFile.create($0) }
        let bytesPerRow = reader.header.shape.bytesPerRow
        let rowsPerBatch = min(rowCount, max(1, Self.batchByteCount / bytesPerRow))
        let batch = UnsafeMutableRawBufferPointer.allocate(byteCount: rowsPerBatch * bytesPerRow, alignment: 64)
        defer { batch.deallocate() }
        for first in stride(from: 0, to: rowCount, by: rowsPerBatch) {
            if isCancelled() { throw RankFailure.cancelled }
            let count = min(rowsPerBatch, rowCount - first)
            try reader.readRows(into: batch.baseAddress.unsafelyUnwrapped, count: count)
            try file?.write(UnsafeRawBufferPointer(rebasing: batch[..<(count * bytesPerRow)]), at: first * bytesPerRow)
        }
    }
}

extension DecodingLimits {
    /// The limits of a file that the master admitted. Its size was weighed there; what an image takes of this machine's memory
    /// is compared with what there is.
    init(admitted spec: TaskSpec, _ decoding: DecodingOptions) {
        self.init(
            maximumPixelCount: spec.maximumPixelCount, maximumMetadataByteCount: spec.maximumMetadataByteCount,
            maximumUnpackedByteCount: .max, maximumInterlacedByteCount: .max)
        options = decoding
    }
}
