import JobModel

// Which worker gets a task: the least loaded one with the memory for it that has not failed it.

extension Scheduler {
    enum Placement {
        case on(WorkerID)
        /// Not now: the workers that may have it are busy.
        case later
        /// No worker that takes leases has the memory; the largest slot has `have` bytes.
        case nowhere(need: UInt64, have: UInt64)
    }

    /// How long, and how often, a task waits for another worker than those that failed it (delayed placement).
    static var placementDelay: Duration { .seconds(1) }
    private static var maximumPlacementDelays: Int { 5 }

    /// - Precondition: some worker has room.
    mutating func place(_ key: TaskKey) -> Placement {
        if isBeyondBegunTasks(key) { return .later }
        let need = memoryByteCount(of: key)
        let have = pool.largestSlotMemory
        if need.largest > have, isWorthReplanning(key, need.now > have) {
            return .nowhere(need: need.largest, have: have)
        }
        let tooSmall = tooSmallWorkers(for: need.now)
        let avoided = ledger.workersThatFailed(key).union(tooSmall)
        if let load = pool.leastLoaded(except: avoided) { return .on(load.worker) }
        if hasOtherWorker(than: avoided), placementDelays[key, default: 0] < Self.maximumPlacementDelays {
            return .later
        }
        // A worker that failed it is better than none.
        return pool.leastLoaded(except: tooSmall).map { .on($0.worker) } ?? .later
    }

    /// Whether the image has to wait, because those that were begun have as many tasks as there is memory for. One may always be
    /// begun.
    private func isBeyondBegunTasks(_ key: TaskKey) -> Bool {
        let begun = ledger.totals.begunTasks
        guard begun > 0, ledger.state(of: key.image) == .waiting else { return false }
        // Small images take no more memory than their leases.
        let count = Int(ledger.image(key.image)?.taskCount ?? 0)
        return count > 1 && begun + count > configuration.maximumTasksReady
    }

    /// Whether the workers that are there now decide over the image's plan: at once before it has begun; once it runs, only
    /// when this very task has waited for a worker that may come back, and none came.
    private func isWorthReplanning(_ key: TaskKey, _ isStuck: Bool) -> Bool {
        ledger.state(of: key.image) == .waiting
            || (isStuck && placementDelays[key, default: 0] >= Self.maximumPlacementDelays)
    }

    private func hasOtherWorker(than avoided: Set<WorkerID>) -> Bool {
        pool.takingCount > avoided.count(where: { pool[$0]?.takesLeases == true })
    }

    /// The workers that have less than `need` bytes for a slot; mostly none, which is seen at a glance.
    func tooSmallWorkers(for need: UInt64) -> Set<WorkerID> {
        need <= pool.smallestSlotMemory ? [] : pool.workers(withLessMemoryThan: need)
    }

    /// Whether the worker has the memory for the task.
    mutating func fits(_ key: TaskKey, _ worker: WorkerID) -> Bool {
        memoryByteCount(of: key).now <= pool[worker]?.slotMemoryByteCount ?? .max
    }

    /// No worker has the memory: the image starts over in smaller chunks; where that does not help, it is dead-lettered.
    mutating func makeFit(
        _ image: ImageID, need: UInt64, have: UInt64, at now: Moment, into decision: inout Decision
    ) {
        if let chunkByteCount = chunkByteCount(for: image, fitting: have) {
            withdraw(image, .imageRestarted, at: now, into: &decision)
            commit(.imageReplanned(image, chunkByteCount: chunkByteCount), into: &decision)
            totals.imagesReplanned += 1
            queue.push(TaskKey(image, 0))
            decision.noteChange(of: image.job)
        } else {
            let failure = Failure(
                .overLimit,
                "a task of the image takes \(need) bytes of memory, however small its chunks may be; the largest slot of the "
                    + "workers that are connected has \(have): start a worker with more (fewer slots, or a higher "
                    + "--memory), then redrive the image")
            imageFailed(image, failure, deadLettered: true, at: now, into: &decision)
        }
    }
}

extension Ledger {
    /// Chunks are not made smaller than this: the costs of a task would outweigh its work.
    private static let leastChunkByteCount: UInt64 = 64 << 10

    /// What a ready task takes, and what the task of its image takes that needs most.
    mutating func memoryByteCount(of key: TaskKey) -> (now: UInt64, largest: UInt64) {
        guard let entry = image(key.image), let plan = presentPlan(of: key.image, entry) else { return (0, 0) }
        let image = entry.description
        return (
            plan.memoryByteCount(
                of: Int(key.task), encodedByteCount: image.input.byteCount, needsWholeImage: image.needsWholeImage),
            plan.largestMemoryByteCount(
                encodedByteCount: image.input.byteCount, needsWholeImage: image.needsWholeImage)
        )
    }

    /// What a ready task stores.
    mutating func storageByteCount(of key: TaskKey) -> UInt64 {
        guard let entry = image(key.image), let plan = presentPlan(of: key.image, entry) else { return 0 }
        return plan.storageByteCount(of: Int(key.task))
    }

    /// The largest chunks, by halves, in which every task of the image takes no more than `limit` bytes.
    mutating func chunkByteCount(for image: ImageID, fitting limit: UInt64, within limits: PlanLimits) -> UInt64? {
        guard let entry = self.image(image), let accepted = entry.accepted, let job = jobs[image.job]?.description
        else {
            return nil
        }
        var chunkByteCount = (entry.chunkByteCount ?? job.options.chunkByteCount) / 2
        while chunkByteCount >= Self.leastChunkByteCount {
            // An image may not have more tasks than that, however little memory they take.
            guard let size = try? planSize(job, accepted, chunkByteCount: chunkByteCount), limits.admits(size) else {
                return nil
            }
            // Whatever the size of the chunks, the pipeline suits the image.
            let plan = try? plan(job, accepted, chunkByteCount: chunkByteCount)
            let need = plan?.largestMemoryByteCount(
                encodedByteCount: entry.description.input.byteCount, needsWholeImage: entry.description.needsWholeImage)
            if let need, need <= limit { return chunkByteCount }
            chunkByteCount /= 2
        }
        return nil
    }

    private mutating func presentPlan(of image: ImageID, _ entry: ImageEntry) -> ImagePlan? {
        if let plan = progress(of: image)?.plan { return plan }
        guard let accepted = entry.accepted, let job = jobs[image.job]?.description else { return nil }
        return try? plan(job, accepted, chunkByteCount: entry.chunkByteCount)
    }
}
