import JobModel
import Logging
import MasterClient
import Protocol
import Transport

/// A master over the network: one control connection, and data connections as they are needed.
struct ConnectedMaster: MasterService {
    private let connection: MasterConnection
    private let blobs: BlobTransfer

    /// The way to connect to `endpoint`.
    static func dial(_ endpoint: Endpoint, secret: SharedSecret, limits: TransportLimits) -> MasterSession.Dial {
        let software = "tessera \(Tessera.version)"
        let logger = Logger(label: "tessera") { _ in SwiftLogNoOpLogHandler() }
        return { body in
            let dialer = Dialer(
                to: endpoint, as: .client, secret: secret, software: software, limits: limits, logger: logger)
            let blobs = BlobTransfer(dialer)
            defer { blobs.close() }
            try await MasterConnection.withConnection(dialer) { connection in
                await body(ConnectedMaster(connection: connection, blobs: blobs))
            }
        }
    }

    func openJob(_ request: WireOpenJob) async throws -> (job: JobID, imageCount: UInt32, isSealed: Bool) {
        try await connection.openJob(request)
    }

    func addImages(_ images: [NewImage], to job: JobID, firstIndex: UInt32) async throws {
        try await connection.addImages(images, to: job, firstIndex: firstIndex)
    }

    func sealJob(_ job: JobID, imageCount: UInt32) async throws {
        try await connection.sealJob(job, imageCount: imageCount)
    }

    func findBlobs(_ digests: [BlobDigest], for job: JobID) async throws -> [Bool] {
        try await connection.findBlobs(digests, for: job)
    }

    func putBlob(_ blob: BlobReference, for job: JobID, from file: FileDescriptor) async throws {
        _ = try await blobs.put(
            descriptor: file.number, offset: 0, byteCount: blob.byteCount, digest: blob.digest, purpose: .input(of: job)
        )
    }

    func getBlob(_ blob: BlobReference, into file: FileDescriptor) async throws {
        try await blobs.get(BlobSlice(blob), into: file.number, at: 0)
    }

    func job(_ job: JobID) async throws -> WireJobSummary { try await connection.job(job) }

    func jobs(limit: UInt32, before: JobID?) async throws -> [WireJobSummary] {
        try await connection.jobs(limit: limit, before: before)
    }

    func images(_ job: JobID, first: UInt32) async throws -> (images: [WireImageStatus], imageCount: UInt32) {
        try await connection.images(job, first: first)
    }

    func watch(_ job: JobID) -> AsyncThrowingStream<WireJobSummary, any Error> { connection.watch(job) }

    func cancel(_ job: JobID) async throws { try await connection.cancel(job) }

    func masterStatus() async throws -> WireMasterStatus { try await connection.masterStatus() }

    func workers() async throws -> [WireWorkerStatus] { try await connection.workers() }

    func drain(_ worker: String, resume: Bool) async throws { try await connection.drain(worker, resume: resume) }

    func deadImages(of job: JobID?) async throws -> [WireDeadImage] { try await connection.deadImages(job) }

    func deadImage(_ image: ImageID) async throws -> WireDeadImage { try await connection.showDead(image) }

    func redrive(_ selection: DeadSelection) async throws -> Int {
        Int(try await connection.redrive(selection.job, image: selection.index))
    }

    func purge(_ selection: DeadSelection) async throws -> Int {
        Int(try await connection.purge(selection.job, image: selection.index))
    }
}

extension DeadSelection {
    fileprivate var job: JobID? {
        switch self {
        case .all: nil
        case .job(let job): job
        case .image(let image): image.job
        }
    }

    fileprivate var index: UInt32? {
        switch self {
        case .all, .job: nil
        case .image(let image): image.index
        }
    }
}
