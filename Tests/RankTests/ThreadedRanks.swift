import Foundation

@testable import Rank

/// Ranks that are threads of one process: what MPI does for ranks that are processes, without MPI.
final class ThreadedWorld: @unchecked Sendable {
    // `@unchecked Sendable`: everything below is read and written under `condition` only.
    private let condition = NSCondition()
    private let size: Int
    private var gathered: [[UInt8]?]
    private var arrived = 0
    private var round = 0
    private var result: [[UInt8]] = []
    private var mail: [Route: [[UInt8]]] = [:]

    private struct Route: Hashable { let from: Int, to: Int }

    private init(size: Int) {
        self.size = size
        gathered = Array(repeating: nil, count: size)
    }

    /// Runs `body` once a rank, each on a thread of its own; returns what they returned, by rank.
    static func run<Output: Sendable>(_ size: Int, _ body: @escaping @Sendable (Ranks) -> Output) -> [Output] {
        let world = ThreadedWorld(size: size)
        let outputs = Outputs<Output>(count: size)
        for rank in 0..<size {
            Thread.detachNewThread { outputs.set(rank, body(Ranks(world: world, rank: rank))) }
        }
        return outputs.wait()
    }

    /// One thread's face of the world.
    struct Ranks: StripCommunicator {
        fileprivate let world: ThreadedWorld
        let rank: Int
        var size: Int { world.size }

        func allGather(_ bytes: [UInt8]) -> [[UInt8]] { world.allGather(bytes, rank) }

        func gather(_ bytes: [UInt8]) -> [[UInt8]]? {
            let all = world.allGather(bytes, rank)
            return rank == 0 ? all : nil
        }

        func exchange(_ outgoing: [OutgoingRows], _ incoming: [IncomingRows], while work: () -> Void) {
            for rows in outgoing { world.post(Array(rows.bytes), from: rank, to: rows.peer) }
            work()
            for rows in incoming {
                let bytes = world.take(from: rows.peer, to: rank)
                precondition(
                    bytes.count == rows.bytes.count, "\(bytes.count) bytes came, \(rows.bytes.count) were awaited")
                rows.bytes.copyBytes(from: bytes)
            }
        }
    }

    private func allGather(_ bytes: [UInt8], _ rank: Int) -> [[UInt8]] {
        condition.lock()
        defer { condition.unlock() }
        let mine = round
        gathered[rank] = bytes
        arrived += 1
        if arrived == size {
            result = gathered.map { $0 ?? [] }
            arrived = 0
            round += 1
            condition.broadcast()
        }
        // The result stays until all have come back for the next round: nobody can miss it.
        while round == mine { condition.wait() }
        return result
    }

    private func post(_ bytes: [UInt8], from: Int, to: Int) {
        condition.lock()
        mail[Route(from: from, to: to), default: []].append(bytes)
        condition.broadcast()
        condition.unlock()
    }

    private func take(from: Int, to: Int) -> [UInt8] {
        condition.lock()
        defer { condition.unlock() }
        let route = Route(from: from, to: to)
        while true {
            if let bytes = mail[route]?.first {
                mail[route]?.removeFirst()
                return bytes
            }
            condition.wait()
        }
    }
}

/// What the threads return; `@unchecked Sendable`: guarded by its condition.
private final class Outputs<Output>: @unchecked Sendable {
    private let condition = NSCondition()
    private var outputs: [Output?]

    init(count: Int) { outputs = Array(repeating: nil, count: count) }

    func set(_ index: Int, _ output: Output) {
        condition.lock()
        outputs[index] = output
        condition.broadcast()
        condition.unlock()
    }

    func wait() -> [Output] {
        condition.lock()
        defer { condition.unlock() }
        while outputs.contains(where: { $0 == nil }) { condition.wait() }
        return outputs.compactMap { $0 }
    }
}
