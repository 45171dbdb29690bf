import Foundation
import JobModel
import Logging
import NIOCore
import Protocol
import Synchronization
import Transport

@testable import MasterClient

/// What a test needs of a master: blobs in memory, a few answers, faults on demand.
final class TestMaster: Sendable {
    /// How the master misbehaves.
    struct Faults: Sendable {
        /// Flips one bit in each of the first blobs that are sent.
        var damagedBlobCount = 0
        /// Closes every data connection after its first request.
        var closesAfterOneRequest = false
        /// Refuses each put after its first data frame.
        var refusesPuts = false
        /// Takes requests and answers none.
        var isSilent = false
        /// Answers a request for its status instead of closing the connection.
        var givesStatus = false
    }

    let blobs = Mutex<[BlobDigest: [UInt8]]>([:])
    let dataConnectionCount = Mutex(0)
    let statusRequestCount = Mutex(0)
    private let sentBlobCount = Mutex(0)
    let faults: Faults

    init(faults: Faults = Faults()) { self.faults = faults }

    /// Listens on a port of its own, serves, runs `body`, stops.
    func serving<Result: Sendable>(
        secret: SharedSecret = .test, limits: TransportLimits = TransportLimits(),
        _ body: @escaping @Sendable (Endpoint) async throws -> Result
    ) async throws -> Result {
        try await withListener(secret: secret, limits: limits) {
            await self.serve($0)
        } body: {
            try await body($0)
        }
    }

    func serve(_ connection: IncomingConnection) async {
        do {
            switch connection {
            case .control(let control): try await serve(control)
            case .data(let data): try await serve(data)
            }
        } catch {
            // The peer went away or the test is over; what it saw is asserted on its side.
            connection.close()
        }
    }

    private func serve(_ connection: ControlConnection) async throws {
        // Replies to pairs of requests come in reverse order, so that a client cannot get by without stream numbers.
        var held: (stream: UInt32, body: WireControl.OneOf_Body)?
        for try await (stream, message) in connection.inbound {
            if faults.isSilent { continue }
            switch message.body {
            case .getJob(let get):
                var summary = WireJobSummary()
                summary.job = get.job
                let reply = WireControl.OneOf_Body.jobSummary(summary)
                if let first = held {
                    connection.send(reply, stream: stream)
                    connection.send(first.body, stream: first.stream)
                    held = nil
                } else {
                    held = (stream, reply)
                }
            case .watchJob(let watch):
                for state in ["running", "done"] {
                    var summary = WireJobSummary()
                    summary.job = watch.job
                    summary.state = state
                    connection.send(.jobSummary(summary), stream: stream)
                }
            case .cancelJob(let cancel):
                let refusal = WireRefusal(.notFound, "there is no job \(cancel.job)", retryAfter: .milliseconds(1500))
                connection.send(.refused(refusal), stream: stream)
            case .getMaster where faults.givesStatus:
                connection.send(.masterStatus(WireMasterStatus()), stream: stream)
                statusRequestCount.withLock { $0 += 1 }
            case .getMaster: connection.close()
            case .drainWorker:
                connection.close(WireRefusal(.other("shutting-down"), "the master stops"))
            case .listWorkers: connection.send(.workerList(WireWorkerList()), stream: stream)
            default: break
            }
        }
    }

    private func serve(_ connection: DataConnection) async throws {
        dataConnectionCount.withLock { $0 += 1 }
        while true {
            guard case .control(let message) = try await connection.receive() else { return connection.close() }
            switch message.body {
            case .putBlob(let put): try await store(put, from: connection)
            case .getBlob(let get): try await send(get, over: connection)
            default: return connection.close()
            }
            if faults.closesAfterOneRequest { return connection.close() }
        }
    }

    private func store(_ put: WirePutBlob, from connection: DataConnection) async throws {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(Int(put.byteCount))
        while bytes.count < Int(put.byteCount) {
            guard case .data(let piece) = try await connection.receive() else { return connection.close() }
            bytes.append(contentsOf: piece.readableBytesView)
            if faults.refusesPuts {
                let refusal = WireRefusal(.noSpace, "the disk is full")
                connection.send(.refused(refusal))
                connection.close(refusal)
                return
            }
        }
        var reader = BufferReader(ByteBuffer(bytes: bytes))
        while try await reader.next(atMost: 1 << 20).readableBytes > 0 {}
        let digest = reader.finishedDigest()
        blobs.withLock { $0[digest] = bytes }
        var stored = WireBlobStored()
        stored.blob = BlobReference(digest: digest, byteCount: UInt64(bytes.count)).wire
        connection.send(.blobStored(stored))
    }

    private func send(_ get: WireGetBlob, over connection: DataConnection) async throws {
        let slice = try BlobSlice(wire: get.slice)
        guard let blob = blobs.withLock({ $0[slice.blob.digest] }) else {
            connection.send(.refused(WireRefusal(.notFound, "no blob \(slice.blob.digest)")))
            return
        }
        var bytes = ByteBuffer(bytes: blob[Int(slice.offset)..<Int(slice.offset + slice.byteCount)])
        var header = WireBlobHeader()
        header.byteCount = slice.byteCount
        connection.send(.blobHeader(header))
        var reader = BufferReader(bytes)
        while try await reader.next(atMost: 1 << 20).readableBytes > 0 {}
        let number = sentBlobCount.withLock { count in
            defer { count += 1 }
            return count
        }
        if number < faults.damagedBlobCount, let byte = bytes.getInteger(at: bytes.readableBytes / 2, as: UInt8.self) {
            bytes.setInteger(byte ^ 0x10, at: bytes.readableBytes / 2)
        }
        try await connection.send(data: bytes)
        var end = WireBlobEnd()
        end.sha256 = reader.finishedDigest().wire
        connection.send(.blobEnd(end))
    }
}

extension Dialer {
    /// A peer of a test.
    static func test(
        _ endpoint: Endpoint, as role: Peer.Role = .client, secret: SharedSecret = .test, software: String = "test 1",
        limits: TransportLimits = TransportLimits()
    ) -> Dialer {
        Dialer(to: endpoint, as: role, secret: secret, software: software, limits: limits, logger: quiet)
    }
}

extension Peer {
    static func test(_ role: Role, _ channel: Channel = .control) -> Peer {
        guard let identity = Identity([UInt8](repeating: 9, count: Identity.byteCount)) else {
            preconditionFailure("16 bytes are an identity")
        }
        return Peer(identity: identity, role: role, channel: channel)
    }
}

extension SharedSecret {
    static let test = make(filledWith: 7)
    static let other = make(filledWith: 8)

    private static func make(filledWith byte: UInt8) -> SharedSecret {
        guard let secret = try? SharedSecret(bytes: [UInt8](repeating: byte, count: 32)) else {
            preconditionFailure("32 bytes are a secret")
        }
        return secret
    }
}

let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

/// Runs a listener on a port of its own around `body`, and stops it afterwards.
func withListener<Result: Sendable>(
    secret: SharedSecret = .test, encryption: Encryption = .automatic, limits: TransportLimits = TransportLimits(),
    serve: @escaping @Sendable (IncomingConnection) async -> Void,
    body: @escaping @Sendable (Endpoint) async throws -> Result
) async throws -> Result {
    let listener = try await MasterListener.bind(
        to: Endpoint(host: "127.0.0.1", port: 0),
        Acceptor(secret: secret, encryption: encryption, limits: limits, logger: quiet))
    let endpoint = Endpoint(host: "127.0.0.1", port: listener.localPort)
    return try await withThrowingTaskGroup(of: Result?.self) { group in
        group.addTask {
            try await listener.run(serve)
            return nil
        }
        group.addTask { try await body(endpoint) }
        defer { group.cancelAll() }
        while let result = try await group.next() {
            if let result { return result }
        }
        throw CancellationError()
    }
}
