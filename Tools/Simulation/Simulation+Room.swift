import ImagingModel
import JobModel
import MasterMachine
import Pipelines
import Scheduler
import SeededRandom

/// What a seed draws about room: on the disk, in the records, and for one image's plan. A generator of its own, so that the seed draws
/// the same for everything else.
struct RoomOptions: CustomStringConvertible {
    /// The master's disk is full now and then.
    let fillsDisk: Bool
    /// Bytes of rows of images under way that the disk takes; `nil` if they do not matter. Enough for the largest image, and not for
    /// all that may be begun together.
    let rowRoom: UInt64?
    /// Tasks that one image may have.
    let maximumTasksPerImage: Int
    let heldTasksPerJob: Int
    /// Jobs in the records; of more, the oldest that ended give way.
    let maximumKeptJobs: Int
    /// How long they are kept in any case.
    let keepAtLeast: Duration
    /// Clients that vanish may stay connected, and be silent.
    let hasSilentClients: Bool

    /// Whether the master needs to look.
    var isLimited: Bool { fillsDisk || rowRoom != nil }

    init(seed: UInt64, isShareTrial: Bool) {
        var random = SeededGenerator(seed: seed &* 0x9e37_79b9_7f4a_7c15)
        fillsDisk = !isShareTrial && random.happens(onceIn: 3)
        maximumTasksPerImage = !isShareTrial && random.happens(onceIn: 4) ? random.draw(1...8) : 250_000
        maximumKeptJobs = !isShareTrial && random.happens(onceIn: 4) ? random.draw(1...4) : 100_000
        keepAtLeast = .seconds(random.draw(1...20))
        hasSilentClients = !isShareTrial && random.happens(onceIn: 3)
        heldTasksPerJob = random.draw(1...4)
        rowRoom = !isShareTrial && random.happens(onceIn: 5) ? UInt64(random.draw(6...9)) << 20 : nil
    }

    var description: String {
        (fillsDisk ? "disk fills up, " : "") + (rowRoom.map { "rows to \($0), " } ?? "")
            + "tasks of an image to \(maximumTasksPerImage), kept jobs to "
            + "\(maximumKeptJobs) for \(keepAtLeast) at least\(hasSilentClients ? ", silent clients" : "")"
    }
}

// The master's disk, which somebody else fills now and then. Of what is stored only rows of images under way take room of it, where
// a seed draws how many bytes of them there may be.

extension Simulation {
    static var idleTimeout: Duration { .seconds(90) }
    private static var ampleRoom: UInt64 { 1 << 40 }
    private static var lookInterval: Duration { .seconds(1) }
    /// How long a peer is asked to wait for room.
    static var roomRetryInterval: Duration { .seconds(10) }

    /// Bytes that tasks may store.
    var roomByteCount: UInt64 {
        guard !isDiskFull else { return 0 }
        guard let room = room.rowRoom else { return Self.ampleRoom }
        let rows = files.values.reduce(0) { $1.keeping == .recomputable ? $0 + $1.byteCount : $0 }
        return room - min(room, rows)
    }

    func arrangeDisk() {
        guard room.fillsDisk else { return }
        timeline.arrange(.disk(isFull: true), after: roomRandom.draw(.seconds(1) ... .seconds(30)))
    }

    func handleDisk(isFull: Bool) {
        guard isFaulty || !isFull else { return }
        isDiskFull = isFull
        if isFull {
            trace.noteFault("disk fills up", at: timeline.now)
            timeline.arrange(.disk(isFull: false), after: roomRandom.draw(.milliseconds(100) ... .seconds(150)))
        } else {
            trace.note("disk has room", at: timeline.now)
            if isFaulty { arrangeDisk() }
        }
    }

    /// The master starts, and looks at its disk before it grants anything.
    func lookAtDisk(at master: SimulatedMaster) {
        guard room.isLimited else { return }
        measured(roomByteCount, at: master)
        timeline.arrange(.masterLooks(run: master.run), after: Self.lookInterval)
    }

    func masterLooks(run: Int) {
        guard let master, master.run == run else { return }
        post(.storageMeasured(roomByteCount), on: nil)
        timeline.arrange(.masterLooks(run: run), after: Self.lookInterval)
    }

    func measured(_ byteCount: UInt64, at master: SimulatedMaster) {
        master.measuredRoom.append(byteCount)
        master.machine.storageMeasured(byteCount, at: moment)
    }

    /// Whether the store takes the worker's blobs. Otherwise the master hears of it, and the worker waits with its result.
    func storeHasRoom(for lease: LeaseID, _ byteCount: Int, at number: Int) -> Bool {
        guard roomByteCount < UInt64(byteCount) else {
            workers[number].work[lease]?.waitsForRoom = false
            return true
        }
        workers[number].work[lease]?.waitsForRoom = true
        post(.storageMeasured(roomByteCount), on: nil)
        return false
    }

    // MARK: Checks

    /// Nothing is granted whose result finds no place, and no image has a larger plan than it may have.
    func checkRoom(_ lease: LeaseID, _ spec: TaskSpec, at master: SimulatedMaster) {
        guard let shape = try? ImageShape(spec.geometry),
            let pipeline = try? PipelineCache.shared.pipeline(spec.pipeline),
            let plan = try? ProcessingPlan(
                pipeline: pipeline, input: shape, chunkByteCount: Int(spec.chunkByteCount),
                grid: SegmentGrid(spec.coding))
        else { return }
        if plan.size.taskCount > room.maximumTasksPerImage {
            violate(
                .limits,
                "\(lease) is one of \(plan.size.taskCount) tasks; an image may have \(room.maximumTasksPerImage)")
        }
        guard let have = master.measuredRoom.max() else { return }
        let need = spec.isInPieces && spec.task.step == .decode ? 1 : storedByteCount(of: spec.task.step, plan)
        if need > have { violate(.room, "\(lease) stores \(need) bytes at least, and is granted with \(have) free") }
    }

    /// The rows that a task stores at least, were they not compressed.
    private func storedByteCount(of step: TaskStep, _ plan: ProcessingPlan) -> UInt64 {
        switch step {
        case .whole: UInt64(plan.output.byteCount)
        case .decode: UInt64(plan.neededBands.count) * UInt64(plan.input.bytesPerRow)
        case .chunk(let stage, let index):
            UInt64(plan.stages[Int(stage)].chunks[Int(index)].count * plan.stages[Int(stage)].output.bytesPerRow)
        case .reduce: 1
        }
    }

    /// No attempt is taken for hung by the master while its worker waits for room.
    func checkHung(_ records: [Record]) {
        for case .attemptEnded(let lease, _, let failure) in records where failure.cause == .hung {
            guard failure.reason.hasPrefix("the attempt made no progress"),
                workers.contains(where: { $0.work[lease]?.waitsForRoom == true })
            else { continue }
            violate(.room, "\(lease) has hung, by the master's word, while its worker waits for room")
        }
    }
}
