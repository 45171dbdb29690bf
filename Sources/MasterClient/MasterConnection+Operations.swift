import JobModel
import Protocol

extension MasterConnection {
    public func workers() async throws -> [WireWorkerStatus] {
        let answer = try await request(.listWorkers(WireListWorkers()))
        guard case .workerList(let workers) = answer else { throw unexpected(answer) }
        return workers.workers
    }

    /// Lets a worker take no new leases, or again.
    /// - Parameter worker: its number (`w3`) or its name.
    public func drain(_ worker: String, resume: Bool = false) async throws {
        var drain = WireDrainWorker()
        drain.worker = worker
        drain.resume = resume
        try await done(.drainWorker(drain))
    }

    /// Images whose attempts are used up, of one job or of all.
    public func deadImages(_ job: JobID? = nil) async throws -> [WireDeadImage] {
        var list = WireListDead()
        list.job = job?.rawValue ?? 0
        var images: [WireDeadImage] = []
        while true {
            let answer = try await request(.listDead(list))
            guard case .deadList(let page) = answer else { throw unexpected(answer) }
            images += page.images
            guard page.more, let last = page.images.last else { return images }
            list.afterJob = last.job
            list.afterIndex = last.index
        }
    }

    /// One dead-lettered image with every attempt's worker, reason and output.
    public func showDead(_ image: ImageID) async throws -> WireDeadImage {
        var show = WireShowDead()
        show.job = image.job.rawValue
        show.index = image.index
        let answer = try await request(.showDead(show))
        guard case .deadImage(let dead) = answer else { throw unexpected(answer) }
        return dead
    }

    /// Gives dead-lettered images new attempts: one image, those of a job, or all.
    /// - Returns: how many images start over.
    public func redrive(_ job: JobID? = nil, image index: UInt32? = nil) async throws -> UInt32 {
        var redrive = WireRedriveDead()
        redrive.job = job?.rawValue ?? 0
        redrive.oneImage = index != nil
        redrive.index = index ?? 0
        return try await affected(.redriveDead(redrive))
    }

    /// Forgets dead-lettered images: one image, those of a job, or all.
    /// - Returns: how many images were forgotten.
    public func purge(_ job: JobID? = nil, image index: UInt32? = nil) async throws -> UInt32 {
        var purge = WirePurgeDead()
        purge.job = job?.rawValue ?? 0
        purge.oneImage = index != nil
        purge.index = index ?? 0
        return try await affected(.purgeDead(purge))
    }

    public func masterStatus() async throws -> WireMasterStatus {
        let answer = try await request(.getMaster(WireGetMaster()))
        guard case .masterStatus(let status) = answer else { throw unexpected(answer) }
        return status
    }

    private func affected(_ body: WireControl.OneOf_Body) async throws -> UInt32 {
        let answer = try await request(body)
        guard case .affected(let affected) = answer else { throw unexpected(answer) }
        return affected.count
    }
}
