import Cryptography
import Foundation
import Pipelines
import JobModel
import TestSupport

/// Computes tasks in the test's own process, and each only once: what the same task makes of the same bytes is the same.
///
/// It computes from the bytes that it is given and from nothing else, so that wrong bytes make a wrong image.
///
/// Real: one rank's code, by `PlanRunner`; but `whole` tasks are computed by `SerialExecutor`, and the same task is not
/// computed twice: what is under test is the master. `PlanExecutor` in `ImagingTests` says how the others differ.
actor TaskComputer {
    /// What a task gives back, before it is in a blob store.
    struct Output: Sendable {
        var bands: [[UInt8]] = []
        var payload: [UInt8]?
        var summary: [UInt8]?
        var metadata: [UInt8]?
        var checksum: SegmentChecksum?
        var valueOffsets: [UInt64] = []
    }

    private struct Key: Hashable {
        let pipeline: String
        let chunkByteCount: UInt64
        let step: TaskStep
        let inputs: [[UInt8]]
        let value: [UInt8]?
    }

    /// The bytes are not a file of a picture that the test knows.
    struct UnknownInput: Error {}

    private let folder: String
    private let images: [[UInt8]: TestImage]
    private var outputs: [Key: Output] = [:]

    /// - Parameters:
    ///   - folder: the directory for files while a task is computed.
    ///   - images: the pictures that there are, by their files.
    init(folder: String, images: [TestImage]) {
        self.folder = folder
        self.images = Dictionary(images.map { (SHA256.hash($0.png), $0) }) { first, _ in first }
    }

    func output(of spec: TaskSpec, inputs: [[UInt8]], value: [UInt8]?) async throws -> Output {
        let key = Key(
            pipeline: spec.pipeline, chunkByteCount: spec.chunkByteCount, step: spec.task.step,
            inputs: inputs.map { SHA256.hash($0) }, value: value.map { SHA256.hash($0) })
        if let known = outputs[key] { return known }
        let made = try await compute(spec, inputs, value)
        outputs[key] = made
        return made
    }

    private func compute(_ spec: TaskSpec, _ inputs: [[UInt8]], _ value: [UInt8]?) async throws -> Output {
        let place = "\(folder)/\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: place) }
        let runner = PlanRunner(folder: place) { try await LoneRank.carryOut($0, $1) }
        switch spec.task.step {
        case .whole:
            guard let image = images[SHA256.hash(inputs[0])] else { throw UnknownInput() }
            return Output(payload: try image.processedSerially(spec.pipeline))
        case .decode:
            let (rows, metadata) = try await runner.decode(spec, inputs[0])
            guard let image = images[SHA256.hash(inputs[0])] else { throw UnknownInput() }
            let plan = try ProcessingPlan(
                pipeline: Pipeline(parsing: spec.pipeline), input: image.shape,
                chunkByteCount: Int(spec.chunkByteCount))
            let bytesPerRow = image.shape.bytesPerRow
            let bands = (0..<plan.bands.count).map { index in
                let band = plan.bands[index]
                return Array(rows[band.lowerBound * bytesPerRow..<band.upperBound * bytesPerRow])
            }
            return Output(bands: bands, metadata: metadata.isEmpty ? nil : metadata)
        case .chunk:
            let result = try await runner.compute(spec, Array(inputs.joined()), value: value)
            return Output(payload: result.payload, summary: result.summary, checksum: result.checksum)
        case .reduce:
            let values = try await runner.reduce(spec, inputs)
            let offsets = values.reduce(into: [UInt64(0)]) { $0.append(($0.last ?? 0) + UInt64($1.count)) }
            return Output(payload: Array(values.joined()), valueOffsets: offsets)
        }
    }
}
