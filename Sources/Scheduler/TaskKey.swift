import JobModel

/// A task by its number in its image's plan: what queues hold, small and ordered as tasks are handed out.
struct TaskKey: Hashable, Comparable, Sendable {
    let job: JobID
    let index: UInt32
    let task: UInt32

    init(_ image: ImageID, _ task: UInt32) {
        job = image.job
        index = image.index
        self.task = task
    }

    var image: ImageID { ImageID(job: job, index: index) }

    static func < (left: TaskKey, right: TaskKey) -> Bool {
        (left.job, left.index, left.task) < (right.job, right.index, right.task)
    }
}
