public import JobModel
import Protocol

extension MasterConnection {
    public func masterStatus() async throws -> MasterStatus {
        let answer = try await request(.getMaster(WireGetMaster()))
        guard case .masterStatus(let status) = answer else { throw unexpected(answer) }
        return MasterStatus(wire: status)
    }

    public func workers() async throws -> [WorkerStatus] {
        var list = WireListWorkers()
        var workers: [WorkerStatus] = []
        while true {
            let answer = try await request(.listWorkers(list))
            guard case .workerList(let page) = answer else { throw unexpected(answer) }
            workers += try page.workers.map { try WorkerStatus(wire: $0) }
            guard page.more, let last = page.workers.last, last.worker > list.after else { return workers }
            list.after = last.worker
        }
    }

    public func secretStatus() async throws -> SecretStatus {
        let answer = try await request(.getSecrets(WireGetSecrets()))
        guard case .secretStatus(let status) = answer else { throw unexpected(answer) }
        return SecretStatus(wire: status)
    }

    public func drain(_ worker: String, resume: Bool = false) async throws {
        var drain = WireDrainWorker()
        drain.worker = worker
        drain.resume = resume
        try await done(.drainWorker(drain))
    }

    public func release(_ worker: String) async throws -> Int {
        var release = WireReleaseWorker()
        release.worker = worker
        return try await affected(.releaseWorker(release))
    }

    public func deadLetters(of job: JobID? = nil) async throws -> [DeadLetter] {
        var list = WireListDead()
        list.job = job?.rawValue ?? 0
        var letters: [DeadLetter] = []
        while true {
            let answer = try await request(.listDead(list))
            guard case .deadList(let page) = answer else { throw unexpected(answer) }
            letters += try page.images.map { try DeadLetter(wire: $0) }
            guard page.more, let last = page.images.last else { return letters }
            list.afterJob = last.job
            list.afterIndex = last.index
        }
    }

    public func deadLetter(_ image: ImageID) async throws -> DeadLetter {
        var show = WireShowDead()
        show.job = image.job.rawValue
        show.index = image.index
        let answer = try await request(.showDead(show))
        guard case .deadImage(let letter) = answer else { throw unexpected(answer) }
        return try DeadLetter(wire: letter)
    }

    public func redrive(_ selection: DeadLetterSelection) async throws -> Int {
        var redrive = WireRedriveDead()
        redrive.job = selection.job?.rawValue ?? 0
        redrive.oneImage = selection.index != nil
        redrive.index = selection.index ?? 0
        return try await affected(.redriveDead(redrive))
    }

    public func purge(_ selection: DeadLetterSelection) async throws -> Int {
        var purge = WirePurgeDead()
        purge.job = selection.job?.rawValue ?? 0
        purge.oneImage = selection.index != nil
        purge.index = selection.index ?? 0
        return try await affected(.purgeDead(purge))
    }

    /// Sends a request that is answered by the number of things it changed.
    private func affected(_ body: WireControl.OneOf_Body) async throws -> Int {
        let answer = try await request(body)
        guard case .affected(let affected) = answer else { throw unexpected(answer) }
        return Int(affected.count)
    }
}

extension DeadLetterSelection {
    fileprivate var job: JobID? {
        switch self {
        case .all: nil
        case .job(let job): job
        case .image(let image): image.job
        }
    }

    fileprivate var index: UInt32? {
        switch self {
        case .all, .job: nil
        case .image(let image): image.index
        }
    }
}
