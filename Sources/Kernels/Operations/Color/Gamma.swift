import Pipelines

extension PowerMap: LevelMap, RowKernelProviding {
    func callAsFunction(_ level: Int, depth: SampleDepth) -> Int {
        let maximum = Double(depth.maximum)
        return saturated(power(Double(level) / maximum, exponent) * maximum, depth)
    }
}
