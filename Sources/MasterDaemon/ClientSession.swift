import BlobStore
import Pipelines
import JobModel
import Logging
import NIOPosix
import Protocol
import Scheduler
import SystemCalls
import Transport

/// One client's control connection: its requests one by one. A refused request leaves the connection open.
struct ClientSession: Sendable {
    let connection: ControlConnection
    let loop: DecisionLoop
    let admission: Admission
    let desk: SecretDesk
    let blockingWork: NIOThreadPool
    let limits: TransportLimits
    var refusals = RefusalCount()
    let logger: Logger

    func run() async {
        var cancellations = RateLimit(countPerSecond: limits.cancellationsPerSecond)
        do {
            for try await (stream, request) in connection.inbound {
                do {
                    try connection.peer.demandPermission(for: request)
                    switch request.body {
                    case .addImages(let message):
                        try await addImages(message, stream: stream)
                    case .getMaster:
                        let residentByteCount = ThisProcess.residentByteCount
                        try await loop.perform { [connection] core in
                            core.masterStatusSought(
                                residentByteCount: residentByteCount, on: connection, stream: stream)
                        }
                    case .getSecrets:
                        let names = try await loop.ask { $0.workerNames }
                        connection.send(.secretStatus(desk.status(names: names)), stream: stream)
                    case .cancelJob where !cancellations.take(at: MasterCore.currentInstant):
                        throw tooManyCancellations
                    default:
                        try await loop.perform { [connection] core in
                            try core.received(request, on: connection, stream: stream)
                        }
                    }
                } catch {
                    let refusal = try await refusal(for: error)
                    // A client that is asked to wait returns: under overload, a line for each request would flood the log.
                    logger.log(
                        level: refusal.retryAfterMilliseconds == 0 ? .info : .debug,
                        "request refused", metadata: ["code": "\(refusal.code)", "reason": "\(refusal.message)"])
                    refusals.refused(refusal.refusalCode)
                    connection.send(.refused(refusal), stream: stream)
                }
            }
        } catch {
            logger.debug(
                "client connection ended",
                metadata: ["address": "\(connection.remoteAddress)", "reason": "\(ErrorText.ofEnd(error))"])
        }
        connection.close()
        loop.post { [connection] core in core.clientLeft(connection) }
    }

    private var tooManyCancellations: SchedulerRefusal {
        let count = limits.cancellationsPerSecond * Int(RateLimit.period / .seconds(1))
        return .overloaded(
            Overload(
                what: "cancellations of this client within \(RateLimit.period)", need: 1, have: count, limit: count,
                setting: "max-cancels-per-second", retryAfter: .seconds(1)))
    }

    /// Adds images in three steps: the loop pins the inputs, the blocking pool reads their headers, the loop adds the images.
    private func addImages(_ message: WireAddImages, stream: UInt32) async throws {
        guard (1...256).contains(message.images.count) else {
            throw ProtocolViolation(
                field: "AddImages.images", value: "\(message.images.count) images", allowed: "1 to 256 per message")
        }
        let job = try JobID(wire: message.job)
        let inputs = try message.images.map { (name: $0.name, blob: try BlobReference(wire: $0.input)) }
        let terms = try await loop.perform { [connection] core in
            try core.imagesAnnounced(for: job, inputs: inputs.map(\.blob.digest), by: connection)
        }
        let offers = try await blockingWork.runIfActive { [admission] in
            try inputs.map { try admission.examine($0.name, $0.blob, for: terms) }
        }
        try await loop.perform { [connection] core in
            try core.addImages(to: job, firstIndex: message.firstIndex, offers)
            core.reply(.done(WireDone()), stream: stream, on: connection)
        }
    }

    /// - Throws: the error itself when the connection is broken rather than the request.
    private func refusal(for error: any Error) async throws -> WireRefusal {
        switch error {
        case let refusal as SchedulerRefusal: return WireRefusal(refusal)
        case let error as PipelineError: return WireRefusal(.invalidPipeline, error.message)
        case let violation as ProtocolViolation:
            return WireRefusal(.invalidArgument, violation.description)
        case let error as NotPermitted: return WireRefusal(error)
        case let missing as MissingInput:
            return WireRefusal(
                .blobMissing,
                "the input or attachment \(missing.digest) is not in the master's store; upload it again")
        case let error as BlobStoreError where error.code == .damaged || error.code == .notFound:
            await BlobWitness(loop: loop, blobs: admission.blobs, blockingWork: blockingWork).tell(of: error)
            return WireRefusal(.blobMissing, "\(error); upload it again")
        case let error as BlobStoreError:
            // After a failed sync it is unknown what the disk has: as for the journal, the master ends.
            if error.code == .syncFailed { loop.fail(error) }
            return WireRefusal(error)
        default: throw error
        }
    }
}
