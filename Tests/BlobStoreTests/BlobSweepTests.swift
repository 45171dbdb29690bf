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

    private func withStore(_ body: (LocalBlobStore, MockClock, String) throws -> Void) throws {
        try withTemporaryDirectory { directory in
            let clock = MockClock()
            try body(LocalBlobStore(path: directory + "/blobs", bootTime: { clock.now }), clock, directory)
        }
    }

    private func oldBlobs(in store: LocalBlobStore) throws -> Set<BlobDigest> {
        var found: Set<BlobDigest> = []
        try store.forEachOldBlob(olderThan: grace) { digests in
            found.formUnion(digests)
            return true
        }
        return found
    }

    @Test func `blobs are old once the grace is over`() throws {
        try withStore { store, clock, _ in
            let first = try store.put([1], .durable)
            let second = try store.put([2, 2], .durable)
            #expect(try oldBlobs(in: store).isEmpty)
            clock.advance(seconds: 599)
            _ = try store.put([3, 3, 3], .recomputable)
            #expect(try oldBlobs(in: store).isEmpty)
            clock.advance(seconds: 2)
            #expect(try oldBlobs(in: store) == [first.digest, second.digest])
        }
    }

    @Test func `looking for old blobs ends when nobody wants more`() throws {
        try withStore { store, clock, _ in
            for byte in UInt8(0)..<40 { _ = try store.put([byte], .durable) }
            clock.advance(seconds: 601)
            var batches = 0
            try store.forEachOldBlob(olderThan: grace) { _ in
                batches += 1
                return batches < 3
            }
            #expect(batches == 3)
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
            #expect(try oldBlobs(in: store) == [old.digest])
        }
    }

    @Test func `a restart gives everything the grace again`() throws {
        try withStore { store, clock, directory in
            let blob = try store.put([1], .durable)
            // Put long ago, as far as its date says: the wall clock may have jumped while no process was there to notice.
            let path = try store.open(blob).path
            try FileManager.default.setAttributes(
                [.modificationDate: Date(timeIntervalSince1970: 1000)], ofItemAtPath: path)
            let restarted = try LocalBlobStore(path: directory + "/blobs", bootTime: { clock.now })
            #expect(try oldBlobs(in: restarted).isEmpty)
            clock.advance(seconds: 601)
            #expect(try oldBlobs(in: restarted) == [blob.digest])
        }
    }

    @Test func `files that are not blobs are not listed`() throws {
        try withStore { store, clock, directory in
            let blob = try store.put([1], .durable)
            try write([1], to: directory + "/blobs/ab/README")
            try write([1], to: directory + "/blobs/ab/" + String(repeating: "g", count: 62))
            clock.advance(seconds: 10_000)
            #expect(try oldBlobs(in: store) == [blob.digest])
            #expect(try store.list() == [blob.digest])
        }
    }

    @Test func `the list has every blob, also after a restart`() throws {
        try withStore { store, clock, directory in
            #expect(try store.list().isEmpty)
            let blobs = try (UInt8(0)..<100).map { try store.put([$0], $0 < 50 ? .durable : .recomputable) }
            try store.remove(blobs[7].digest)
            let expected = Set(blobs.map(\.digest)).subtracting([blobs[7].digest])
            #expect(try store.list() == expected)
            #expect(try LocalBlobStore(path: directory + "/blobs").list() == expected)
        }
    }

    @Test func `a removal that was ordered before a put was known spares what was put`() throws {
        try withStore { store, _, _ in
            let blob = try store.put([1], .durable)
            store.confirmPut(blob.digest)
            // Its removal is ordered; before that is carried out, the blob is put again.
            #expect(try store.put([1], .durable) == blob)
            #expect(try !store.removeUnlessPutAgain(blob.digest))
            #expect(try store.contains(blob.digest))
            store.confirmPut(blob.digest)
            #expect(try store.removeUnlessPutAgain(blob.digest))
            #expect(try !store.contains(blob.digest))
            #expect(try !store.removeUnlessPutAgain(blob.digest))
        }
    }

    @Test func `each of several puts has to be confirmed`() throws {
        try withStore { store, _, _ in
            let blob = try store.put([1], .recomputable)
            #expect(try store.put([1], .recomputable) == blob)
            store.confirmPut(blob.digest)
            #expect(try !store.removeUnlessPutAgain(blob.digest))
            let path = try store.open(blob).path
            #expect(truncate(path, 0) == 0)
            #expect(try store.setAsideUnlessPutAgain(blob.digest) == nil)
            store.confirmPut(blob.digest)
            #expect(try store.setAsideUnlessPutAgain(blob.digest) != nil)
            #expect(try !store.contains(blob.digest))
        }
    }
}
