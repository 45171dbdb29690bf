import Foundation
import Pipelines

extension ReferenceCase {
    static let threshold: [ReferenceCase] = [
        ReferenceCase("adaptive-threshold") {
            let taps = Array(repeating: 1, count: 11)
            return $0.referenceGrayscale().referenceAdaptive(taps, c: $0.maximum == 255 ? 2 : 514)
        },
        ReferenceCase("adaptive-threshold size=3 c=-7.5 channels=each") { $0.referenceAdaptive([1, 1, 1], c: -7) },
        ReferenceCase("adaptive-threshold method=gaussian size=3 c=0") {
            $0.referenceGrayscale().referenceAdaptive([1, 2, 1], c: 0)
        },
        ReferenceCase("adaptive-threshold method=gaussian size=5 c=1.2 channels=each") {
            $0.referenceAdaptive([1, 4, 6, 4, 1], c: 2)
        },
        ReferenceCase("adaptive-threshold method=gaussian size=7 c=3 channels=each") {
            $0.referenceAdaptive([2, 7, 14, 18, 14, 7, 2], c: 3)
        },
        ReferenceCase("adaptive-threshold method=gaussian size=9 c=3 channels=each") {
            $0.referenceAdaptive([4, 13, 30, 51, 60, 51, 30, 13, 4], c: 3)
        },
    ]

    static let histogram: [ReferenceCase] = [
        ReferenceCase("stretch") { $0.referenceStretch(low: 0, high: 100) },
        ReferenceCase("stretch low=5 high=90") { $0.referenceStretch(low: 5, high: 90) },
        ReferenceCase("stretch low=99.9") { $0.referenceStretch(low: 99.9, high: 100) },
        ReferenceCase("auto-levels") { $0.referenceAutoLevels(shadows: 0.1, highlights: 0.1) },
        ReferenceCase("auto-levels shadows=10 highlights=0") { $0.referenceAutoLevels(shadows: 10, highlights: 0) },
        ReferenceCase("white-balance") { $0.referenceWhiteBalance() },
        ReferenceCase("clahe") { $0.referenceClahe(clip: 2, grid: 8) },
        ReferenceCase("clahe clip=0 grid=1") { $0.referenceClahe(clip: 0, grid: 1) },
        ReferenceCase("clahe clip=1.7 grid=3") { $0.referenceClahe(clip: 1.7, grid: 3) },
    ]
}

extension TestImage {
    /// `stretch` of each colour, as if it were a gray image.
    func referenceAutoLevels(shadows: Double, highlights: Double) -> TestImage {
        var result = self
        let gray = ImageShape(width: width, height: height, format: PixelFormat(.gray, shape.format.depth))
        for channel in 0..<colors {
            let plane = (0..<width * height).map { samples[$0 * channels + channel] }
            let stretched = TestImage(shape: gray, samples: plane).referenceStretch(
                low: shadows, high: 100 - highlights)
            for pixel in plane.indices { result.samples[pixel * channels + channel] = stretched.samples[pixel] }
        }
        return result
    }

    func referenceWhiteBalance() -> TestImage {
        guard shape.format.layout.isColor else { return self }
        let sums = (0..<3).map { color in (0..<width * height).reduce(0) { $0 + samples[$1 * channels + color] } }
        let mean = Double(sums.reduce(0, +)) / 3
        return mapped { x, y, channel in
            sums[channel] == 0 ? 0 : saturated(Double(self[x, y, channel]) * (mean / Double(sums[channel])))
        }
    }

    /// - Parameters:
    ///   - taps: the weights along one side of the window; they need not sum to 1.
    ///   - c: rounded up already.
    func referenceAdaptive(_ taps: [Int], c: Int) -> TestImage {
        let weights = taps.map { row in taps.map { $0 * row } }
        let total = weights.joined().reduce(0, +)
        return mapped {
            let sum = convolved($0, $1, $2, weights, border: .replicate)
            let mean = Int((Double(sum) / Double(total)).rounded(.toNearestOrEven))
            return self[$0, $1, $2] - mean > -c ? maximum : 0
        }
    }

    func referenceStretch(low: Double, high: Double) -> TestImage {
        let sorted = samples.indices.filter { $0 % channels < colors }.map { samples[$0] }.sorted()
        func level(_ percent: Double) -> Int {
            sorted[max(1, Int((percent * Double(sorted.count) / 100).rounded(.up))) - 1]
        }
        let (black, white) = (level(low), level(high))
        if black == white { return self }
        let slope = Double(maximum) * (1 / Double(white - black))
        let (factor, start) = (Double(Float(slope)), Double(Float(-Double(black) * slope)))
        return mapped { saturated(Double(Float(Double(self[$0, $1, $2]) * factor + start))) }
    }
}
