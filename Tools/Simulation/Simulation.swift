import JobModel
import Scheduler
import SeededRandom

/// One run of a simulated cluster: the real scheduler and the real lease boards, in one thread, over a modelled network,
/// disk and clock, with all chance drawn from one seed.
///
/// ```
///  clients --+                              +-- journal disk (loses and tears what is not synced)
///            |-- network (delays, cuts) -- master: real Scheduler
///  workers --+                              +-- blobs
///  (real LeaseBoard)
/// ```
/// First the *safety phase*: work comes in and faults happen. Then the *liveness phase*: the faults stop, a random core of
/// the workers is healed, and the others stay dead or cut off. Within a bound that follows from the work left, every
/// accepted job must have ended. The checks of `Observer` hold throughout.
public final class Simulation {
    var options: SimulationOptions
    let seed: UInt64
    var random: SeededGenerator
    var storeRandom: SeededGenerator
    var auditRandom: SeededGenerator
    var roomRandom: SeededGenerator
    var formatRandom: SeededGenerator
    /// Draws what pipelines attach, by itself too.
    var attachmentRandom: SeededGenerator
    /// Draws what concerns the restore of a backup.
    var restoreRandom: SeededGenerator
    /// Draws what viewers look at, by itself too.
    var viewerRandom: SeededGenerator
    let room: RoomOptions
    let restore: RestoreOptions
    /// The master's.
    var generation = Simulation.firstGeneration
    /// The first number of jobs and workers that no record names.
    var numbersBegin: UInt64 = 1
    var backup: SimulatedBackup?
    var former: FormerMaster?
    /// The last run of a master whose state was replaced; 0 for none.
    var replacedRun = 0
    /// The latest generation that each worker has registered at.
    var latestServed: [Int: UInt64] = [:]
    /// Somebody else has filled the master's disk.
    var isDiskFull = false
    var timeline = Timeline()
    var trace: Trace
    var network = Network()
    var disk = JournalDisk()
    var observer: Observer
    var keptBook: KeptBook
    var master: SimulatedMaster?
    var masterRuns = 0
    /// The result revision of the release that the master is, or is started as next.
    var resultRevision = JobOptions.currentResultRevision
    /// What is wrong, and who made it so.
    var wrong = WrongResults()
    /// The result revision of the blobs that tasks made.
    var revisions: [BlobDigest: UInt32] = [:]
    var workers: [SimulatedWorker] = []
    var clients: [SimulatedClient] = []
    /// The blob store's files.
    var files: [BlobDigest: SimulatedFile] = [:]
    var blobs: Set<BlobDigest> { Set(files.keys) }
    /// The task of every lease that was handed out.
    var specs: [LeaseID: TaskSpec] = [:]
    /// The task of each image that was handed out last.
    var latestSpecs: [ImageID: TaskSpec] = [:]
    var gossip = Gossip()
    var trial: ShareTrial?
    var trialBegan = Instant.zero
    var isBatchOpened = false
    /// How far the master's wall clock is off, in milliseconds.
    var wallClockError = 0
    var isFaulty = true
    /// Messages are lost once in a while, and sent again.
    var isLossy = false
    var deathsDeclared = 0
    /// Only results go wrong, and time is measured.
    var isAuditTrial = false
    /// Results of each worker, and when the first wrong one was computed.
    var resultCounts: [Int: (all: Int, wrong: Int)] = [:]
    var firstWrongAt: Instant?
    var commitCount: UInt64 = 0
    private(set) var violation: Violation?
    /// How much of the liveness bound was used.
    private var boundShare = 0.0
    private var eventCount: UInt64 = 0
    private var eventsNow = 0
    private var latestTime = Instant.zero

    public init(seed: UInt64) {
        self.seed = seed
        random = SeededGenerator(seed: seed)
        storeRandom = SeededGenerator(seed: ~seed)
        roomRandom = SeededGenerator(seed: seed &+ 0x5851_f42d_4c95_7f2d)
        formatRandom = SeededGenerator(seed: seed ^ 0x2545_f491_4f6c_dd1d)
        attachmentRandom = SeededGenerator(seed: seed ^ 0x9e6c_63d0_876a_3f6b)
        viewerRandom = SeededGenerator(seed: seed ^ 0x6a09_e667_f3bc_c908)
        auditRandom = SeededGenerator(seed: seed &* 0x9e37_79b9_7f4a_7c15 ^ 0xa0d1_7)
        var options = SimulationOptions(using: &random, &auditRandom)
        room = RoomOptions(seed: seed, isShareTrial: options.isShareTrial)
        restoreRandom = SeededGenerator(seed: seed ^ 0x6a09_e667_f3bc_c908)
        restore = RestoreOptions(options, using: &restoreRandom)
        options.schedulerConfiguration.maximumTasksPerImage = room.maximumTasksPerImage
        options.schedulerConfiguration.heldTasksPerJob = room.heldTasksPerJob
        options.schedulerConfiguration.maximumJobs = room.maximumKeptJobs
        self.options = options
        observer = Observer(options.schedulerConfiguration)
        observer.auditBook.faulty = Set((0..<options.workerCount).suffix(options.faultyCount))
        observer.auditBook.liars = Set(0..<options.liarCount)
        keptBook = KeptBook(
            duration: options.keepResults,
            leastDuration: room.maximumKeptJobs < 100_000 ? room.keepAtLeast : options.keepResults)
        trace = Trace(start: timeline.now)
    }

    /// Notes that a promise was broken; the first one counts, and ends the run.
    func violate(_ checker: Checker, _ text: @autoclosure () -> String) {
        if violation == nil { violation = Violation(checker: checker, text: text()) }
    }

    /// Runs both phases.
    public func run() -> SimulationResult {
        let start = timeline.now
        setUpWorkers(options.workerCount)
        if options.isShareTrial {
            run(ShareTrial(using: &random, slotCount: workers.reduce(0) { $0 + $1.slotCount }))
        } else {
            setUpClients()
            runPhases()
        }
        return SimulationResult(
            seed: seed, options: options.description + ", \(room)\(restore)" + (trial.map { ", \($0)" } ?? ""),
            violation: violation,
            trace: trace.text, digest: trace.digest,
            simulated: timeline.now - start, eventCount: eventCount, commitCount: commitCount,
            acknowledgedJobs: clients.count { $0.acknowledged != nil }, boundShare: boundShare,
            faults: trace.faultCounts)
    }

    private func runPhases() {
        timeline.arrange(.fault, after: options.faultInterval)
        arrangeDisk()
        arrangeRestore()
        arrangeLook()
        pass(until: timeline.now + options.safetyPhase)
        guard violation == nil else { return }
        heal()
        let healed = timeline.now
        let bound = livenessBound()
        let end = healed + bound
        while violation == nil && !isSettled && timeline.now < end {
            resumeWorkers()
            pass(until: min(end, timeline.now + .seconds(5)))
        }
        boundShare = (timeline.now - healed) / bound
        if violation == nil { checkEnd(bound) }
    }

    func setUpWorkers(_ count: Int) {
        for number in 0..<count {
            workers.append(
                SimulatedWorker(
                    number: number, slotCount: random.draw(1...options.maximumSlots), resultRevision: resultRevision))
            if number >= count - options.faultyCount {
                workers[number].miscomputes = Miscomputation(drawnUsing: &auditRandom)
            }
            timeline.arrange(
                .worker(number, run: 0, .starts), after: random.draw(.milliseconds(0) ... .seconds(3)))
        }
        timeline.arrange(.masterStarts, after: .zero)
    }

    private func setUpClients() {
        for number in 0..<options.clientCount {
            clients.append(makeClient(number))
            timeline.arrange(
                .client(number, .connects), after: random.draw(.milliseconds(0)...options.safetyPhase * 0.7))
        }
    }

    func pass(until end: Instant) {
        while violation == nil, let event = timeline.next(until: end) {
            eventCount += 1
            checkProgressOfTime()
            handle(event)
        }
    }

    private func handle(_ event: Event) {
        switch event {
        case .masterStarts: startMaster()
        case .masterTurns(let run): turnMaster(run)
        case .masterCommitted(let run): masterCommitted(run)
        case .masterAssembled(let run, let assembly): if master?.run == run { post(.assembled(assembly), on: nil) }
        case .storeWorks(let run): carryOutStoreWork(run: run)
        case .masterHears(let connection, let mail): masterHears(mail, on: connection)
        case .workerHears(let worker, let connection, let mail):
            if !isPaused(worker, event) { workerHears(worker, mail, on: connection) }
        case .worker(let worker, let run, let happening):
            if workers[worker].run == run && !isPaused(worker, event) { handle(happening, at: worker) }
        case .workerResumes(let worker): resume(worker)
        case .client(let client, let happening): handle(happening, at: client)
        case .clientHears(let client, let connection, let mail): clientHears(client, mail, on: connection)
        case .fault: injectFault()
        case .disk(let isFull): handleDisk(isFull: isFull)
        case .masterLooks(let run): masterLooks(run: run)
        case .backup: takeBackup()
        case .restore: restoreBackup()
        case .formerTurns(let run): turnFormer(run: run)
        case .viewerLooks: viewerLooks()
        case .viewerReads(let image, let partial): viewerReads(partial, of: image)
        }
    }

    /// A cluster that is busy without end at one instant would never come to the end of its run.
    private func checkProgressOfTime() {
        eventsNow = timeline.now == latestTime ? eventsNow + 1 : 0
        latestTime = timeline.now
        if eventsNow > 20_000 { violate(.liveness, "the master or a worker is busy without end, and gets nowhere") }
    }

    /// Events of a stalled worker wait, in their order.
    private func isPaused(_ worker: Int, _ event: Event) -> Bool {
        guard workers[worker].pausedUntil > timeline.now || !workers[worker].waiting.isEmpty else { return false }
        if workers[worker].waiting.isEmpty {
            timeline.arrange(.workerResumes(worker), at: workers[worker].pausedUntil)
        }
        workers[worker].waiting.append(event)
        return true
    }

    private func resume(_ worker: Int) {
        let waiting = workers[worker].waiting
        guard !waiting.isEmpty else { return }
        guard workers[worker].pausedUntil <= timeline.now else {
            timeline.arrange(.workerResumes(worker), at: workers[worker].pausedUntil)
            return
        }
        workers[worker].waiting = []
        workers[worker].resumedAt = timeline.now
        for event in waiting { handle(event) }
    }

    // MARK: Sending

    func delay() -> Duration {
        guard isLossy else { return random.draw(.microseconds(50)...options.longestDelay) }
        let delay = random.draw(.microseconds(50) ... .milliseconds(20))
        return random.happens(onceIn: 10) ? delay + random.draw(FalseDeathTrial.repetition) : delay
    }

    func sendToMaster(_ mail: MasterMail, on connection: Int) {
        guard let time = network.arrivalAtMaster(on: connection, now: timeline.now, delay: delay()) else { return }
        timeline.arrange(.masterHears(connection: connection, mail), at: time)
    }

    func sendToWorker(_ mail: WorkerMail, on connection: Int) {
        guard case .worker(let worker) = network[connection].peer,
            let time = network.arrivalAtPeer(on: connection, now: timeline.now, delay: delay())
        else { return }
        timeline.arrange(.workerHears(worker: worker, connection: connection, mail), at: time)
    }

    func sendToClient(_ mail: ClientMail, on connection: Int) {
        guard case .client(let client) = network[connection].peer,
            let time = network.arrivalAtPeer(on: connection, now: timeline.now, delay: delay())
        else { return }
        timeline.arrange(.clientHears(client, connection: connection, mail), at: time)
    }

    /// The master's side ends the connection; the peer hears of it, unless the link is cut or `quietly` says so.
    func closeAtMaster(_ connection: Int, quietly: Bool = false) {
        guard network[connection].isOpenAtMaster else { return }
        network[connection].isOpenAtMaster = false
        if !quietly { tellPeerOfEnd(connection) }
    }

    func tellPeerOfEnd(_ connection: Int) {
        switch network[connection].peer {
        case .worker: sendToWorker(.closed, on: connection)
        case .client: sendToClient(.closed, on: connection)
        }
    }

    func closeAtPeer(_ connection: Int, quietly: Bool = false) {
        guard network[connection].isOpenAtPeer else { return }
        network[connection].isOpenAtPeer = false
        if !quietly { sendToMaster(.closed, on: connection) }
    }
}

/// What came of one seed.
public struct SimulationResult: Sendable {
    public let seed: UInt64
    /// What the seed drew, in words.
    public let options: String
    /// The promise that was broken; `nil` when all held.
    public let violation: Violation?
    /// The last events, one a line.
    public let trace: String
    /// A digest of all events: equal for two runs of one seed.
    public let digest: UInt64
    public let simulated: Duration
    public let eventCount: UInt64
    public let commitCount: UInt64
    public let acknowledgedJobs: Int
    /// The time from the healing until all jobs had ended, as a part of the bound for it.
    public let boundShare: Double
    /// How often each fault was injected.
    public let faults: [String: Int]
}

extension BlobReference {
    /// The result of an image: the same input and pipeline, read and written in the same way, give the same bytes, as long as the
    /// release's revision is the same.
    static func result(
        of pipeline: String, on input: BlobDigest, _ coding: ImageCoding, revision: UInt32
    ) -> BlobReference {
        let form = coding.ofTasks == .standard ? "" : " \(coding.decoding) as \(coding.encoding)"
        return .named("\(coding.pipeline(pipeline)) of \(input)\(form) by \(revision)", byteCount: 1_000)
    }

    /// A blob whose digest is made from a name: FNV-1a with four starting values.
    static func named(_ name: String, byteCount: UInt64) -> BlobReference {
        var hashes: (UInt64, UInt64, UInt64, UInt64) = (1, 2, 3, 4)
        for byte in name.utf8 {
            hashes.0 = (hashes.0 ^ UInt64(byte)) &* 1_099_511_628_211
            hashes.1 = (hashes.1 ^ UInt64(byte)) &* 1_099_511_628_211
            hashes.2 = (hashes.2 ^ UInt64(byte)) &* 6_364_136_223_846_793_005
            hashes.3 = (hashes.3 ^ UInt64(byte)) &* 2_862_933_555_777_941_757
        }
        let bytes = withUnsafeBytes(of: hashes) { Array($0) }
        guard let digest = BlobDigest(bytes) else { preconditionFailure("four words are \(bytes.count) bytes") }
        return BlobReference(digest: digest, byteCount: byteCount)
    }
}
