import JobModel
import Testing

@testable import Scheduler

/// What the master tells of a result that is being computed.
@Suite struct PartialResultTests {
    private let image = ImageID(job: JobID(1), index: 0)

    /// The rows that are told, in order.
    private func rows(_ harness: SchedulerHarness, from row: UInt32 = 0, limit: Int = 100) -> [Range<UInt32>] {
        harness.partial(image, from: row, limit: limit)?.finished.map(\.rows) ?? []
    }

    private func chunk(_ index: UInt32, stage: UInt16 = 0, of worker: WorkerID, _ harness: SchedulerHarness) throws
        -> LeaseID
    {
        try #require(harness.leases(of: worker).first { $0.task.step == .chunk(stage: stage, index: index) })
    }

    @Test func `rows are told as their chunks end, in the order of the image`() throws {
        let harness = try SchedulerHarness()
        let worker = try harness.connect(slots: 8)
        try harness.submit("rows", rows: 14)
        harness.finish(harness.leases(of: worker)[0], on: worker)
        #expect(rows(harness) == [])
        for index in [UInt32(3), 1] { harness.finish(try chunk(index, of: worker, harness), on: worker) }
        let partial = try #require(harness.partial(image))
        #expect(partial.state == .running && partial.result == nil && partial.nextRow == nil)
        #expect(partial.output == harness.image(JobID(1))?.geometry)
        #expect(partial.finished.map(\.rows) == [4..<8, 12..<14])
        #expect(
            partial.finished.map(\.segments) == [
                .named("1.0/chunk-0-1.payload", 100), .named("1.0/chunk-0-3.payload", 100),
            ])
    }

    @Test func `what is told is what the file is put together of`() throws {
        let harness = try SchedulerHarness()
        let worker = try harness.connect(slots: 8)
        try harness.submit("shared", rows: 20)
        harness.workOffKeepingAssemblies(on: [worker], mistakes: [:])
        let partial = try #require(harness.partial(image))
        let assembly = try #require(harness.assemblies[image])
        #expect(partial.finished.map(\.segments) == assembly.parts.map(\.segment))
        #expect(partial.finished.map(\.checksum) == assembly.parts.map(\.checksum))
        #expect(partial.finished.map(\.rows) == [0..<8, 8..<16, 16..<20])
        #expect(partial.run == assembly.run)
        harness.assemble(image)
        let done = try #require(harness.partial(image))
        #expect(done.state == .done && done.finished.isEmpty && done.output == nil)
        #expect(done.result == .named("\(image).result"))
    }

    @Test func `chunks of earlier stages are not parts of the result`() throws {
        let harness = try SchedulerHarness()
        let worker = try harness.connect(slots: 8)
        try harness.submit("shared", rows: 16)
        harness.finish(harness.leases(of: worker)[0], on: worker)
        for index in UInt32(0)..<4 { harness.finish(try chunk(index, of: worker, harness), on: worker) }
        #expect(rows(harness) == [])
    }

    @Test func `a small image and a document have no parts`() throws {
        for pipeline in ["whole", "report"] {
            let harness = try SchedulerHarness()
            let worker = try harness.connect(slots: 8)
            try harness.submit(pipeline, rows: 16)
            if pipeline == "report" { harness.finish(harness.leases(of: worker)[0], on: worker) }
            let partial = try #require(harness.partial(image))
            #expect(partial.state == .running && partial.output == nil && partial.finished.isEmpty)
        }
    }

    @Test func `an image that starts over has no parts of its earlier run`() throws {
        let harness = try SchedulerHarness()
        let worker = try harness.connect(slots: 8)
        try harness.submit("rows", rows: 16)
        harness.finish(harness.leases(of: worker)[0], on: worker)
        harness.finish(try chunk(2, of: worker, harness), on: worker)
        let before = try #require(harness.partial(image))
        #expect(before.finished.count == 1)
        harness.perform { $0.blobsLost(of: image, at: $1, into: &$2) }
        let after = try #require(harness.partial(image))
        #expect(after.finished.isEmpty && after.run > before.run)
    }

    @Test func `parts survive a restart of the master`() throws {
        let harness = try SchedulerHarness()
        let worker = try harness.connect(slots: 8)
        try harness.submit("rows", rows: 16)
        harness.finish(harness.leases(of: worker)[0], on: worker)
        harness.finish(try chunk(2, of: worker, harness), on: worker)
        let before = harness.partial(image)
        try harness.restart()
        #expect(harness.partial(image) == before)
    }

    @Test func `a chunk that is audited is told when another worker has agreed`() throws {
        let harness = try SchedulerHarness(AuditTests.configuration())
        let worker = try harness.connect(slots: 8)
        let auditor = try harness.connect("auditor", slots: 8)
        try harness.submit("rows", rows: 8, audit: .all)
        let isChunk = { (lease: LeaseID) in lease.task.step == .chunk(stage: 0, index: 0) }
        var authors: [WorkerID] = []
        while authors.count < 2 {
            let holder = try #require([worker, auditor].first { !harness.leases(of: $0).isEmpty })
            let lease = try #require(harness.leases(of: holder).first)
            harness.finish(lease, on: holder)
            guard isChunk(lease) else { continue }
            authors.append(holder)
            #expect(rows(harness).contains(0..<4) == (authors.count == 2))
        }
        #expect(authors[0] != authors[1])
        harness.workOffKeepingAssemblies(on: [worker, auditor], mistakes: [:])
        #expect(rows(harness) == [0..<4, 4..<8])
    }

    @Test func `an answer has a bound, and the next one begins where it ends`() throws {
        let harness = try SchedulerHarness()
        let worker = try harness.connect(slots: 16)
        try harness.submit("rows", rows: 40)
        harness.finish(harness.leases(of: worker)[0], on: worker)
        for index in [UInt32(0), 1, 4, 9] { harness.finish(try chunk(index, of: worker, harness), on: worker) }
        var (told, next): ([Range<UInt32>], UInt32?) = ([], 0)
        var pages = 0
        while let row = next {
            let page = try #require(harness.partial(image, from: row, limit: 2))
            #expect(page.finished.count <= 2)
            told += page.finished.map(\.rows)
            next = page.nextRow
            pages += 1
        }
        #expect(told == [0..<4, 4..<8, 16..<20, 36..<40])
        #expect(pages == 2 || pages == 3)
        #expect(rows(harness, from: 6) == [4..<8, 16..<20, 36..<40], "a chunk that has the row is one of them")
        #expect(rows(harness, from: 40) == [] && rows(harness, from: .max) == [])
        #expect(harness.partial(ImageID(job: JobID(1), index: 1)) == nil)
    }

    @Test func `of an image with very many chunks, one answer looks at some`() throws {
        let harness = try SchedulerHarness()
        harness.checksReplay = false
        let worker = try harness.connect(slots: 2)
        let height = UInt32(4 * (Scheduler.examinedChunks + 10))
        try harness.submit("rows", rows: height)
        harness.finish(harness.leases(of: worker)[0], on: worker)
        let page = try #require(harness.partial(image))
        #expect(page.finished.isEmpty && page.nextRow == UInt32(4 * Scheduler.examinedChunks))
    }
}
