import JobModel
import Pipelines

/// The plan of the latest order, so that a pipeline is parsed and planned once for all orders of an image, and for the images
/// of a batch that have one shape. Belongs to one thread.
final class PlanCache {
    private struct Key: Hashable {
        let pipeline: String
        let geometry: ImageGeometry
        let chunkByteCount: UInt64
    }

    private var latest: (key: Key, plan: ProcessingPlan)?

    /// What the spec means.
    func plan(for spec: TaskSpec) throws -> TaskPlan {
        let key = Key(pipeline: spec.pipeline, geometry: spec.geometry, chunkByteCount: spec.chunkByteCount)
        if let latest, latest.key == key { return TaskPlan(spec: spec, plan: latest.plan) }
        let made = try TaskPlan(spec)
        latest = (key, made.plan)
        return made
    }
}
