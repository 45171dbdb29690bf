import Glibc
import JobModel
import SystemCalls

/// The room of the scratch directory, and what a worker needs of it.
///
/// A slot holds the input that is computed, the one that is fetched ahead, and outputs that are computed and that travel: four
/// times the rows of a task, which is also what a plan counts for a task's memory. So a slot offers no more memory than its
/// share of the scratch directory has room for, and the master cuts images into chunks that fit both (decision 48).
struct ScratchSpace: Sendable {
    /// Memory that a plan counts for a world besides the rows of its task, which is not in the scratch directory.
    static let worldByteCount: UInt64 = 64 << 20
    /// What Open MPI keeps in a world's directory, for each rank: a queue for messages.
    static let sessionByteCount: UInt64 = 4 << 20
    /// With less than this for its tasks, a slot is of no use.
    static let leastTaskByteCount: UInt64 = 16 << 20
    /// Room for a task of 16 MiB of rows, the master's default for a chunk.
    static let usualTaskByteCount: UInt64 = 64 << 20

    let path: String
    let totalByteCount: UInt64
    let freeByteCount: UInt64

    init(path: String, totalByteCount: UInt64, freeByteCount: UInt64) {
        self.path = path
        self.totalByteCount = totalByteCount
        self.freeByteCount = freeByteCount
    }

    /// Looks at the file system of `path`.
    init(of path: String) throws(SystemError) {
        var status = statvfs()
        guard statvfs(path, &status) == 0 else { throw .last }
        let unit = UInt64(status.f_frsize)
        self.init(
            path: path, totalByteCount: UInt64(status.f_blocks) * unit, freeByteCount: UInt64(status.f_bavail) * unit)
    }

    /// Bytes for the tasks of one slot.
    ///
    /// - Throws: `ScratchTooSmall` when there is too little for any task.
    func taskByteCount(slotCount: Int, ranksPerSlot: Int) throws(ScratchTooSmall) -> UInt64 {
        let sessions = UInt64(slotCount * ranksPerSlot) * Self.sessionByteCount
        let share = freeByteCount > sessions ? (freeByteCount - sessions) / UInt64(slotCount) : 0
        guard share >= Self.leastTaskByteCount else {
            throw ScratchTooSmall(
                space: self, slotCount: slotCount, need: sessions + Self.leastTaskByteCount * UInt64(slotCount))
        }
        return share
    }

    /// The sentence that tells how to get more room.
    static let advice =
        "give --scratch-dir a larger one (containers: --shm-size), or fewer --slots, or the master smaller --chunk-bytes"
}

/// The scratch directory has no room for the worker's slots.
struct ScratchTooSmall: Error, CustomStringConvertible {
    let space: ScratchSpace
    let slotCount: Int
    let need: UInt64

    var description: String {
        let slots = slotCount == 1 ? "a slot needs" : "\(slotCount) slots need"
        return "the scratch directory \(space.path) has \(Bytes.text(space.freeByteCount)) free of "
            + "\(Bytes.text(space.totalByteCount)), and \(slots) at least \(Bytes.text(need)): \(ScratchSpace.advice)"
    }
}

/// A number of bytes as people read it.
enum Bytes {
    static func text(_ count: UInt64) -> String {
        let units: [(UInt64, String)] = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")]
        guard let (unit, name) = units.first(where: { count >= $0.0 }) else { return "\(count) bytes" }
        let tenths = count / (unit / 10)
        return count < unit * 10 && tenths % 10 != 0
            ? "\(tenths / 10).\(tenths % 10) \(name)" : "\(count / unit) \(name)"
    }
}
