import struct Cryptography.SHA256
import Foundation
import JobModel
import Logging
import ClientKit
import MasterClient
import Protocol
import TestSupport
import Testing
import Transport

/// A workload with everything that a master must keep, and a client that checks it.
///
/// A small image, a large one in parts with a reduction, a job that is cancelled, and an image that kills its ranks until it
/// is dead-lettered, and is redriven when it was healed. It can be lived again and again on the same state, by a client that
/// knows what was acknowledged to it and checks that this is still so.
actor ClientWorkload {
    private struct Submission: Sendable {
        let token: String
        let image: TestImage
        let pipeline: String
        var options = JobOptions(mayUseCache: false)

        var file: [UInt8] { image.png }
    }

    /// What the master has said, and must not forget.
    fileprivate struct Acknowledged {
        var job: JobID?
        var imageCount = 0
        var isSealed = false
        var isCancelled = false
        var isDone = false
    }

    private let secret: SharedSecret
    private let worker: ModelWorker
    private var acknowledged: [String: Acknowledged]
    private var isHealed: Bool

    /// What client and worker know, for another workload on a copy of the same state.
    struct Memory: Sendable {
        fileprivate var acknowledged: [String: Acknowledged] = [:]
        fileprivate var isHealed = false
        fileprivate var worker = ModelWorker.Memory()
    }

    var memory: Memory {
        get async { Memory(acknowledged: acknowledged, isHealed: isHealed, worker: await worker.memory) }
    }

    private static let small = Submission(
        token: "small", image: TestImage(width: 40, height: 30, .gray), pipeline: "invert")
    private static let large = Submission(
        token: "large", image: TestImage(width: 48, height: 61), pipeline: "otsu | box-blur size=3",
        options: JobOptions(chunkByteCount: 4_000, mayUseCache: false))
    private static let withdrawn = Submission(
        token: "withdrawn", image: TestImage(width: 33, height: 20, seed: 2), pipeline: "sepia")
    private static let poisonous = Submission(
        token: "poisonous", image: TestImage(width: 20, height: 21, seed: 3), pipeline: "invert",
        options: JobOptions(mayUseCache: false, maximumAttempts: 1))
    static let images = [small, large, withdrawn, poisonous].map(\.image)

    /// What was acknowledged is not so any more, or an output is wrong.
    struct Broken: Error, CustomStringConvertible {
        let description: String
    }

    /// The master closed the worker's connection.
    struct ConnectionEnded: Error {}

    init(secret: SharedSecret, computer: TaskComputer, _ memory: Memory = Memory()) {
        self.secret = secret
        acknowledged = memory.acknowledged
        isHealed = memory.isHealed
        worker = ModelWorker(secret: secret, computer: computer, memory.worker)
    }

    /// Runs the whole workload on the master at `endpoint`.
    ///
    /// - Throws: `Broken`; whatever a client or worker is told, or that the connection ended.
    func run(at endpoint: Endpoint) async throws {
        try await withConnections(to: endpoint) { master, blobs in
            try await self.checkAcknowledged(on: master, blobs)
            try await self.cancelOne(on: master, blobs)
            for submission in [Self.small, Self.large] {
                try await self.submit(submission, on: master, blobs)
                try await self.finish(submission, on: master, blobs)
            }
            try await self.redriveOne(on: master, blobs)
        }
    }

    /// Waits until a master that is told to keep no results has forgotten all jobs.
    func seeAllForgotten(at endpoint: Endpoint) async throws {
        try await withConnections(to: endpoint) { master, _ in
            try await eventually("all jobs are forgotten", within: .seconds(30)) {
                try await master.jobs().allSatisfy { !$0.isFinal }
            }
        }
    }

    private func withConnections(
        to endpoint: Endpoint, _ body: @escaping @Sendable (MasterConnection, BlobTransfer) async throws -> Void
    ) async throws {
        let quiet = Logger(label: "workload") { _ in SwiftLogNoOpLogHandler() }
        let (secret, worker) = (secret, worker)
        await worker.setPoison(isHealed ? [] : [Self.digest(Self.poisonous)])
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                try await worker.run(at: endpoint)
                throw ConnectionEnded()
            }
            group.addTask {
                let dialer = Dialer(to: endpoint, as: .client, secret: secret, logger: quiet)
                try await MasterConnection.withConnection(dialer) { master in
                    let blobs = BlobTransfer(dialer, connectionCount: 1)
                    defer { blobs.close() }
                    try await body(master, blobs)
                }
            }
            defer { group.cancelAll() }
            try await group.next()
        }
    }

    // MARK: Steps

    private func submit(_ submission: Submission, on master: MasterConnection, _ blobs: BlobTransfer) async throws {
        let opened = try await open(submission, on: master)
        if opened.imageCount == 0 {
            let input = try await blobs.put(bytes: submission.file)
            try await master.addImages([NewImage(name: "image.png", input: input)], to: opened.job, firstIndex: 0)
            acknowledged[submission.token]?.imageCount = 1
        }
        if !opened.isSealed { try await master.sealJob(opened.job, imageCount: 1) }
        acknowledged[submission.token]?.isSealed = true
    }

    /// Opens the job, or comes back to it.
    private func open(
        _ submission: Submission, on master: MasterConnection
    ) async throws -> OpenedJob {
        let options = submission.options
        let opened = try await master.openJob(
            JobRequest(
                pipeline: submission.pipeline, submitter: "workload", token: submission.token,
                mayUseCache: options.mayUseCache, chunkByteCount: options.chunkByteCount,
                maximumPixelCount: options.maximumPixelCount, maximumAttempts: options.maximumAttempts))
        let known = acknowledged[submission.token] ?? Acknowledged()
        try demand(known.job == nil || known.job == opened.job, "job \(submission.token) is \(opened.job) now")
        try demand(opened.imageCount >= known.imageCount, "job \(submission.token) lost its image")
        try demand(opened.isSealed || !known.isSealed, "job \(submission.token) is not sealed any more")
        acknowledged[submission.token, default: known].job = opened.job
        return opened
    }

    /// Waits for the job's end and compares its output.
    private func finish(_ submission: Submission, on master: MasterConnection, _ blobs: BlobTransfer) async throws {
        guard let job = acknowledged[submission.token]?.job else { return }
        let end = try await end(of: job, on: master)
        if end == .failed {
            // A disk that failed while the file was put together: what a person would do.
            try demand(
                try await master.redrive(.job(job)) == 1, "job \(submission.token) failed and cannot be redriven")
            let second = try await self.end(of: job, on: master)
            try demand(second == .done, "job \(submission.token) ended as \(second)")
        } else {
            try demand(end == .done, "job \(submission.token) ended as \(end)")
        }
        try await compareResult(of: submission, job, on: master, blobs)
        acknowledged[submission.token]?.isDone = true
    }

    private func end(of job: JobID, on master: MasterConnection) async throws -> JobSummary.State {
        for try await summary in master.watch(job) where summary.isFinal { return summary.state }
        throw CancellationError()
    }

    private func compareResult(
        of submission: Submission, _ job: JobID, on master: MasterConnection, _ blobs: BlobTransfer
    ) async throws {
        let image = try #require(try await master.images(job).images.first)
        let bytes = try await blobs.bytes(of: BlobSlice(try #require(image.result)))
        try demand(
            bytes == submission.image.processedSerially(submission.pipeline),
            "the output of \(submission.token) is wrong")
    }

    private func cancelOne(on master: MasterConnection, _ blobs: BlobTransfer) async throws {
        let opened = try await open(Self.withdrawn, on: master)
        guard acknowledged[Self.withdrawn.token]?.isCancelled != true else { return }
        if try await master.job(opened.job).isFinal { return }
        if opened.imageCount == 0 {
            let input = try await blobs.put(bytes: Self.withdrawn.file)
            try await master.addImages([NewImage(name: "image.png", input: input)], to: opened.job, firstIndex: 0)
            acknowledged[Self.withdrawn.token]?.imageCount = 1
        }
        try await master.cancel(opened.job)
        acknowledged[Self.withdrawn.token]?.isCancelled = true
    }

    private func redriveOne(on master: MasterConnection, _ blobs: BlobTransfer) async throws {
        try await submit(Self.poisonous, on: master, blobs)
        guard let job = acknowledged[Self.poisonous.token]?.job else { return }
        if !isHealed {
            let end = try await end(of: job, on: master)
            try demand(end == .failed, "the poisonous job ended as \(end)")
            isHealed = true
            await worker.setPoison([])
        }
        if try await master.job(job).state == .failed {
            try demand(try await master.redrive(.job(job)) == 1, "the poisonous job failed and cannot be redriven")
        }
        try await finish(Self.poisonous, on: master, blobs)
    }

    // MARK: What was acknowledged

    private func checkAcknowledged(on master: MasterConnection, _ blobs: BlobTransfer) async throws {
        for submission in [Self.small, Self.large, Self.withdrawn, Self.poisonous] {
            guard let known = acknowledged[submission.token], known.job != nil else { continue }
            let opened = try await open(submission, on: master)
            let state = try await master.job(opened.job).state
            try demand(!known.isCancelled || state == .cancelled, "the cancelled job is \(state)")
            guard known.isDone else { continue }
            try demand(state == .done, "job \(submission.token) was done and is \(state)")
            try await compareResult(of: submission, opened.job, on: master, blobs)
        }
    }

    private func demand(_ holds: Bool, _ text: @autoclosure () -> String) throws {
        if !holds { throw Broken(description: text()) }
    }

    private static func digest(_ submission: Submission) -> BlobDigest {
        guard let digest = BlobDigest(SHA256.hash(submission.file)) else {
            preconditionFailure("SHA-256 has 32 bytes")
        }
        return digest
    }
}
