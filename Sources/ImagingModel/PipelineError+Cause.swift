import JobModel
import Pipelines

extension PipelineError {
    /// The failure that an image ends with when its pipeline, which the master could read, cannot be planned or computed for
    /// it.
    public var cause: FailureCause {
        // A partial result that cannot be read was damaged on its way: another attempt may succeed.
        code == .badPartialResult ? .workerError : .unsuitable
    }
}
