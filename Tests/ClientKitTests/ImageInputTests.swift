import Foundation
import JobModel
import MasterClient
import NIOCore
import TestBasics
import Testing

@testable import ClientKit

@Suite struct ImageInputTests {
    private static let bytes = Array("an image in pieces".utf8)

    /// The bytes in pieces of five.
    private static func pieces(_ bytes: [UInt8] = bytes) -> AsyncStream<ByteBuffer> {
        AsyncStream { continuation in
            for start in stride(from: 0, to: bytes.count, by: 5) {
                continuation.yield(ByteBuffer(bytes: bytes[start..<min(start + 5, bytes.count)]))
            }
            continuation.finish()
        }
    }

    private struct Broken: Error {}

    private func submit(_ input: any ImageInput, to master: ModelMaster) async throws -> Submission.Outcome {
        try await TestSession.with(master) { test in
            try await Submission(
                [input], as: JobRequest(pipeline: "invert", submitter: "test"), session: test.session
            ).run()
        }
    }

    /// The bytes of the blob that the job's only image refers to.
    private func stored(_ master: ModelMaster) throws -> [UInt8] {
        try #require(master.state.withLock { $0.blobs[BlobReference(to: Self.bytes).digest] })
    }

    @Test(arguments: [nil, BlobReference(to: bytes).digest])
    func `a stream of a known length is submitted`(digest: BlobDigest?) async throws {
        let master = ModelMaster()
        let input = StreamInput(label: "s", byteCount: UInt64(Self.bytes.count), digest: digest) { Self.pieces() }
        _ = try await submit(input, to: master)
        #expect(try stored(master) == Self.bytes)
        #expect(master.job(numbered: 17)?.images.map(\.name) == ["s"])
    }

    @Test func `a stream whose digest the master has is not opened`() async throws {
        let master = ModelMaster { $0.blobs[BlobReference(to: Self.bytes).digest] = Self.bytes }
        let input = StreamInput(
            label: "s", byteCount: UInt64(Self.bytes.count), digest: BlobReference(to: Self.bytes).digest
        ) { () throws -> AsyncStream<ByteBuffer> in throw Broken() }
        #expect(try await submit(input, to: master).imageCount == 1)
    }

    @Test func `a stream is opened again after a lost connection`() async throws {
        let master = ModelMaster { $0.breaks = [.before("putBlob")] }
        let input = StreamInput(label: "s", byteCount: UInt64(Self.bytes.count)) { Self.pieces() }
        _ = try await submit(input, to: master)
        #expect(try stored(master) == Self.bytes)
        #expect(master.calls.count { $0 == "putBlob" } == 2)
    }

    @Test func `a stream that ends early is complained about, with both lengths`() async throws {
        let input = StreamInput(label: "s", byteCount: 100) { Self.pieces() }
        let error = await #expect(throws: ClientError.self) { try await input.reference() }
        #expect(error?.code == "unreadable")
        #expect(error?.message.contains("ended after 18 of the 100 bytes") == true)
        let nothing = await #expect(throws: ClientError.self) { _ = try await submit(input, to: ModelMaster()) }
        #expect(nothing?.code == "no-input")
    }

    @Test func `a stream of unknown length is copied to a file without a name`() async throws {
        var input: InputFile? = try await InputFile(spooling: Self.pieces(), label: "s")
        let path = try #require(input?.path)
        #expect(try FileManager.default.destinationOfSymbolicLink(atPath: path.text).hasSuffix("(deleted)"))
        #expect(input?.byteCount == 18)
        #expect(try await input?.reference() == BlobReference(to: Self.bytes))
        let master = ModelMaster()
        if let spooled = input { _ = try await submit(spooled, to: master) }
        #expect(try stored(master) == Self.bytes)
        // The copy ends with its last owner: the number may serve another file by now, but not this one.
        let before = FileStatus(at: path)?.identity
        input = nil
        #expect(FileStatus(at: path)?.identity != before)
    }

    @Test func `a stream that is too long, empty or broken makes no input`() async throws {
        let long = await #expect(throws: ClientError.self) {
            _ = try await InputFile(spooling: Self.pieces(), label: "s", maximumByteCount: 17)
        }
        #expect(long == ClientError("over-limit", "'s' has more than 17 bytes"))
        let empty = await #expect(throws: ClientError.self) {
            _ = try await InputFile(spooling: Self.pieces([]), label: "s")
        }
        #expect(empty?.code == "unreadable")
        let broken = AsyncThrowingStream<ByteBuffer, any Error> { $0.finish(throwing: Broken()) }
        await #expect(throws: Broken.self) { _ = try await InputFile(spooling: broken, label: "s") }
    }

    @Test func `an image in memory is submitted`() async throws {
        let master = ModelMaster()
        _ = try await submit(MemoryInput(label: "m", bytes: Self.bytes), to: master)
        #expect(try stored(master) == Self.bytes)
    }
}
