import Foundation
import ImageCodecs
import ImageFormats
import ImagingModel
import Pipelines
import JobModel

/// Takes a picture through its whole plan, order by order, as a master and a worker do between them.
///
/// Real: the plan, the orders and their files; the code that carries out the orders is under test: ranks that are threads
/// (`RankTests`), one rank in the test's process (`LoneRank`), or a world of processes (`WorldTests`). Not real: master and
/// worker; here is only what they do with slices of files. `PlanExecutor` in `ImagingTests` says how the others differ.
public struct PlanRunner {
    public typealias TakeBand = @Sendable (_ index: UInt32, _ path: String) async throws -> Void
    /// Carries out one order, handing over bands as they come.
    public typealias CarryOut = (RankOrder, @escaping TakeBand) async throws -> RankReply

    /// An order that was refused.
    public struct Refusal: Error, Hashable {
        public let cause: FailureCause
        public let reason: String
    }

    private let folder: String
    private let progressTimeout: Duration
    private let carryOut: CarryOut
    /// Told of what every task gave, in the order of the tasks.
    public var onOutput: (@Sendable (TaskStep, [UInt8]) -> Void)?

    /// What the pipelines attach.
    public var attachments: [BlobReference: [UInt8]] = [:]

    /// How results in chunks are written, as a job asks for it; PNG where nothing is said.
    public var encoding = ""

    /// - Parameter folder: for the orders' files; what is made in it is removed again.
    public init(folder: String, progressTimeout: Duration = .seconds(60), carryOut: @escaping CarryOut) {
        self.folder = folder
        self.progressTimeout = progressTimeout
        self.carryOut = carryOut
    }

    /// The spec of a task of `image`'s plan.
    public static func spec(
        _ step: TaskStep, _ pipeline: String, _ image: TestImage, chunkByteCount: Int,
        attachments: [BlobReference] = [], progressTimeout: Duration = .seconds(60)
    ) -> TaskSpec {
        spec(
            step, pipeline, image.geometry, chunkByteCount: chunkByteCount, attachments: attachments,
            progressTimeout: progressTimeout)
    }

    private static func spec(
        _ step: TaskStep, _ pipeline: String, _ geometry: ImageGeometry, chunkByteCount: Int,
        attachments: [BlobReference], progressTimeout: Duration, coding: ImageCoding = .standard,
        piecesOf file: [UInt8]? = nil
    ) -> TaskSpec {
        guard let digest = BlobDigest([UInt8](repeating: 0, count: 32)) else { preconditionFailure("32 bytes") }
        let blob = BlobReference(digest: digest, byteCount: UInt64(file?.count ?? 0))
        return TaskSpec(
            task: TaskID(image: ImageID(job: JobID(1), index: 0), step: step), pipeline: pipeline,
            geometry: geometry, chunkByteCount: UInt64(chunkByteCount), maximumPixelCount: 1 << 32, coding: coding,
            isInPieces: file != nil, inputs: file == nil ? [] : [BlobSlice(blob)], attachments: attachments,
            progressTimeoutMilliseconds: UInt64(progressTimeout.milliseconds))
    }

    /// The rows of the bands of a decoded file, and its metadata; for a task of step `.whole` or `.decode`.
    public func decode(_ spec: TaskSpec, _ file: [UInt8]) async throws -> (rows: [UInt8], metadata: [UInt8]) {
        let input = try put(file, "input")
        defer { remove(input) }
        let bands = Bands()
        let reply = try await carryOut(.decode(spec, input: input, directory: folder)) { index, path in
            await bands.append(index, try Self.contents(path))
            try FileManager.default.removeItem(atPath: path)
        }
        switch reply {
        case .decoded(let metadata, _, _):
            defer { remove(metadata) }
            let result = (rows: await bands.rows, metadata: try Self.contents(metadata))
            onOutput?(spec.task.step, result.rows + result.metadata)
            return result
        default: throw try refusal(reply)
        }
    }

    /// The pieces of a file that the chunks of the first stage need, and the metadata; for a task of step `.decode`.
    public func findPieces(
        _ spec: TaskSpec, _ file: [UInt8]
    ) async throws -> (pieces: [ChunkPieces], metadata: [UInt8], remarks: [ImageRemark]) {
        let input = try put(file, "input")
        let (payload, metadata) = (folder + "/pieces", folder + "/metadata")
        defer { remove(input, payload, metadata) }
        let reply = try await carryOut(
            .findPieces(spec, input: input, payload: payload, metadata: metadata)
        ) { _, _ in }
        guard case .found(let output, _, let remarks) = reply else { throw try refusal(reply) }
        let bytes = try exactly(output.payloadByteCount, payload)
        let pieces = try zip(output.valueOffsets, output.valueOffsets.dropFirst()).map {
            try ChunkPieces(decoding: Array(bytes[Int($0)..<Int($1)]))
        }
        return (pieces, try Self.contents(metadata), remarks)
    }

    /// The PNG file that the plan's tasks make, in chunks.
    public func runInChunks(_ pipeline: String, _ image: TestImage, chunkByteCount: Int) async throws -> [UInt8] {
        try await runInChunks(
            pipeline, image.png, image.shape, chunkByteCount: chunkByteCount, readsPieces: false)
    }

    /// The file that the plan's tasks make of an image file, in chunks.
    ///
    /// - Parameter readsPieces: whether the chunks of the first stage read the file by its pieces.
    public func runInChunks(
        _ pipeline: String, _ input: [UInt8], _ shape: ImageShape, chunkByteCount: Int, readsPieces: Bool
    ) async throws -> [UInt8] {
        let format = try OutputEncoding(parsing: encoding).format
        let grid = format.segmentGrid
        let plan = try ProcessingPlan(
            pipeline: Pipeline(parsing: pipeline), input: shape, chunkByteCount: chunkByteCount, grid: grid)
        func spec(_ step: TaskStep, readsPieces: Bool = false) -> TaskSpec {
            Self.spec(
                step, pipeline, ImageGeometry(shape), chunkByteCount: chunkByteCount,
                attachments: Array(attachments.keys), progressTimeout: progressTimeout,
                coding: ImageCoding(
                    encoding: encoding, segmentByteCount: UInt64(grid.byteCount),
                    rowsPerBlock: UInt32(grid.rowsPerBlock)),
                piecesOf: readsPieces ? input : nil)
        }
        var payloads: [[UInt8]] = []
        var pieces: [ChunkPieces] = []
        let metadata: [UInt8]
        if readsPieces {
            (pieces, metadata, _) = try await findPieces(spec(.decode, readsPieces: true), input)
        } else {
            let decoded = try await decode(spec(.decode), input)
            metadata = decoded.metadata
            // Bands that nothing needs are not there; what reads them after all reads poison.
            let missing = plan.bands[plan.neededBands.lowerBound].lowerBound
            payloads = [[UInt8](repeating: 0xA5, count: missing * shape.bytesPerRow) + decoded.rows]
        }
        var values: [[UInt8]] = []
        var segments: [[UInt8]] = []
        var checksums: [SegmentChecksum] = []
        for (index, stage) in plan.stages.enumerated() {
            var next: [[UInt8]] = []
            var summaries: [[UInt8]] = []
            for chunk in 0..<stage.chunks.count {
                let step = TaskStep.chunk(stage: UInt16(index), index: UInt32(chunk))
                let result =
                    if index == 0, readsPieces {
                        try await compute(
                            spec(step, readsPieces: true),
                            pieces[chunk].ranges.flatMap { input[Int($0.lowerBound)..<Int($0.upperBound)] },
                            value: pieces[chunk].encoded())
                    } else {
                        try await compute(
                            spec(step), Self.input(of: stage, rows: stage.inputRows(forChunk: chunk), payloads),
                            value: stage.valueIndex(forChunk: chunk).map { values[$0] })
                    }
                if stage.epilogue.kind == .report {
                    summaries.append(result.payload)
                    continue
                }
                if let summary = result.summary { summaries.append(summary) }
                if let part = result.checksum {
                    segments.append(result.payload)
                    checksums.append(part)
                } else {
                    next.append(result.payload)
                }
            }
            let areColumns = stage.epilogue.kind == .columns
            payloads = areColumns ? next : [Array(next.joined())]
            if stage.epilogue.kind == .report {
                return try await reduce(spec(.reduce(stage: UInt16(index))), summaries)[0]
            }
            if stage.epilogue.kind == .aggregate {
                values = try await reduce(spec(.reduce(stage: UInt16(index))), summaries)
            }
        }
        let frame = try format.frame(
            of: plan.output, metadata: metadata, checksum: try format.merge(checksums), segments: SegmentBytes(segments)
        )
        return frame.prefix + segments.joined() + frame.suffix
    }

    /// What a chunk is given of the stage before: slices of the chunks' columns, or of all rows.
    private static func input(of stage: Stage, rows: Range<Int>, _ payloads: [[UInt8]]) -> [UInt8] {
        if let layout = stage.transposedInput {
            return payloads.enumerated().flatMap { index, payload in payload[layout.bytes(of: rows, inPart: index)] }
        }
        let bytesPerRow = stage.input.bytesPerRow
        return Array(payloads[0][rows.lowerBound * bytesPerRow..<rows.upperBound * bytesPerRow])
    }

    /// The PNG file that one task makes, from file to file.
    public func runWhole(_ pipeline: String, _ image: TestImage, chunkByteCount: Int = 16 << 20) async throws -> [UInt8]
    {
        let spec = Self.spec(
            .whole, pipeline, image, chunkByteCount: chunkByteCount, attachments: Array(attachments.keys),
            progressTimeout: progressTimeout)
        let (rows, metadata) = try await decode(spec, image.png)
        let paths = (
            input: try put(rows, "rows"), metadata: try put(metadata, "metadata"), payload: folder + "/payload"
        )
        let attached = try putAttachments(beside: paths.payload)
        defer {
            remove(paths.input, paths.metadata, paths.payload)
            attached.forEach { remove($0) }
        }
        let order = RankOrder.computeWhole(spec, input: paths.input, metadata: paths.metadata, payload: paths.payload)
        let reply = try await carryOut(order) { _, _ in }
        guard case .finished(let output) = reply else { throw try refusal(reply) }
        return try exactly(output.payloadByteCount, paths.payload)
    }

    /// What a chunk's task gives back.
    public struct ChunkResult {
        public let payload: [UInt8]
        public let summary: [UInt8]?
        public let checksum: SegmentChecksum?
    }

    public func compute(_ spec: TaskSpec, _ rows: [UInt8], value: [UInt8]?) async throws -> ChunkResult {
        let input = try put(rows, "rows")
        let valuePath = try value.map { try put($0, "value") }
        let (payload, summary) = (folder + "/payload", folder + "/summary")
        let attached = try putAttachments(beside: payload)
        defer {
            remove(input, valuePath ?? "", payload, summary)
            attached.forEach { remove($0) }
        }
        let order = RankOrder.compute(
            spec, input: input, value: valuePath, payload: payload, summary: summary, rows: folder + "/decoded")
        let reply = try await carryOut(order) { _, _ in }
        guard case .finished(let output) = reply else { throw try refusal(reply) }
        let result = ChunkResult(
            payload: try exactly(output.payloadByteCount, payload),
            summary: try output.summaryByteCount.map { try exactly($0, summary) }, checksum: output.checksum)
        onOutput?(spec.task.step, result.payload + (result.summary ?? []) + (result.checksum?.bytes ?? []))
        return result
    }

    /// The values of a stage's reduction, from its chunks' summaries.
    public func reduce(_ spec: TaskSpec, _ summaries: [[UInt8]]) async throws -> [[UInt8]] {
        let (input, payload) = (try put(Array(summaries.joined()), "summaries"), folder + "/values")
        defer { remove(input, payload) }
        let order = RankOrder.reduce(
            spec, summaries: input, byteCounts: summaries.map { UInt64($0.count) }, payload: payload)
        let reply = try await carryOut(order) { _, _ in }
        guard case .finished(let output) = reply else { throw try refusal(reply) }
        let bytes = try exactly(output.payloadByteCount, payload)
        onOutput?(
            spec.task.step, bytes + output.valueOffsets.flatMap { withUnsafeBytes(of: $0.littleEndian) { Array($0) } })
        return zip(output.valueOffsets, output.valueOffsets.dropFirst()).map { Array(bytes[Int($0)..<Int($1)]) }
    }

    private func refusal(_ reply: RankReply) throws -> Refusal {
        guard case .failed(let cause, let reason) = reply else { throw UnexpectedReply(reply: reply) }
        return Refusal(cause: cause, reason: reason)
    }

    private struct UnexpectedReply: Error { let reply: RankReply }
    private struct WrongSize: Error { let path: String, announced: UInt64, actual: Int }

    private func putAttachments(beside payload: String) throws -> [String] {
        try attachments.map { blob, bytes in
            let path = TaskSpec.path(of: blob, beside: payload)
            try Data(bytes).write(to: URL(fileURLWithPath: path))
            return path
        }
    }

    private func put(_ bytes: [UInt8], _ name: String) throws -> String {
        let path = "\(folder)/\(name)"
        try Data(bytes).write(to: URL(fileURLWithPath: path))
        return path
    }

    private func exactly(_ byteCount: UInt64, _ path: String) throws -> [UInt8] {
        let bytes = try Self.contents(path)
        guard bytes.count == byteCount else { throw WrongSize(path: path, announced: byteCount, actual: bytes.count) }
        return bytes
    }

    private static func contents(_ path: String) throws -> [UInt8] {
        [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
    }

    private func remove(_ paths: String...) {
        for path in paths where !path.isEmpty { try? FileManager.default.removeItem(atPath: path) }
    }
}

private actor Bands {
    private(set) var rows: [UInt8] = []
    private var latest: UInt32?

    func append(_ index: UInt32, _ bytes: [UInt8]) {
        precondition(latest.map { index == $0 + 1 } ?? true, "band \(index) came after \(latest ?? 0)")
        latest = index
        rows += bytes
    }
}
