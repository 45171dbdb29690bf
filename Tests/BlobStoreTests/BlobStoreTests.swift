import Foundation
import JobModel
import Synchronization
import SystemCalls
import TestBasics
import Testing

@testable import BlobStore

@Suite struct BlobStoreTests {
    /// SHA-256 of "abc" (FIPS 180-4).
    private let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

    @Test(arguments: [Durability.durable, .recomputable])
    func `a blob is named by its SHA-256 and reads back`(durability: Durability) throws {
        try withTemporaryDirectory { directory in
            let store = try LocalBlobStore(path: directory + "/blobs")
            let blob = try store.put(Array("abc".utf8), durability)
            #expect(blob.digest.description == abc)
            #expect(blob.byteCount == 3)
            let reader = try store.open(blob)
            #expect(try reader.read(at: 0, count: 3) == Array("abc".utf8))
            #expect(try reader.read(at: 1, count: 1) == Array("b".utf8))
            #expect(try reader.read(at: 3, count: 0) == [])
            #expect(reader.path == "\(directory)/blobs/ba/\(abc.dropFirst(2))")
            #expect(try contents(reader.path) == Array("abc".utf8))
            #expect(try LocalBlobStore(path: directory + "/blobs").contains(blob.digest))
        }
    }

    @Test func `a blob written in parts is the blob written at once`() throws {
        try withStore { store, _ in
            let bytes = (0..<300_000).map { UInt8(truncatingIfNeeded: $0 * 31) }
            let whole = try store.put(bytes, .durable)
            let writer = try store.makeWriter(.durable)
            for start in stride(from: 0, to: bytes.count, by: 7919) {
                try writer.write(Array(bytes[start..<min(start + 7919, bytes.count)]))
            }
            #expect(writer.byteCount == 300_000)
            #expect(try writer.finish(expected: whole.digest) == whole)
            #expect(try store.open(whole).read(at: 0, count: bytes.count) == bytes)
            #expect(try store.usage() == BlobUsage(blobCount: 1, byteCount: 300_000))
        }
    }

    @Test func `an empty blob is a blob`() throws {
        try withStore { store, _ in
            let blob = try store.put([], .durable)
            #expect(blob.byteCount == 0)
            #expect(try store.open(blob).read(at: 0, count: 0) == [])
            #expect(try store.verify(blob.digest) == blob)
        }
    }

    @Test func `a blob exists only once it is finished`() throws {
        try withStore { store, directory in
            let digest = try #require(BlobDigest(hex: abc))
            let writer = try store.makeWriter(.durable)
            try writer.write(Array("abc".utf8))
            #expect(try !store.contains(digest))
            #expect(throws: BlobStoreError.self) { try store.open(BlobReference(digest: digest, byteCount: 3)) }
            #expect(try incomingCount(directory) == 1)
            _ = try writer.finish()
            #expect(try store.contains(digest))
            #expect(try incomingCount(directory) == 0)
        }
    }

    @Test func `an abandoned or forgotten writer leaves nothing`() throws {
        try withStore { store, directory in
            let writer = try store.makeWriter(.durable)
            try writer.write([1, 2, 3])
            writer.abandon()
            #expect(try incomingCount(directory) == 0)
            expectCode(.writerEnded) { try writer.write([4]) }
            expectCode(.writerEnded) { _ = try writer.finish() }
            do {
                let forgotten = try store.makeWriter(.recomputable)
                try forgotten.write([1, 2, 3])
            }
            #expect(try incomingCount(directory) == 0)
            #expect(try store.usage() == BlobUsage())
        }
    }

    @Test func `a blob that is not what was announced is refused and removed`() throws {
        try withStore { store, directory in
            let writer = try store.makeWriter(.durable)
            try writer.write(Array("abd".utf8))
            expectCode(.wrongDigest) { _ = try writer.finish(expected: BlobDigest(hex: abc)) }
            #expect(try incomingCount(directory) == 0)
            #expect(try store.usage() == BlobUsage())
        }
    }

    @Test func `a full disk is named, and what was written is removed`() throws {
        try withStore { store, directory in
            let name = "\(BlobDirectory.incoming)/full"
            try write([], to: store.directory.path(name))
            // Every write to /dev/full fails as on a full disk.
            let full = open("/dev/full", O_WRONLY | O_CLOEXEC)
            try #require(full >= 0)
            let writer = BlobWriter(
                IncomingFile(in: store.directory, .durable, name: name, file: OwnedDescriptor(full)))
            #expect(try incomingCount(directory) == 1)
            expectCode(.noSpace) { try writer.write([1, 2, 3]) }
            #expect(try incomingCount(directory) == 0)
            expectCode(.writerEnded) { try writer.write([1]) }
            expectCode(.writerEnded) { _ = try writer.finish() }
            #expect(try store.availableByteCount() > 0)
        }
    }

    @Test func `identical puts at once make one blob`() throws {
        try withStore { store, directory in
            let bytes = (0..<100_000).map { UInt8(truncatingIfNeeded: $0 / 3) }
            let blobs = Mutex<[BlobReference?]>([])
            DispatchQueue.concurrentPerform(iterations: 32) { index in
                let blob = try? store.put(bytes, index.isMultiple(of: 2) ? .durable : .recomputable)
                blobs.withLock { $0.append(blob) }
            }
            let found = blobs.withLock { $0 }
            #expect(found.count == 32)
            #expect(Set(found).count == 1)
            let blob = try #require(found.first ?? nil)
            #expect(try store.verify(blob.digest) == blob)
            #expect(try store.usage() == BlobUsage(blobCount: 1, byteCount: 100_000))
            #expect(try incomingCount(directory) == 0)
        }
    }

    @Test func `a durable put does not rely on a recomputable blob`() throws {
        try withStore { store, _ in
            let blob = try store.put([1, 2, 3], .recomputable)
            let path = try store.open(blob).path
            let inode = try fileNumber(path)
            #expect(try store.put([1, 2, 3], .durable) == blob)
            let durableInode = try fileNumber(path)
            #expect(durableInode != inode)
            // Nor does a recomputable one take the place of what is durable.
            #expect(try store.put([1, 2, 3], .recomputable) == blob)
            #expect(try fileNumber(path) == durableInode)
        }
    }

    @Test func `a put heals a blob that was left short`() throws {
        try withStore { store, _ in
            let blob = try store.put([1, 2, 3], .recomputable)
            try overwrite([1, 2], try store.open(blob).path)
            expectCode(.damaged) { _ = try store.open(blob) }
            #expect(try store.put([1, 2, 3], .recomputable) == blob)
            #expect(try store.open(blob).read(at: 0, count: 3) == [1, 2, 3])
        }
    }

    @Test func `verify finds every flip and truncation`() throws {
        try withStore { store, _ in
            let bytes = (0..<5000).map { UInt8(truncatingIfNeeded: $0 * 7) }
            let blob = try store.put(bytes, .durable)
            let path = try store.open(blob).path
            #expect(try store.verify(blob.digest) == blob)
            for position in [0, 2500, 4999] {
                var damaged = bytes
                damaged[position] ^= 0x40
                try overwrite(damaged, path)
                expectCode(.damaged) { _ = try store.verify(blob.digest) }
            }
            for changed in [Array(bytes.dropLast()), bytes + [0], []] {
                try overwrite(changed, path)
                expectCode(.damaged) { _ = try store.verify(blob.digest) }
                expectCode(.damaged) { _ = try store.open(blob) }
            }
            try overwrite(bytes, path)
            #expect(try store.verify(blob.digest) == blob)
        }
    }

    @Test(arguments: [false, true])
    func `a size that is not the blob's says nothing about the blob`(isReopened: Bool) throws {
        try withTemporaryDirectory { directory in
            var store = try LocalBlobStore(path: directory + "/blobs")
            let bytes = (0..<BlobReader.blockByteCount + 777).map { UInt8(truncatingIfNeeded: $0 * 31) }
            let blobs = [
                try store.put(bytes, .durable), try store.put([], .recomputable), try store.put([1], .durable),
            ]
            if isReopened { store = try LocalBlobStore(path: directory + "/blobs") }
            for blob in blobs {
                for byteCount in [0, 1, blob.byteCount + 1, blob.byteCount * 2 + 7, UInt64(Int64.max), .max]
                where byteCount != blob.byteCount {
                    let said = BlobReference(digest: blob.digest, byteCount: byteCount)
                    expectCode(.sizeDiffers) { _ = try store.open(said) }
                    do { _ = try store.open(said) } catch let error as BlobStoreError {
                        #expect(error.blob == nil, "nobody may take it for damage")
                        #expect(error.description.contains("has \(blob.byteCount) bytes, not \(byteCount)"))
                    }
                }
                #expect(try store.byteCount(of: blob.digest) == blob.byteCount)
                #expect(try !store.isDamaged(blob.digest))
                #expect(try store.setAsideUnlessPutAgain(blob.digest) == nil, "it is whole")
                #expect(try store.verify(blob.digest) == blob)
            }
        }
    }

    @Test(arguments: [false, true])
    func `whatever size is named, a file that is not what was put is damaged`(isReopened: Bool) throws {
        try withTemporaryDirectory { directory in
            var store = try LocalBlobStore(path: directory + "/blobs")
            let bytes = (0..<2 * BlobReader.blockByteCount).map { UInt8(truncatingIfNeeded: $0 * 31) }
            let blob = try store.put(bytes, .recomputable)
            let path = try store.open(blob).path
            for length in [0, 1, BlobReader.blockByteCount, bytes.count - 1, bytes.count + 1] {
                try overwrite(Array((bytes + [9]).prefix(length)), path)
                if isReopened { store = try LocalBlobStore(path: directory + "/blobs") }
                for byteCount in [blob.byteCount, blob.byteCount + 3] where byteCount != UInt64(length) {
                    expectCode(.damaged) {
                        _ = try store.open(BlobReference(digest: blob.digest, byteCount: byteCount))
                    }
                }
                #expect(try store.isDamaged(blob.digest))
            }
        }
    }

    @Test func `a file that was put again is not set aside for damage in the one before`() throws {
        try withStore { store, _ in
            let blob = try store.put([1, 2, 3], .durable)
            store.confirmPut(blob.digest)
            try overwrite([1, 2, 4], try store.open(blob).path)
            let reader = try store.open(blob)
            #expect(try store.put([1, 2, 3], .durable) == blob)
            store.confirmPut(blob.digest)
            expectCode(.damaged) { _ = try reader.read(at: 0, count: 3) }
            #expect(try !store.isDamaged(blob.digest))
            #expect(try store.setAsideUnlessPutAgain(blob.digest) == nil)
            #expect(try store.open(blob).read(at: 0, count: 3) == [1, 2, 3])
        }
    }

    @Test func `what can be computed again is made durable where it is`() throws {
        try withTemporaryDirectory { directory in
            let store = try LocalBlobStore(path: directory + "/blobs")
            let blob = try store.put([1, 2, 3], .recomputable)
            let path = try store.open(blob).path
            #expect(try mode(path) == 0o600)
            try store.makeDurable(blob.digest)
            #expect(try mode(path) == 0o400)
            let inode = try fileNumber(path)
            try store.makeDurable(blob.digest)
            #expect(try store.put([1, 2, 3], .recomputable) == blob)
            #expect(try fileNumber(path) == inode, "it can be relied on")
            expectCode(.notFound) { try store.makeDurable(try #require(BlobDigest(hex: abc))) }

            // What an earlier process left may have lost its bytes with the power.
            let old = try store.put([4, 5, 6], .recomputable)
            let oldPath = try store.open(old).path
            try overwrite([4, 5], oldPath)
            chmod(oldPath, 0o600)
            let later = try LocalBlobStore(path: directory + "/blobs")
            expectCode(.damaged) { try later.makeDurable(old.digest) }
            #expect(try mode(later.directory.path(BlobDirectory.name(old.digest))) == 0o600)
        }
    }

    @Test func `reading beyond the end is refused`() throws {
        try withStore { store, _ in
            let reader = try store.open(store.put([1, 2, 3], .recomputable))
            for (offset, count) in [(0, 4), (3, 1), (4, 0), (.max, 1), (1, .max)] as [(UInt64, Int)] {
                expectCode(.outOfRange) { _ = try reader.read(at: offset, count: count) }
            }
        }
    }

    @Test func `a file that shrinks while it is read is noticed`() throws {
        try withStore { store, _ in
            let reader = try store.open(store.put([1, 2, 3], .recomputable))
            #expect(truncate(reader.path, 1) == 0)
            expectCode(.damaged) { _ = try reader.read(at: 0, count: 3) }
            // The byte is there, but nothing shows that it is the one that was put.
            expectCode(.damaged) { _ = try reader.read(at: 0, count: 1) }
        }
    }

    @Test func `a put heals a damaged blob of the right size`() throws {
        try withStore { store, _ in
            let blob = try store.put([1, 2, 3], .durable)
            try overwrite([1, 2, 4], try store.open(blob).path)
            #expect(try store.put([1, 2, 3], .durable) == blob)
            #expect(try store.verify(blob.digest) == blob)
        }
    }

    @Test func `a damaged blob that is set aside can be looked at, and put again`() throws {
        try withStore { store, directory in
            let blob = try store.put([1, 2, 3], .durable)
            try overwrite([1, 2, 4], try store.open(blob).path)
            expectCode(.damaged) { _ = try store.open(blob).read(at: 0, count: 1) }
            let place = try #require(try store.setAside(blob.digest))
            #expect(place.hasPrefix(directory))
            #expect(try contents(place) == [1, 2, 4])
            #expect(try !store.contains(blob.digest))
            expectCode(.notFound) { _ = try store.open(blob) }
            #expect(try store.setAside(blob.digest) == nil)
            #expect(try store.put([1, 2, 3], .durable) == blob)
            #expect(try store.open(blob).read(at: 0, count: 3) == [1, 2, 3])
        }
    }

    @Test(arguments: [false, true])
    func `no read gives a byte that was not put`(isReopened: Bool) throws {
        try withTemporaryDirectory { directory in
            // Three blocks and a part of one.
            let bytes = (0..<3 * BlobReader.blockByteCount + 777).map { UInt8(truncatingIfNeeded: $0 &* $0 >> 7) }
            var store = try LocalBlobStore(path: directory + "/blobs")
            let blob = try store.put(bytes, .durable)
            let path = try store.open(blob).path
            var state: UInt64 = 88_172_645_463_325_252
            func random(below limit: Int) -> Int {
                state ^= state << 13
                state ^= state >> 7
                state ^= state << 17
                return Int(state % UInt64(limit))
            }
            for _ in 0..<60 {
                var changed = bytes
                let flipped = random(below: bytes.count)
                changed[flipped] ^= 1 << UInt8(random(below: 8))
                try overwrite(changed, path)
                if isReopened { store = try LocalBlobStore(path: directory + "/blobs") }
                let start = random(below: bytes.count)
                let count = random(below: bytes.count - start)
                do {
                    let found = try store.open(blob).read(at: UInt64(start), count: count)
                    #expect(found == Array(bytes[start..<start + count]))
                    #expect(!(start..<start + count).contains(flipped), "byte \(flipped) is wrong and was given")
                } catch let error as BlobStoreError {
                    #expect(error.code == .damaged && error.blob == blob.digest && error.description.contains(path))
                }
            }
        }
    }

    @Test func `a removed blob is gone, but not for who reads it`() throws {
        try withStore { store, _ in
            let blob = try store.put([1, 2, 3], .durable)
            let reader = try store.open(blob)
            #expect(try store.remove(blob.digest))
            #expect(try !store.remove(blob.digest))
            #expect(try !store.contains(blob.digest))
            expectCode(.notFound) { _ = try store.open(blob) }
            expectCode(.notFound) { _ = try store.verify(blob.digest) }
            #expect(try reader.read(at: 0, count: 3) == [1, 2, 3])
        }
    }

    @Test func `what a crash left half written is removed at the next start`() throws {
        try withStore { store, directory in
            let blob = try store.put([1, 2, 3], .durable)
            try write([9, 9], to: directory + "/blobs/incoming/leftover-1")
            try write([], to: directory + "/blobs/incoming/leftover-2")
            let restarted = try LocalBlobStore(path: directory + "/blobs")
            #expect(try restarted.removeIncoming() == 2)
            #expect(try incomingCount(directory) == 0)
            #expect(try restarted.usage() == BlobUsage(blobCount: 1, byteCount: 3))
            #expect(try restarted.verify(blob.digest) == blob)
        }
    }

    @Test func `parts are assembled between prefix and suffix`() throws {
        try withStore { store, _ in
            // One part is larger than the buffer that it passes through.
            let large = (0..<5_000_000).map { UInt8(truncatingIfNeeded: $0 * 13) }
            let parts = try [Array("abc".utf8), [], large].map { try store.put($0, .recomputable) }
            let whole = try store.concatenate(prefix: [1, 2], parts: parts + [parts[0]], suffix: [3], .durable)
            let expected = [1, 2] + Array("abc".utf8) + large + Array("abc".utf8) + [3]
            #expect(try whole == store.put(expected, .recomputable))
            #expect(try store.open(whole).read(at: 0, count: expected.count) == expected)
            #expect(try store.concatenate(parts: [], .durable).byteCount == 0)
        }
    }

    @Test func `assembling from a lost or short part leaves nothing`() throws {
        try withStore { store, directory in
            let part = try store.put([1, 2, 3], .recomputable)
            try overwrite([1, 2], try store.open(part).path)
            expectCode(.damaged) { _ = try store.concatenate(parts: [part], .durable) }
            try store.remove(part.digest)
            expectCode(.notFound) { _ = try store.concatenate(prefix: [1], parts: [part], .durable) }
            #expect(try incomingCount(directory) == 0)
            #expect(try store.usage() == BlobUsage())
        }
    }

    @Test func `a directory that cannot be used is named`() throws {
        try withTemporaryDirectory { directory in
            try write([1], to: directory + "/file")
            for path in [directory + "/file", directory + "/no/such"] {
                #expect {
                    try LocalBlobStore(path: path)
                } throws: { error in
                    "\(error)".contains(path)
                }
            }
        }
    }
}

// MARK: - Help

private func withStore(_ body: (LocalBlobStore, String) throws -> Void) throws {
    try withTemporaryDirectory { directory in try body(LocalBlobStore(path: directory + "/blobs"), directory) }
}

private func incomingCount(_ directory: String) throws -> Int {
    try FileManager.default.contentsOfDirectory(atPath: directory + "/blobs/incoming").count
}

private func fileNumber(_ path: String) throws -> Int? {
    try FileManager.default.attributesOfItem(atPath: path)[.systemFileNumber] as? Int
}

private func mode(_ path: String) throws -> Int? {
    try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
}

/// Changes a blob behind the store's back, write protection or not.
private func overwrite(_ bytes: [UInt8], _ path: String) throws {
    chmod(path, 0o600)
    let file = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
    try file.truncate(atOffset: 0)
    try file.write(contentsOf: Data(bytes))
    try file.close()
    chmod(path, 0o400)
}

private func expectCode(
    _ code: BlobStoreError.Code, sourceLocation: SourceLocation = #_sourceLocation, _ body: () throws -> Void
) {
    #expect(sourceLocation: sourceLocation) {
        try body()
    } throws: { error in
        (error as? BlobStoreError)?.code == code
    }
}

extension LocalBlobStore {
    /// Reads the whole blob and compares its digest.
    func verify(_ digest: BlobDigest) throws(BlobStoreError) -> BlobReference {
        let reader = try directory.open(digest)
        _ = try reader.computeChecksums()
        return BlobReference(digest: digest, byteCount: reader.byteCount)
    }

    /// Counts all blobs.
    func usage() throws(BlobStoreError) -> BlobUsage {
        var usage = BlobUsage()
        for shelf in BlobDirectory.shelves {
            for name in try directory.files(in: shelf) {
                if let status = try directory.status(name) { usage.add(status.byteCount) }
            }
        }
        return usage
    }
}

/// A number of blobs and their bytes.
struct BlobUsage: Hashable {
    var blobCount = 0
    var byteCount: UInt64 = 0

    mutating func add(_ byteCount: UInt64) {
        blobCount += 1
        self.byteCount += byteCount
    }
}
