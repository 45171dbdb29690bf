import ImageFormats
import JobModel
import Pipelines
import Testing

@testable import Scheduler

/// The room for results: looked at before work is granted, and waited for without harm.
@Suite struct StorageTests {
    /// What `whole` images of 10 x 8 pixels promise to store.
    private static let need = ImagePlan.storageSlackByteCount + 88

    private func measure(_ byteCount: UInt64, _ harness: SchedulerHarness) {
        harness.perform { $0.storageMeasured(byteCount, at: $1, into: &$2) }
    }

    /// Time passes, and the shell looks once a second.
    private func wait(_ seconds: Int, with byteCount: UInt64, _ harness: SchedulerHarness) {
        for _ in 0..<seconds {
            harness.wait(.seconds(1), progressing: false)
            measure(byteCount, harness)
        }
    }

    @Test(arguments: [(1_000, 1_000), (257, 1), (1, 30_000), (30_000, 255), (20_001, 20_001), (300, 70_000)])
    func `a pyramid's levels and the empty parts of its tiles are counted`(width: Int, height: Int) {
        let format = TIFFFormat(compression: .none, isPyramid: true)
        let layout = format.output(ImageShape(width: width, height: height, format: PixelFormat(.rgb, .eight)))
        let stored = (0..<layout.rowCount).reduce(0) { sum, row in
            layout.levels.reduce(sum) { sum, level in
                let rows = level.rowCount(ofImageRows: layout.imageRowCount(ofRow: row))
                return sum + level.tableByteCount + level.columnCount * level.pieceByteCount(ofRows: rows)
            }
        }
        let geometry = ImageGeometry(
            width: UInt32(width), height: UInt32(height), channelCount: 3, bitsPerSample: 8)
        var plan = ImagePlan(whole: geometry, output: geometry)
        plan.coding.encoding = "tiff compression=none pyramid"
        let promised = plan.storageByteCount(of: 0)
        #expect(promised >= UInt64(stored))
        // Above it by no more than tiles that are empty but for a column, which a level may have.
        #expect(promised <= 2 * UInt64(stored) + ImagePlan.storageSlackByteCount + 1 << 20)
    }

    @Test func `before the room was measured there is no limit`() throws {
        let harness = try SchedulerHarness()
        let worker = try harness.connect(slots: 4)
        try harness.submit(images: 4)
        #expect(harness.leases(of: worker).count == 4)
        #expect(harness.shortage == nil)
    }

    @Test func `as much work is granted as finds a place`() throws {
        let harness = try SchedulerHarness()
        measure(2 * Self.need, harness)
        let worker = try harness.connect(slots: 8)
        let job = try harness.submit(images: 5)
        #expect(harness.leases(of: worker).count == 2)
        let shortage = try #require(harness.shortage)
        #expect(shortage.need == 3 * Self.need && shortage.have == 2 * Self.need)
        // Stored results take room until it is measured again; then it is as much as somebody made.
        try harness.finishNext(on: worker)
        #expect(harness.leases(of: worker).count == 1)
        wait(2, with: 2 * Self.need, harness)
        #expect(harness.leases(of: worker).count == 2)
        for _ in 0..<20 where harness.state(job)?.isFinal != true {
            harness.workOff(on: [worker])
            wait(1, with: 2 * Self.need, harness)
        }
        #expect(harness.state(job) == .done)
        #expect(harness.summary(job)?.counts.attemptsFailed == 0)
    }

    @Test func `nothing is granted on a full disk, and everything continues by itself when there is room`() throws {
        let harness = try SchedulerHarness()
        measure(0, harness)
        let worker = try harness.connect(slots: 2)
        let job = try harness.submit(images: 3)
        wait(300, with: 0, harness)
        #expect(harness.leases(of: worker).isEmpty)
        #expect(harness.shortage?.have == 0)
        #expect(harness.summary(job)?.counts.attemptsFailed == 0)
        for _ in 0..<5 {
            wait(1, with: 1 << 30, harness)
            harness.workOff(on: [worker])
        }
        #expect(harness.state(job) == .done)
    }

    @Test func `the shortage is told once at its beginning and once at its end`() throws {
        let harness = try SchedulerHarness()
        measure(Self.need, harness)
        let worker = try harness.connect(slots: 2)
        let job = try harness.submit(images: 2)
        var tellings: [Bool] = []
        var known = harness.shortage != nil
        #expect(known)
        for second in 0..<40 {
            wait(1, with: second < 5 ? 0 : 1 << 20, harness)
            let isShort = harness.shortage != nil
            if isShort != known {
                tellings.append(isShort)
                #expect(harness.latest.actions.contains(.jobChanged(job)), "its watchers hear of it")
            }
            known = isShort
        }
        #expect(tellings == [false])
        harness.workOff(on: [worker])
        #expect(harness.state(job) == .done)
    }

    @Test func `a disk that is just about full is not reported again and again`() throws {
        let harness = try SchedulerHarness()
        measure(1 << 30, harness)
        let worker = try harness.connect(slots: 1)
        try harness.submit(images: 1)
        #expect(harness.leases(of: worker).count == 1)
        var changes = 0
        var known = false
        for second in 0..<60 {
            wait(1, with: second % 3 == 0 ? 0 : 1 << 30, harness)
            let isShort = harness.shortage != nil
            changes += isShort == known ? 0 : 1
            known = isShort
        }
        #expect(changes == 1 && known)
    }

    @Test func `an attempt whose worker waits for room is not taken for hung`() throws {
        let harness = try SchedulerHarness()
        measure(1 << 30, harness)
        let worker = try harness.connect()
        let job = try harness.submit()
        #expect(harness.leases(of: worker).count == 1)
        // Somebody else fills the disk, and the result finds no place for ten minutes.
        wait(600, with: 10, harness)
        #expect(harness.leases(of: worker).count == 1)
        #expect(harness.shortage?.have == 10)
        wait(30, with: 1 << 30, harness)
        #expect(harness.shortage == nil)
        #expect(harness.leases(of: worker).count == 1, "it has its whole time again")
        try harness.finishNext(on: worker)
        #expect(harness.state(job) == .done)
        #expect(harness.summary(job)?.counts.attemptsFailed == 0)
    }

    @Test func `an attempt that hangs after the shortage ends as before`() throws {
        let harness = try SchedulerHarness()
        measure(1 << 30, harness)
        let worker = try harness.connect()
        let job = try harness.submit()
        wait(100, with: 0, harness)
        wait(120, with: 1 << 30, harness)
        #expect(harness.summary(job)?.counts.attemptsFailed == 1)
        #expect(harness.leases(of: worker).isEmpty || harness.leases(of: worker)[0].attempt > 1)
    }

    @Test func `an attempt that hangs while others wait for room ends`() throws {
        let harness = try SchedulerHarness()
        measure(Self.need, harness)
        let worker = try harness.connect()
        let job = try harness.submit(images: 2)
        #expect(harness.leases(of: worker).count == 1, "there is room for one result")
        // What the attempt itself will store finds its place.
        wait(120, with: Self.need, harness)
        #expect(harness.shortage != nil)
        #expect(harness.summary(job)?.counts.attemptsFailed == 1)
    }

    @Test func `an image is put off although an attempt waits for room`() throws {
        let harness = try SchedulerHarness()
        measure(1 << 30, harness)
        let worker = try harness.connect(slots: 4)
        let job = try harness.submit("rows", images: 2, rows: 16)
        let waiting = try harness.submit("whole")
        let decodes = harness.leases(of: worker).filter { $0.task.image.job == job }
        #expect(decodes.count == 2)
        measure(0, harness)
        for lease in decodes { harness.finish(lease, on: worker) }
        #expect(harness.leases(of: worker).map(\.task.image.job) == [waiting])
        wait(70, with: 0, harness)
        #expect(harness.journal.filter { $0.kind == .imageRestarted } == [.imageRestarted(ImageID(job: job, index: 1))])
        #expect(harness.leases(of: worker).map(\.task.image.job) == [waiting])
    }

    @Test func `a long queue is not gone through again and again`() throws {
        let harness = try SchedulerHarness()
        harness.checksReplay = false
        measure(0, harness)
        let worker = try harness.connect(slots: 1)
        let job = try harness.submit(images: 2_000)
        for _ in 0..<50 {
            harness.beat(worker)
            #expect(harness.counters.tasksReady >= 2_000 - 64)
        }
        wait(5, with: 0, harness)
        #expect(harness.counters.tasksReady >= 2_000 - 128)
        for _ in 0..<5 {
            wait(1, with: 1 << 40, harness)
            harness.workOff(on: [worker])
        }
        #expect(harness.state(job) == .done)
    }

    @Test func `a task that finds no room does not hold up smaller ones behind it`() throws {
        let harness = try SchedulerHarness()
        measure(Self.need, harness)
        let worker = try harness.connect(slots: 1)
        // Its decoder stores 40,000 bytes more than there are.
        let large = try harness.submit("rows", rows: 4_000)
        let small = try harness.submit("whole", by: "bob")
        #expect(harness.images(of: worker).count == 1 && harness.leases(of: worker)[0].task.image.job == small)
        harness.workOff(on: [worker])
        #expect(harness.state(small) == .done && harness.state(large) == .running)
        #expect(harness.image(large)?.state == .waiting)
    }

    @Test func `a large image is begun only if its rows find a place`() throws {
        let harness = try SchedulerHarness()
        // Two bands of four rows of ten bytes.
        let bands = ImagePlan.storageSlackByteCount + 80
        measure(bands - 1, harness)
        let worker = try harness.connect(slots: 4)
        let job = try harness.submit("rows", rows: 8)
        #expect(harness.leases(of: worker).isEmpty)
        wait(2, with: bands, harness)
        let decode = try #require(harness.leases(of: worker).first)
        // What is published is stored and no longer promised.
        harness.publish(0, of: decode, on: worker)
        #expect(harness.storage.promised == bands - 40)
        for _ in 0..<20 where harness.state(job)?.isFinal != true {
            harness.workOff(on: [worker])
            wait(1, with: 1 << 20, harness)
        }
        #expect(harness.state(job) == .done)
        #expect(harness.storage.promised == 0, "nothing is promised when nothing is under way")
    }

    @Test func `what was promised is free again, however an attempt ends`() throws {
        let harness = try SchedulerHarness()
        measure(1 << 30, harness)
        let worker = try harness.connect(slots: 4)
        let job = try harness.submit("rows", images: 3, rows: 8)
        let leases = harness.leases(of: worker)
        harness.fail(leases[0], on: worker, .rankLost)
        harness.giveBack(leases[1], on: worker)
        harness.disconnect(worker)
        try harness.cancel(job)
        #expect(harness.storage.promised == 0)
        #expect(harness.assemblies.isEmpty)
    }

    @Test func `an image that is put together is promised its room, and gives it back when its job is cancelled`()
        throws
    {
        let harness = try SchedulerHarness()
        measure(1 << 30, harness)
        let worker = try harness.connect(slots: 4)
        let job = try harness.submit("rows", rows: 8)
        while harness.assemblies.isEmpty { try harness.finishNext(on: worker) }
        #expect(harness.storage.promised == ImagePlan.storageSlackByteCount + 200)
        try harness.cancel(job)
        #expect(harness.storage.promised == 0)
    }

    @Test func `sizes that a worker invents do not change what is promised`() throws {
        let harness = try SchedulerHarness()
        measure(1 << 30, harness)
        let worker = try harness.connect(slots: 1)
        try harness.submit(images: 2)
        let lease = harness.leases(of: worker)[0]
        harness.drop(lease, from: worker)
        let huge = BlobReference.named("huge", .max)
        harness.perform {
            $0.taskFinished(
                lease, by: worker, output: TaskOutput(payload: huge, summary: huge, metadata: huge), at: $1, into: &$2)
        }
        #expect(harness.storage.byteCount == 1 << 30, "nothing was believed to be stored")
        #expect(harness.storage.promised == Self.need, "what the other image will store")
    }

    @Test func `images that filled the disk together make room for the first of them`() throws {
        let harness = try SchedulerHarness()
        measure(1 << 30, harness)
        let worker = try harness.connect(slots: 4)
        let job = try harness.submit("rows", images: 2, rows: 16)
        let decodes = harness.leases(of: worker)
        #expect(decodes.count == 2)
        measure(0, harness)
        for lease in decodes { harness.finish(lease, on: worker) }
        #expect(harness.leases(of: worker).isEmpty, "the disk is full of their rows")
        wait(50, with: 0, harness)
        #expect(!harness.journal.contains { $0.kind == .imageRestarted })
        wait(20, with: 0, harness)
        #expect(harness.journal.filter { $0.kind == .imageRestarted } == [.imageRestarted(ImageID(job: job, index: 1))])
        #expect(harness.image(job, 0)?.state == .running && harness.image(job, 1)?.state == .waiting)
        for _ in 0..<60 where harness.state(job)?.isFinal != true {
            harness.workOff(on: [worker])
            wait(1, with: 1 << 20, harness)
        }
        #expect(harness.state(job) == .done)
        #expect(harness.counters.imagesPutOff == 1)
    }

    @Test func `many tasks that find no room do not hold up another job's`() throws {
        let harness = try SchedulerHarness()
        measure(2 * Self.need, harness)
        let worker = try harness.connect(slots: 1)
        let large = try harness.submit("whole", images: 500, by: "ann", rows: 100_000)
        let small = try harness.submit("whole", images: 3, by: "bob")
        for _ in 0..<10 where harness.state(small) != .done {
            harness.workOff(on: [worker])
            wait(1, with: 2 * Self.need, harness)
        }
        #expect(harness.state(small) == .done)
        #expect(harness.state(large) == .running && harness.summary(large)?.counts.imagesDone == 0)
        for _ in 0..<1_000 where harness.state(large) != .done {
            harness.workOff(on: [worker])
            wait(1, with: 1 << 30, harness)
        }
        #expect(harness.state(large) == .done)
    }

    @Test func `promises add up to what they are, and never beyond`() {
        var room = StorageRoom()
        room.promise(.max)
        room.promise(5)
        #expect(!room.fits(1) || room.byteCount == nil)
        _ = room.measured(100, at: .zero)
        #expect(!room.fits(0) && room.shortage?.need == .max)
        room.release(.max, stored: .max)
        #expect(room.promised == 0 && room.byteCount == 0)
        room.release(7, stored: 0)
        #expect(room.promised == 0)
    }
}
