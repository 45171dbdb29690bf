import Pipelines
import JobModel
import Testing

@testable import Scheduler

@Suite struct LargeImageTests {
    private let image = ImageID(job: JobID(1), index: 0)

    @Test func `a chunk is ready as soon as the bands with its rows are published`() throws {
        let harness = try SchedulerHarness()
        let decoder = try harness.connect("decoder")
        let job = try harness.submit("rows", rows: 16)
        let decode = try #require(harness.leases(of: decoder).first)
        #expect(decode.task.step == .decode)
        #expect(harness.counters.tasksReady == 0)

        let other = try harness.connect("other", slots: 4)
        harness.publish(0, of: decode, on: decoder)
        #expect(harness.steps(of: other) == [], "rows 0 to 5 are in two bands")
        harness.publish(1, of: decode, on: decoder)
        #expect(harness.steps(of: other) == [.chunk(stage: 0, index: 0)])
        harness.publish(3, of: decode, on: decoder)
        #expect(harness.steps(of: other) == [.chunk(stage: 0, index: 0)])
        harness.publish(2, of: decode, on: decoder)
        #expect(harness.steps(of: other) == (0..<4).map { .chunk(stage: 0, index: $0) })
        #expect(harness.summary(job)?.counts.tasksTotal == 5)
    }

    @Test func `what a decoder remarks on stays with the image, through a restart and to its end`() throws {
        let harness = try SchedulerHarness()
        let worker = try harness.connect()
        let job = try harness.submit("rows", rows: 16)
        let decode = try #require(harness.leases(of: worker).first)
        harness.publishBands(of: decode, on: worker)
        harness.drop(decode, from: worker)
        let remarks = [ImageRemark(.partsIgnored, count: 2, byteCount: 30)]
        let output = TaskOutput(metadata: .named("metadata"), remarks: remarks)
        harness.perform { $0.taskFinished(decode, by: worker, output: output, at: $1, into: &$2) }
        #expect(harness.image(job)?.remarks == remarks)
        try harness.restart()
        #expect(harness.image(job)?.remarks == remarks)
        harness.workOff(on: [try harness.connect(as: worker)])
        #expect(harness.image(job)?.state == .done && harness.image(job)?.remarks == remarks)
    }

    @Test func `a task is granted with the job's limit of metadata`() throws {
        let harness = try SchedulerHarness()
        let worker = try harness.connect()
        try harness.submit("rows", rows: 16)
        let standard = try #require(harness.held[worker]?.first?.spec.maximumMetadataByteCount)
        #expect(standard == JobOptions.standardMetadataByteCount)
    }

    @Test func `a chunk's inputs are exactly the rows it needs, in order without gaps`() throws {
        let harness = try SchedulerHarness()
        let worker = try harness.connect(slots: 8)
        try harness.submit("rows", rows: 16)
        harness.publishBands(of: harness.leases(of: worker)[0], on: worker)
        let chunk = try #require(harness.held[worker]?.first { $0.lease.task.step == .chunk(stage: 0, index: 1) })
        // Rows 3 to 8 of an image 10 bytes wide, in bands of 4 rows.
        #expect(
            chunk.spec.inputs == [
                BlobSlice(blob: .named("1.0.band-0", 40), offset: 30, byteCount: 10),
                BlobSlice(blob: .named("1.0.band-1", 40), offset: 0, byteCount: 40),
                BlobSlice(blob: .named("1.0.band-2", 40), offset: 0, byteCount: 10),
            ])
        #expect(chunk.spec.value == nil)
    }

    @Test func `bands that no chunk reads need not be published`() throws {
        let harness = try SchedulerHarness()
        let worker = try harness.connect(slots: 8)
        let job = try harness.submit("lower", rows: 16)
        let decode = harness.leases(of: worker)[0]
        for band in [2, 3] { harness.publish(band, of: decode, on: worker) }
        let chunks = Array(harness.leases(of: worker).dropFirst())
        #expect(chunks.map(\.task.step) == [.chunk(stage: 0, index: 0), .chunk(stage: 0, index: 1)])
        harness.drop(decode, from: worker)
        let output = harness.output(of: decode.task)
        harness.perform { $0.taskFinished(decode, by: worker, output: output, at: $1, into: &$2) }
        harness.workOff(on: [worker])
        #expect(harness.state(job) == .done)
    }

    @Test func `the file is assembled when all is done, top to bottom, and its intermediates go`() throws {
        let harness = try SchedulerHarness()
        let worker = try harness.connect(slots: 8)
        let job = try harness.submit("rows", rows: 10)
        harness.finish(harness.leases(of: worker)[0], on: worker)
        for lease in harness.leases(of: worker).reversed() {
            #expect(harness.assemblies.isEmpty)
            harness.finish(lease, on: worker)
        }
        let assembly = try #require(harness.assemblies[image])
        #expect(assembly.parts.map(\.segment) == (0..<3).map { .named("1.0/chunk-0-\($0).payload", 100) })
        #expect(assembly.metadata == .named("1.0/decode.metadata"))
        #expect(assembly.output == ImageGeometry(width: 10, height: 10, channelCount: 1, bitsPerSample: 8))
        #expect(harness.deleted.isEmpty)
        #expect(harness.state(job) == .running)

        harness.assemble(image)
        #expect(harness.state(job) == .done)
        #expect(harness.image(job)?.result == .named("1.0.result"))
        for name in ["1.0.band-0", "1.0.band-2", "1.0/chunk-0-1.payload", "1.0/decode.metadata", "1.0.input"] {
            #expect(harness.deleted.contains(BlobReference.named(name).digest), "\(name)")
        }
        #expect(harness.isNeeded(.named("1.0.result")))
    }

    @Test func `a document is what the last reduction gives, and is made of the chunks' payloads`() throws {
        let harness = try SchedulerHarness()
        let worker = try harness.connect(slots: 8)
        let job = try harness.submit("report", rows: 10)
        harness.finish(harness.leases(of: worker)[0], on: worker)
        for lease in harness.leases(of: worker) { harness.finish(lease, on: worker) }
        let reduce = try #require(harness.held[worker]?.first)
        #expect(reduce.lease.task.step == .reduce(stage: 0))
        #expect(reduce.spec.inputs == (0..<3).map { BlobSlice(.named("1.0/chunk-0-\($0).payload", 100)) })
        #expect(harness.assemblies.isEmpty)
        harness.finish(reduce.lease, on: worker)
        let assembly = try #require(harness.assemblies[image])
        #expect(assembly.document == harness.output(of: reduce.lease.task).payload)
        #expect(assembly.parts.isEmpty)
        harness.assemble(image)
        #expect(harness.state(job) == .done)
    }

    @Test func `the file waits for the decoder's metadata even if the chunks were faster`() throws {
        let harness = try SchedulerHarness()
        let worker = try harness.connect(slots: 8)
        try harness.submit("rows", rows: 4)
        let decode = harness.leases(of: worker)[0]
        harness.publishBands(of: decode, on: worker)
        harness.finish(harness.leases(of: worker)[1], on: worker)
        #expect(harness.assemblies.isEmpty)
        harness.drop(decode, from: worker)
        let output = harness.output(of: decode.task)
        harness.perform { $0.taskFinished(decode, by: worker, output: output, at: $1, into: &$2) }
        #expect(harness.assemblies.count == 1)
    }

    @Test func `a whole-image stage reduces all summaries in order, then the next stage gets the value`() throws {
        let harness = try SchedulerHarness()
        let worker = try harness.connect(slots: 8)
        let job = try harness.submit("shared", rows: 16)
        harness.finish(harness.leases(of: worker)[0], on: worker)
        let chunks = harness.leases(of: worker)
        #expect(chunks.map(\.task.step) == (0..<4).map { .chunk(stage: 0, index: $0) })
        for lease in chunks.reversed() {
            #expect(!harness.steps(of: worker).contains(.reduce(stage: 0)))
            harness.finish(lease, on: worker)
        }
        let reduce = try #require(harness.held[worker]?.first)
        #expect(reduce.lease.task.step == .reduce(stage: 0))
        #expect(reduce.spec.inputs == (0..<4).map { BlobSlice(.named("1.0/chunk-0-\($0).summary", 7)) })
        harness.finish(reduce.lease, on: worker)

        let finishing = try #require(harness.held[worker])
        #expect(finishing.map(\.lease.task.step) == [.chunk(stage: 1, index: 0), .chunk(stage: 1, index: 1)])
        let value = BlobSlice(blob: .named("1.0/reduce-0.payload", 10), offset: 0, byteCount: 10)
        #expect(finishing.allSatisfy { $0.spec.value == value }, "all values are the same, and stored once")
        // Rows 7 to 15 out of the raw payloads of the first stage's chunks of 4 rows.
        #expect(
            finishing[1].spec.inputs == [
                BlobSlice(blob: .named("1.0/chunk-0-1.payload", 40), offset: 30, byteCount: 10),
                BlobSlice(blob: .named("1.0/chunk-0-2.payload", 40), offset: 0, byteCount: 40),
                BlobSlice(blob: .named("1.0/chunk-0-3.payload", 40), offset: 0, byteCount: 40),
            ])
        harness.workOff(on: [worker])
        #expect(harness.state(job) == .done)
    }

    @Test func `after columns a chunk waits for the whole stage and gets its slice of each chunk`() throws {
        let harness = try SchedulerHarness()
        let worker = try harness.connect(slots: 8)
        let job = try harness.submit("columns", rows: 11)
        harness.finish(harness.leases(of: worker)[0], on: worker)
        let chunks = harness.leases(of: worker)
        #expect(chunks.map(\.task.step) == (0..<3).map { .chunk(stage: 0, index: $0) })
        for lease in chunks.reversed() {
            #expect(!harness.steps(of: worker).contains(.chunk(stage: 1, index: 0)))
            harness.finish(lease, on: worker)
        }
        let turned = try #require(harness.held[worker])
        #expect(turned.map(\.lease.task.step) == [.chunk(stage: 1, index: 0), .chunk(stage: 1, index: 1)])
        // Rows 6 to 9 of an image turned to 11 columns, of which two chunks have 4 and the last has 3.
        #expect(
            turned[1].spec.inputs == [
                BlobSlice(blob: .named("1.0/chunk-0-0.payload", 40), offset: 24, byteCount: 16),
                BlobSlice(blob: .named("1.0/chunk-0-1.payload", 40), offset: 24, byteCount: 16),
                BlobSlice(blob: .named("1.0/chunk-0-2.payload", 30), offset: 18, byteCount: 12),
            ])
        let leases = harness.leases(of: worker)
        try harness.restart()
        try harness.connect(slots: 8, as: worker, holding: leases)
        harness.workOff(on: [worker])
        #expect(harness.state(job) == .done)
    }

    @Test func `where values differ, chunk k gets value k`() throws {
        let harness = try SchedulerHarness()
        let worker = try harness.connect(slots: 8)
        try harness.submit("own", rows: 12)
        while harness.steps(of: worker).first != .chunk(stage: 1, index: 0) { try harness.finishNext(on: worker) }
        #expect(
            harness.held[worker]?.map(\.spec.value)
                == (0..<3).map {
                    BlobSlice(blob: .named("1.0/reduce-0.payload", 30), offset: UInt64(10 * $0), byteCount: 10)
                })
    }

    @Test func `a decoder that dies half-way leaves its bands to the next one`() throws {
        let harness = try SchedulerHarness()
        let first = try harness.connect("first")
        let job = try harness.submit("rows", rows: 12)
        let decode = harness.leases(of: first)[0]
        harness.publish(0, of: decode, on: first)
        harness.publish(1, of: decode, on: first)
        harness.disconnect(first)
        let second = try harness.connect("second", slots: 8)
        #expect(harness.steps(of: second) == [.decode, .chunk(stage: 0, index: 0)])
        let late = harness.counters.lateResults
        harness.workOff(on: [second])
        #expect(harness.counters.lateResults == late + 2, "bands 0 and 1 came again and changed nothing")
        #expect(harness.state(job) == .done)
    }

    @Test func `an impossible report fails the attempt`() throws {
        let harness = try SchedulerHarness()
        let worker = try harness.connect(slots: 1)
        let job = try harness.submit("rows", rows: 8)
        let decode = harness.leases(of: worker)[0]
        harness.perform {
            $0.taskFinished(decode, by: worker, output: TaskOutput(), at: $1, into: &$2)
        }
        #expect(harness.summary(job)?.counts.attemptsFailed == 1, "no band was published")
        harness.drop(decode, from: worker)
        harness.wait(.seconds(2))
        let again = harness.leases(of: worker)[0]
        harness.perform {
            $0.bandPublished(again, band: 0, blob: .named("short", 39), by: worker, at: $1, into: &$2)
        }
        #expect(harness.summary(job)?.counts.attemptsFailed == 2, "a band of 4 rows has 40 bytes")
    }

    @Test func `when blobs are lost the image starts over with new attempt numbers, but not for ever`() throws {
        var configuration = SchedulerConfiguration()
        configuration.maximumRestarts = 2
        let harness = try SchedulerHarness(configuration)
        let worker = try harness.connect(slots: 8)
        let job = try harness.submit("rows", rows: 8)
        harness.finish(harness.leases(of: worker)[0], on: worker)
        let chunks = harness.leases(of: worker)
        harness.perform { $0.blobsLost(of: image, at: $1, into: &$2) }
        #expect(chunks.allSatisfy { harness.revoked[$0] == .imageRestarted })
        #expect(harness.leases(of: worker).map(\.description) == ["1.0/decode#2"])
        #expect(harness.summary(job)?.counts.tasksDone == 0)

        harness.finish(chunks[0], on: worker)
        #expect(harness.counters.lateResults == 1, "a result of before comes out of order")
        let payload = BlobReference.named("1.0/chunk-0-0.payload").digest
        #expect(!harness.deleted.contains(payload), "its like may be needed again")
        harness.perform { $0.blobsLost(of: image, at: $1, into: &$2) }
        harness.perform { $0.blobsLost(of: image, at: $1, into: &$2) }
        #expect(harness.image(job)?.state == .deadLettered)
        #expect(harness.image(job)?.failure?.cause == .workerError)
    }

    @Test func `an attempt number that only another task has used is not accepted`() throws {
        let harness = try SchedulerHarness()
        let worker = try harness.connect(slots: 8)
        let job = try harness.submit("rows", rows: 8)
        harness.giveBack(harness.leases(of: worker)[0], on: worker)
        harness.wait(.seconds(1))
        harness.finish(harness.leases(of: worker)[0], on: worker)
        harness.perform { $0.blobsLost(of: image, at: $1, into: &$2) }
        #expect(harness.leases(of: worker).map(\.description) == ["1.0/decode#3"])
        harness.finish(harness.leases(of: worker)[0], on: worker)
        let chunk = harness.leases(of: worker)[0]
        #expect(chunk.description == "1.0/chunk-0-0#3")
        harness.finish(LeaseID(task: chunk.task, attempt: 2), on: worker)
        #expect(harness.counters.lateResults == 1, "that chunk had a first attempt before, but no second")
        harness.finish(chunk, on: worker)
        #expect(harness.summary(job)?.counts.tasksDone == 2)
    }

    @Test func `an assembly that fails is a dead letter, and one that comes too late changes nothing`() throws {
        let harness = try SchedulerHarness()
        let worker = try harness.connect(slots: 8)
        let job = try harness.submit("rows", rows: 8)
        while harness.assemblies.isEmpty { try harness.finishNext(on: worker) }
        harness.perform { $0.assemblyFailed(image, reason: "no space left", at: $1, into: &$2) }
        #expect(harness.image(job)?.state == .deadLettered)
        harness.assemble(image)
        #expect(harness.image(job)?.state == .deadLettered)
        #expect(harness.deleted.contains(BlobReference.named("1.0.result").digest))
    }

    @Test(arguments: [
        "gaussian-blur sigma=3", "otsu | erode size=5", "canny low=50 high=150 | invert", "rotate",
        "sobel | rotate | otsu", "sobel | crop y=700 height=90",
    ])
    func `the catalogue's plans give every chunk the rows and the value it needs`(pipeline: String) throws {
        let geometry = ImageGeometry(width: 3_000, height: 997, channelCount: 3, bitsPerSample: 8)
        let parsed = try Pipeline(parsing: pipeline)
        let plan = try ImagePlan(pipeline: parsed, image: AcceptedImage(geometry), chunkByteCount: 1 << 20)
        let expected = try ProcessingPlan(
            pipeline: parsed, input: ImageShape(geometry), chunkByteCount: 1 << 20)
        #expect(plan.bands.count > 1 && plan.stages.count == expected.stages.count)

        #expect(plan.neededBands == expected.neededBands)

        var finished: Set<Int> = []
        for task in 0..<plan.taskCount {
            #expect(plan.task(at: plan.step(task)) == task)
            // Tasks are numbered so that all that a task waits for comes before it.
            #expect(plan.dependents(ofTask: task).allSatisfy { !finished.contains(Int($0)) })
            if case .chunk(let stage, _) = plan.step(task) {
                #expect(plan.dependents(ofStage: Int(stage)).allSatisfy { $0 > task })
            }
            finished.insert(task)
        }
        for (number, stage) in expected.stages.enumerated() {
            for chunk in 0..<stage.chunks.count {
                let rows = stage.inputRows(forChunk: chunk)
                let parts = number == 0 ? expected.bands : expected.stages[number - 1].chunks
                #expect(plan.stages[number].transposedInput == stage.transposedInput)
                let slices =
                    if let layout = stage.transposedInput {
                        ImagePlan.slices(of: rows, transposed: layout) {
                            .named("\($0)", UInt64(layout.byteCount(ofPart: $0)))
                        }
                    } else {
                        ImagePlan.slices(of: rows, in: parts, bytesPerRow: stage.input.bytesPerRow) {
                            .named("\($0)", UInt64(parts[$0].count * stage.input.bytesPerRow))
                        }
                    }
                #expect(slices.reduce(0) { $0 + $1.byteCount } == UInt64(rows.count * stage.input.bytesPerRow))
                #expect(slices.allSatisfy { $0.offset + $0.byteCount <= $0.blob.byteCount })
                switch (stage.valueIndex(forChunk: chunk), plan.stages[number].prologue) {
                case (nil, .none), (0, .sharedValue): break
                case (let index, .valuePerChunk): #expect(index == chunk)
                case (let index, let prologue): Issue.record("value \(index as Any) for \(prologue)")
                }
            }
        }
    }

    @Test func `an image up to one chunk is a single task by the catalogue, a larger one is not`() throws {
        let harness = try SchedulerHarness(planner: CatalogueImagePlanner())
        let worker = try harness.connect(slots: 4)
        try harness.submit("gaussian-blur  sigma=2", rows: 100)
        #expect(harness.held[worker]?.first?.spec.pipeline == "gaussian-blur sigma=2")
        #expect(harness.steps(of: worker) == [.whole])
        let geometry = ImageGeometry(width: 10_000, height: 10_000, channelCount: 3, bitsPerSample: 8)
        let job = try harness.submit("gaussian-blur sigma=2", images: 0, sealed: false)
        try harness.add([ImageOffer(name: "large", input: .named("l"), admission: .accepted(geometry))], to: job)
        #expect(harness.steps(of: worker) == [.whole, .decode])
        harness.finish(harness.leases(of: worker)[1], on: worker)
        #expect(harness.steps(of: worker).contains(.chunk(stage: 0, index: 0)))
    }
}
