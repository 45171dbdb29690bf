import JobModel
import Pipelines
import SeededFaults

/// How large the plan of one image may be.
///
/// A file of 70 bytes can claim any size, and a client can ask for any size of chunks: what a plan takes of the master's memory
/// and time has a bound of its own, which is compared with arithmetic alone (`PlanSize`).
public struct PlanLimits: Hashable, Sendable {
    /// Parts that the tasks of an image may read, on average for each task that it may have.
    public static let dependenciesPerTask = 16
    /// Values that one reduction may give: its worker reports where each begins in one control frame.
    public static let maximumValuesPerReduction = 8_192
    /// The largest chunk size that is suggested.
    private static let largestSuggestedChunkByteCount: UInt64 = 4 << 30

    public let maximumTasks: Int

    public init(maximumTasks: Int) { self.maximumTasks = maximumTasks }

    var maximumDependencies: Int { maximumTasks.multipliedReportingOverflow(by: Self.dependenciesPerTask).partialValue }

    /// Whether an image may have a plan of that size.
    public func admits(_ size: PlanSize) -> Bool {
        let isWithin =
            size.taskCount <= maximumTasks && size.dependencyCount <= maximumDependencies
            && size.largestValueCount <= Self.maximumValuesPerReduction
        return seeded(.planSizeNotLimited, true, else: isWithin)
    }

    /// Why an image cannot have a plan of that size, and which size of chunks would do; `nil` when it can.
    ///
    /// - Parameter other: the size of the plan in chunks of another size.
    public func objection(
        to size: PlanSize, of geometry: ImageGeometry, chunkByteCount: UInt64, inChunksOf other: (UInt64) -> PlanSize?
    ) -> Failure? {
        guard !admits(size) else { return nil }
        var way = "submit a smaller image, or raise the master's --max-tasks-per-image"
        var larger = chunkByteCount
        while larger < Self.largestSuggestedChunkByteCount {
            larger *= 2
            if let size = other(larger), admits(size) {
                way = "submit it with --chunk-bytes \(larger) or more"
                break
            }
        }
        let values = size.largestValueCount == 0 ? "" : ", and \(size.largestValueCount) values at once"
        return Failure(
            .overLimit,
            "in chunks of \(chunkByteCount) bytes the image of \(geometry.width) x \(geometry.height) pixels is "
                + "\(size.taskCount) tasks, which read \(size.dependencyCount) parts of it\(values); the master allows "
                + "\(maximumTasks) tasks, \(maximumDependencies) parts and \(Self.maximumValuesPerReduction) values: "
                + way)
    }
}
