import Foundation
import ImageCodecs
import Kernels
import Pipelines
import JobModel
import Synchronization
import TestSupport
import Testing

@testable import Rank

/// The tasks of a rank, with ranks that are threads: every pipeline, any number of ranks, any chunk size, one result.
@Suite struct TaskTests {
    static let pipelines = [
        "invert", "gaussian-blur sigma=3", "canny", "otsu | box-blur size=3", "median size=5 | sobel",
        "grayscale | equalize | sobel | threshold value=90",
        "resize height=30 | rotate | box-blur | flip axis=vertical",
        "rotate degrees=270 | otsu | rotate",
        "equalize | butterworth-highpass cutoff=6 | invert", "canny | components",
        "hough-lines threshold=9 | harris threshold=0.2 output=json", "otsu | components connectivity=4 output=json",
    ]
    /// From one row per chunk to everything in one; 48 x 61 RGB has 144 bytes per row.
    static let chunkByteCounts = [1, 500, 3_000, 1 << 20]

    @Test(arguments: pipelines, [1, 2, 3, 8])
    func `chunks make the same file as one process, whatever their size`(pipeline: String, rankCount: Int) async throws
    {
        let image = TestImage(width: 48, height: 61)
        let expected = try image.processedSerially(pipeline)
        for chunkByteCount in Self.chunkByteCounts {
            let file = try await withRunner(rankCount) {
                try await $0.runInChunks(pipeline, image, chunkByteCount: chunkByteCount)
            }
            #expect(file == expected, "\(pipeline), \(rankCount) ranks, chunks of \(chunkByteCount) bytes")
        }
    }

    /// What audits rely on: workers with different numbers of ranks give the same bytes for each task, not only for the file.
    @Test(arguments: pipelines) func `every task gives the same bytes for any number of ranks`(pipeline: String)
        async throws
    {
        let image = TestImage(width: 48, height: 61)
        for chunkByteCount in [500, 3_000] {
            var first: [TaskStep: [UInt8]] = [:]
            for rankCount in [1, 2, 3, 8] {
                let outputs = Mutex<[TaskStep: [UInt8]]>([:])
                _ = try await withRunner(rankCount) { runner in
                    var runner = runner
                    runner.onOutput = { step, bytes in outputs.withLock { $0[step] = bytes } }
                    return try await runner.runInChunks(pipeline, image, chunkByteCount: chunkByteCount)
                }
                let found = outputs.withLock { $0 }
                if first.isEmpty { first = found }
                #expect(first.keys == found.keys && first.count > 1)
                for (step, bytes) in found where first[step] != bytes {
                    Issue.record("\(step) of \(pipeline) differs with \(rankCount) ranks")
                }
            }
        }
    }

    @Test(arguments: pipelines, [1, 2, 5])
    func `a whole image is one task with the same file`(pipeline: String, rankCount: Int) async throws {
        for image in [
            TestImage(width: 48, height: 61), TestImage(width: 70, height: 1, .gray), TestImage(width: 1, height: 9),
        ] {
            let expected = try image.processedSerially(pipeline)
            let file = try await withRunner(rankCount) { try await $0.runWhole(pipeline, image) }
            #expect(file == expected, "\(pipeline), \(rankCount) ranks, \(image.shape)")
        }
    }

    @Test(arguments: [1, 3]) func `an image is put over chunks as over the whole image`(rankCount: Int) async throws {
        let logo = TestImage(width: 21, height: 9, .rgba, .sixteen, seed: 5)
        let blob = BlobReference(
            digest: try #require(BlobDigest([UInt8](repeating: 0xc3, count: 32))), byteCount: UInt64(logo.png.count))
        let content = AttachedImage.Content(digest: "\(blob.digest)", byteCount: blob.byteCount)
        let picture = PictureLibrary.shared.enter(Picture(shape: logo.shape, pixels: logo.pixels), as: content)
        let pipeline = "box-blur | overlay image=\(content) gravity=south-east x=3 y=20 opacity=0.8 | rotate | invert"
        let image = TestImage(width: 48, height: 61)
        // The ranks decode the file by themselves.
        let expected = try withExtendedLifetime(picture) { try image.processedSerially(pipeline) }
        #expect(try expected != image.processedSerially("box-blur | rotate | invert"))
        for chunkByteCount in Self.chunkByteCounts {
            let file = try await withRunner(rankCount) { runner in
                var runner = runner
                runner.attachments = [blob: logo.png]
                return try await runner.runInChunks(pipeline, image, chunkByteCount: chunkByteCount)
            }
            #expect(file == expected, "chunks of \(chunkByteCount) bytes")
        }
        let whole = try await withRunner(rankCount) { runner in
            var runner = runner
            runner.attachments = [blob: logo.png]
            return try await runner.runWhole(pipeline, image)
        }
        #expect(whole == expected)
    }

    @Test func `an attachment that is too large for a slot is refused with the limit`() async throws {
        let large = TestImage(width: 4097, height: 2048, .gray)
        let blob = BlobReference(
            digest: try #require(BlobDigest([UInt8](repeating: 0xc4, count: 32))), byteCount: UInt64(large.png.count))
        let pipeline = "overlay image=sha256:\(blob.digest):\(blob.byteCount)"
        let refusal = await #expect(throws: PlanRunner.Refusal.self) {
            try await withRunner(1) { runner in
                var runner = runner
                runner.attachments = [blob: large.png]
                return try await runner.runWhole(pipeline, TestImage(width: 3, height: 2))
            }
        }
        #expect(refusal?.cause == .overLimit)
        #expect(refusal?.reason.contains("4097 x 2048 = 8390656 pixels; at most 8388608") == true)
    }

    /// The rule at `JobOptions.currentResultRevision`: the master has read the pipeline, so its operations exist.
    @Test(arguments: ["an-operation-of-tomorrow", "invert strength=3", "rotate degrees=45 axis=z", "invert | @preset"])
    func `a pipeline that only a newer release can read is this worker's fault, and is retried elsewhere`(
        pipeline: String
    ) throws {
        let spec = PlanRunner.spec(.whole, pipeline, TestImage(width: 3, height: 2), chunkByteCount: 1 << 20)
        let failure = #expect(throws: RankFailure.self) { try TaskPlan(spec) }
        #expect(failure?.cause == .workerError)
        #expect(failure?.cause.charge == .failure)
        #expect(failure?.reason.contains("install the master's release") == true)
    }

    @Test(arguments: [ChannelLayout.gray, .grayAlpha, .rgb, .rgba], [SampleDepth.eight, .sixteen])
    func `every pixel format goes through strips`(layout: ChannelLayout, depth: SampleDepth) async throws {
        let image = TestImage(width: 33, height: 40, layout, depth)
        for pipeline in ["gaussian-blur sigma=2 | invert", "crop y=3 height=31 | rotate | invert"] {
            let expected = try image.processedSerially(pipeline)
            let file = try await withRunner(3) { try await $0.runInChunks(pipeline, image, chunkByteCount: 2_000) }
            #expect(file == expected, "\(pipeline)")
        }
    }

    /// Prime sides, more ranks than rows or columns, one row, one column: each transform must be the same wherever it is made.
    @Test(arguments: [(53, 41), (97, 7), (1, 30), (30, 1), (2, 3), (64, 48)])
    func `a spectrum does not depend on the ranks that share it`(width: Int, height: Int) async throws {
        let formats: [(ChannelLayout, SampleDepth)] = [(.rgba, .sixteen), (.gray, .eight)]
        let pipeline = "butterworth-lowpass cutoff=4.5 order=3"
        for (layout, depth) in formats {
            let image = TestImage(width: width, height: height, layout, depth)
            let expected = try image.processedSerially(pipeline)
            for rankCount in [1, 2, 3, 4, 5, 7, 11] {
                let whole = try await withRunner(rankCount) { try await $0.runWhole(pipeline, image) }
                #expect(whole == expected, "\(layout), \(rankCount) ranks, as one task")
                let file = try await withRunner(rankCount) {
                    try await $0.runInChunks(pipeline, image, chunkByteCount: 500)
                }
                #expect(file == expected, "\(layout), \(rankCount) ranks")
            }
        }
    }

    @Test func `segments of a large image are on the grid for any number of ranks`() async throws {
        // 3 segments of 262,144 bytes and a rest.
        let image = TestImage(width: 512, height: 600)
        let expected = try image.processedSerially("box-blur size=5")
        for rankCount in [1, 2, 3, 7] {
            let file = try await withRunner(rankCount) {
                try await $0.runInChunks("box-blur size=5", image, chunkByteCount: 600_000)
            }
            #expect(file == expected, "\(rankCount) ranks")
        }
    }

    @Test func `a truncated file is corrupt input, and says so`() async throws {
        let image = TestImage(width: 48, height: 61)
        let spec = PlanRunner.spec(.decode, "invert", image, chunkByteCount: 1_000)
        let refusal = await #expect(throws: PlanRunner.Refusal.self) {
            try await withRunner(1) { try await $0.decode(spec, Array(image.png.dropLast(400))) }
        }
        #expect(refusal?.cause == .corruptInput)
    }

    @Test func `an image above the limit of pixels is refused as such`() async throws {
        let image = TestImage(width: 48, height: 61)
        let spec = TaskSpec(
            task: TaskID(image: ImageID(job: JobID(1), index: 0), step: .decode), pipeline: "invert",
            geometry: image.geometry, chunkByteCount: 1_000, maximumPixelCount: 48 * 61 - 1, inputs: [],
            progressTimeoutMilliseconds: 1_000)
        let refusal = await #expect(throws: PlanRunner.Refusal.self) {
            try await withRunner(1) { try await $0.decode(spec, image.png) }
        }
        #expect(refusal?.cause == .overLimit)
    }

    @Test func `an error on one rank ends the task on all of them`() async throws {
        let image = TestImage(width: 48, height: 61)
        let spec = PlanRunner.spec(.chunk(stage: 0, index: 0), "invert", image, chunkByteCount: 1 << 20)
        let outputs = ThreadedWorld.run(3) { ranks in
            // Only rank 0 creates the payload, in a directory that is not there.
            Result { () throws(RankFailure) in
                try ChunkTask(ranks: ranks).run(
                    spec, input: "/nowhere/input", value: nil, payload: "/nowhere/payload", summary: "/nowhere/summary",
                    rows: "/nowhere/rows")
            }
        }
        #expect(outputs.allSatisfy { (try? $0.get()) == nil })
        let failures = outputs.compactMap { output in
            if case .failure(let failure) = output { failure } else { nil }
        }
        #expect(Set(failures).count == 1, "all ranks give the same reason")
        #expect(failures.first?.cause == .workerError)
    }

    @Test func `a cancel that one rank sees ends the task on all of them`() async throws {
        try await withTemporaryFolder { folder in
            let image = TestImage(width: 48, height: 61)
            try Data(image.pixels).write(to: URL(fileURLWithPath: folder + "/rows"))
            let spec = PlanRunner.spec(.chunk(stage: 0, index: 0), "invert", image, chunkByteCount: 1 << 20)
            let outputs = ThreadedWorld.run(3) { ranks in
                Result { () throws(RankFailure) in
                    try ChunkTask(ranks: ranks, isCancelled: { ranks.rank == 2 }).run(
                        spec, input: folder + "/rows", value: nil, payload: folder + "/payload",
                        summary: folder + "/summary", rows: folder + "/decoded")
                }
            }
            for output in outputs { #expect(throws: RankFailure.cancelled) { try output.get() } }
        }
    }

    /// Runs `body` with a runner whose orders are carried out by threads.
    private func withRunner<Output>(_ rankCount: Int, _ body: (PlanRunner) async throws -> Output) async throws
        -> Output
    {
        try await withTemporaryFolder { folder in
            try await body(
                PlanRunner(folder: folder) { order, takeBand in try await carryOut(order, rankCount, takeBand) })
        }
    }
}

func carryOut(_ order: RankOrder, _ rankCount: Int, _ takeBand: @escaping PlanRunner.TakeBand) async throws
    -> RankReply
{
    do {
        switch order {
        case .decode(let spec, let input, let directory):
            // Collects the names first: nobody limits the bands here.
            var bands: [(UInt32, String)] = []
            let metadata = try DecodeTask(publish: { index, path, _ in bands.append((index, path)) })
                .run(spec, input: input, directory: directory)
            for (index, path) in bands { try await takeBand(index, path) }
            return .decoded(metadata: metadata.path, byteCount: metadata.byteCount, remarks: metadata.remarks)
        case .findPieces(let spec, let input, let payload, let metadata):
            let file = [UInt8](try Data(contentsOf: URL(fileURLWithPath: input)))
            let found = try FindPiecesTask(read: { offset, count in Array(file[Int(offset)..<Int(offset) + count]) })
                .run(spec, payload: payload, metadata: metadata)
            return .found(found.output, metadataByteCount: found.metadataByteCount, remarks: found.remarks)
        case .compute(let spec, let input, let value, let payload, let summary, let rows):
            return .finished(
                try first(
                    ThreadedWorld.run(rankCount) { ranks in
                        Result { () throws(RankFailure) in
                            try ChunkTask(ranks: ranks)
                                .run(spec, input: input, value: value, payload: payload, summary: summary, rows: rows)
                        }
                    }))
        case .computeWhole(let spec, let input, let metadata, let payload):
            return .finished(
                try first(
                    ThreadedWorld.run(rankCount) { ranks in
                        Result { () throws(RankFailure) in
                            try WholeTask(ranks: ranks).run(spec, input: input, metadata: metadata, payload: payload)
                        }
                    }))
        case .reduce(let spec, let summaries, let byteCounts, let payload):
            return .finished(
                try ReduceTask().run(spec, summaries: summaries, byteCounts: byteCounts, payload: payload))
        case .ready, .bandTaken, .inputArrived, .cancel, .shutdown: preconditionFailure("\(order) is not work")
        }
    } catch let failure as RankFailure {
        return .failed(failure.cause, reason: failure.reason)
    }
}

/// Rank 0's output, when all ranks have one.
private func first(_ outputs: [Result<RankOutput, RankFailure>]) throws -> RankOutput {
    try outputs.map { try $0.get() }[0]
}

func withTemporaryFolder<Output>(_ body: (String) async throws -> Output) async throws -> Output {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("rank-tests-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    return try await body(folder.path)
}
