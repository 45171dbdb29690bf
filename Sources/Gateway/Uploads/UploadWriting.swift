import ClientKit
import Cryptography
import GatewayLogic
import GatewayStore
import ImageFormats
import JSONText
import NIOCore
import SystemCalls

/// The bytes of one request on their way to the disk. Receiving, writing with hashing, and the wait for the disk
/// are about three parts of the body, one behind the other, at the same time:
///
///     take ──► pending ──► block ──► stored ──► mark ──► record.offset: durable, and told
///              1 MiB       written    4 MiB     synced,
///                          hashed               recorded
///
/// At most 12 MiB that have arrived are not told yet. After an error of the disk nothing more is made durable: what a second
/// sync says of bytes that the first could not write is not to be believed.
struct UploadWriting {
    /// Bytes that are written and hashed at once.
    private static let blockByteCount = 1 << 20
    /// Bytes between two offsets that are made durable, and told.
    private static let markByteCount: UInt64 = 4 << 20
    /// A body with more than that is told of its offsets.
    static let longByteCount: UInt64 = 8 << 20

    private struct Block {
        let end: UInt64
        let write: BackgroundWork<Void>
        let hash: BackgroundWork<SHA256?>
    }

    private struct Mark {
        let record: UploadRecord
        let hash: SHA256?
        let work: BackgroundWork<Void>
    }

    private let desk: UploadDesk
    /// The upload as it is stored.
    private(set) var record: UploadRecord
    private var machine: UploadAppend
    private let file: SpoolFile
    /// The digest of the bytes up to `stored`; `nil` when the file has to be read for it.
    private var hash: SHA256?
    private var pending: [ByteBuffer] = []
    private var pendingByteCount = 0
    private var block: Block?
    /// Where the bytes end that were written and hashed.
    private var stored: UInt64
    /// Bytes of the upload that the spool's budget has: those that are recorded, and those on their way.
    private var budgeted: UInt64
    private var mark: Mark?
    /// Makes the file's name durable, while the first bytes arrive.
    private var name: BackgroundWork<Void>?
    /// The sync of all bytes, behind the last block.
    private var lastSync: BackgroundWork<Void>?
    private var hasStart: Bool
    /// Nothing more is to be stored: the disk has failed, or the upload was refused.
    private var isOver = false

    init(desk: UploadDesk, record: UploadRecord, machine: UploadAppend, file: SpoolFile, hash: SHA256?) {
        self.desk = desk
        self.record = record
        self.machine = machine
        self.file = file
        self.hash = hash
        (stored, budgeted) = (record.offset, record.offset)
        hasStart = record.offset > 0
        // Also for a request without bytes: none before it has made the name durable.
        if record.offset == 0 {
            let spool = desk.spool
            name = BackgroundWork { try spool.syncNames() }
        }
    }

    /// - Returns: whether the durable offset is another than before.
    mutating func take(_ piece: ByteBuffer) async throws -> Bool {
        try machine.receive(piece.readableBytes)
        pending.append(piece)
        pendingByteCount += piece.readableBytes
        // The first bytes tell whether the file is an image at all.
        if !hasStart, pendingByteCount >= ImageFormats.sniffedByteCount { try await examineStart() }
        guard pendingByteCount >= Self.blockByteCount else { return false }
        let before = record.offset
        try await beginBlock()
        if mark?.work.hasEnded == true { try await endMark() }
        if stored - (mark?.record ?? record).offset >= Self.markByteCount { try await beginMark() }
        return record.offset != before
    }

    /// The body ended as it should.
    mutating func end() async throws {
        switch try machine.end() {
        case .wait: try await sync()
        case .finish: try await finish()
        }
    }

    /// Writes and makes durable what has arrived, and notes how far that is.
    mutating func sync() async throws {
        guard !isOver else { return }
        try await beginBlock()
        try await endBlock()
        try await beginMark()
        try await endMark()
    }

    /// Returns when nothing is under way any more, however it ended. What is not recorded then has its room no longer: the next
    /// request writes over it.
    mutating func settle() async {
        await block?.write.end
        await block?.hash.end
        await mark?.work.end
        await name?.end
        await lastSync?.end
        desk.budget.give(budgeted - record.offset)
        budgeted = record.offset
    }

    // MARK: Blocks

    private mutating func beginBlock() async throws {
        try await endBlock()
        guard pendingByteCount > 0 else { return }
        let (pieces, count, start, file, before) = (pending, pendingByteCount, stored, file, hash)
        (pending, pendingByteCount) = ([], 0)
        try await desk.budget.take(UInt64(count))
        budgeted += UInt64(count)
        let end = start + UInt64(count)
        let write = BackgroundWork {
            var offset = start
            for piece in pieces {
                try piece.withUnsafeReadableBytes { try file.write($0, at: offset) }
                offset += UInt64(piece.readableBytes)
            }
            file.startWriting(start..<end)
        }
        let hash = BackgroundWork<SHA256?> {
            guard var hash = before else { return nil }
            for piece in pieces { piece.withUnsafeReadableBytes { hash.update($0) } }
            return hash
        }
        block = Block(end: end, write: write, hash: hash)
    }

    private mutating func endBlock() async throws {
        guard let block else { return }
        self.block = nil
        do {
            let hashed = try await block.hash.value
            try await block.write.value
            (hash, stored) = (hashed, block.end)
        } catch {
            isOver = true
            throw error
        }
    }

    // MARK: Marks

    /// Begins to make durable what is stored, when the mark before has ended.
    private mutating func beginMark() async throws {
        try await endMark()
        guard stored > record.offset || record.byteCount != machine.byteCount else { return }
        var next = record
        next.offset = stored
        next.byteCount = machine.byteCount
        next.touchedAt = WallClock.millisecondsSince1970
        try await endName()
        let (file, store, now) = (file, desk.store, next)
        let work = BackgroundWork {
            try file.sync()
            try store.update(now)
        }
        mark = Mark(record: next, hash: hash, work: work)
    }

    private mutating func endMark() async throws {
        guard let mark else { return }
        self.mark = nil
        do {
            try await mark.work.value
        } catch {
            isOver = true
            throw error
        }
        record = mark.record
        desk.keep(mark.hash, of: record)
        await desk.publish(record)
    }

    private mutating func endName() async throws {
        guard let name else { return }
        do {
            try await name.value
        } catch {
            isOver = true
            throw error
        }
        self.name = nil
    }

    // MARK: The end of the upload

    /// All bytes are there: what are they? Their digest and the disk's answer are awaited at the same time, and one change
    /// records both the bytes and what they are.
    private mutating func finish() async throws {
        if !hasStart { try await examineStart() }
        try await beginBlock()
        await block?.write.end
        if machine.offset > record.offset {
            let file = file
            lastSync = BackgroundWork { try file.sync() }
        }
        try await endBlock()
        try await endMark()
        let identified = await identified()
        do {
            try await lastSync?.value
            try await endName()
        } catch {
            isOver = true
            throw error
        }
        lastSync = nil
        var next = record
        next.offset = stored
        next.byteCount = stored
        next.touchedAt = WallClock.millisecondsSince1970
        do {
            next.phase = .complete(try identified.get())
        } catch let error as CodecError {
            try await reject(Problem(error))
        }
        let (store, now) = (desk.store, next)
        isOver = true
        _ = try await offCooperativePool { try store.update(now) }
        record = now
        desk.forget(record.id)
        await desk.publish(record)
        await desk.ended(record.id)
    }

    private func identified() async -> Result<UploadedFile, any Error> {
        let (file, known, byteCount) = (file, hash, stored)
        do {
            return .success(
                try await offCooperativePool {
                    let (format, header) = try ImageFormats.identify(byteCount: byteCount) { offset, count in
                        try file.read(at: offset, count: count)
                    }
                    let digest = try known.map { HexText.text($0.finalize()) } ?? file.digest(byteCount: byteCount)
                    return UploadedFile(
                        digest: digest, width: header.shape.width, height: header.shape.height, format: format.name)
                })
        } catch {
            return .failure(error)
        }
    }

    /// Looks at the first bytes, all of which are pending.
    private mutating func examineStart() async throws {
        hasStart = true
        var start: [UInt8] = []
        for piece in pending where start.count < ImageFormats.sniffedByteCount {
            start += piece.readableBytesView.prefix(ImageFormats.sniffedByteCount - start.count)
        }
        do throws(CodecError) {
            _ = try ImageFormats.format(ofFileBeginning: start)
        } catch {
            try await reject(Problem(415, "not-an-image", "'\(record.name)' is not accepted: \(error.reason)"))
        }
    }

    /// Refuses the upload for ever.
    /// - Throws: `problem`, always.
    private mutating func reject(_ problem: Problem) async throws {
        let (store, spool) = (desk.store, desk.spool)
        isOver = true
        await settle()
        var next = record
        next.phase = .rejected(code: problem.code, detail: problem.detail)
        next.offset = 0
        let now = next
        try await offCooperativePool {
            try store.update(now)
            spool.remove(now.id)
        }
        record = now
        desk.forget(record.id)
        desk.log(record, problem.detail)
        await desk.publish(record)
        await desk.ended(record.id)
        throw problem
    }
}
