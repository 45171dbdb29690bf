import Pipelines

extension StepMap: LevelMap, RowKernelProviding {
    func callAsFunction(_ level: Int, depth: SampleDepth) -> Int {
        let step = (Double(level * last) / Double(depth.maximum)).rounded(.toNearestOrEven)
        return saturated(step * Double(depth.maximum) / Double(last), depth)
    }
}
