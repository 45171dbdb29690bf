import JobModel
import SeededFaults

// What a task needs, for the worker that runs it.

extension Scheduler {
    /// Everything a worker needs for a ready task of a running image.
    func taskSpec(_ key: TaskKey, _ task: TaskID) -> TaskSpec {
        guard let job = ledger.jobs[key.job], let progress = job.progress[key.index] else {
            preconditionFailure("\(task) is granted, but its image is not running")
        }
        let plan = progress.plan
        var inputs: [BlobSlice]
        var value: BlobSlice?
        var attachments: [BlobReference] = []
        switch task.step {
        case .whole, .decode:
            inputs = [BlobSlice(job.images[Int(key.index)].description.input)]
            if task.step == .whole { attachments = plan.attachments }
        case .chunk(0, let index) where plan.isInPieces:
            attachments = plan.stages[0].attachments
            inputs = [BlobSlice(job.images[Int(key.index)].description.input)]
            value = chunkPieces(progress, chunk: Int(index))
        case .chunk(let stage, let index):
            attachments = plan.stages[Int(stage)].attachments
            (inputs, value) = chunkInputs(progress, stage: Int(stage), chunk: Int(index))
        case .reduce(let stage):
            inputs = (0..<plan.stages[Int(stage)].chunks.count).map { chunk in
                let output = progress.output(at: .chunk(stage: stage, index: UInt32(chunk)))
                // Rows that are made for a document's sake are not kept: the summary is all there is.
                let isReport = plan.stages[Int(stage)].epilogue == .report
                guard let summary = isReport ? output?.payload : output?.summary else {
                    preconditionFailure("\(task) is ready without the summary of chunk \(chunk)")
                }
                return BlobSlice(summary)
            }
        }
        return TaskSpec(
            task: task, pipeline: plan.coding.pipeline(job.description.pipeline), geometry: plan.geometry,
            chunkByteCount: job.images[Int(key.index)].chunkByteCount ?? job.description.options.chunkByteCount,
            maximumPixelCount: job.description.options.maximumPixelCount,
            maximumMetadataByteCount: job.description.options.maximumMetadataByteCount,
            coding: seeded(.formatNotGranted, .standard, else: plan.coding.ofTasks),
            isInPieces: plan.isInPieces(task.step), inputs: inputs, value: value, attachments: attachments,
            progressTimeoutMilliseconds: UInt64(
                progressTimeout(pixels: plan.pixelCount(of: Int(key.task))).milliseconds))
    }

    /// What says which pieces of the file a chunk needs.
    private func chunkPieces(_ progress: ImageProgress, chunk: Int) -> BlobSlice {
        guard let found = progress.output(at: .decode), let blob = found.payload else {
            preconditionFailure("chunk \(chunk) is ready before the pieces of its image are found")
        }
        let index = seeded(.piecesOfAnotherChunk, max(1, chunk) - 1, else: chunk)
        let start = found.valueOffsets[index]
        return BlobSlice(blob: blob, offset: start, byteCount: found.valueOffsets[index + 1] - start)
    }

    /// The rows that a chunk reads, and the value that opens its stage.
    private func chunkInputs(_ progress: ImageProgress, stage: Int, chunk: Int) -> ([BlobSlice], BlobSlice?) {
        let facts = progress.plan.stages[stage]
        let rows = facts.inputRows[chunk]
        if stage == 0 {
            let inputs = ImagePlan.slices(
                of: rows, in: progress.plan.bands, bytesPerRow: facts.inputBytesPerRow
            ) { progress.bands[$0] }
            return (inputs, nil)
        }
        func payload(_ chunk: Int) -> BlobReference? {
            progress.output(at: .chunk(stage: UInt16(stage - 1), index: UInt32(chunk)))?.payload
        }
        let inputs =
            if let transposed = facts.transposedInput {
                ImagePlan.slices(of: rows, transposed: transposed, blob: payload)
            } else {
                ImagePlan.slices(
                    of: rows, in: progress.plan.stages[stage - 1].chunks, bytesPerRow: facts.inputBytesPerRow,
                    blob: payload)
            }

        let index: Int
        switch facts.prologue {
        case .none: return (inputs, nil)
        case .sharedValue: index = 0
        case .valuePerChunk: index = chunk
        }
        guard let merged = progress.output(at: .reduce(stage: UInt16(stage - 1))), let blob = merged.payload else {
            preconditionFailure("chunk \(chunk) of stage \(stage) is ready before the stage is reduced")
        }
        let start = merged.valueOffsets[index]
        return (inputs, BlobSlice(blob: blob, offset: start, byteCount: merged.valueOffsets[index + 1] - start))
    }

    /// How long an attempt that reads that many pixels may run without progress.
    func progressTimeout(pixels: UInt64) -> Duration {
        configuration.progressTimeout + .seconds(Int64(clamping: pixels / configuration.slowestPixelsPerSecond))
    }
}

extension ImageProgress {
    func output(at step: TaskStep) -> TaskOutput? { plan.task(at: step).flatMap(output(of:)) }

    /// The order to build the file; the image must be complete.
    func assembly(of image: ImageID) -> Assembly {
        let last = plan.stages.count - 1
        if plan.stages[last].epilogue == .report {
            guard let document = output(at: .reduce(stage: UInt16(last)))?.payload else {
                preconditionFailure("image \(image) is complete without its document")
            }
            return Assembly(image: image, parts: [], metadata: nil, output: plan.output, document: document)
        }
        let parts = (0..<plan.stages[last].chunks.count).map { chunk in
            let output = output(at: .chunk(stage: UInt16(last), index: UInt32(chunk)))
            guard let segment = output?.payload, let checksum = output?.checksum else {
                preconditionFailure("image \(image) is complete without segment \(chunk)")
            }
            return Assembly.Part(segment: segment, checksum: checksum)
        }
        return Assembly(
            image: image, parts: parts, metadata: output(at: .decode)?.metadata, output: plan.output,
            encoding: plan.coding.encoding)
    }
}
