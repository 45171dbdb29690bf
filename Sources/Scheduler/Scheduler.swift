import JobModel

/// Decides which worker runs which task. Performs no I/O and reads no clock.
public struct Scheduler: ~Copyable, Sendable {
    public let configuration: SchedulerConfiguration
    /// - Parameters:
    ///   - configuration: limits and delays; checked.
    ///   - nextJob: above every job identifier that was ever given out, should the journal no longer show it.
    ///   - nextWorker: above every worker identifier that an earlier run of the master gave out.
    public init(
        configuration: SchedulerConfiguration = SchedulerConfiguration(), nextJob: JobID = JobID(1),
        nextWorker: WorkerID = WorkerID(1)
    ) throws(SchedulerConfigurationError) {
        try configuration.validate()
        self.configuration = configuration
    }
}
