import Foundation
import Kernels
import Pipelines

extension ReferenceCase {
    static let features: [ReferenceCase] = [
        ReferenceCase("distance") { $0.referenceDistance(scale: $0.maximum == 255 ? 1 : 257) },
        ReferenceCase("distance scale=17.25") { $0.referenceDistance(scale: 17.25) },
        ReferenceCase("histogram output=overlay") { $0.referenceHistogram(bins: 256) },
        ReferenceCase("histogram bins=7 output=overlay") { $0.referenceHistogram(bins: 7) },
        ReferenceCase("components output=labels") { $0.referenceComponents(connectivity: 8) },
        ReferenceCase("components connectivity=4 output=labels") { $0.referenceComponents(connectivity: 4) },
        ReferenceCase("components") { $0.referenceComponents(connectivity: 8).colored() },
        ReferenceCase("contours color=red") { $0.referenceContours(reach: 0) { _, _ in [1, 0, 0] } },
        ReferenceCase("contours color=yellow width=5") { $0.referenceContours(reach: 2) { _, _ in [1, 1, 0] } },
        ReferenceCase("contours") { image in
            image.referenceContours(reach: 0) { image.isReddish($0, $1) ? [0, 1, 1] : [1, 0, 0] }
        },
        ReferenceCase("hough-lines edges=0 color=red width=1 lines=1000") {
            $0.referenceHoughLines(rho: 1, theta: 1, threshold: 100, width: 1)
        },
        ReferenceCase("hough-lines rho=1.5 theta=20 threshold=3 edges=0 color=red width=3 lines=1000") {
            $0.referenceHoughLines(rho: 1.5, theta: 20, threshold: 3, width: 3)
        },
        ReferenceCase("hough-lines theta=7 threshold=2 edges=300 color=red width=1 lines=1000") {
            $0.referenceHoughLines(
                rho: 1, theta: 7, threshold: 2, width: 1, edges: $0.referenceCanny(low: 300, high: 300, size: 3))
        },
        ReferenceCase("harris color=red") {
            $0.referenceHarris(block: 2, aperture: 3, k: 0.04, threshold: 0.01, size: 5) { _, _ in [1, 0, 0] }
        },
        ReferenceCase("harris block=3 aperture=5 k=0.1 threshold=0.3 size=15 color=white") {
            $0.referenceHarris(block: 3, aperture: 5, k: 0.1, threshold: 0.3, size: 15) { _, _ in [1, 1, 1] }
        },
    ]
}

extension TestImage {
    /// The nearest of all black pixels, looked for one by one.
    func referenceDistance(scale: Double) -> TestImage {
        let gray = referenceGrayscale()
        let black = (0..<width * height).filter { gray.samples[$0 * gray.channels] == 0 }
        return gray.mapped { x, y, _ in
            let squares = black.map { ($0 % width - x) * ($0 % width - x) + ($0 / width - y) * ($0 / width - y) }
            guard let nearest = squares.min() else { return maximum }
            return saturated(Double(nearest).squareRoot() * scale)
        }
    }

    private func isForeground(_ x: Int, _ y: Int) -> Bool {
        x >= 0 && x < width && y >= 0 && y < height && referenceLuma(x, y) != 0
    }

    /// The parts of the colour of a mark: 0 or 1 each, of red, green and blue.
    typealias MarkParts = (_ x: Int, _ y: Int) -> [Int]

    /// Whether the pixels beside one are of a colour on which a red mark would not be seen.
    fileprivate func isReddish(_ x: Int, _ y: Int) -> Bool {
        guard colors == 3 else { return false }
        let near = (x - 8...x + 8).filter { (0..<width).contains($0) }
        func mean(_ channel: Int) -> Double {
            Double(near.map { self[$0, y, channel] }.reduce(0, +)) / Double(near.count)
        }
        return mean(0) - max(mean(1), mean(2)) > Double(maximum) / 5 + 1e-9
    }

    /// The image in colour, with a mark where `isMarked`.
    private func marked(
        _ parts: MarkParts = { _, _ in [1, 0, 0] }, _ isMarked: (_ x: Int, _ y: Int) -> Bool
    ) -> TestImage {
        let alpha = shape.format.layout.hasAlpha
        var result = TestImage(
            shape: ImageShape(
                width: width, height: height, format: PixelFormat(alpha ? .rgba : .rgb, shape.format.depth)),
            samples: Array(repeating: 0, count: width * height * (alpha ? 4 : 3)))
        for y in 0..<height {
            for x in 0..<width {
                let isMarked = isMarked(x, y)
                for channel in 0..<3 {
                    let level = self[x, y, colors == 3 ? channel : 0]
                    result[x, y, channel] = isMarked ? parts(x, y)[channel] * maximum : level
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

    func referenceContours(reach: Int, _ parts: MarkParts) -> TestImage {
        func isBorder(_ x: Int, _ y: Int) -> Bool {
            isForeground(x, y)
                && [(1, 0), (-1, 0), (0, 1), (0, -1)].contains { !isForeground(x + $0.0, y + $0.1) }
        }
        return marked(parts) { x, y in
            (y - reach...y + reach).contains { row in (x - reach...x + reach).contains { isBorder($0, row) } }
        }
    }

    /// Each label of an image in its colour, from the definition of the colour wheel in doubles.
    func colored() -> TestImage {
        var result = TestImage(
            shape: ImageShape(width: width, height: height, format: PixelFormat(.rgb, .eight)),
            samples: Array(repeating: 0, count: width * height * 3))
        for (place, label) in samples.enumerated() where label > 0 {
            let hue = ((((label * 0x9E37_79B1) & 0xFFFF_FFFF) >> 16) * 1536) >> 16
            let (least, most) = [(32, 255), (16, 176), (128, 255)][label % 3]
            for (channel, offset) in [512, 0, 1024].enumerated() {
                let place256 = (hue + offset) % 1536
                let share = max(0, min(255, place256 < 512 ? place256 : 1023 - place256))
                result.samples[3 * place + channel] = least + (most - least) * share / 255
            }
        }
        return result
    }

    func referenceHoughLines(
        rho: Double, theta: Double, threshold: Int, width lineWidth: Double, edges: TestImage? = nil
    ) -> TestImage {
        func counts(_ x: Int, _ y: Int) -> Bool { edges.map { $0[x, y, 0] != 0 } ?? isForeground(x, y) }
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
                for x in 0..<width where counts(x, y) {
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
                return abs(Double(x) * cos(angle) + Double(y) * sin(angle) - distance) <= lineWidth / 2
            }
        }
    }

    func referenceHarris(
        block: Int, aperture: Int, k: Double, threshold: Double, size: Int, _ parts: MarkParts
    ) -> TestImage {
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
        let (reach, half) = (size / 2, size / 14)
        return marked(parts) { x, y in
            corners.contains { corner in
                let (dx, dy) = (abs(corner.x - x), abs(corner.y - y))
                return (dx <= half && dy <= reach) || (dy <= half && dx <= reach)
            }
        }
    }
}
