/// The one source of chance in a simulation (SplitMix64: Steele, Lea and Flood, 2014): the same seed, the same numbers.
struct SeededRandom: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    mutating func draw(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &self) }

    /// True once in `times`, on average; never for 0.
    mutating func happens(onceIn times: Int) -> Bool { times > 0 && draw(1...times) == 1 }

    mutating func draw(_ range: ClosedRange<Duration>) -> Duration {
        let low = Int(range.lowerBound / .microseconds(1))
        let high = Int(range.upperBound / .microseconds(1))
        return .microseconds(draw(low...high))
    }
}
