import Pipelines

extension UnsharpMask: LevelPairing {
    @inline(__always) func callAsFunction(_ level: Int32, _ blurred: Int32) -> Int32 {
        let difference = Double(level - blurred)
        let change = difference.magnitude > threshold ? amount * difference : 0
        return rounded(Double(level) + change, upTo: largest)
    }

    func combine(
        _ first: UnsafePointer<UInt8>, _ second: UnsafePointer<UInt8>, into target: UnsafeMutablePointer<UInt8>,
        _ count: Int
    ) {
        // Differences are integers: the threshold may be one too.
        let threshold = Int32(threshold.rounded(.down))
        let single = Float(amount)
        roundInBlocks(
            into: target, count, isExact: amount <= 256 && (amount * 64).rounded() == amount * 64,
            single: { i in
                let (level, difference) = (Int32(first[i]), Int32(first[i]) &- Int32(second[i]))
                let isAbove = max(difference, 0 &- difference) > threshold
                return Float(level) + (isAbove ? single * Float(difference) : 0)
            },
            precise: { i in
                let difference = Double(Int32(first[i]) &- Int32(second[i]))
                return Double(first[i]) + (difference.magnitude > self.threshold ? amount * difference : 0)
            })
    }
}
