import JobModel
import Pipelines

/// The plan of the latest order, so that a pipeline is parsed and planned once for all orders of an image, and for the images
/// of a batch that have one shape. Belongs to one thread.
final class PlanCache {
    private struct Key: Hashable {
        let pipeline: String
        let geometry: ImageGeometry
        let chunkByteCount: UInt64
        let coding: ImageCoding
    }

    /// What the pipelines of the orders attach.
    let attachments = Attachments()

    private var latest: (key: Key, plan: TaskPlan)?

    /// What the spec means.
    func plan(for spec: TaskSpec) throws -> TaskPlan {
        let key = Key(
            pipeline: spec.pipeline, geometry: spec.geometry, chunkByteCount: spec.chunkByteCount, coding: spec.coding)
        if let latest, latest.key == key { return latest.plan.with(spec) }
        let made = try TaskPlan(spec)
        latest = (key, made)
        return made
    }
}
