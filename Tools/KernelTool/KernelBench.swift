import Glibc
import Kernels
import Pipelines

/// Runs a pipeline on an image again and again, in memory that is allocated once, as OpenCV does when it is given a
/// destination.
struct KernelBench {
    private var image: RowBuffer?
    private var run: PreparedPipeline?

    /// Reads the pixels that `prepare` and `time` work on.
    mutating func load(_ shape: ImageShape, from path: String) throws(KernelToolError) {
        run = nil
        let image = RowBuffer(shape: shape, rows: 0..<shape.height)
        guard let file = fopen(path, "rb") else { throw KernelToolError("cannot read \(path)") }
        defer { fclose(file) }
        let bytes = image.mutableView.bytes
        guard fread(bytes.baseAddress, 1, bytes.count, file) == bytes.count else {
            throw KernelToolError("\(path) has fewer than \(bytes.count) bytes")
        }
        self.image = image
    }

    mutating func prepare(_ pipeline: Pipeline) throws(KernelToolError) {
        run = nil
        guard let image else { throw KernelToolError("`load` an image first") }
        run = try PreparedPipeline(pipeline, image)
    }

    /// The processor time of each of `count` runs, in seconds.
    func time(_ count: Int) throws(KernelToolError) -> [Double] {
        guard let run else { throw KernelToolError("`prepare` a pipeline first") }
        var seconds: [Double] = []
        for _ in 0..<count {
            let start = Self.processorTime
            try run.compute()
            seconds.append(Self.processorTime - start)
        }
        return seconds
    }

    private static var processorTime: Double {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
    }
}

/// A pipeline as it is planned for one chunk, point operations fused, with room for what comes out of each step.
private struct PreparedPipeline {
    private enum Step {
        case rows(any RowKernel)
        case wholeImage(any WholeImageKernel)
        case transpose(TransposedRows)
    }

    private var steps: [Step] = []
    /// The image, and what each step makes.
    private var buffers: [RowBuffer]

    init(_ pipeline: Pipeline, _ image: RowBuffer) throws(KernelToolError) {
        buffers = [image]
        let plan = try attempt { () throws(PipelineError) in
            try ProcessingPlan(pipeline: pipeline, input: image.shape, chunkByteCount: .max)
        }
        for stage in plan.stages {
            if let transposed = stage.transposedInput { append(.transpose(transposed), transposed.shape) }
            if let step = stage.prologue { append(.wholeImage(step.kernel), step.output) }
            for step in stage.steps { append(.rows(step.kernel), step.output) }
        }
    }

    private mutating func append(_ step: Step, _ shape: ImageShape) {
        steps.append(step)
        buffers.append(RowBuffer(shape: shape, rows: 0..<shape.height))
    }

    func compute() throws(KernelToolError) {
        for (index, step) in steps.enumerated() {
            let (input, output) = (buffers[index].view, buffers[index + 1].mutableView)
            switch step {
            case .rows(let kernel): kernel.apply(input, to: output)
            case .transpose(let rows): rows.transpose(input, part: 0, to: output.bytes)
            case .wholeImage(let kernel):
                try attempt { () throws(PipelineError) in
                    let values = try kernel.finalize([kernel.aggregate(input)])
                    try kernel.apply(values[0], to: input, into: output)
                }
            }
        }
    }
}
