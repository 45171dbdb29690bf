import JobModel
import Pipelines
import Scheduler

/// Watches what the master tells of results that are being computed: rows that are called finished have the bytes that the file
/// will have in their place.
///
/// It reads the durable records and the orders to put files together, and knows which rows a chunk has from the plan alone.
struct SegmentBook {
    /// The segments that the tasks of each image gave in its present run, by step.
    private var given: [ImageID: [TaskStep: BlobReference]] = [:]
    /// What was told of each run of an image.
    private var told: [ImageID: (run: AttemptNumber, rows: [PartialResult.Rows])] = [:]
    /// Rows that were told, in all.
    private(set) var toldCount = 0

    /// A record is durable.
    mutating func observe(_ record: Record) {
        switch record {
        case .taskCompleted(let lease, let output, _):
            if output.checksum != nil { given[lease.task.image, default: [:]][lease.task.step] = output.payload }
        case .imageRestarted(let image), .imageRedriven(let image), .imageReplanned(let image, _),
            .imageFailed(let image, _, _), .imageWithdrawn(let image), .imageCompleted(let image, _, _):
            given[image] = nil
        case .jobCancelled(let job, _), .jobForgotten(let job), .jobRevised(let job, _):
            for image in given.keys where image.job == job { given[image] = nil }
        default: break
        }
    }

    /// A viewer is told what there is of an image.
    ///
    /// - Parameter plan: of the image's present run; `nil` when none of its tasks was granted.
    mutating func told(_ partial: PartialResult, of image: ImageID, plan: ProcessingPlan?, report: Report) {
        if told[image]?.run != partial.run { told[image] = (partial.run, []) }
        for finished in partial.finished {
            toldCount += 1
            guard let step = Self.step(of: finished.rows, in: plan) else {
                report(.results, "rows \(finished.rows) of image \(image) are told to be finished: no chunk has these")
                return
            }
            guard given[image]?[step] == finished.segments else {
                report(
                    .results,
                    "rows \(finished.rows) of image \(image) are told to be in \(finished.segments.digest), which is not what the "
                        + "durable records have of \(step)")
                return
            }
            let before = told[image]?.rows.first { $0.rows.overlaps(finished.rows) }
            if let before, before != finished {
                report(.results, "rows \(finished.rows) of image \(image) change within run \(partial.run)")
            }
            if before == nil { told[image]?.rows.append(finished) }
        }
    }

    /// The file of an image is put together.
    func assembling(_ assembly: Assembly, plan: ProcessingPlan?, report: Report) {
        guard let told = told[assembly.image], told.run == assembly.run else { return }
        for finished in told.rows {
            guard case .chunk(_, let index) = Self.step(of: finished.rows, in: plan),
                assembly.parts.indices.contains(Int(index)),
                assembly.parts[Int(index)].segment == finished.segments
            else {
                report(
                    .results, "rows \(finished.rows) of image \(assembly.image) are not in its file as they were told")
                return
            }
        }
    }

    /// The chunk that gives these rows of the result.
    private static func step(of rows: Range<UInt32>, in plan: ProcessingPlan?) -> TaskStep? {
        guard let plan, let chunks = plan.stages.last?.chunks else { return nil }
        let rows = Int(rows.lowerBound)..<Int(rows.upperBound)
        let index = rows.lowerBound / chunks.rowsPerPart
        guard index < chunks.count, chunks[index] == rows else { return nil }
        return .chunk(stage: UInt16(plan.stages.count - 1), index: UInt32(index))
    }
}
