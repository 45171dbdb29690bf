import JobModel
import Pipelines
import Testing

@testable import Scheduler

/// Images whose chunks read the file by its pieces: one task finds these, and all chunks of the first stage wait for it.
///
/// With the real plans: 4,000 x 4,000 pixels of 3 bytes in tiles of 256 rows, in chunks of 16 MiB: three of them.
@Suite struct PieceTests {
    private static let geometry = ImageGeometry(width: 4_000, height: 4_000, channelCount: 3, bitsPerSample: 8)
    private static let pieces = PieceFacts(count: 256, rowsPerBand: 256, largestBandByteCount: 1 << 20)
    private static let file = BlobReference.named("large.tif", 30 << 20)

    @discardableResult
    private func submit(to harness: SchedulerHarness, _ pipeline: String = "box-blur size=3") throws -> JobID {
        let job = try harness.submit(pipeline, images: 0, sealed: false)
        let offer = ImageOffer(
            name: "large.tif", input: Self.file, admission: .accepted(Self.geometry, pieces: Self.pieces))
        try harness.add([offer], to: job)
        try harness.seal(job)
        return job
    }

    private func found(by lease: LeaseID, _ offsets: [UInt64] = [0, 30, 70, 100]) -> TaskOutput {
        TaskOutput(
            payload: .named("\(lease.task).pieces", 100), metadata: .named("\(lease.task).metadata"),
            valueOffsets: offsets)
    }

    @Test func `chunks are told their own pieces, and read them from the file`() throws {
        let harness = try SchedulerHarness(planner: CatalogueImagePlanner())
        let worker = try harness.connect(slots: 8)
        let job = try submit(to: harness)
        #expect(harness.steps(of: worker) == [.decode], "no chunk knows its pieces yet")
        let first = try #require(harness.held[worker]?.first)
        #expect(first.spec.isInPieces && first.spec.inputs == [BlobSlice(Self.file)])

        harness.finish(first.lease, on: worker, found(by: first.lease))
        #expect(harness.steps(of: worker) == (0..<3).map { .chunk(stage: 0, index: $0) })
        let payload = try #require(found(by: first.lease).payload)
        for (grant, bytes) in zip(harness.held[worker] ?? [], [(0, 30), (30, 40), (70, 30)]) {
            #expect(grant.spec.isInPieces && grant.spec.inputs == [BlobSlice(Self.file)])
            #expect(
                grant.spec.value == BlobSlice(blob: payload, offset: UInt64(bytes.0), byteCount: UInt64(bytes.1)))
        }
        harness.workOff(on: [worker])
        #expect(harness.state(job) == .done)
        #expect(harness.deleted.contains(payload.digest), "nobody needs to know the pieces any more")
    }

    @Test func `only the first stage reads pieces`() throws {
        let harness = try SchedulerHarness(planner: CatalogueImagePlanner())
        let worker = try harness.connect(slots: 8)
        let job = try submit(to: harness, "rotate | box-blur size=3")
        var isInPieces: [TaskStep: Bool] = [:]
        for _ in 0..<50 {
            for grant in harness.held[worker] ?? [] { isInPieces[grant.lease.task.step] = grant.spec.isInPieces }
            for image in harness.assemblies.keys { harness.assemble(image) }
            guard let lease = harness.leases(of: worker).first else { break }
            harness.finish(lease, on: worker)
        }
        #expect(harness.state(job) == .done)
        for (step, isInPieces) in isInPieces {
            switch step {
            case .decode, .chunk(stage: 0, _): #expect(isInPieces, "\(step)")
            case .whole, .chunk, .reduce: #expect(!isInPieces, "\(step)")
            }
        }
        #expect(isInPieces.count > 6)
    }

    @Test func `what was found survives a restart`() throws {
        let harness = try SchedulerHarness(planner: CatalogueImagePlanner())
        let worker = try harness.connect(slots: 1)
        let job = try submit(to: harness)
        let lease = try #require(harness.leases(of: worker).first)
        harness.finish(lease, on: worker, found(by: lease))
        try harness.restart()
        let other = try harness.connect("other", slots: 8)
        harness.wait(.seconds(60))
        #expect(harness.held[other]?.allSatisfy { $0.spec.value?.blob == found(by: lease).payload } == true)
        harness.workOff(on: [other])
        #expect(harness.state(job) == .done)
    }

    @Test func `a report is compared with the plan`() throws {
        func objection(to output: (LeaseID) -> TaskOutput) throws -> String? {
            let harness = try SchedulerHarness(planner: CatalogueImagePlanner())
            let worker = try harness.connect()
            try submit(to: harness)
            let lease = try #require(harness.leases(of: worker).first)
            return harness.report(output(lease), for: lease, by: worker)
        }
        for offsets: [UInt64] in [[], [0, 100], [0, 30, 70], [0, 30, 70, 99], [1, 30, 70, 100], [0, 70, 30, 100]] {
            #expect(try objection { found(by: $0, offsets) }?.contains("offsets") == true, "\(offsets)")
        }
        #expect(try objection { _ in TaskOutput(metadata: .named("m")) } == "no payload was named")
        #expect(try objection { found(by: $0) } == nil)
    }

    @Test func `the search takes the memory of the pieces' places, a chunk that of its pieces and rows`() throws {
        let image = AcceptedImage(Self.geometry, pieces: Self.pieces)
        let pipeline = try Pipeline(parsing: "box-blur size=3")
        let plan = try ImagePlan(pipeline: pipeline, image: image, chunkByteCount: 16 << 20)
        let world: UInt64 = 64 << 20
        #expect(plan.memoryByteCount(of: 0, encodedByteCount: 1 << 40) == world + 96 * 256, "the file is not fetched")
        let rows = UInt64(plan.stages[0].byteCount(ofChunk: 1))
        #expect(plan.memoryByteCount(of: 2, encodedByteCount: 1 << 40) == world + 4 * rows)
        #expect(plan.largestMemoryByteCount(encodedByteCount: 1 << 40) <= world + 4 * rows)
        // Tiles that hardly compress: twice their bytes, and the rows.
        var heavy = image
        heavy.pieces?.largestBandByteCount = 4_000 * 3 * 256
        let other = try ImagePlan(pipeline: pipeline, image: heavy, chunkByteCount: 16 << 20)
        let encoded = (UInt64(plan.stages[0].inputRows[1].count) / 256 + 2) * 4_000 * 3 * 256
        #expect(
            other.memoryByteCount(of: 2, encodedByteCount: 1 << 40) == world + rows + encoded + max(encoded, 2 * rows))
    }

    @Test func `a small image in a large file is one chunk that reads its pieces`() throws {
        let geometry = ImageGeometry(width: 100, height: 100, channelCount: 3, bitsPerSample: 8)
        let pieces = PieceFacts(count: 1, rowsPerBand: 128, largestBandByteCount: 9_000)
        let plan = try ImagePlan(
            pipeline: try Pipeline(parsing: "otsu"), image: AcceptedImage(geometry, pieces: pieces),
            chunkByteCount: 16 << 20)
        #expect(
            (0..<plan.taskCount).map { plan.step($0) } == [
                .decode, .chunk(stage: 0, index: 0), .reduce(stage: 0), .chunk(stage: 1, index: 0),
            ])
        #expect(plan.memoryByteCount(of: 0, encodedByteCount: 1 << 40) < 65 << 20)
        var planner = CatalogueImagePlanner()
        let size = try planner.size(
            pipeline: "otsu", image: AcceptedImage(geometry, pieces: pieces), chunkByteCount: 16 << 20)
        #expect(size.taskCount == plan.taskCount && size.largestValueCount == plan.size.largestValueCount)
        #expect(size.dependencyCount >= plan.size.dependencyCount)
    }
}
