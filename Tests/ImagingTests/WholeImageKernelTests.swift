import Kernels
import Pipelines
import SeededRandom
import Testing

@Suite struct WholeImageKernelTests {
    private func step(_ text: String, _ shape: ImageShape) throws -> WholeImageStep {
        guard case .wholeImage(let computation, _) = try Pipeline(parsing: text).operations[0].computation(for: shape)
        else {
            throw PipelineError(.unsuitableImage, "\(text) does not need the whole image")
        }
        return WholeImageStep(computation, of: shape)
    }

    private static func ridgeMap(_ width: Int, _ height: Int, seed: UInt64) -> TestImage {
        let shape = ImageShape(width: width, height: height, format: PixelFormat(.gray, .eight))
        var random = SeededGenerator(seed: seed)
        // 0 none, 1 weak, 2 strong: half full, few strong, so that components wind far.
        let samples = (0..<width * height).map { _ in
            let draw = Int.random(in: 0..<60, using: &random)
            return draw == 0 ? 2 : draw < 28 ? 1 : 0
        }
        return TestImage(shape: shape, samples: samples)
    }

    @Test(arguments: [1, 2, 7, 29])
    func `partial aggregates merge to the aggregate of the whole, in any grouping`(_ width: Int) throws {
        let shape = ImageShape(width: width, height: 20, format: PixelFormat(.gray, .eight))
        for (text, seed) in [
            ("canny", 1), ("canny", 2), ("canny", 3), ("otsu", 4), ("equalize", 5), ("clahe grid=3", 6),
            ("components", 7), ("components connectivity=4", 8), ("histogram bins=3", 9),
            ("hough-lines rho=2 theta=7", 10), ("components output=labels", 11),
            ("hough-lines method=probabilistic threshold=3", 12),
        ] {
            let kernel = try step(text, shape).kernel
            let image = Self.ridgeMap(width, 20, seed: UInt64(seed))
            let rows = GuardedRows(shape: shape, rows: 0..<20)
            rows.fill(from: image.bytes)
            let cuts = [0..<1, 1..<2, 2..<6, 6..<7, 7..<15, 15..<20]
            let parts = cuts.map { kernel.aggregate(rows.view($0)) }
            let whole = kernel.aggregate(rows.view(0..<20))
            #expect(try kernel.merge(parts) == whole)
            #expect(try kernel.merge([whole]) == whole)
            for middle in 1..<parts.count {
                let left = try kernel.merge(Array(parts[..<middle]))
                let right = try kernel.merge(Array(parts[middle...]))
                #expect(try kernel.merge([left, right]) == whole)
            }
        }
    }

    @Test(arguments: ["canny", "components", "components connectivity=4 output=labels"])
    func `parts are computed as the whole is, and strips as their part`(_ text: String) throws {
        for seed in 0..<30 {
            let (width, height) = (seed % 13 + 1, 24)
            let image = Self.ridgeMap(width, height, seed: UInt64(seed))
            let step = try step(text, image.shape)
            let kernel = step.kernel
            let rows = GuardedRows(shape: image.shape, rows: 0..<height)
            rows.fill(from: image.bytes)
            func finished(_ parts: [Range<Int>], _ values: [[UInt8]]) throws -> [UInt8] {
                let output = GuardedRows(shape: step.output, rows: 0..<height)
                for (part, value) in zip(parts, values) {
                    try kernel.apply(value, to: rows.view(part), into: output.mutableView(part))
                }
                return output.bytes
            }
            let whole = 0..<height
            let expected = try finished([whole], kernel.finalize([kernel.aggregate(rows.view(whole))]))
            let parts = [0..<5, 5..<6, 6..<18, 18..<24]
            let values = try kernel.finalize(parts.map { kernel.aggregate(rows.view($0)) })
            #expect(try finished(parts, values) == expected)
            let strips = [6..<7, 7..<10, 10..<11, 11..<18]
            let refined = try kernel.refine(values[2], strips: strips.map { kernel.aggregate(rows.view($0)) })
            #expect(
                try finished(
                    [parts[0], parts[1]] + strips + [parts[3]], [values[0], values[1]] + refined + [values[3]])
                    == expected)
        }
    }

    @Test(arguments: [
        "canny", "otsu", "equalize", "clahe grid=1", "components", "histogram bins=7", "harris",
        "hough-lines theta=30 threshold=1", "components output=labels",
        "hough-lines method=probabilistic threshold=2 length=1 theta=30", "hough-lines edges=20 theta=45 threshold=1",
    ])
    func `damaged partial aggregates and values are refused or harmless, never a crash`(_ text: String) throws {
        let image = Self.ridgeMap(9, 6, seed: 8)
        let step = try step(text, image.shape)
        let kernel = step.kernel
        let rows = GuardedRows(shape: step.aggregated, rows: 0..<6)
        rows.fill(from: step.aggregated == image.shape ? image.bytes : try image.prepared(by: step.prelude))
        let summary = kernel.aggregate(rows.view(0..<6))
        let value = try kernel.finalize([summary])[0]
        let output = GuardedRows(shape: step.output, rows: 0..<6)
        for count in 0..<summary.count {
            #expect(throws: PipelineError.self) { try kernel.finalize([Array(summary[..<count])]) }
        }
        #expect(throws: PipelineError.self) { try kernel.merge([summary + [0]]) }
        for count in 0..<value.count {
            #expect(throws: PipelineError.self) {
                try kernel.apply(Array(value[..<count]), to: rows.view(0..<6), into: output.mutableView(0..<6))
            }
        }
        var random = SeededGenerator(seed: 1)
        for _ in 0..<500 {
            var damaged = summary
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                damaged[Int.random(in: 0..<damaged.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            do {
                let values = try kernel.finalize([damaged, summary])
                _ = try kernel.refine(value, strips: [damaged])
                try kernel.apply(values[0], to: rows.view(0..<6), into: output.mutableView(0..<6))
            } catch {
                #expect(error.code == .badPartialResult)
            }
        }
    }
}
