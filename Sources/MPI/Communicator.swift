import CMPI
import SystemCalls

/// The ranks of one MPI world: point-to-point messages and collective operations.
///
/// One rank alone cannot survive a failure inside MPI: the failure is printed and ends the whole world. So no method throws.
/// Only the thread that called `start()` may use a communicator (MPI_THREAD_FUNNELED).
public struct Communicator {
    /// This process's number, from 0.
    public let rank: Int
    /// How many ranks the world has.
    public let size: Int

    /// The most bytes in one MPI call, whose count is a C `int`; a longer message is sent in several pieces.
    let maximumPieceByteCount: Int

    /// Starts MPI in this process. To be called once per process.
    ///
    /// - Parameter maximumPieceByteCount: the most bytes in one MPI call, the same on all ranks; smaller in tests.
    public static func start(maximumPieceByteCount: Int = 1 << 30) -> Communicator {
        precondition((1...Int(Int32.max)).contains(maximumPieceByteCount), "pieces of \(maximumPieceByteCount) bytes")
        check(tsr_mpi_init(), "MPI_Init_thread")
        return Communicator(maximumPieceByteCount: maximumPieceByteCount)
    }

    private init(maximumPieceByteCount: Int) {
        var rank: Int32 = 0
        var size: Int32 = 0
        Self.check(tsr_mpi_rank(&rank), "MPI_Comm_rank")
        Self.check(tsr_mpi_size(&size), "MPI_Comm_size")
        self.rank = Int(rank)
        self.size = Int(size)
        self.maximumPieceByteCount = maximumPieceByteCount
    }

    /// Ends MPI in this process; all ranks call it.
    public func finish() {
        Self.check(tsr_mpi_finalize(), "MPI_Finalize")
    }

    /// Prints `reason` to the standard error stream and ends every rank of the world.
    public static func abort(_ reason: String) -> Never {
        StandardError.write("tessera-rank: \(reason)\n")
        tsr_mpi_abort(70)
    }

    /// Every rank's `bytes`, in rank order, on each of them.
    public func allGather(_ bytes: [UInt8]) -> [[UInt8]] {
        let counts = byteCounts(bytes.count)
        guard let layout = CollectiveLayout(counts, maximumByteCount: maximumPieceByteCount) else {
            return exchangeAll(bytes, counts: counts, receivers: 0..<size)
        }
        var all = [UInt8](repeating: 0, count: layout.total)
        Self.check(
            tsr_mpi_allgatherv(bytes, Int32(bytes.count), &all, layout.counts, layout.offsets), "MPI_Allgatherv")
        return layout.cut(all)
    }

    /// Every rank's `bytes`, in rank order, on rank 0; `nil` on the others.
    public func gather(_ bytes: [UInt8]) -> [[UInt8]]? {
        let counts = byteCounts(bytes.count)
        guard let layout = CollectiveLayout(counts, maximumByteCount: maximumPieceByteCount) else {
            let all = exchangeAll(bytes, counts: counts, receivers: 0..<1)
            return rank == 0 ? all : nil
        }
        var all = [UInt8](repeating: 0, count: rank == 0 ? layout.total : 0)
        Self.check(tsr_mpi_gatherv(bytes, Int32(bytes.count), &all, layout.counts, layout.offsets), "MPI_Gatherv")
        return rank == 0 ? layout.cut(all) : nil
    }

    private func byteCounts(_ count: Int) -> [Int] {
        var counts = [UInt64](repeating: 0, count: size)
        Self.check(tsr_mpi_allgather_u64(UInt64(count), &counts), "MPI_Allgather")
        return counts.map(Int.init)
    }

    /// The collective operation message by message, for results that are too long for one call.
    private func exchangeAll(_ bytes: [UInt8], counts: [Int], receivers: Range<Int>) -> [[UInt8]] {
        guard receivers.contains(rank) else {
            bytes.withUnsafeBytes { mine in
                var messages = PendingMessages(self)
                for receiver in receivers { messages.send(mine, to: receiver, tag: Tag.collective) }
                messages.wait()
            }
            return []
        }
        let all = UnsafeMutableRawBufferPointer.allocate(byteCount: counts.reduce(0, +), alignment: 16)
        defer { all.deallocate() }
        bytes.withUnsafeBytes { mine in
            var messages = PendingMessages(self)
            var offset = 0
            for (sender, count) in counts.enumerated() {
                let place = UnsafeMutableRawBufferPointer(rebasing: all[offset..<offset + count])
                if sender == rank {
                    place.copyMemory(from: mine)
                } else {
                    messages.receive(place, from: sender, tag: Tag.collective)
                }
                offset += count
            }
            for receiver in receivers where receiver != rank { messages.send(mine, to: receiver, tag: Tag.collective) }
            messages.wait()
        }
        var offset = 0
        return counts.map { count in
            defer { offset += count }
            return [UInt8](all[offset..<offset + count])
        }
    }

    static func check(_ code: Int32, _ call: String) {
        guard code != 0 else { return }
        var text = [CChar](repeating: 0, count: 512)
        tsr_mpi_error_text(code, &text, text.count)
        let reason = String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
        abort("\(call) failed: \(reason)")
    }
}

/// The tags that this module uses itself. Callers' tags begin at 0.
enum Tag {
    static let collective = 32_000
}

/// The place of each rank's bytes in the result of a collective operation.
struct CollectiveLayout {
    let counts: [Int32]
    let offsets: [Int32]
    let total: Int

    /// - Returns: `nil` when the result is too long for one call.
    init?(_ byteCounts: [Int], maximumByteCount: Int) {
        total = byteCounts.reduce(0, +)
        guard total <= maximumByteCount else { return nil }
        counts = byteCounts.map(Int32.init)
        var end: Int32 = 0
        offsets = counts.map { count in
            defer { end += count }
            return end
        }
    }

    /// Cuts the result into one array per rank.
    func cut(_ all: [UInt8]) -> [[UInt8]] {
        zip(offsets, counts).map { [UInt8](all[Int($0)..<Int($0) + Int($1)]) }
    }
}
