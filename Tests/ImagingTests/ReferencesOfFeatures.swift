import Foundation
import Kernels
import Pipelines

extension ReferenceCase {
    static let features: [ReferenceCase] = [
        ReferenceCase("histogram") { $0.referenceHistogram(bins: 256) },
        ReferenceCase("histogram bins=7") { $0.referenceHistogram(bins: 7) },
        ReferenceCase("components") { $0.referenceComponents(connectivity: 8) },
        ReferenceCase("components connectivity=4") { $0.referenceComponents(connectivity: 4) },
        ReferenceCase("contours") { $0.referenceContours() },
        ReferenceCase("hough-lines") { $0.referenceHoughLines(rho: 1, theta: 1, threshold: 100) },
        ReferenceCase("hough-lines rho=1.5 theta=20 threshold=3") {
            $0.referenceHoughLines(rho: 1.5, theta: 20, threshold: 3)
        },
        ReferenceCase("harris") { $0.referenceHarris(block: 2, aperture: 3, k: 0.04, threshold: 0.01) },
        ReferenceCase("harris block=3 aperture=5 k=0.1 threshold=0.3") {
            $0.referenceHarris(block: 3, aperture: 5, k: 0.1, threshold: 0.3)
        },
    ]
}

extension TestImage {
    private func isForeground(_ x: Int, _ y: Int) -> Bool {
        x >= 0 && x < width && y >= 0 && y < height && referenceLuma(x, y) != 0
    }

    /// The image in colour, red where `isMarked`.
    private func marked(_ isMarked: (_ x: Int, _ y: Int) -> Bool) -> TestImage {
        let alpha = shape.format.layout.hasAlpha
        var result = TestImage(
            shape: ImageShape(
                width: width, height: height, format: PixelFormat(alpha ? .rgba : .rgb, shape.format.depth)),
            samples: Array(repeating: 0, count: width * height * (alpha ? 4 : 3)))
        for y in 0..<height {
            for x in 0..<width {
                for channel in 0..<3 {
                    let level = self[x, y, colors == 3 ? channel : 0]
                    result[x, y, channel] = isMarked(x, y) ? (channel == 0 ? maximum : 0) : level
                }
                if alpha { result[x, y, 3] = self[x, y, channels - 1] }
            }
        }
        return result
    }

    func referenceHistogram(bins: Int) -> TestImage {
        let counts = (0..<colors).map { channel in
            var counts = Array(repeating: 0, count: bins)
            for pixel in 0..<width * height {
                counts[Int(Double(samples[pixel * channels + channel]) * (Double(bins) / Double(maximum + 1)))] += 1
            }
            return counts
        }
        return mapped { x, y, channel in
            let bar = counts[channel][x * bins / width]
            return bar * height >= (counts[channel].max() ?? 0) * (height - y) ? maximum : self[x, y, channel]
        }
    }

    /// Floods each region from its first pixel.
    func referenceComponents(connectivity: Int) -> TestImage {
        var labels = TestImage(
            shape: ImageShape(width: width, height: height, format: PixelFormat(.gray, .sixteen)),
            samples: Array(repeating: 0, count: width * height))
        var count = 0
        for y in 0..<height {
            for x in 0..<width where isForeground(x, y) && labels[x, y, 0] == 0 {
                count += 1
                labels[x, y, 0] = count
                var flood = [(x, y)]
                while let (x, y) = flood.popLast() {
                    for dy in -1...1 {
                        for dx in -1...1 where connectivity == 8 || dx == 0 || dy == 0 {
                            guard isForeground(x + dx, y + dy), labels[x + dx, y + dy, 0] == 0 else { continue }
                            labels[x + dx, y + dy, 0] = count
                            flood.append((x + dx, y + dy))
                        }
                    }
                }
            }
        }
        return labels
    }

    func referenceContours() -> TestImage {
        marked { x, y in
            isForeground(x, y)
                && [(1, 0), (-1, 0), (0, 1), (0, -1)].contains { !isForeground(x + $0.0, y + $0.1) }
        }
    }

    func referenceHoughLines(rho: Double, theta: Double, threshold: Int) -> TestImage {
        let step = theta * Double.pi / 180
        var angles = Int(Double.pi / step) + 1
        if abs(Double.pi - Double(angles - 1) * step) < step / 2 { angles -= 1 }
        let distances = Int((Double((width + height) * 2 + 1) / rho).rounded(.toNearestOrEven))
        var votes: [[Int]: Int] = [:]
        var angle: Float = 0
        for index in 0..<angles {
            let (cosine, sine) = (Float(cos(Double(angle)) / rho), Float(sin(Double(angle)) / rho))
            angle += Float(step)
            for y in 0..<height {
                for x in 0..<width where isForeground(x, y) {
                    let place = (Float(x) * cosine + Float(y) * sine).rounded(.toNearestOrEven)
                    votes[[index, Int(place) + (distances - 1) / 2], default: 0] += 1
                }
            }
        }
        func count(_ angle: Int, _ distance: Int) -> Int { votes[[angle, distance]] ?? 0 }
        let found = votes.filter { cell, own in
            own > threshold && own > count(cell[0], cell[1] - 1) && own >= count(cell[0], cell[1] + 1)
                && own > count(cell[0] - 1, cell[1]) && own >= count(cell[0] + 1, cell[1])
        }
        return marked { x, y in
            found.keys.contains { cell in
                let angle = Double(cell[0]) * theta * Double.pi / 180
                let distance = Double(cell[1] - (distances - 1) / 2) * rho
                return abs(Double(x) * cos(angle) + Double(y) * sin(angle) - distance) <= 0.5
            }
        }
    }

    func referenceHarris(block: Int, aperture: Int, k: Double, threshold: Double) -> TestImage {
        let gray = referenceGrayscale()
        let weights = Self.sobelWeights(aperture)
        let border = ReferenceBorder.reflect101
        let scale = 1 / (pow(2, Double(aperture - 1)) * Double(block) * Double(maximum))
        let responses = (0..<height).map { y in
            (0..<width).map { x in
                var (a, b, c) = (0.0, 0.0, 0.0)
                for row in y - block / 2..<y - block / 2 + block {
                    for column in x - block / 2..<x - block / 2 + block {
                        let (sx, sy) = (border.index(column, width), border.index(row, height))
                        let dx = Double(gray.convolved(sx, sy, 0, weights))
                        let dy = Double(gray.convolved(sx, sy, 0, Self.transposed(weights)))
                        a += dx * dx
                        b += dx * dy
                        c += dy * dy
                    }
                }
                return Float((a * c - b * b - k * (a + c) * (a + c)) * pow(scale, 4))
            }
        }
        let largest = responses.joined().max() ?? 0
        var corners: [(x: Int, y: Int)] = []
        for y in 0..<height {
            for x in 0..<width {
                let near = (max(0, y - 1)...min(height - 1, y + 1)).flatMap {
                    responses[$0][max(0, x - 1)...min(width - 1, x + 1)]
                }
                let own = responses[y][x]
                if own > 0, Double(own) > threshold * Double(largest), near.allSatisfy({ $0 <= own }) {
                    corners.append((x, y))
                }
            }
        }
        return marked { x, y in
            corners.contains { ($0.x == x && abs($0.y - y) <= 2) || ($0.y == y && abs($0.x - x) <= 2) }
        }
    }
}
