import ClientKit
import GatewayLogic
import JobModel
import JSONText

/// What a viewer is told of a result that is being computed: which of its rows can be asked for.
struct RunningRows: Sendable {
    let image: ImageID
    private var state = "waiting"
    private(set) var run: UInt32?
    private var size: (width: Int, height: Int)?
    private var objection: String?
    private(set) var ranges = FinishedRanges()

    init(_ image: ImageID) { self.image = image }

    /// Rows above it are finished, and known.
    var firstGap: UInt32 { UInt32(clamping: ranges.firstGap) }

    /// Takes what the master tells from `firstGap` on.
    mutating func add(_ partial: PartialResult) throws {
        state = partial.state.name
        guard let result = try RunningResult(image, partial) else {
            // Nothing is shown, or the result is complete.
            (size, objection, ranges, run) = (nil, nil, FinishedRanges(), partial.run)
            return
        }
        if run != partial.run || size == nil { ranges = FinishedRanges() }
        run = partial.run
        size = (result.shape.width, result.shape.height)
        objection = result.objection
        for range in result.ranges.ranges { ranges.insert(range) }
    }

    /// Takes what a master of an earlier release tells, which knows nothing of rows.
    mutating func add(_ state: ImageStatus.State) {
        self.state = state.name
        if !state.isFinal {
            objection = "the master is of an earlier release, which does not tell which rows are computed"
        }
    }

    var json: JSON {
        let rows = objection == nil ? ranges.ranges : []
        return [
            "job": .integer(image.job.rawValue), "image": .integer(image.index), "state": .string(state),
            "run": .integer(run ?? 0), "width": size.map { .integer($0.width) },
            "height": size.map { .integer($0.height) },
            "rows": .array(rows.map { [.integer($0.lowerBound), .integer($0.upperBound)] }),
            "objection": objection.map { .string($0) },
        ]
    }
}
