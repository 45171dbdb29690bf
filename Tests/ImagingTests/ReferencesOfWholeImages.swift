import Pipelines

extension TestImage {
    /// Otsu's threshold in whole numbers: maximises (below's mean - above's mean)^2 * below's count * above's count.
    func referenceOtsu() -> TestImage {
        let gray = referenceGrayscale()
        let levels = (0..<width * height).map { gray.samples[$0 * gray.channels] }
        let total = levels.reduce(0, +)
        var best = (threshold: 0, variance: 0.0)
        for threshold in Set(levels).sorted() {
            let below = levels.filter { $0 <= threshold }
            let (count, rest) = (below.count, levels.count - below.count)
            guard rest > 0 else { break }
            let sum = below.reduce(0, +)
            let difference = Double(sum) / Double(count) - Double(total - sum) / Double(rest)
            let variance = difference * difference * Double(count) * Double(rest)
            if variance > best.variance * (1 + 1e-12) { best = (threshold, variance) }
        }
        return gray.mapped { gray[$0, $1, $2] > best.threshold ? maximum : 0 }
    }

    func referenceEqualize() -> TestImage {
        let lumas = (0..<width * height).map { referenceLuma($0 % width, $0 / width) }
        let darkest = lumas.min() ?? 0
        let spread = lumas.filter { $0 > darkest }.count
        func equalized(_ level: Int) -> Int {
            guard spread > 0 else { return level }
            let sum = lumas.filter { $0 > darkest && $0 <= level }.count
            // Single precision at 8 bits, as OpenCV.
            return maximum == 255
                ? saturated(Double(Float(sum) * (255 / Float(spread))))
                : saturated(Double(sum) * (Double(maximum) / Double(spread)))
        }
        return mapped { x, y, channel in
            let luma = referenceLuma(x, y)
            return saturated(self[x, y, channel] + equalized(luma) - luma)
        }
    }

    /// Canny step by step: gradient, direction, suppression, and a flood from every strong pixel.
    func referenceCanny(low: Double, high: Double, size: Int) -> TestImage {
        let weightsX = Self.sobelWeights(size)
        let weightsY = Self.transposed(weightsX)
        let scale = size == 7 ? 16.0 : 1.0
        let (low, high) = (Int((min(low, high) / scale).rounded(.down)), Int((max(low, high) / scale).rounded(.down)))
        func gradient(_ x: Int, _ y: Int) -> (dx: Int, dy: Int, size: Int) {
            guard x >= 0 && x < width && y >= 0 && y < height else { return (0, 0, 0) }
            var best = (dx: 0, dy: 0, size: -1)
            // Blue first, as in OpenCV's images.
            for channel in (0..<colors).reversed() {
                let derivatives = [weightsX, weightsY].map { weights in
                    let sum = Double(convolved(x, y, channel, weights, border: .replicate))
                    return Int((sum / scale).rounded(.toNearestOrEven))
                }
                let size = abs(derivatives[0]) + abs(derivatives[1])
                if size > best.size { best = (derivatives[0], derivatives[1], size) }
            }
            return best
        }
        let gradients = (-1...height).map { y in (-1...width).map { x in gradient(x, y) } }
        func magnitude(_ x: Int, _ y: Int) -> Int { gradients[y + 1][x + 1].size }
        var map = Array(repeating: Array(repeating: 0, count: width), count: height)
        var flood: [(x: Int, y: Int)] = []
        for y in 0..<height {
            for x in 0..<width where magnitude(x, y) > low {
                let (dx, dy, size) = gradients[y + 1][x + 1]
                let steepness = Double(abs(dy)) * 32768
                let isRidge: Bool
                if steepness < Double(abs(dx)) * 13573 {
                    isRidge = size > magnitude(x - 1, y) && size >= magnitude(x + 1, y)
                } else if steepness > Double(abs(dx)) * (13573 + 65536) {
                    isRidge = size > magnitude(x, y - 1) && size >= magnitude(x, y + 1)
                } else {
                    let side = (dx < 0) != (dy < 0) ? -1 : 1
                    isRidge = size > magnitude(x - side, y - 1) && size > magnitude(x + side, y + 1)
                }
                guard isRidge else { continue }
                map[y][x] = 1
                if size > high { flood.append((x, y)) }
            }
        }
        while let (x, y) = flood.popLast() {
            guard y >= 0 && y < height && x >= 0 && x < width && map[y][x] == 1 else { continue }
            map[y][x] = 2
            for row in y - 1...y + 1 { for column in x - 1...x + 1 { flood.append((column, row)) } }
        }
        let shape = ImageShape(width: width, height: height, format: PixelFormat(.gray, .eight))
        return TestImage(shape: shape, samples: map.flatMap { $0.map { $0 == 2 ? 255 : 0 } })
    }
}
