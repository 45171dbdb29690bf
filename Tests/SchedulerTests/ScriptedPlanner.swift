import Pipelines
import JobModel

@testable import Scheduler

/// Plans by the pipeline's first word, on images 10 bytes wide:
///
/// - `whole`: one task;
/// - `rows`: bands of 4 rows; one stage of chunks of 4 rows, each needing one row more above and below;
/// - `shared`: bands and chunks of 4 rows; a first stage that is aggregated, a second one with chunks of 8 rows, all of which
///   need the same value;
/// - `own`: the same, but the second stage has the chunks of the first, and each needs its own value;
/// - `columns`: the same, but the first stage ends with columns, of which a chunk of the second needs those of its rows;
/// - `lower`: as `rows`, but rows above the eighth are not read;
/// - `unsuitable`: no plan at all.
struct ScriptedPlanner: ImagePlanner {
    func canonicalText(of pipeline: String) throws(PipelineError) -> String {
        guard ["whole", "rows", "shared", "own", "columns", "report", "lower", "unsuitable"].contains(pipeline) else {
            throw PipelineError(.unknownOperation, "\(pipeline) is not in the script")
        }
        return pipeline
    }

    func plan(
        pipeline: String, image: AcceptedImage, chunkByteCount: UInt64
    ) throws(PipelineError) -> ImagePlan {
        let geometry = image.geometry
        let height = Int(geometry.height)
        let quarters = RowPartition(rowCount: height, rowsPerPart: 4)
        let eighths = RowPartition(rowCount: height, rowsPerPart: 8)
        func stage(
            _ chunks: RowPartition, halo: Int, _ prologue: ImagePlan.Prologue, _ epilogue: ImagePlan.EpilogueKind
        ) -> ImagePlan.Stage {
            ImagePlan.Stage(
                inputBytesPerRow: 10, outputBytesPerRow: 10, inputWidth: 10, prologue: prologue, epilogue: epilogue,
                chunks: chunks,
                inputRows: (0..<chunks.count).map { index in
                    max(0, chunks[index].lowerBound - halo)..<min(height, chunks[index].upperBound + halo)
                })
        }
        func large(_ stages: [ImagePlan.Stage]) -> ImagePlan {
            ImagePlan(geometry: geometry, output: geometry, bands: quarters, stages: stages)
        }
        switch pipeline {
        case "rows": return large([stage(quarters, halo: 1, .none, .segments)])
        case "shared":
            return large([
                stage(quarters, halo: 1, .none, .aggregate), stage(eighths, halo: 1, .sharedValue, .segments),
            ])
        case "own":
            return large([
                stage(quarters, halo: 1, .none, .aggregate), stage(quarters, halo: 0, .valuePerChunk, .segments),
            ])
        case "lower":
            var lower = stage(RowPartition(rowCount: height - 8, rowsPerPart: 4), halo: 0, .none, .segments)
            lower.inputRows = (0..<lower.chunks.count).map { index in
                lower.chunks[index].lowerBound + 8..<lower.chunks[index].upperBound + 8
            }
            return large([lower])
        case "columns":
            var turned = stage(RowPartition(rowCount: 10, rowsPerPart: 6), halo: 0, .none, .segments)
            turned.transposedInput = TransposedRows(
                of: ImageShape(width: 10, height: height, format: PixelFormat(.gray, .eight)), rowsPerPart: 4)
            turned.inputRows = [0..<6, 6..<10]
            return large([stage(quarters, halo: 1, .none, .columns), turned])
        case "report": return large([stage(quarters, halo: 1, .none, .report)])
        case "unsuitable": throw PipelineError(.unsuitableImage, "scripted to refuse every image")
        default: return ImagePlan(whole: geometry, output: geometry)
        }
    }
}
