import Cryptography
import GatewayLogic
import GatewayStore
import Glibc
import ImageCodecs
import ImageFormats
import Kernels
import Logging
import NIOCore
import Pipelines
import TestBasics
import Testing

@testable import Gateway

/// The way of an upload's bytes to the disk, over real files.
@Suite struct UploadWritingTests {
    private static let limits = UploadLimits(maximumByteCount: 1 << 30, appendByteCount: 1 << 30, ageSeconds: 3600)

    private let directory: OwnDirectory
    private let desk: UploadDesk
    /// A PNG file of some 14 MiB.
    private let image: [UInt8]

    init() throws {
        directory = try OwnDirectory()
        desk = UploadDesk(
            store: try WebStore(path: directory.path + "/web.sqlite"),
            spool: try Spool(path: directory.path + "/spool"),
            limits: Self.limits, budget: SpoolBudget(limit: 64 << 20, used: 0), hub: EventHub(),
            logger: Logger(label: "test"), ended: { _ in })
        let shape = ImageShape(width: 4000, height: 3600, format: PixelFormat(.gray, .eight))
        let png = try #require(ImageFormats.encoding(named: "png"))
        image = try Noise.bytes(shape.byteCount).withUnsafeBytes { pixels in
            try ImageFile.encode(
                RowsView(shape: shape, rows: 0..<shape.height, base: pixels.baseAddress.unsafelyUnwrapped), to: png)
        }
    }

    private func begun() throws -> UploadRecord {
        let record = UploadRecord(id: UploadRecord.newID(), owner: "ada", name: "a.png", touchedAt: 1)
        try desk.store.insert(record)
        return record
    }

    /// The way of a request's bytes behind those that are stored.
    private func writing(
        _ record: UploadRecord, isLast: Bool = true, to file: SpoolFile? = nil, hash: SHA256? = nil
    ) throws -> UploadWriting {
        UploadWriting(
            desk: desk, record: record,
            machine: try UploadAppend(to: record, at: record.offset, isLast: isLast, limits: Self.limits),
            file: try file ?? desk.spool.open(record.id, at: record.offset),
            hash: record.offset == 0 ? SHA256() : hash)
    }

    /// Gives bytes in pieces that fit no block.
    private func send(_ bytes: ArraySlice<UInt8>, to writing: inout UploadWriting) async throws -> [UInt64] {
        var told: [UInt64] = []
        var rest = bytes
        while !rest.isEmpty {
            let piece = rest.prefix(77_777)
            rest = rest.dropFirst(piece.count)
            if try await writing.take(ByteBuffer(bytes: piece)) { told.append(writing.record.offset) }
        }
        return told
    }

    @Test func `what arrived in pieces is one file, with its digest, and every told offset is stored`() async throws {
        let record = try begun()
        var writing = try writing(record)
        var told: [UInt64] = []
        var sent = 0
        while sent < image.count {
            let next = min(sent + 300_000, image.count)
            told += try await send(image[sent..<next], to: &writing)
            sent = next
            let stored = try #require(try desk.store.upload(record.id))
            #expect(stored.offset >= writing.record.offset, "what is told is recorded")
            #expect(UInt64(sent) - writing.record.offset <= 12 << 20, "at most 12 MiB are not told")
        }
        #expect(told == told.sorted() && Set(told).count == told.count)
        try await writing.end()
        await writing.settle()
        let stored = try #require(try desk.store.upload(record.id))
        #expect(stored == writing.record && stored.offset == UInt64(image.count))
        let file = try #require(stored.file)
        #expect(file.digest == HexText.text(SHA256.hash(image)))
        #expect((file.width, file.height, file.format) == (4000, 3600, "png"))
        let spooled = try #require(desk.spool.reading(record.id))
        #expect(try spooled.read(at: 0, count: image.count) == image)
        #expect(desk.budget.usedByteCount == UInt64(image.count))
    }

    @Test(arguments: [true, false])
    func `a request that is cut off leaves what arrived, and the next one continues`(isDigestKept: Bool) async throws {
        let record = try begun()
        var first = try writing(record)
        let half = image.count / 2 + 12_345
        _ = try await send(image[..<half], to: &first)
        try await first.sync()
        await first.settle()
        let stored = try #require(try desk.store.upload(record.id))
        #expect(stored.offset == UInt64(half) && stored.phase == .receiving)
        var hash: SHA256?
        if isDigestKept {
            var known = SHA256()
            known.update(Array(image[..<half]))
            hash = known
        }
        var second = try writing(stored, hash: hash)
        _ = try await send(image[half...], to: &second)
        try await second.end()
        await second.settle()
        let file = try #require(try desk.store.upload(record.id)?.file)
        #expect(file.digest == HexText.text(SHA256.hash(image)))
        #expect(desk.budget.usedByteCount == UInt64(image.count))
    }

    @Test func `a request that is not the last leaves an upload that continues, also one without bytes`() async throws {
        var record = try begun()
        for part in [image[..<0], image[..<100_000], image[100_000..<100_000]] {
            var writing = try writing(record, isLast: false)
            _ = try await send(part, to: &writing)
            try await writing.end()
            await writing.settle()
            record = try #require(try desk.store.upload(record.id))
            #expect(record.phase == .receiving)
        }
        #expect(record.offset == 100_000)
    }

    @Test func `what is not an image is refused, and gives its room back`() async throws {
        for bytes in [Array("notes\n".utf8), [UInt8](repeating: 7, count: 3 << 20), Array(image[..<20])] {
            let record = try begun()
            var writing = try writing(record)
            let problem = await #expect(throws: Problem.self) {
                _ = try await send(bytes[...], to: &writing)
                try await writing.end()
            }
            #expect(problem?.status == 415 || problem?.status == 422, "\(String(describing: problem))")
            // As a connection does that ends by an error.
            try await writing.sync()
            await writing.settle()
            let stored = try #require(try desk.store.upload(record.id))
            #expect(stored.phase.name == "rejected" && stored.offset == 0)
            #expect(desk.spool.reading(record.id) == nil)
            #expect(desk.budget.usedByteCount == 0)
        }
    }

    @Test func `after the disk has refused bytes, nothing more is told as stored`() async throws {
        let record = try begun()
        _ = try desk.spool.open(record.id, at: 0)
        let readOnly: SpoolFile = try #require(desk.spool.reading(record.id))
        var writing = try writing(record, to: readOnly)
        await #expect(throws: StoreError.self) {
            _ = try await send(image[...], to: &writing)
            try await writing.end()
        }
        try await writing.sync()
        await writing.settle()
        #expect(try desk.store.upload(record.id) == record)
        #expect(desk.budget.usedByteCount == 0)
    }

    @Test func `what was written and could not be made durable gives its room back`() async throws {
        let record = try begun()
        let file = try desk.spool.open(record.id, at: 0)
        // Without its directory the file's name cannot be made durable, which is known at the first mark: behind it there are blocks.
        #expect(rename(desk.spool.path, directory.path + "/elsewhere") == 0)
        var writing = try writing(record, to: file)
        await #expect(throws: StoreError.self) {
            _ = try await send(image[...], to: &writing)
            try await writing.end()
        }
        try await writing.sync()
        await writing.settle()
        #expect(try desk.store.upload(record.id) == record)
        #expect(desk.budget.usedByteCount == 0)
    }

    @Test func `a full spool keeps what was stored before`() async throws {
        let record = try begun()
        try await desk.budget.take((64 << 20) - (6 << 20))
        var writing = try writing(record)
        let problem = await #expect(throws: Problem.self) {
            _ = try await send(image[...], to: &writing)
            try await writing.end()
        }
        #expect(problem?.code == "spool-full")
        try? await writing.sync()
        await writing.settle()
        let stored = try #require(try desk.store.upload(record.id))
        #expect(stored.offset > 0 && stored.phase == .receiving)
        #expect(desk.budget.usedByteCount == (58 << 20) + stored.offset)
        let spooled = try #require(desk.spool.reading(record.id))
        #expect(try spooled.read(at: 0, count: Int(stored.offset)) == Array(image[..<Int(stored.offset)]))
    }
}
