import BlobStore
import Cryptography
import JobModel
import Logging
import NIOCore
import NIOPosix
import Protocol
import Transport

/// One data connection: puts and gets of blobs, one at a time. Memory does not depend on the size of the blobs.
struct DataSession: Sendable {
    let connection: DataConnection
    let loop: DecisionLoop
    let blobs: LocalBlobStore
    let blockingWork: NIOThreadPool
    let uploads: UploadBudget
    let transfers: TransferCount
    let refusals: RefusalCount
    let minimumFreeByteCount: UInt64
    let logger: Logger

    private var witness: BlobWitness { BlobWitness(loop: loop, blobs: blobs, blockingWork: blockingWork) }

    func run() async {
        do {
            while true {
                guard case .control(let request) = try await connection.receive() else {
                    throw ProtocolViolation(field: "frame", value: "data", allowed: "a PutBlob or GetBlob first")
                }
                do {
                    try connection.peer.demandPermission(for: request)
                } catch {
                    refuse(WireRefusal(error))
                    if case .putBlob(let message) = request.body { try await discard(message.byteCount) }
                    continue
                }
                switch request.body {
                case .putBlob(let message): try await put(message)
                case .getBlob(let message): try await get(message)
                case let other:
                    throw ProtocolViolation(
                        field: "Control.body", value: other.map { "\($0)".prefix(40).description } ?? "nothing",
                        allowed: "put_blob or get_blob on a data connection")
                }
            }
        } catch let error as BlobStoreError {
            logger.warning(
                "a transfer failed",
                metadata: ["peer": "\(connection.peer)", "code": "\(error.code)", "reason": "\(error)"])
            connection.close(WireRefusal(error))
            await witness.tell(of: error)
        } catch let violation as ProtocolViolation {
            connection.close(WireRefusal(violation))
        } catch {
            connection.close()
        }
    }

    /// Receives a blob. What the sender still sends after a refusal is read and thrown away.
    private func put(_ message: WirePutBlob) async throws {
        let expected = message.digest.isEmpty ? nil : try BlobDigest(wire: message.digest)
        let available = try await blockingWork.runIfActive { [blobs] in try blobs.availableByteCount() }
        let reserve = StorageReserve(byteCount: minimumFreeByteCount)
        if message.job != 0 { uploading(for: message.job) }
        if let refusal = reserve.objection(to: message, available: available) {
            noSpace(refusal, available: available)
            return try await discard(message.byteCount)
        }
        // What running tasks store makes room, so the upload budget does not hold it up.
        if !message.fromTask {
            let now = MasterCore.currentInstant
            if let refusal = uploads.uploadBegan(byteCount: message.byteCount, job: message.job, at: now) {
                refuse(WireRefusal(refusal))
                return try await discard(message.byteCount)
            }
        }
        defer { if !message.fromTask { uploads.uploadEnded(byteCount: message.byteCount) } }
        var rest = message.byteCount
        var nextCheck = rest - min(rest, StorageReserve.checkInterval)
        var lastWord = MasterCore.currentInstant
        let blob: BlobReference
        do {
            let durability: Durability = message.recomputable ? .recomputable : .durable
            let writer = try await blockingWork.runIfActive { [blobs] in try blobs.makeWriter(durability) }
            while rest > 0 {
                guard case .data(let data) = try await connection.receive(), UInt64(data.readableBytes) <= rest else {
                    throw ProtocolViolation(
                        field: "PutBlob", value: "other than \(message.byteCount) data bytes",
                        allowed: "exactly as announced")
                }
                rest -= UInt64(data.readableBytes)
                try await blockingWork.runIfActive { try data.withUnsafeReadableBytes { try writer.write($0) } }
                guard rest > 0, rest <= nextCheck else { continue }
                nextCheck = rest - min(rest, StorageReserve.checkInterval)
                let available = try await blockingWork.runIfActive { [blobs] in try blobs.availableByteCount() }
                if message.job != 0, MasterCore.currentInstant - lastWord >= Self.wordInterval {
                    lastWord = MasterCore.currentInstant
                    uploading(for: message.job)
                }
                if let refusal = reserve.objection(toRest: rest, of: message, available: available) {
                    writer.abandon()
                    noSpace(refusal, available: available)
                    return try await discard(rest)
                }
            }
            blob = try await blockingWork.runIfActive { try writer.finish(expected: expected) }
        } catch let error as BlobStoreError {
            // After a failed sync it is unknown what the disk has: as for the journal, the master ends.
            if error.code == .syncFailed { loop.fail(error) }
            refuse(WireRefusal(error))
            return try await discard(rest)
        }
        // Pinned before the sender is told, so that the blob is still there when the sender refers to it.
        let job = message.job == 0 ? nil : JobID(message.job)
        try await loop.perform { core in core.stored(blob, isFromTask: message.fromTask, for: job) }
        transfers.put(byteCount: blob.byteCount)
        connection.send(.blobStored(.with { $0.blob = blob.wire }))
    }

    /// The time between two words that bytes of a job's input arrive.
    private static let wordInterval = Duration.seconds(30)

    private func uploading(for job: UInt64) {
        loop.post { core in core.decide { $0.uploading(for: JobID(job), at: $1) } }
    }

    /// The blob finds no room, which the loop hears at once: it grants nothing more, and says so.
    private func noSpace(_ refusal: WireRefusal, available: UInt64) {
        loop.post { $0.storageMeasured(available: available) }
        refuse(refusal)
    }

    /// Pieces end where the blob's blocks end, so that each block is read once.
    private static func byteCount(ofPieceFrom offset: UInt64, to end: UInt64) -> Int {
        let largest = min(UInt64(DataConnection.preferredDataByteCount), end - offset)
        let excess = (offset + largest) % UInt64(BlobReader.blockByteCount)
        return Int(offset + largest < end && excess < largest ? largest - excess : largest)
    }

    private func refuse(_ refusal: WireRefusal) {
        logger.log(
            level: refusal.retryAfterMilliseconds == 0 ? .info : .debug, "transfer refused",
            metadata: [
                "peer": "\(connection.peer)", "code": "\(refusal.code)", "reason": "\(refusal.message)",
            ])
        transfers.refused()
        refusals.refused(refusal.refusalCode)
        connection.send(.refused(refusal))
    }

    private func discard(_ byteCount: UInt64) async throws {
        var rest = byteCount
        while rest > 0, case .data(let data) = try await connection.receive() {
            rest -= min(rest, UInt64(data.readableBytes))
        }
    }

    private func get(_ message: WireGetBlob) async throws {
        let slice = try BlobSlice(wire: message.slice)
        let reader: BlobReader
        do {
            reader = try await blockingWork.runIfActive { [blobs] in try blobs.open(slice.blob) }
        } catch let error as BlobStoreError {
            refuse(WireRefusal(error))
            await witness.tell(of: error)
            return
        }
        connection.send(.blobHeader(.with { $0.byteCount = slice.byteCount }))
        // The name of a whole blob is its digest, and each block is compared with what was put under that name.
        let isWhole = slice == BlobSlice(slice.blob)
        var digest = SHA256()
        var offset = slice.offset
        let end = slice.offset + slice.byteCount
        while offset < end {
            let count = Self.byteCount(ofPieceFrom: offset, to: end)
            let position = offset
            let hashed = digest
            let (data, next) = try await blockingWork.runIfActive {
                var buffer = ByteBufferAllocator().buffer(capacity: count)
                try buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: count) { memory in
                    try reader.read(into: UnsafeMutableRawBufferPointer(rebasing: memory[..<count]), at: position)
                    return count
                }
                var hashed = hashed
                if !isWhole { buffer.withUnsafeReadableBytes { hashed.update($0) } }
                return (buffer, hashed)
            }
            digest = next
            offset += UInt64(count)
            try await connection.send(data: data)
        }
        transfers.got(byteCount: slice.byteCount)
        let sum = isWhole ? slice.blob.digest.bytes : digest.finalize()
        connection.send(.blobEnd(.with { $0.sha256 = .init(sum) }))
    }
}
