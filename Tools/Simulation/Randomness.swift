import SeededRandom

/// How a simulation draws: its generator is the only source of chance.
extension SeededGenerator {
    mutating func draw(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &self) }

    /// True once in `times`, on average; never for 0.
    mutating func happens(onceIn times: Int) -> Bool { times > 0 && draw(1...times) == 1 }

    mutating func draw(_ range: ClosedRange<Duration>) -> Duration {
        let low = Int(range.lowerBound / .microseconds(1))
        let high = Int(range.upperBound / .microseconds(1))
        return .microseconds(draw(low...high))
    }
}
