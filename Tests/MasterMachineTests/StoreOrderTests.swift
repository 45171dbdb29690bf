import JobModel
import Scheduler
import SeededRandom
import Testing

@testable import MasterMachine

/// Puts come from many threads and removals from another: whatever the order in which they meet, the master's set of present
/// blobs and the store's files agree in the end, and no blob that somebody was told of is gone.
@Suite struct StoreOrderTests {
    /// The store's files, with puts and the carrying out of actions at any time.
    private struct Store {
        var files: Set<BlobDigest> = []
        var unconfirmed: [BlobDigest: Int] = [:]
        /// Actions that are not carried out yet, in their order.
        var waiting: [ShellAction<Int>] = []
        /// Puts that are renamed into place, and of which the master has not heard.
        var unreported: [BlobDigest] = []
        /// A store that does not, loses blobs: the test can fail.
        let protectsPuts: Bool

        mutating func put(_ digest: BlobDigest) {
            files.insert(digest)
            unconfirmed[digest, default: 0] += 1
            unreported.append(digest)
        }

        mutating func carryOutNext() {
            switch waiting.removeFirst() {
            case .removeBlob(let digest), .setAside(let digest):
                if unconfirmed[digest] == nil || !protectsPuts { files.remove(digest) }
            case .confirmPut(let digest):
                let count = unconfirmed[digest, default: 0]
                unconfirmed[digest] = count > 1 ? count - 1 : nil
            default: break
            }
        }
    }

    /// - Returns: a blob that the master says is there and that is not, when one was found.
    private func run(seed: UInt64, protectsPuts: Bool) throws -> BlobDigest? {
        var random = SeededGenerator(seed: seed)
        let harness = try Harness()
        var store = Store(protectsPuts: protectsPuts)
        let digests = (1...3).map { blob($0).digest }
        for _ in 0..<400 {
            let digest = digests[Int.random(in: 0..<3, using: &random)]
            switch Int.random(in: 0..<6, using: &random) {
            case 0: store.put(digest)
            case 1:
                if !store.unreported.isEmpty {
                    let index = Int.random(in: 0..<store.unreported.count, using: &random)
                    harness.master.stored(store.unreported.remove(at: index), at: harness.now)
                }
            case 2:
                // All pins end, so that the master has unneeded blobs removed.
                harness.pass(BlobPins.duration * 2)
                store.waiting += harness.turn().actions
            case 3: store.waiting += harness.turn().actions
            case 4: _ = harness.master.blobDamaged(digest, at: harness.now)
            default: if !store.waiting.isEmpty { store.carryOutNext() }
            }
            // A blob whose removal waits for nothing else is either known and there, or neither.
            if let lost = digests.first(where: { harness.knows($0) && !store.files.contains($0) }) {
                return lost
            }
        }
        while !store.unreported.isEmpty { harness.master.stored(store.unreported.removeLast(), at: harness.now) }
        store.waiting += harness.turn().actions
        while !store.waiting.isEmpty { store.carryOutNext() }
        #expect(store.unconfirmed.isEmpty)
        #expect(Set(digests.filter { harness.knows($0) }) == store.files, "seed \(seed)")
        return nil
    }

    @Test func `no blob that the master knows is lost, in any order of puts and removals`() throws {
        for seed in UInt64(1)...300 { #expect(try run(seed: seed, protectsPuts: true) == nil, "seed \(seed)") }
    }

    @Test func `without the protection of puts a blob is lost`() throws {
        let lost = try (UInt64(1)...300).first { try run(seed: $0, protectsPuts: false) != nil }
        #expect(lost != nil)
    }
}
