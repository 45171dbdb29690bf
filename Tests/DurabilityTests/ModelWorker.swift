import Foundation
import JobModel
import Logging
import MasterClient
import Protocol
import Transport

/// A worker without processes of its own: speaks the real protocol, and lets a `TaskComputer` do the work.
///
/// Like a real one it survives its master: it holds on to its leases, and says again what it finished and the master may not
/// have heard.
actor ModelWorker {
    private let secret: SharedSecret
    private let computer: TaskComputer
    /// Inputs that kill every rank, for as long as they are here.
    private var poison: Set<BlobDigest> = []
    /// What a worker knows from connection to connection.
    struct Memory: Sendable {
        fileprivate var number: UInt64 = 0
        fileprivate var held: [LeaseID: TaskSpec] = [:]
    }

    private(set) var memory: Memory
    private var replies: [UInt32: CheckedContinuation<Void, any Error>] = [:]
    private var lastStream: UInt32 = 0
    private var isConnected = false

    init(secret: SharedSecret, computer: TaskComputer, _ memory: Memory = Memory()) {
        self.memory = memory
        self.secret = secret
        self.computer = computer
    }

    func setPoison(_ digests: Set<BlobDigest>) { poison = digests }

    /// Works for the master at `endpoint` until the connection ends.
    func run(at endpoint: Endpoint) async throws {
        let quiet = Logger(label: "worker") { _ in SwiftLogNoOpLogHandler() }
        let dialer = Dialer(to: endpoint, as: .worker, secret: secret, software: "model-worker", logger: quiet)
        let connection = try await dialer.openControlConnection()
        let blobs = BlobTransfer(dialer, connectionCount: 1)
        defer {
            connection.close()
            blobs.close()
        }
        connection.send(
            .register(
                .with {
                    $0.worker = memory.number
                    $0.name = "model"
                    $0.slotCount = 1
                    $0.ranksPerSlot = 1
                    $0.resultRevision = JobOptions.currentResultRevision
                    $0.held = memory.held.keys.map { WireHeldLease(lease: $0, started: true, progress: 0) }
                }))
        try await withThrowingTaskGroup(of: Void.self) { group in
            isConnected = true
            defer {
                disconnected()
                group.cancelAll()
            }
            var grants = GrantAssembly()
            for try await (stream, message) in connection.inbound {
                switch message.body {
                case .registered(let reply):
                    memory.number = reply.worker
                    group.addTask {
                        while true {
                            try await Task.sleep(for: .milliseconds(reply.heartbeatMilliseconds))
                            await self.beat(on: connection)
                        }
                    }
                    for lease in try reply.dropped.map({ try LeaseID(wire: $0) }) { memory.held[lease] = nil }
                    for (lease, spec) in memory.held {
                        group.addTask { await self.work(on: lease, spec, connection, blobs) }
                    }
                case .grantLease(let grant):
                    guard case .usable(let lease, let spec)? = try grants.received(grant) else { break }
                    memory.held[lease] = spec
                    group.addTask { await self.work(on: lease, spec, connection, blobs) }
                case .grantInputs(let inputs):
                    guard case .usable(let lease, let spec)? = try grants.received(inputs) else { break }
                    memory.held[lease] = spec
                    group.addTask { await self.work(on: lease, spec, connection, blobs) }
                case .revokeLease(let revocation): memory.held[try LeaseID(wire: revocation.lease)] = nil
                case .heartbeatReply(let reply):
                    for lease in try reply.dropped.map({ try LeaseID(wire: $0) }) { memory.held[lease] = nil }
                case .done: replies.removeValue(forKey: stream)?.resume()
                default: break
                }
            }
        }
    }

    private func beat(on connection: ControlConnection) {
        connection.send(
            .heartbeat(
                .with { $0.held = memory.held.keys.map { WireHeldLease(lease: $0, started: true, progress: 0.5) } }))
    }

    private func work(
        on lease: LeaseID, _ spec: TaskSpec, _ connection: ControlConnection, _ blobs: BlobTransfer
    ) async {
        do {
            do {
                if spec.inputs.contains(where: { poison.contains($0.blob.digest) }) {
                    throw AttemptFailed(failure: Failure(.rankLost, "the image killed its rank"))
                }
                let output = try await perform(lease, spec, connection, blobs)
                try await report(.taskFinished(WireTaskFinished(lease: lease, output: output)), on: connection)
            } catch let refusal as MasterRefusal {
                try await fail(lease, Failure(.workerError, refusal.description), connection)
            } catch let error as AttemptFailed {
                try await fail(lease, error.failure, connection)
            } catch let error as BlobTransferError {
                try await fail(lease, Failure(.workerError, "\(error)"), connection)
            } catch is TaskComputer.UnknownInput {
                try await fail(lease, Failure(.corruptInput, "the input is not what was submitted"), connection)
            } catch let error where isConnected && !(error is CancellationError) {
                // Such as a data connection that the master ended because the blob is damaged. An attempt that ends unsaid would be
                // waited for until it makes no progress.
                try await fail(lease, Failure(.workerError, "\(type(of: error)): \(error)"), connection)
            }
            memory.held[lease] = nil
        } catch {
            // The connection has ended, or ends: the next registration presents the lease, and the work is said again.
        }
    }

    private func fail(_ lease: LeaseID, _ failure: Failure, _ connection: ControlConnection) async throws {
        try await report(.taskFailed(WireTaskFailed(lease: lease, failure: failure)), on: connection)
    }

    private func perform(
        _ lease: LeaseID, _ spec: TaskSpec, _ connection: ControlConnection, _ blobs: BlobTransfer
    ) async throws -> TaskOutput {
        var inputs: [[UInt8]] = []
        for slice in spec.inputs { inputs.append(try await blobs.bytes(of: slice)) }
        var value: [UInt8]?
        if let slice = spec.value { value = try await blobs.bytes(of: slice) }
        let made = try await computer.output(of: spec, inputs: inputs, value: value)
        func put(_ bytes: [UInt8]?, recomputable: Bool = true) async throws -> BlobReference? {
            guard let bytes else { return nil }
            return try await blobs.put(bytes: bytes, recomputable: recomputable, purpose: .task)
        }
        for (index, band) in made.bands.enumerated() {
            guard let blob = try await put(band) else { continue }
            try await report(
                .bandPublished(WireBandPublished(lease: lease, band: UInt32(index), blob: blob)), on: connection)
        }
        return TaskOutput(
            payload: try await put(made.payload, recomputable: spec.task.step != .whole),
            summary: try await put(made.summary), checksum: made.checksum, metadata: try await put(made.metadata),
            valueOffsets: made.valueOffsets)
    }

    /// Sends a report and waits until it is durable at the master.
    private func report(_ body: WireControl.OneOf_Body, on connection: ControlConnection) async throws {
        guard isConnected else { throw CancellationError() }
        lastStream += 1
        let stream = lastStream
        try await withCheckedThrowingContinuation { continuation in
            replies[stream] = continuation
            connection.send(body, stream: stream)
        }
    }

    /// No reply comes any more.
    private func disconnected() {
        isConnected = false
        for reply in replies.values { reply.resume(throwing: CancellationError()) }
        replies = [:]
    }
}

/// An attempt that ends with a failure to report.
private struct AttemptFailed: Error {
    let failure: Failure
}
