import Foundation
import Kernels
import Pipelines

// The operations written for clarity alone, straight from their definitions, in plain integers and doubles. They share
// no code with what they are compared to.

/// What a window sees outside the image.
enum ReferenceBorder {
    case reflect101, replicate

    func index(_ index: Int, _ count: Int) -> Int {
        switch self {
        case .replicate: return min(max(index, 0), count - 1)
        case .reflect101:
            var index = index
            while index < 0 || index >= count {
                if count == 1 { return 0 }
                index = index < 0 ? -index : 2 * (count - 1) - index
            }
            return index
        }
    }
}

extension TestImage {
    /// Each sample but alpha replaced by what `level` says.
    func mapped(_ level: (_ x: Int, _ y: Int, _ channel: Int) -> Int) -> TestImage {
        var result = self
        for y in 0..<height {
            for x in 0..<width {
                for channel in 0..<colors { result[x, y, channel] = level(x, y, channel) }
            }
        }
        return result
    }

    func saturated(_ level: Int) -> Int { min(max(level, 0), maximum) }
    func saturated(_ level: Double) -> Int { Int(min(max(level, 0), Double(maximum)).rounded(.toNearestOrEven)) }

    /// The sum of a window, weighted.
    func convolved(
        _ x: Int, _ y: Int, _ channel: Int, _ weights: [[Int]], border: ReferenceBorder = .reflect101
    ) -> Int {
        let radius = weights.count / 2
        var sum = 0
        for (row, line) in weights.enumerated() {
            for (column, weight) in line.enumerated() where weight != 0 {
                let (sx, sy) = (x + column - radius, y + row - radius)
                sum += weight * self[border.index(sx, width), border.index(sy, height), channel]
            }
        }
        return sum
    }

    func referenceInvert() -> TestImage { mapped { maximum - self[$0, $1, $2] } }

    func referenceLuma(_ x: Int, _ y: Int) -> Int {
        guard shape.format.layout.isColor else { return self[x, y, 0] }
        return (9798 * self[x, y, 0] + 19235 * self[x, y, 1] + 3735 * self[x, y, 2] + 16384) / 32768
    }

    func referenceGrayscale() -> TestImage {
        var shape = shape
        shape.format.layout = shape.format.layout.hasAlpha ? .grayAlpha : .gray
        var result = TestImage(
            shape: shape, samples: Array(repeating: 0, count: width * height * shape.format.channelCount))
        for y in 0..<height {
            for x in 0..<width {
                result[x, y, 0] = referenceLuma(x, y)
                if shape.format.layout.hasAlpha { result[x, y, 1] = self[x, y, channels - 1] }
            }
        }
        return result
    }

    func referenceBrightnessContrast(_ brightness: Double, _ contrast: Double) -> TestImage {
        mapped { saturated(Double(self[$0, $1, $2]) * contrast + brightness) }
    }

    func referenceGamma(_ gamma: Double) -> TestImage {
        mapped { saturated(pow(Double(self[$0, $1, $2]) / Double(maximum), gamma) * Double(maximum)) }
    }

    func referenceBoxBlur(_ size: Int) -> TestImage {
        let weights = Array(repeating: Array(repeating: 1, count: size), count: size)
        return mapped { (convolved($0, $1, $2, weights) * 2 + size * size) / (2 * size * size) }
    }

    func referenceGaussianBlur(sigma: Double, size: Int?) -> TestImage {
        let bits = shape.format.depth == .eight ? 8 : 16
        let size = size ?? Int((sigma * (bits == 8 ? 6 : 8) + 1).rounded(.toNearestOrEven)) | 1
        let weights = (0..<size).map { exp(-pow(Double($0 - size / 2), 2) / (2 * sigma * sigma)) }
        let total = weights.reduce(0, +)
        var taps = Array(repeating: 0, count: size)
        var carried = 0.0
        for index in 0..<size / 2 {
            let exact = weights[index] / total * Double(1 << bits) + carried
            taps[index] = Int(exact.rounded(.toNearestOrEven))
            carried = exact - Double(taps[index])
            taps[size - 1 - index] = taps[index]
        }
        taps[size / 2] = 1 << bits - taps.reduce(0, +)
        let square = taps.map { row in taps.map { $0 * row } }
        return mapped { (convolved($0, $1, $2, square) + 1 << (2 * bits - 1)) >> (2 * bits) }
    }

    func referenceSharpen() -> TestImage {
        mapped { saturated(convolved($0, $1, $2, [[0, -1, 0], [-1, 5, -1], [0, -1, 0]])) }
    }

    func referenceMedian(_ size: Int) -> TestImage {
        let border = ReferenceBorder.replicate
        return mapped { x, y, channel in
            var levels: [Int] = []
            for row in y - size / 2...y + size / 2 {
                for column in x - size / 2...x + size / 2 {
                    levels.append(self[border.index(column, width), border.index(row, height), channel])
                }
            }
            return levels.sorted()[size * size / 2]
        }
    }

    /// Sobel's weights for the derivative along x, from the tables in textbooks.
    static func sobelWeights(_ size: Int) -> [[Int]] {
        let (derive, smooth): ([Int], [Int]) =
            switch size {
            case 1: ([-1, 0, 1], [0, 1, 0])
            case 3: ([-1, 0, 1], [1, 2, 1])
            case 5: ([-1, -2, 0, 2, 1], [1, 4, 6, 4, 1])
            default: ([-1, -4, -5, 0, 5, 4, 1], [1, 6, 15, 20, 15, 6, 1])
            }
        return smooth.map { row in derive.map { $0 * row } }
    }

    static func transposed(_ weights: [[Int]]) -> [[Int]] {
        weights.indices.map { column in weights.map { $0[column] } }
    }

    func referenceSobel(_ size: Int, _ direction: String) -> TestImage {
        let weightsX = Self.sobelWeights(size)
        let weightsY = Self.transposed(weightsX)
        return mapped {
            let (dx, dy) = (convolved($0, $1, $2, weightsX), convolved($0, $1, $2, weightsY))
            switch direction {
            case "x": return saturated(abs(dx))
            case "y": return saturated(abs(dy))
            default: return saturated(Double(dx * dx + dy * dy).squareRoot())
            }
        }
    }

    func referenceLaplacian(_ size: Int) -> TestImage {
        let weights: [[Int]]
        switch size {
        case 1: weights = [[0, 1, 0], [1, -4, 1], [0, 1, 0]]
        case 3: weights = [[2, 0, 2], [0, -8, 0], [2, 0, 2]]
        default:
            let (derive, smooth) =
                size == 5
                ? ([1, 0, -2, 0, 1], [1, 4, 6, 4, 1]) : ([1, 2, -1, -4, -1, 2, 1], [1, 6, 15, 20, 15, 6, 1])
            weights = (0..<size).map { row in
                (0..<size).map { derive[$0] * smooth[row] + smooth[$0] * derive[row] }
            }
        }
        return mapped { saturated(abs(convolved($0, $1, $2, weights))) }
    }

    func referenceMorphology(_ steps: String, _ size: Int, _ element: String, _ iterations: Int) -> TestImage {
        let radius = size / 2
        func isIn(_ dx: Int, _ dy: Int) -> Bool {
            switch element {
            case "cross": return dx == 0 || dy == 0
            case "ellipse":
                if radius == 0 { return true }
                let reach = Double(radius) * (1 - Double(dy * dy) / Double(radius * radius)).squareRoot()
                return Double(abs(dx)) <= reach.rounded(.toNearestOrEven)
            default: return true
            }
        }
        var image = self
        for step in steps {
            for _ in 0..<iterations {
                let before = image
                image = before.mapped { x, y, channel in
                    var levels: [Int] = []
                    for row in max(0, y - radius)...min(height - 1, y + radius) {
                        for column in max(0, x - radius)...min(width - 1, x + radius)
                        where isIn(column - x, row - y) {
                            levels.append(before[column, row, channel])
                        }
                    }
                    return (step == "e" ? levels.min() : levels.max()) ?? 0
                }
            }
        }
        return image
    }

    func referenceThreshold(_ value: Int, _ top: Int, _ kind: String) -> TestImage {
        mapped {
            let level = self[$0, $1, $2]
            let isHigh = level > value
            switch kind {
            case "binary": return isHigh ? top : 0
            case "binary-inv": return isHigh ? 0 : top
            case "trunc": return isHigh ? value : level
            case "tozero": return isHigh ? level : 0
            default: return isHigh ? 0 : level
            }
        }
    }
}
