import Kernels
import Pipelines

/// The ranks that make a level together, as a `CollectiveKernel` sees them.
struct LevelRanks<Ranks: StripCommunicator>: CollectiveRanks {
    let plan: StripPlan
    let level: Int
    let ranks: Ranks

    var rank: Int { ranks.rank }
    var size: Int { ranks.size }

    func rows(of rank: Int, height: Int) -> Range<Int> { plan.owned(rank, level) }

    func exchange(_ outgoing: [UnsafeRawBufferPointer], _ incoming: [UnsafeMutableRawBufferPointer]) {
        let others = (0..<size).filter { $0 != rank }
        ranks.exchange(
            others.filter { !outgoing[$0].isEmpty }.map { OutgoingRows(peer: $0, bytes: outgoing[$0]) },
            others.filter { !incoming[$0].isEmpty }.map { IncomingRows(peer: $0, bytes: incoming[$0]) }, while: {})
    }
}
