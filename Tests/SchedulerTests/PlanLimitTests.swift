import ImagingModel
import JobModel
import Pipelines
import Testing

@testable import Scheduler

/// How much a plan may take of the master, whatever a file claims and whatever size of chunks a client asks for.
@Suite struct PlanLimitTests {
    private static let tall = ImageGeometry(width: 1, height: 1_000_000, channelCount: 1, bitsPerSample: 8)

    private func harness(_ maximumTasks: Int = 250_000) throws -> SchedulerHarness {
        var configuration = SchedulerConfiguration()
        configuration.maximumTasksPerImage = maximumTasks
        return try SchedulerHarness(configuration, planner: CatalogueImagePlanner())
    }

    @discardableResult
    private func submit(
        to harness: SchedulerHarness, _ pipeline: String, _ geometry: ImageGeometry, chunkByteCount: UInt64,
        images: Int = 1
    ) throws -> JobID {
        let opening = JobOpening(
            token: "\(harness.journal.count)", submitter: "ann", pipeline: pipeline,
            options: JobOptions(chunkByteCount: chunkByteCount))
        let job = try harness.perform { scheduler, now, decision throws(SchedulerRefusal) in
            try scheduler.jobOpened(opening, at: now, into: &decision)
        }
        let offers = (0..<images).map { position in
            let lower = ImageGeometry(
                width: geometry.width, height: geometry.height - UInt32(position), channelCount: geometry.channelCount,
                bitsPerSample: geometry.bitsPerSample)
            return ImageOffer(name: "tall \(position)", input: .named("\(position)", 67), admission: .accepted(lower))
        }
        try harness.add(offers, to: job)
        try harness.seal(job)
        return job
    }

    // MARK: Arithmetic

    @Test(arguments: [
        "invert", "box-blur size=255", "gaussian-blur sigma=3 | sobel", "otsu | erode size=5", "canny | invert",
        "rotate degrees=90", "sobel | rotate degrees=90 | otsu", "flip | median size=9", "resize scale=0.3",
        "resize scale=2.5 | sobel", "crop y=700 height=90", "components output=json", "rotate degrees=90 | contours",
    ])
    func `the size of a plan is computed without making it, and never too small`(pipeline: String) throws {
        let parsed = try Pipeline(parsing: pipeline)
        for (width, height, channels) in [(3_000, 997, 3), (7, 20_011, 1), (20_011, 7, 1), (640, 4_096, 4)] {
            for chunkByteCount in [1_024, 40_000, 1 << 20, 1 << 30] {
                let geometry = ImageGeometry(
                    width: UInt32(width), height: UInt32(height), channelCount: UInt8(channels), bitsPerSample: 8)
                guard let shape = try? ImageShape(geometry),
                    let plan = try? ProcessingPlan(pipeline: parsed, input: shape, chunkByteCount: chunkByteCount)
                else { continue }
                let made = try ImagePlan(
                    pipeline: parsed, image: AcceptedImage(geometry), chunkByteCount: UInt64(chunkByteCount))
                let size = plan.size
                #expect(size.taskCount == made.taskCount)
                #expect(size.largestValueCount == made.size.largestValueCount)
                #expect(size.dependencyCount >= made.size.dependencyCount, "\(width) x \(height), \(chunkByteCount)")
                // From above, but of the same order: honest images are not refused for it.
                #expect(
                    size.dependencyCount <= 3 * made.size.dependencyCount + 3 * made.taskCount + 3 * slices(of: made))
            }
        }
    }

    /// The parts that chunks behind an aggregation or a quarter turn read, though they wait for one product.
    private func slices(of plan: ImagePlan) -> Int {
        zip(plan.stages.dropFirst(), plan.stages).reduce(0) { sum, stages in
            let (stage, before) = stages
            guard stage.transposedInput == nil else { return sum + stage.chunks.count * before.chunks.count }
            return sum + stage.inputRows.reduce(0) { $0 + before.chunks.indices(overlapping: $1).count }
        }
    }

    @Test func `a claim of any size costs the same little time`() throws {
        let pipeline = try Pipeline(
            parsing: "box-blur size=255 | rotate degrees=90 | canny | median size=31 | sobel")
        let shape = ImageShape(width: 60_000, height: 60_000, format: PixelFormat(.gray, .eight))
        let clock = ContinuousClock()
        let elapsed = try clock.measure {
            for _ in 0..<20 {
                let size = try ProcessingPlan(pipeline: pipeline, input: shape, chunkByteCount: 1_024).size
                #expect(size.taskCount > 100_000 && size.dependencyCount > 10_000_000)
            }
        }
        // A debug build on a busy machine; the plans themselves would take minutes and gigabytes.
        #expect(elapsed < .seconds(5))
    }

    // MARK: Admission

    @Test(arguments: ["invert", "box-blur size=255", "box-blur size=255|box-blur size=255|box-blur size=255", "canny"])
    func `an image whose plan would be too large is refused with value, limit and a chunk size that does`(
        pipeline: String
    ) throws {
        let harness = try harness()
        let job = try submit(to: harness, pipeline, Self.tall, chunkByteCount: 1)
        let failure = try #require(harness.image(job)?.failure)
        #expect(failure.cause == .overLimit)
        for word in ["1 x 1000000", "chunks of 1 bytes", "250000 tasks", "--chunk-bytes "] {
            #expect(failure.reason.contains(word), "\(failure.reason)")
        }
        #expect(harness.state(job) == .failed)
        // What it says is true.
        let suggestion = try #require(
            failure.reason.split(separator: "--chunk-bytes ").last?.split(separator: " ").first)
        let chunkByteCount = try #require(UInt64(suggestion))
        let again = try submit(to: harness, pipeline, Self.tall, chunkByteCount: chunkByteCount)
        #expect(harness.image(again)?.state == .waiting)
        let half = try submit(to: harness, pipeline, Self.tall, chunkByteCount: chunkByteCount / 2)
        #expect(harness.image(half)?.state == .failed, "it is the smallest power of two that does")
    }

    @Test func `tasks, parts and values each have a limit of their own`() {
        let limits = PlanLimits(maximumTasks: 100)
        func admits(_ tasks: Int, _ parts: Int, _ values: Int) -> Bool {
            limits.admits(PlanSize(taskCount: tasks, dependencyCount: parts, largestValueCount: values))
        }
        #expect(admits(100, 1_600, 8_192))
        #expect(!admits(101, 0, 0))
        #expect(!admits(1, 1_601, 0))
        #expect(!admits(1, 0, 8_193))
        #expect(!admits(.max, .max, .max))
    }

    @Test func `the largest images that are allowed have plans by the default chunk size`() throws {
        // 4 gigapixels of 8 bytes each, through 20 whole-image operations.
        let geometry = ImageGeometry(width: 63_245, height: 63_245, channelCount: 4, bitsPerSample: 16)
        let pipeline = Array(repeating: "equalize", count: 20).joined(separator: " | ")
        let size = try ProcessingPlan(
            pipeline: Pipeline(parsing: pipeline), input: ImageShape(geometry), chunkByteCount: 16 << 20
        ).size
        #expect(PlanLimits(maximumTasks: SchedulerConfiguration().maximumTasksPerImage).admits(size), "\(size)")
    }

    @Test func `a batch of large plans is admitted without making one`() throws {
        let harness = try harness(1_000_000)
        harness.checksReplay = false
        let clock = ContinuousClock()
        var job = JobID(0)
        // With a plan for each it took seconds, and gigabytes that were kept.
        let elapsed = try clock.measure {
            job = try submit(to: harness, "invert", Self.tall, chunkByteCount: 4, images: 100)
        }
        #expect(harness.summary(job)?.counts.images == 100)
        #expect(harness.summary(job)?.counts.tasksTotal ?? 0 > 20_000_000)
        #expect(elapsed < .seconds(3))
    }

    @Test func `what the shell has computed is not computed again, and still compared`() throws {
        let harness = try harness()
        let job = try harness.submit("invert", images: 0, sealed: false)
        let size = PlanSize(taskCount: 250_001, dependencyCount: 0, largestValueCount: 0)
        let geometry = ImageGeometry(width: 10, height: 10, channelCount: 1, bitsPerSample: 8)
        try harness.add(
            [ImageOffer(name: "large", input: .named("a"), admission: .accepted(geometry), planSize: size)], to: job)
        #expect(harness.image(job)?.failure?.cause == .overLimit)
    }

    // MARK: Memory

    @Test func `remembered plans are bounded by their bytes`() throws {
        var planner = CatalogueImagePlanner()
        var largest = 0
        for height in 0..<40 {
            let geometry = ImageGeometry(
                width: 1_000, height: UInt32(60_000 - height), channelCount: 1, bitsPerSample: 8)
            let plan = try planner.plan(pipeline: "invert", image: AcceptedImage(geometry), chunkByteCount: 1_024)
            largest = max(largest, plan.byteCount)
            #expect(planner.rememberedByteCount <= max(CatalogueImagePlanner.maximumRememberedByteCount, largest))
        }
        #expect(largest > CatalogueImagePlanner.maximumRememberedByteCount / 20, "some had to go")
        let small = ImageGeometry(width: 10, height: 10, channelCount: 1, bitsPerSample: 8)
        _ = try planner.plan(pipeline: "invert", image: AcceptedImage(small), chunkByteCount: 1 << 24)
        #expect(planner.rememberedByteCount > 0)
    }

    @Test func `the plans of images that were begun are bounded together, and all images end`() throws {
        var configuration = SchedulerConfiguration()
        configuration.maximumTasksReady = 10
        let harness = try SchedulerHarness(configuration)
        let worker = try harness.connect(slots: 8)
        // Each has a decode and four chunks.
        let job = try harness.submit("rows", images: 5, rows: 16)
        for _ in 0..<60 where harness.state(job)?.isFinal != true {
            #expect(harness.begunTasks <= 10)
            harness.workOff(on: [worker])
            harness.wait(.seconds(1))
        }
        #expect(harness.state(job) == .done)
        #expect(harness.begunTasks == 0)
    }

    @Test func `an image beyond that bound is begun when it is the only one`() throws {
        var configuration = SchedulerConfiguration()
        configuration.maximumTasksReady = 3
        let harness = try SchedulerHarness(configuration)
        let worker = try harness.connect(slots: 8)
        let job = try harness.submit("rows", rows: 16)
        harness.workOff(on: [worker])
        #expect(harness.state(job) == .done)
    }

    @Test func `a plan in smaller chunks for small workers is bounded, too`() throws {
        let harness = try harness(300)
        let geometry = ImageGeometry(width: 4_000, height: 4_000, channelCount: 3, bitsPerSample: 8)
        let job = try submit(to: harness, "invert", geometry, chunkByteCount: 16 << 20)
        try harness.connect(slots: 1, memory: (64 << 20) + (300 << 10))
        let failure = try #require(harness.dead(ImageID(job: job, index: 0))?.failure)
        #expect(failure.cause == .overLimit)
        #expect(!harness.journal.contains { $0.kind == .imageReplanned })
    }
}
