import Pipelines

extension CurveMap: LevelMap, RowKernelProviding {
    func callAsFunction(_ level: Int, depth: SampleDepth) -> Int {
        let share = min(max((Double(level) - black) / (white - black), 0), 1)
        return saturated((exponent == 1 ? share : power(share, exponent)) * Double(depth.maximum), depth)
    }

    func line(depth: SampleDepth) -> LevelLine? {
        let factor = Double(depth.maximum) / (white - black)
        return exponent == 1 ? LevelLine(factor: factor, offset: -black * factor) : nil
    }
}
