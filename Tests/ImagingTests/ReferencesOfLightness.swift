import Foundation
import Kernels
import Pipelines

extension TestImage {
    /// CLAHE tile by tile, each tile seen as a list of levels of the mirrored image.
    func referenceClahe(clip: Double, grid: Int) -> TestImage {
        let fits = width % grid == 0 && height % grid == 0
        let (tileWidth, tileHeight) = fits ? (width / grid, height / grid) : (width / grid + 1, height / grid + 1)
        let area = tileWidth * tileHeight
        func lightness(_ x: Int, _ y: Int) -> Int {
            shape.format.layout.isColor ? lab(x, y)[0] : self[x, y, 0]
        }
        let border = ReferenceBorder.reflect101
        let levels = (0..<grid * tileHeight).map { y in
            (0..<grid * tileWidth).map { x in lightness(border.index(x, width), border.index(y, height)) }
        }
        let counts = (0..<grid).map { row in
            (0..<grid).map { column in
                var counts: [Int: Int] = [:]
                for y in row * tileHeight..<(row + 1) * tileHeight {
                    for x in column * tileWidth..<(column + 1) * tileWidth { counts[levels[y][x], default: 0] += 1 }
                }
                return counts
            }
        }
        let limit = clip == 0 ? area : max(1, Int(clip * Double(area) / Double(maximum + 1)))
        /// What a tile's table says of a level: its cumulative count, the excess spread over all levels.
        func equalized(_ level: Int, _ column: Int, _ row: Int) -> Float {
            let excess = counts[row][column].values.reduce(0) { $0 + max(0, $1 - limit) }
            let (share, rest) = excess.quotientAndRemainder(dividingBy: maximum + 1)
            var sum = counts[row][column].filter { $0.key <= level }.values.reduce(0) { $0 + min($1, limit) }
            sum += share * (level + 1)
            if rest > 0 { sum += min(rest, level / max(1, (maximum + 1) / rest) + 1) }
            return Float(saturated(Double(Float(sum) * (Float(maximum) / Float(area)))))
        }
        func place(_ position: Int, _ size: Int) -> (Int, Int, Float) {
            let place = Float(position) * (1 / Float(size)) - 0.5
            return (max(0, Int(floor(place))), min(grid - 1, Int(floor(place)) + 1), place - floor(place))
        }
        var result = self
        for y in 0..<height {
            for x in 0..<width {
                let (left, right, east) = place(x, tileWidth)
                let (above, below, south) = place(y, tileHeight)
                let level = levels[y][x]
                func blend(_ row: Int) -> Float {
                    equalized(level, left, row) * (1 - east) + equalized(level, right, row) * east
                }
                let new = saturated(Double(blend(above) * (1 - south) + blend(below) * south))
                if shape.format.layout.isColor {
                    let color = rgb(new, x, y)
                    for channel in 0..<3 { result[x, y, channel] = color[channel] }
                } else {
                    result[x, y, 0] = new
                }
            }
        }
        return result
    }

    private static let white = [0.950456, 1, 1.088754]
    private static let toXYZ = [
        [0.412453, 0.357580, 0.180423], [0.212671, 0.715160, 0.072169], [0.019334, 0.119193, 0.950227],
    ]
    private static let toRGB = [
        [3.240479, -1.53715, -0.498535], [-0.969256, 1.875991, 0.041556], [0.055648, -0.204043, 1.057311],
    ]

    private static func linear(_ value: Double) -> Double {
        value <= 0.04045 ? value / 12.92 : pow((value + 0.055) / 1.055, 2.4)
    }
    private static func encoded(_ value: Double) -> Double {
        value <= 0.0031308 ? value * 12.92 : 1.055 * pow(value, 1 / 2.4) - 0.055
    }
    private static func response(_ value: Double) -> Double {
        value < 216.0 / 24389 ? value * 841 / 108 + 16.0 / 116 : cbrt(value)
    }

    private func responses(_ x: Int, _ y: Int) -> [Double] {
        let linear = (0..<3).map { Self.linear(Double(self[x, y, $0]) / 65535) }
        return (0..<3).map { row in
            let sum: Double = zip(Self.toXYZ[row], linear).map { $0 * $1 }.reduce(0, +)
            return Self.response(sum / Self.white[row])
        }
    }

    /// L, and at 8 bits a and b as OpenCV's bytes, step by step in whole numbers.
    private func lab(_ x: Int, _ y: Int) -> [Int] {
        guard maximum == 255 else { return [saturated((116 * responses(x, y)[1] - 16) * 655.35)] }
        let linear = (0..<3).map { Int((2040 * Self.linear(Double(self[x, y, $0]) / 255)).rounded()) }
        let responses = (0..<3).map { row in
            let weights = Self.toXYZ[row].map { Int(($0 / Self.white[row] * 4096).rounded()) }
            let sum = zip(weights, linear).map { $0 * $1 }.reduce(0, +)
            let stimulus = (sum + 2048) / 4096
            return Int(Float(32768 * Self.response(Double(stimulus) / 2040)).rounded(.toNearestOrEven))
        }
        return [
            saturated((296 * responses[1] - 1_336_934 + 16384) >> 15),
            saturated((500 * (responses[0] - responses[1]) + 128 << 15 + 16384) >> 15),
            saturated((200 * (responses[1] - responses[2]) + 128 << 15 + 16384) >> 15),
        ]
    }

    /// The colour of a pixel with another lightness.
    private func rgb(_ lightness: Int, _ x: Int, _ y: Int) -> [Int] {
        maximum == 255 ? rgb8(lightness, lab(x, y)) : rgb16(lightness, responses(x, y))
    }

    private func rgb16(_ lightness: Int, _ responses: [Double]) -> [Int] {
        let change: Double = (Double(lightness) * 100 / 65535 + 16) / 116 - responses[1]
        let xyz = responses.map { old -> Double in
            let response = old + change
            return response <= 6.0 / 29 ? (response - 16.0 / 116) * 108 / 841 : pow(response, 3)
        }
        return Self.toRGB.map { row in
            var linear = 0.0
            for index in 0..<3 { linear += row[index] * xyz[index] * Self.white[index] }
            return saturated(Self.encoded(min(max(linear, 0), 1)) * 65535)
        }
    }

    private func rgb8(_ lightness: Int, _ lab: [Int]) -> [Int] {
        let exact: Double = (Double(lightness) * 100 / 255 + 16) / 116
        let response: Double = lightness <= 20 ? 16.0 / 116 + Double(lightness) * 5 / 1479 : exact
        let middle = Int((response * 16384).rounded(.toNearestOrEven))
        let luminance: Double = lightness <= 20 ? Double(lightness) * 180 / 414613 : pow(exact, 3)
        func stimulus(_ response: Int) -> Int {
            if response <= 3390 { return response * 108 / 841 - 16384 * 16 / 116 * 108 / 841 }
            return response * response / 16384 * response / 16384
        }
        let east = (5 * lab[1] * 53687 + 128) >> 13 - 4194
        let north = (lab[2] * 41943 + 16) >> 9 - 10484
        let xyz = [
            stimulus(middle + east), Int((luminance * 16384).rounded(.toNearestOrEven)), stimulus(middle - north),
        ]
        return Self.toRGB.map { row in
            var linear = 8192
            for index in 0..<3 { linear += Int((row[index] * Self.white[index] * 4096).rounded()) * xyz[index] }
            let step = min(max(linear >> 14, 0), 4095)
            return saturated(255 * Self.encoded(Double(step) / 4096))
        }
    }
}
