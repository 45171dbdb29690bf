import JobModel
import SeededRandom
import Testing

@testable import Scheduler

@Suite struct OrderTests {
    /// Works off everything on one slot without staging, and returns the jobs in the order in which they were served.
    private func served(_ harness: SchedulerHarness, on worker: WorkerID, limit: Int = 10_000) -> [UInt64] {
        var order: [UInt64] = []
        while order.count < limit, let lease = harness.leases(of: worker).first {
            order.append(lease.task.image.job.rawValue)
            harness.finish(lease, on: worker)
        }
        return order
    }

    private func harness() throws -> SchedulerHarness {
        var configuration = SchedulerConfiguration()
        configuration.prefetchPerSlot = 0
        return try SchedulerHarness(configuration)
    }

    @Test func `higher priority goes first`() throws {
        let harness = try harness()
        try harness.submit(images: 2, by: "ann", priority: 0)
        try harness.submit(images: 2, by: "ann", priority: -5)
        try harness.submit(images: 2, by: "bob", priority: 7)
        let worker = try harness.connect()
        #expect(served(harness, on: worker) == [3, 3, 1, 1, 2, 2])
    }

    @Test func `a submitter's jobs, their images and the images' tasks come in order`() throws {
        let harness = try harness()
        try harness.submit("rows", images: 2, rows: 8)
        try harness.submit(images: 1)
        let worker = try harness.connect()
        var order: [String] = []
        while let lease = harness.leases(of: worker).first {
            order.append(lease.task.description)
            harness.finish(lease, on: worker)
        }
        #expect(
            order == [
                "1.0/decode", "1.0/chunk-0-0", "1.0/chunk-0-1", "1.1/decode", "1.1/chunk-0-0", "1.1/chunk-0-1",
                "2.0/whole",
            ])
    }

    @Test func `a small job overtakes another submitter's large batch`() throws {
        let harness = try harness()
        harness.checksReplay = false
        try harness.submit(images: 2_000, by: "batch")
        let worker = try harness.connect()
        _ = served(harness, on: worker, limit: 500)
        try harness.submit(images: 3, by: "small")
        #expect(served(harness, on: worker, limit: 7).filter { $0 == 2 }.count == 3, "every other slot is its own")
    }

    @Test func `submitters share by pixels, not by images`() throws {
        let harness = try harness()
        try harness.submit(images: 60, by: "large", rows: 30)
        try harness.submit(images: 60, by: "small", rows: 10)
        let worker = try harness.connect()
        let order = served(harness, on: worker, limit: 40)
        #expect((29...31).contains(order.filter { $0 == 2 }.count), "three small images for each large one")
    }

    @Test func `a newcomer gets its share from now on, not for the time before`() throws {
        let harness = try harness()
        try harness.submit(images: 100, by: "old")
        let worker = try harness.connect()
        _ = served(harness, on: worker, limit: 50)
        try harness.submit(images: 100, by: "new")
        let order = served(harness, on: worker, limit: 41)
        #expect((19...22).contains(order.filter { $0 == 2 }.count))
    }

    @Test func `a submitter that was idle has saved nothing up`() throws {
        let harness = try harness()
        try harness.submit(images: 1, by: "visitor")
        try harness.submit(images: 200, by: "resident")
        let worker = try harness.connect()
        _ = served(harness, on: worker, limit: 101)
        try harness.submit(images: 50, by: "visitor")
        let order = served(harness, on: worker, limit: 21)
        #expect((9...12).contains(order.filter { $0 == 3 }.count))
    }

    @Test func `shares of submitters that have gone are swept out`() throws {
        var queue = TaskQueue()
        for number in 1...UInt64(5_000) {
            let job = JobDescription(
                id: JobID(number), token: "", submitter: "s\(number)", priority: 0, pipeline: "", options: JobOptions(),
                submittedAt: 0)
            queue.open(job)
            queue.add(unstarted: 1, to: job.id)
            #expect(queue.popFirst { _ in true }?.job == job.id)
            queue.charge(job.id, pixels: 1)
            queue.close(job.id)
        }
        #expect(queue.count == 0)
        #expect(queue.shareCount < 2_100)
    }

    @Test func `a revocable heap gives its members in order, whatever was removed between`() {
        var random = SeededGenerator(seed: 7)
        var heap = RevocableHeap<Int>()
        var model: Set<Int> = []
        for _ in 0..<5_000 {
            let value = Int.random(in: 0..<200, using: &random)
            switch Int.random(in: 0..<4, using: &random) {
            case 0, 1: #expect(heap.insert(value) == model.insert(value).inserted)
            case 2: #expect(heap.remove(value) == (model.remove(value) != nil))
            default:
                #expect(heap.last() == model.max())
                #expect(heap.first() == model.min())
                if let least = heap.popFirst() { model.remove(least) }
            }
            #expect(heap.count == model.count)
        }
    }
}
