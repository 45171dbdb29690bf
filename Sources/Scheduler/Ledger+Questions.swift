import JobModel

// Questions about tasks. They look in place: a copy of an image's progress that lives while it changes would cost a copy of
// all its tasks.

extension Ledger {
    /// Whether the task could be handed out now.
    func isReady(_ key: TaskKey) -> Bool {
        switch state(of: key.image) {
        case .waiting: key.task == 0
        case .running: jobs[key.job]?.progress[key.index]?.isReady(key.task) == true
        case .done, .failed, .deadLettered, .cancelled, nil: false
        }
    }

    /// The state of a task of a running image.
    func taskProgress(_ key: TaskKey) -> TaskProgress {
        guard let task = jobs[key.job]?.progress[key.index]?.tasks[Int(key.task)] else {
            preconditionFailure("task \(key.task) of image \(key.image) is not running")
        }
        return task
    }

    /// The number of the task of a running image.
    func key(_ task: TaskID) -> TaskKey? {
        guard let number = jobs[task.image.job]?.progress[task.image.index]?.plan.task(at: task.step) else {
            return nil
        }
        return TaskKey(task.image, UInt32(number))
    }

    /// The lease of the task's next attempt.
    func nextLease(_ key: TaskKey) -> LeaseID {
        if let progress = jobs[key.job]?.progress[key.index] {
            return LeaseID(
                task: TaskID(image: key.image, step: progress.plan.step(Int(key.task))),
                attempt: progress.tasks[Int(key.task)].attempt + 1)
        }
        guard let entry = image(key.image) else { preconditionFailure("image \(key.image) is unknown") }
        return LeaseID(
            task: TaskID(image: key.image, step: entry.taskCount == 1 ? .whole : .decode),
            attempt: entry.attemptFloor + 1)
    }

    /// Pixels that a task of a running image reads.
    func pixelCount(of key: TaskKey) -> UInt64 {
        jobs[key.job]?.progress[key.index]?.plan.pixelCount(of: Int(key.task)) ?? 0
    }

    /// The attempts of the task that have not ended.
    func openLeases(of key: TaskKey) -> [LeaseID] {
        guard let progress = jobs[key.job]?.progress[key.index], let open = progress.open[key.task] else { return [] }
        let task = TaskID(image: key.image, step: progress.plan.step(Int(key.task)))
        return open.all.map { LeaseID(task: task, attempt: $0.number) }
    }

    /// All attempts of the image's tasks that have not ended, in the order of the tasks.
    func openLeases(of image: ImageID) -> [LeaseID] {
        guard let open = jobs[image.job]?.progress[image.index]?.open else { return [] }
        return open.keys.sorted().flatMap { openLeases(of: TaskKey(image, $0)) }
    }

    func taskCount(ofRunning image: ImageID) -> Int { jobs[image.job]?.progress[image.index]?.tasks.count ?? 0 }

    /// The workers with which the task failed or was lost.
    func workersThatFailed(_ key: TaskKey) -> Set<WorkerID> {
        guard let job = jobs[key.job], !job.images[Int(key.index)].reports.isEmpty,
            let progress = job.progress[key.index]
        else { return [] }
        let step = progress.plan.step(Int(key.task))
        return Set(job.images[Int(key.index)].reports.lazy.filter { $0.lease.task.step == step }.map(\.worker))
    }
}
