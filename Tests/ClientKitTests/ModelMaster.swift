import ClientKit
import Foundation
import JobModel
import MasterClient
import NIOCore
import Synchronization
import Transport

/// A master in memory that does what the real one promises, and refuses what the real one refuses.
///
/// A test says which calls lose their connection, and when images are done.
final class ModelMaster: MasterAPI {
    struct Job: Sendable {
        var request: JobRequest
        var images: [ImageStatus] = []
        var isSealed = false
        var isCancelled = false
        var firstIndices: [UInt32] = []

        var state: JobSummary.State {
            if isCancelled { return .cancelled }
            let failed = images.count(where: \.hasFailed)
            let done = images.count { $0.state == .done }
            if !isSealed { return .open }
            if failed + done < images.count { return .running }
            return failed == 0 ? .done : done == 0 ? .failed : .partlyFailed
        }
    }

    /// How an image ends.
    enum Work: Sendable {
        case result([UInt8])
        case failure(FailureReport)
    }

    /// Where a connection can break.
    enum Break: Hashable, Sendable {
        /// The request never arrives.
        case before(String)
        /// The request is carried out, but its reply is lost.
        case after(String)
    }

    struct State: Sendable {
        var jobs: [UInt64: Job] = [:]
        var blobs: [BlobDigest: [UInt8]] = [:]
        var watchers: [UInt64: [AsyncThrowingStream<JobSummary, any Error>.Continuation]] = [:]
        /// Subscriptions that their consumer ended.
        var endedWatches = 0
        var calls: [String] = []
        var breaks: [Break] = []
        var refusals: [String: [MasterRefusal]] = [:]
        var putsUnderWay = 0
        var mostPutsUnderWay = 0
        /// Runs while the reply of `sealJob` is on its way; a caller that is cancelled does not get it.
        var replyToSeal: @Sendable () async -> Void = {}
        /// What is told of images that are being computed, one answer after the other; the last one stays. `nil` is a master of an
        /// earlier release.
        var partials: [PartialResult?] = [nil]
        /// The result of an image as soon as its job has it; `nil` leaves it waiting.
        var work: @Sendable (_ name: String, _ input: [UInt8]) -> Work? = { _, input in
            .result(input)
        }
    }

    let state = Mutex(State())

    init(_ prepare: (inout State) -> Void = { _ in }) { state.withLock { prepare(&$0) } }

    var calls: [String] { state.withLock { $0.calls } }
    func job(numbered number: UInt64) -> Job? { state.withLock { $0.jobs[number] } }

    static let lost = ConnectionClosed(.network, "the connection was reset")

    /// Counts a call and breaks or refuses it when the test wants that.
    private func call<Result>(_ name: String, _ body: (inout State) throws -> Result) throws -> Result {
        try state.withLock { state in
            state.calls.append(name)
            if let index = state.breaks.firstIndex(of: .before(name)) {
                state.breaks.remove(at: index)
                throw Self.lost
            }
            if var refusals = state.refusals[name], !refusals.isEmpty {
                let refusal = refusals.removeFirst()
                state.refusals[name] = refusals
                throw refusal
            }
            let result = try body(&state)
            if let index = state.breaks.firstIndex(of: .after(name)) {
                state.breaks.remove(at: index)
                throw Self.lost
            }
            return result
        }
    }

    private static func find(_ job: JobID, in state: State) throws -> Job {
        guard let found = state.jobs[job.rawValue] else {
            throw MasterRefusal(.notFound, "there is no job \(job)")
        }
        return found
    }

    // MARK: Submitting

    func openJob(_ request: JobRequest) async throws -> OpenedJob {
        try call("openJob") { state in
            if let (number, job) = state.jobs.first(where: { $0.value.request.token == request.token }) {
                return OpenedJob(job: JobID(number), imageCount: job.images.count, isSealed: job.isSealed)
            }
            let number = UInt64(state.jobs.count) + 17
            state.jobs[number] = Job(request: request)
            return OpenedJob(job: JobID(number))
        }
    }

    func addImages(_ images: [NewImage], to job: JobID, firstIndex: UInt32) async throws {
        try call("addImages") { state in
            var found = try Self.find(job, in: state)
            guard images.count <= 256 else { throw MasterRefusal(.invalidArgument, "too many") }
            guard !found.isSealed, Int(firstIndex) == found.images.count else {
                throw MasterRefusal(.imageGap, "\(firstIndex) after \(found.images.count)")
            }
            found.firstIndices.append(firstIndex)
            for new in images {
                guard let bytes = state.blobs[new.input.digest] else {
                    throw MasterRefusal(.blobMissing, "\(new.input.digest)")
                }
                var image = ImageStatus(index: UInt32(found.images.count), name: new.name, state: .waiting)
                Self.finish(&image, state.work(new.name, bytes), &state)
                found.images.append(image)
            }
            state.jobs[job.rawValue] = found
            Self.tellWatchers(of: job, state)
        }
    }

    func sealJob(_ job: JobID, imageCount: UInt32) async throws {
        try call("sealJob") { state in
            var found = try Self.find(job, in: state)
            guard !found.isSealed, found.images.count == Int(imageCount) else {
                throw MasterRefusal(.imageGap, "sealed, or not \(imageCount) images")
            }
            found.isSealed = true
            state.jobs[job.rawValue] = found
            Self.tellWatchers(of: job, state)
        }
        await state.withLock { $0.replyToSeal }()
        try Task.checkCancellation()
    }

    /// Ends an image that `work` left waiting.
    func finish(_ job: UInt64, image index: Int, with result: Work) {
        state.withLock { state in
            guard var image = state.jobs[job]?.images[index] else { return }
            Self.finish(&image, result, &state)
            state.jobs[job]?.images[index] = image
            Self.tellWatchers(of: JobID(job), state)
        }
    }

    private static func finish(
        _ image: inout ImageStatus, _ result: Work?, _ state: inout State
    ) {
        switch result {
        case nil: break
        case .result(let bytes):
            let blob = BlobReference(to: bytes)
            state.blobs[blob.digest] = bytes
            image.state = .done
            image.result = blob
        case .failure(let failure):
            image.state = .failed
            image.failure = failure
        }
    }

    // MARK: Blobs

    func findBlobs(_ digests: [BlobDigest], for job: JobID?) async throws -> [Bool] {
        try call("findBlobs") { state in digests.map { state.blobs[$0] != nil } }
    }

    func putBlob(_ source: BlobSource, digest: BlobDigest?, for job: JobID?) async throws -> BlobReference {
        state.withLock { state in
            state.putsUnderWay += 1
            state.mostPutsUnderWay = max(state.mostPutsUnderWay, state.putsUnderWay)
        }
        defer { state.withLock { $0.putsUnderWay -= 1 } }
        await Task.yield()
        var bytes: [UInt8] = []
        try await source.read { bytes.append(contentsOf: $0.readableBytesView) }
        let blob = BlobReference(to: bytes)
        return try call("putBlob") { [bytes] state in
            guard digest == nil || blob.digest == digest else {
                throw ConnectionClosed(.goodbye, "the bytes do not have the digest")
            }
            state.blobs[blob.digest] = bytes
            return blob
        }
    }

    /// Pieces of a blob are small, so that a few bytes make several.
    static let pieceByteCount = 4

    func getBlob(_ slice: BlobSlice, into target: BlobTarget) async throws {
        let bytes = try call("getBlob") { state in
            guard let bytes = state.blobs[slice.blob.digest] else {
                throw MasterRefusal(.blobNotFound, "there is no blob \(slice.blob.digest)")
            }
            return bytes[Int(slice.offset)..<Int(slice.offset + slice.byteCount)]
        }
        switch target {
        case .file(let descriptor, let offset):
            let count = bytes.withUnsafeBytes { pwrite(descriptor, $0.baseAddress, $0.count, off_t(offset)) }
            precondition(count == bytes.count, "cannot write")
        case .pieces(let receive): try await give(bytes, to: receive)
        case .digestedPieces(let digest, let receive):
            try await give(bytes) { piece in
                piece.withUnsafeReadableBytes { digest.update($0) }
                try await receive(piece)
            }
        }
    }

    private func give(_ bytes: ArraySlice<UInt8>, to receive: (ByteBuffer) async throws -> Void) async throws {
        for start in stride(from: bytes.startIndex, to: bytes.endIndex, by: Self.pieceByteCount) {
            try call("piece") { _ in }
            try await receive(ByteBuffer(bytes: bytes[start..<min(start + Self.pieceByteCount, bytes.endIndex)]))
        }
        try call("lastPiece") { _ in }
    }

    // MARK: Watching

    func job(_ job: JobID) async throws -> JobSummary {
        try call("job") { state in Self.summary(of: job, try Self.find(job, in: state)) }
    }

    func jobs(limit: UInt32, before: JobID?) async throws -> [JobSummary] {
        try call("jobs") { state in
            state.jobs.filter { job, _ in before.map { job < $0.rawValue } ?? true }.sorted { $0.key > $1.key }
                .prefix(min(Int(limit), Self.pageCount)).map { Self.summary(of: JobID($0.key), $0.value) }
        }
    }

    func images(_ job: JobID, first: UInt32) async throws -> ImagePage {
        try call("images") { state in
            let images = try Self.find(job, in: state).images
            return ImagePage(
                images: Array(images.dropFirst(Int(first)).prefix(Self.pageCount)), imageCount: images.count)
        }
    }

    func partialResult(of image: ImageID, firstRow: UInt32) async throws -> PartialResult? {
        try call("partialResult \(firstRow)") { state in
            guard var partial = state.partials[0] else { return nil }
            if state.partials.count > 1 { state.partials.removeFirst() }
            partial.finished.removeAll { $0.rows.upperBound <= firstRow }
            if partial.finished.count > Self.pageCount {
                partial.nextRow = partial.finished[Self.pageCount].rows.lowerBound
                partial.finished.removeSubrange(Self.pageCount...)
            }
            return partial
        }
    }

    /// Fewer than the real master's, so that few images make several pages.
    static let pageCount = 3

    func watch(_ job: JobID) -> AsyncThrowingStream<JobSummary, any Error> {
        let (stream, continuation) = AsyncThrowingStream.makeStream(
            of: JobSummary.self, bufferingPolicy: .bufferingNewest(1))
        continuation.onTermination = { [weak self] end in
            guard case .cancelled = end else { return }
            self?.endWatch()
        }
        do {
            try call("watch") { state in
                let summary = Self.summary(of: job, try Self.find(job, in: state))
                continuation.yield(summary)
                if summary.isFinal {
                    continuation.finish()
                } else {
                    state.watchers[job.rawValue, default: []].append(continuation)
                }
            }
        } catch {
            continuation.finish(throwing: error)
        }
        return stream
    }

    private func endWatch() { state.withLock { $0.endedWatches += 1 } }

    /// Every watcher loses its connection.
    func loseWatchers() {
        state.withLock { state in
            for watcher in state.watchers.values.joined() { watcher.finish(throwing: Self.lost) }
            state.watchers = [:]
        }
    }

    private static func tellWatchers(of job: JobID, _ state: State) {
        guard let found = state.jobs[job.rawValue] else { return }
        let summary = summary(of: job, found)
        for watcher in state.watchers[job.rawValue] ?? [] {
            watcher.yield(summary)
            if summary.isFinal { watcher.finish() }
        }
    }

    private static func summary(of id: JobID, _ job: Job) -> JobSummary {
        JobSummary(
            id: id, state: job.state, pipeline: job.request.pipeline, submitter: job.request.submitter,
            isSealed: job.isSealed, imageCount: job.images.count, imagesDone: job.images.count { $0.state == .done },
            imagesFailed: job.images.count(where: \.hasFailed))
    }

    func cancel(_ job: JobID) async throws {
        try call("cancel") { state in
            _ = try Self.find(job, in: state)
            state.jobs[job.rawValue]?.isCancelled = true
            Self.tellWatchers(of: job, state)
        }
    }

    func forget(_ job: JobID) async throws {
        try call("forget") { state in
            let found = try Self.find(job, in: state)
            guard found.isCancelled || found.isSealed else {
                throw MasterRefusal(.wrongState, "job \(job) is open, but must be finished or cancelled")
            }
            state.jobs[job.rawValue] = nil
        }
    }

    // MARK: Administration

    func masterStatus() async throws -> MasterStatus {
        try call("masterStatus") { _ in MasterStatus(software: "model") }
    }
    func workers() async throws -> [WorkerStatus] { try call("workers") { _ in [] } }
    func secretStatus() async throws -> SecretStatus {
        try call("secretStatus") { _ in SecretStatus(isChanging: false, newestConnections: 1) }
    }
    func drain(_ worker: String, resume: Bool) async throws { try call("drain") { _ in } }
    func release(_ worker: String) async throws -> Int { try call("release") { _ in 0 } }
    func deadLetters(of job: JobID?) async throws -> [DeadLetter] { try call("deadLetters") { _ in [] } }
    func deadLetter(_ image: ImageID) async throws -> DeadLetter {
        throw MasterRefusal(.notFound, "image \(image) is not dead-lettered")
    }
    func redrive(_ selection: DeadLetterSelection) async throws -> Int { try call("redrive") { _ in 0 } }
    func purge(_ selection: DeadLetterSelection) async throws -> Int { try call("purge") { _ in 0 } }
}
