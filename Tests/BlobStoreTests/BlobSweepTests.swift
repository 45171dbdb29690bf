import Foundation
import JobModel
import Synchronization
import TestBasics
import Testing

@testable import BlobStore

@Suite struct BlobSweepTests {
    /// A CLOCK_BOOTTIME that the test turns.
    private final class MockClock: Sendable {
        private let nanoseconds = Mutex<UInt64>(1_000_000_000_000)
        var now: UInt64 { nanoseconds.withLock { $0 } }
        func advance(seconds: UInt64) { nanoseconds.withLock { $0 += seconds * 1_000_000_000 } }
    }

    private let grace = Duration.seconds(600)

    private func withStore(_ body: (FolderBlobStore, MockClock, String) throws -> Void) throws {
        try withTemporaryDirectory { directory in
            let clock = MockClock()
            try body(FolderBlobStore(path: directory + "/blobs", bootTime: { clock.now }), clock, directory)
        }
    }

    @Test func `a sweep removes what nobody needs, once the grace is over`() throws {
        try withStore { store, clock, _ in
            let needed = try store.put([1], .durable)
            let garbage = try store.put([2, 2], .durable)
            #expect(try store.sweep(olderThan: grace) { $0 == needed.digest } == BlobUsage())
            clock.advance(seconds: 599)
            let young = try store.put([3, 3, 3], .recomputable)
            #expect(try store.sweep(olderThan: grace) { $0 == needed.digest } == BlobUsage())
            clock.advance(seconds: 2)
            #expect(try store.sweep(olderThan: grace) { $0 == needed.digest } == BlobUsage(blobCount: 1, byteCount: 2))
            #expect(try store.contains(needed.digest))
            #expect(try store.contains(young.digest))
            #expect(try !store.contains(garbage.digest))
        }
    }

    @Test func `what was found or put again counts as new`() throws {
        try withStore { store, clock, _ in
            let found = try store.put([1], .durable)
            let putAgain = try store.put([2], .durable)
            let old = try store.put([3], .durable)
            clock.advance(seconds: 601)
            #expect(try store.contains(found.digest))
            #expect(try store.put([2], .recomputable) == putAgain)
            #expect(try store.sweep(olderThan: grace) { _ in false } == BlobUsage(blobCount: 1, byteCount: 1))
            #expect(try store.usage().blobCount == 2)
            #expect(try !store.contains(old.digest))
        }
    }

    @Test func `a restart gives everything the grace anew`() throws {
        try withStore { store, clock, directory in
            let blob = try store.put([1], .durable)
            // Put long ago, as far as its date says: the wall clock may have jumped while no process was there to notice.
            let path = try store.open(blob).path
            try FileManager.default.setAttributes(
                [.modificationDate: Date(timeIntervalSince1970: 1000)], ofItemAtPath: path)
            let restarted = try FolderBlobStore(path: directory + "/blobs", bootTime: { clock.now })
            #expect(try restarted.sweep(olderThan: grace) { _ in false } == BlobUsage())
            clock.advance(seconds: 601)
            #expect(try restarted.sweep(olderThan: grace) { _ in false }.blobCount == 1)
        }
    }

    @Test func `files that are no blobs are not touched`() throws {
        try withStore { store, clock, directory in
            let stranger = directory + "/blobs/ab/README"
            try write([1], to: stranger)
            clock.advance(seconds: 10_000)
            #expect(try store.sweep(olderThan: grace) { _ in false } == BlobUsage())
            #expect(FileManager.default.fileExists(atPath: stranger))
        }
    }
}
