import SeededRandom
import Synchronization
import Transport

/// Faults drawn from a seed: about one in `frameInterval` frames suffers one. The same frames suffer the same again.
///
/// A description of the seed is a description of the run, as far as the run itself repeats.
public struct FaultPlan: Sendable, CustomStringConvertible {
    public let seed: UInt64
    public let frameInterval: Int

    public init(seed: UInt64, frameInterval: Int) {
        self.seed = seed
        self.frameInterval = frameInterval
    }

    public var description: String { "seed \(seed), one frame in \(frameInterval)" }

    /// What the frame suffers; handshakes, without which nothing can be asked, suffer less.
    public func fault(for frame: FrameSighting) -> Fault? {
        var random = SeededGenerator(
            seed: seed &+ UInt64(frame.connection) &* 0x1_0000_0001 &+ UInt64(frame.number) &* 0x1_0001
                &+ (frame.direction == .toMaster ? 1 : 0))
        guard Int.random(in: 0..<frameInterval, using: &random) == 0 else { return nil }
        return Fault.random(for: frame, using: &random)
    }
}

extension Fault {
    /// Any fault, with parameters that suit the frame.
    static func random(for frame: FrameSighting, using random: inout some RandomNumberGenerator) -> Fault {
        switch Int.random(in: 0..<7, using: &random) {
        case 0: .delay(.milliseconds(Int.random(in: 1...300, using: &random)))
        case 1: .slow(bytesPerSecond: Int.random(in: 20_000...200_000, using: &random))
        case 2: .cut(afterByteCount: Int.random(in: 0...frame.byteCount, using: &random))
        case 3: .halfOpen(unaware: Bool.random(using: &random) ? .initiator : .master)
        case 4: .silence
        case 5: .corrupt(bit: Int.random(in: 0..<frame.byteCount * 8, using: &random))
        default: .duplicate
        }
    }
}
