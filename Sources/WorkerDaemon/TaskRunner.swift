import Glibc
import JobModel
import MasterClient
import Transport

/// The three steps of a lease that take time: fetch the inputs, let a world compute, upload the outputs.
struct TaskRunner: Sendable {
    let blobs: RetryingBlobTransfer

    /// The output of the world in the lease's files.
    enum Computed: Sendable {
        /// All bands are uploaded and reported already; these are the framed header chunks to carry over.
        case decoded(metadata: BlobReference?, remarks: [ImageRemark])
        case output(RankOutput, metadata: BlobReference? = nil, remarks: [ImageRemark] = [])
    }

    // MARK: Fetch

    func fetch(_ spec: TaskSpec, into files: LeaseFiles) async throws {
        try files.create()
        for attachment in spec.attachments {
            try await fetch([BlobSlice(attachment)], into: files.attachment(attachment))
        }
        if spec.isInPieces { return try await fetchPieces(spec, into: files) }
        try await fetch(spec.inputs, into: files.input)
        if let value = spec.value { try await fetch([value], into: files.value) }
    }

    /// Fetches slices into a file, one after the other.
    private func fetch(_ slices: [BlobSlice], into path: String) async throws {
        let descriptor = try createFile(path, byteCount: slices.reduce(0) { $0 + $1.byteCount })
        defer { close(descriptor) }
        var offset: UInt64 = 0
        for slice in slices {
            try await blobs.get(slice, into: descriptor, at: offset)
            offset += slice.byteCount
        }
    }

    /// Fetches what a chunk needs of the file. Of a task that finds out what chunks need, nothing is known before it runs.
    private func fetchPieces(_ spec: TaskSpec, into files: LeaseFiles) async throws {
        guard let value = spec.value, let input = spec.inputs.first else { return }
        try await fetch([value], into: files.value)
        let pieces = try ChunkPieces(decoding: LeaseFiles.contents(of: files.value))
        try await fetch(
            pieces.ranges.map { range throws(TaskFailure) in try input.part(range.lowerBound, UInt64(range.count)) },
            into: files.input)
    }

    // MARK: Compute

    /// - Parameter onBand: told of each band of a decode task once it is uploaded.
    /// - Throws: `TaskFailure` when the ranks refused; `WorldError`; `CancellationError`.
    func compute(
        _ spec: TaskSpec, _ files: LeaseFiles, in world: World,
        onBand: @escaping @Sendable (UInt32, BlobReference) async -> Void,
        onProgress: @escaping @Sendable (Double) -> Void
    ) async throws -> Computed {
        switch spec.task.step {
        case .whole:
            let (_, metadata, remarks) = try await decode(spec, files, in: world, onProgress: onProgress) { band in
                guard rename(band.path, files.raw) == 0 else { throw LeaseFileError("cannot keep", band.path) }
            }
            defer { unlink(metadata) }
            let order = RankOrder.computeWhole(spec, input: files.raw, metadata: metadata, payload: files.payload)
            return .output(try await finish(order, in: world, onProgress: onProgress), remarks: remarks)
        case .decode where spec.isInPieces: return try await findPieces(spec, files, in: world, onProgress: onProgress)
        case .decode:
            let (byteCount, metadata, remarks) = try await decode(spec, files, in: world, onProgress: onProgress) {
                band in
                let blob = try await blobs.put(fileAt: band.path)
                unlink(band.path)
                await onBand(band.index, blob)
            }
            defer { unlink(metadata) }
            return .decoded(
                metadata: byteCount == 0 ? nil : try await blobs.put(fileAt: metadata), remarks: remarks)
        case .chunk:
            let order = RankOrder.compute(
                spec, input: files.input, value: spec.value == nil ? nil : files.value, payload: files.payload,
                summary: files.summary, rows: files.raw)
            return .output(try await finish(order, in: world, onProgress: onProgress))
        case .reduce:
            let order = RankOrder.reduce(
                spec, summaries: files.input, byteCounts: spec.inputs.map(\.byteCount), payload: files.payload)
            return .output(try await finish(order, in: world, onProgress: onProgress))
        }
    }

    private func decode(
        _ spec: TaskSpec, _ files: LeaseFiles, in world: World, onProgress: @escaping @Sendable (Double) -> Void,
        onBand: @escaping @Sendable (World.DecodedBand) async throws -> Void
    ) async throws -> (metadataByteCount: UInt64, metadata: String, remarks: [ImageRemark]) {
        let order = RankOrder.decode(spec, input: files.input, directory: world.filesPath)
        // The rank may be bands ahead: files that were not taken must not fill the shared memory.
        var isDecoded = false
        defer { if !isDecoded { emptyDirectory(world.filesPath) } }
        switch try await world.run(order, onBand: onBand, onProgress: onProgress) {
        case .decoded(let metadata, let byteCount, let remarks):
            isDecoded = true
            return (byteCount, metadata, remarks)
        case .failed(let cause, let reason): throw TaskFailure(Failure(cause, reason))
        case let other: throw TaskFailure(Failure(.rankLost, "rank 0 answered a decode order with \(other)"))
        }
    }

    private func findPieces(
        _ spec: TaskSpec, _ files: LeaseFiles, in world: World, onProgress: @escaping @Sendable (Double) -> Void
    ) async throws -> Computed {
        guard let input = spec.inputs.first else {
            throw TaskFailure(Failure(.workerError, "the task came without the file that it is about"))
        }
        let order = RankOrder.findPieces(
            spec, input: files.input, payload: files.payload, metadata: files.metadata)
        let reply = try await world.run(
            order,
            onNeed: { offset, byteCount in
                try await fetch([try input.part(offset, byteCount)], into: files.input)
            }, onProgress: onProgress)
        switch reply {
        case .found(let output, let byteCount, let remarks):
            let metadata = byteCount == 0 ? nil : try await blobs.put(fileAt: files.metadata)
            return .output(output, metadata: metadata, remarks: remarks)
        case .failed(let cause, let reason): throw TaskFailure(Failure(cause, reason))
        case let other: throw TaskFailure(Failure(.rankLost, "rank 0 answered a search for pieces with \(other)"))
        }
    }

    private func finish(
        _ order: RankOrder, in world: World, onProgress: @escaping @Sendable (Double) -> Void
    ) async throws -> RankOutput {
        switch try await world.run(order, onProgress: onProgress) {
        case .finished(let output): return output
        case .failed(let cause, let reason): throw TaskFailure(Failure(cause, reason))
        case let other: throw TaskFailure(Failure(.rankLost, "rank 0 answered with \(other)"))
        }
    }

    // MARK: Upload

    func upload(_ computed: Computed, of spec: TaskSpec, from files: LeaseFiles) async throws -> TaskOutput {
        switch computed {
        case .decoded(let metadata, let remarks):
            return TaskOutput(metadata: metadata, remarks: remarks)
        case .output(let output, let metadata, let remarks):
            // The file of a small image is the result itself; all else can be computed again.
            let payload = try await blobs.put(fileAt: files.payload, recomputable: spec.task.step != .whole)
            let summary = output.summaryByteCount == nil ? nil : try await blobs.put(fileAt: files.summary)
            return TaskOutput(
                payload: payload, summary: summary, checksum: output.checksum, metadata: metadata,
                valueOffsets: output.valueOffsets, remarks: remarks)
        }
    }
}

extension BlobSlice {
    /// A part of the blob that the slice is of.
    ///
    /// - Throws: `TaskFailure` for bytes that it does not have: those who asked for them were wrong.
    fileprivate func part(_ offset: UInt64, _ byteCount: UInt64) throws(TaskFailure) -> BlobSlice {
        guard offset <= blob.byteCount, byteCount <= blob.byteCount - offset else {
            throw TaskFailure(
                Failure(
                    .workerError, "bytes \(offset)+\(byteCount) of a file of \(blob.byteCount) were asked for"))
        }
        return BlobSlice(blob: blob, offset: offset, byteCount: byteCount)
    }
}

/// An attempt that ended with a failure to report.
struct TaskFailure: Error {
    let failure: Failure
    init(_ failure: Failure) { self.failure = failure }
}

extension Failure {
    /// The failure to report for an error of `TaskRunner`.
    init(of error: any Error) {
        switch error {
        case let error as TaskFailure: self = error.failure
        case let error as WorldError: self = error.failure
        case is CancellationError: self.init(.cancelled, "the lease was taken back")
        default: self.init(.workerError, ErrorText.of(error))
        }
    }
}
