import JobModel

/// Watches audits from outside: it knows which workers are faulty and what each reported, and reads the records.
///
/// - No worker that computes rightly is quarantined.
/// - Where workers of two machines agree on a task and a third differs, that one is quarantined at once.
/// - A quarantined worker is given nothing.
/// - An image whose every task was to be audited has the right result, unless its audits were skipped for lack of a worker.
/// - A wrong result to which a quarantined worker contributed does not stay, as long as it can be withdrawn.
struct AuditBook {
    private struct Opinions {
        var all: [(worker: WorkerID, output: TaskOutput)]
        /// One of the workers was quarantined before it gave its opinion: it has no say.
        var isDiscounted = false
        /// Workers that were quarantined since: released, they may be asked again.
        var forgotten: Set<WorkerID> = []

        /// Whether two that count are not the same.
        var differ: Bool {
            let outputs = all.enumerated().filter { $0.offset == 0 || !forgotten.contains($0.element.worker) }
            return outputs.contains { $0.element.output != all[0].output }
        }

        /// Whether the worker computed the task, or gave an opinion on it that still counts.
        func includes(_ worker: WorkerID) -> Bool {
            all.first?.worker == worker || all.contains { $0.worker == worker } && !forgotten.contains(worker)
        }
    }

    /// The numbers of the workers that compute wrongly.
    var faulty: Set<Int> = []
    /// The numbers of those that say of their results what is not so.
    var liars: Set<Int> = []
    private var shares: [JobID: AuditShare] = [:]
    private var holders: [LeaseID: WorkerID] = [:]
    private var reports: [LeaseID: [WorkerID: TaskOutput]] = [:]
    private var opinions: [ImageID: [TaskID: Opinions]] = [:]
    private var done: [ImageID: Set<TaskID>] = [:]
    /// Images of which an audit was skipped since they began.
    private var skipped: Set<ImageID> = []
    private(set) var quarantined: [WorkerID: String] = [:]
    /// The machine of each worker, as it registered last. One whose registration was lost with the master's power gave its number back.
    private var machines: [WorkerID: Int] = [:]
    /// Workers that registered first when an earlier run on their machine was quarantined, with that one.
    private var laterRuns: [WorkerID: WorkerID] = [:]
    private var results: [ImageID: BlobDigest] = [:]
    /// The workers that had a part in each image, and in the images that a result was computed for. A blob alone does not tell: a
    /// later run of a machine computes the same wrong bytes, perhaps for nobody.
    private var parties: [ImageID: Set<WorkerID>] = [:]
    private var makers: [BlobDigest: Set<WorkerID>] = [:]
    /// Images that were answered with a kept result.
    private var answered: Set<ImageID> = []
    /// Tasks with a new opinion in the present transaction.
    private var changed: Set<TaskID> = []

    /// A worker reported that it finished the lease.
    mutating func reported(_ lease: LeaseID, _ output: TaskOutput, by worker: WorkerID) {
        reports[lease, default: [:]][worker] = output
    }

    /// What the auditor reported.
    func output(of audit: LeaseID) -> TaskOutput? { holders[audit].flatMap { reports[audit]?[$0] } }

    /// A worker registered.
    mutating func registered(_ worker: WorkerID, number: (WorkerID) -> Int?) {
        guard let machine = number(worker), machines.updateValue(machine, forKey: worker) != machine else { return }
        laterRuns[worker] = quarantined.keys.filter { earlier in
            earlier < worker && quarantined[earlier] != "" && number(earlier) == machine
        }.min()
    }

    /// Whether the task is done, so that a further attempt at it is an audit.
    func isDone(_ task: TaskID) -> Bool { done[task.image]?.contains(task) == true }

    mutating func observe(_ record: Record, number: (WorkerID) -> Int?, report: Report) {
        switch record {
        case .jobOpened(let job): shares[job.id] = job.options.auditShare
        case .attemptStarted(let lease, let worker):
            holders[lease] = worker
            if quarantined[worker] != nil { report(.audits, "\(worker) is quarantined, and is given \(lease)") }
            if let earlier = laterRuns[worker], quarantined[earlier] != nil {
                report(.audits, "\(worker) is a later run of \(earlier), which is quarantined, and is given \(lease)")
            }
            if opinions[lease.task.image]?[lease.task]?.includes(worker) == true {
                report(.audits, "\(worker) is to audit \(lease.task), of which its opinion is known")
            }
        case .taskCompleted(let lease, let output, let worker):
            done[lease.task.image, default: []].insert(lease.task)
            guard let author = worker ?? holders[lease] else { break }
            if quarantined[author] != nil {
                report(.audits, "\(author) is quarantined, and its result of \(lease) counts")
            }
            parties[lease.task.image, default: []].insert(author)
            opinions[lease.task.image, default: [:]][lease.task] = Opinions(all: [(author, output)])
        case .taskAudited(let lease, _):
            guard let worker = holders[lease], let output = reports[lease]?[worker] else {
                report(.audits, "\(lease) is an audit, and nobody reported it")
                break
            }
            let others = opinions[lease.task.image]?[lease.task]?.all.map(\.worker) ?? []
            if others.contains(where: { number($0) == number(worker) }) {
                // The earlier run of the machine was not known to be gone: it does not count as a second one.
                skipped.insert(lease.task.image)
                opinions[lease.task.image]?[lease.task]?.isDiscounted = true
            }
            opinions[lease.task.image]?[lease.task]?.all.append((worker, output))
            changed.insert(lease.task)
        case .auditEnded(let task, _):
            skipped.insert(task.image)
            if opinions[task.image]?[task]?.differ == true {
                report(.audits, "workers differ on \(task), and its audit ended as if they did not")
            }
        case .workerQuarantined(let worker, let name, _, _):
            quarantined[worker] = name
            if let number = number(worker), !faulty.contains(number), !liars.contains(number) {
                report(.audits, "\(worker), which is worker \(number), computes rightly and is quarantined")
            }
            for image in opinions.keys {
                for task in opinions[image]?.keys.sorted() ?? [] {
                    let isParty = opinions[image]?[task]?.all.contains { $0.worker == worker } == true
                    if isParty && !changed.contains(task) { opinions[image]?[task]?.isDiscounted = true }
                    if isParty { opinions[image]?[task]?.forgotten.insert(worker) }
                }
            }
        case .workerReleased(let worker): quarantined[worker] = nil
        case .imageCompleted(let image, let result, let fromCache):
            results[image] = result.digest
            if fromCache {
                skipped.insert(image)
                answered.insert(image)
            } else {
                answered.remove(image)
                makers[result.digest, default: []].formUnion(parties[image] ?? [])
            }
            forgetTasks(of: image)
        case .imageFailed(let image, _, _), .imageRedriven(let image), .imageRestarted(let image),
            .imageReplanned(let image, _), .imageWithdrawn(let image):
            results[image] = nil
            skipped.remove(image)
            forgetTasks(of: image)
        case .jobRevised(let job, _), .jobCancelled(let job, _):
            for image in opinions.keys where image.job == job { forgetTasks(of: image) }
            for image in done.keys where image.job == job { forgetTasks(of: image) }
        case .jobForgotten(let job):
            for image in results.keys where image.job == job { results[image] = nil }
        case .bandPublished(let task, _, _, let worker):
            if let worker { parties[task.image, default: []].insert(worker) }
        case .imagesAdded, .jobSealed, .attemptEnded, .jobFinished, .workersReserved, .auditsSalted,
            .resultsSettled:
            break
        }
    }

    private mutating func forgetTasks(of image: ImageID) {
        opinions[image] = nil
        done[image] = nil
    }

    /// The transaction is over: a worker that it showed to be faulty is quarantined.
    mutating func transactionEnded(report: Report) {
        for task in changed {
            guard let opinions = opinions[task.image]?[task], !opinions.isDiscounted, task.step != .decode else {
                continue
            }
            let agreed = opinions.all.first { opinion in
                opinions.all.contains { $0.output == opinion.output && $0.worker != opinion.worker }
            }
            guard let agreed else { continue }
            // The opinion of a worker that was quarantined is forgotten, even if an operator has released it since.
            for opinion in opinions.all
            where opinion.output != agreed.output && quarantined[opinion.worker] == nil
                && !opinions.forgotten.contains(opinion.worker)
            {
                report(.audits, "\(opinion.worker) differs from two others on \(task), and is not quarantined")
            }
        }
        changed = []
    }

    /// The image has a result: where everything is audited, it is right.
    func checkResult(_ image: ImageID, isWrong: Bool, report: Report) {
        guard isWrong, !skipped.contains(image) else { return }
        if faulty.isEmpty { report(.results, "image \(image) has another result than an undisturbed run") }
        if shares[image.job] == .all {
            report(.audits, "image \(image) is wrong, though each of its tasks was computed twice")
        }
    }

    /// At the end.
    ///
    /// - Parameters:
    ///   - numbers: what a worker's identifier stands for.
    ///   - canBeWithdrawn: whether all results of the run can still be withdrawn.
    func checkEnd(
        _ wrong: WrongResults, numbers: (WorkerID) -> WrongResults.Run?, canBeWithdrawn: Bool, report: Report
    ) {
        guard canBeWithdrawn else { return }
        let distrusted = Set(quarantined.keys.compactMap(numbers))
        for (image, result) in results.sorted(by: { $0.key < $1.key }) {
            let found = (answered.contains(image) ? makers[result] : parties[image]) ?? []
            let authors = Set(found.compactMap(numbers)).intersection(wrong.authors[result] ?? [])
            for author in authors.intersection(distrusted).sorted() {
                report(
                    .audits, "image \(image) keeps the wrong result of worker \(author.worker), which is quarantined")
            }
        }
    }
}
