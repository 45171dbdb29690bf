import JobModel
import SeededFaults

/// How many places need each blob: inputs of images that may still run, intermediates of running images, kept results.
///
/// A hash table with open addressing (Knuth, *The Art of Computer Programming*, 6.4) whose slots are small and hold no digests:
/// those are stored side by side, in no order. A restart counts a million blobs, most of them for the first time, and how much memory
/// is touched at random decides how long that takes.
struct BlobUses: Sendable {
    private struct Use: Sendable {
        let digest: BlobDigest
        var count: UInt32
    }

    private struct Slot: Sendable {
        private static let none = UInt32.max

        var hash: UInt32 = 0
        /// The position of the blob's `Use`.
        var position = Slot.none

        var isFree: Bool { position == Self.none }
    }

    private var uses: [Use] = []
    /// A power of two, a quarter of them free.
    private var slots: [Slot] = Array(repeating: Slot(), count: 16)

    /// Reserves capacity for that many blobs.
    mutating func reserveCapacity(_ count: Int) {
        uses.reserveCapacity(count)
        var slotCount = slots.count
        while count > slotCount / 4 * 3 { slotCount *= 2 }
        if slotCount > slots.count { resize(to: slotCount) }
    }

    /// All blobs that something needs, in no particular order.
    var needed: some Sequence<BlobDigest> { uses.lazy.map(\.digest) }

    func isNeeded(_ digest: BlobDigest) -> Bool { !slots[slot(of: digest)].isFree }

    mutating func retain(_ blob: BlobReference) {
        let hash = Self.hash(of: blob.digest)
        let slot = slot(of: blob.digest, hash)
        guard slots[slot].isFree else {
            let position = Int(slots[slot].position)
            uses[position].count = seeded(.blobUsesNotCounted, 1, else: uses[position].count + 1)
            return
        }
        slots[slot] = Slot(hash: hash, position: UInt32(uses.count))
        uses.append(Use(digest: blob.digest, count: 1))
        if uses.count > slots.count / 4 * 3 { resize(to: slots.count * 2) }
    }

    /// - Returns: whether nothing needs the blob any longer.
    mutating func release(_ blob: BlobReference) -> Bool {
        let slot = slot(of: blob.digest)
        guard !slots[slot].isFree else {
            preconditionFailure("released blob \(blob.digest) more often than retained")
        }
        let position = Int(slots[slot].position)
        uses[position].count -= 1
        guard uses[position].count == 0 else { return false }
        remove(position)
        free(slot)
        return true
    }

    // MARK: Parts

    private var mask: Int { slots.count - 1 }

    /// Seeded for each process, so that no client can choose where blobs fall.
    private static func hash(of digest: BlobDigest) -> UInt32 { UInt32(truncatingIfNeeded: digest.hashValue) }

    private func slot(of digest: BlobDigest) -> Int { slot(of: digest, Self.hash(of: digest)) }

    /// Where the blob is found, or the free slot where it would be.
    private func slot(of digest: BlobDigest, _ hash: UInt32) -> Int {
        var slot = Int(hash) & mask
        while !slots[slot].isFree, slots[slot].hash != hash || uses[Int(slots[slot].position)].digest != digest {
            slot = (slot + 1) & mask
        }
        return slot
    }

    /// The last use takes the place of the one at `position`.
    private mutating func remove(_ position: Int) {
        let last = uses.count - 1
        if position != last {
            slots[slot(of: uses[last].digest)].position = UInt32(position)
            uses.swapAt(position, last)
        }
        uses.removeLast()
    }

    /// Frees a slot, and moves up the entries that are behind it only because it was taken (6.4, algorithm R).
    private mutating func free(_ slot: Int) {
        var gap = slot
        var next = (slot + 1) & mask
        while !slots[next].isFree {
            let home = Int(slots[next].hash) & mask
            if (next - home) & mask >= (next - gap) & mask {
                slots[gap] = slots[next]
                gap = next
            }
            next = (next + 1) & mask
        }
        slots[gap] = Slot()
    }

    private mutating func resize(to slotCount: Int) {
        let old = slots
        slots = Array(repeating: Slot(), count: slotCount)
        for taken in old where !taken.isFree {
            var slot = Int(taken.hash) & mask
            while !slots[slot].isFree { slot = (slot + 1) & mask }
            slots[slot] = taken
        }
    }
}

extension BlobUses: Equatable {
    static func == (left: BlobUses, right: BlobUses) -> Bool {
        left.uses.count == right.uses.count
            && left.uses.allSatisfy { use in
                let slot = right.slots[right.slot(of: use.digest)]
                return !slot.isFree && right.uses[Int(slot.position)].count == use.count
            }
    }
}
