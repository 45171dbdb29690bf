import Pipelines

extension LinearMap: LevelMap, RowKernelProviding {
    func callAsFunction(_ level: Int, depth: SampleDepth) -> Int {
        saturated(Double(level) * factor + offset, depth)
    }

    func line(depth: SampleDepth) -> LevelLine? { LevelLine(factor: factor, offset: offset) }
}
