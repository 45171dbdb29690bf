import Foundation
import Pipelines

/// A picture that is mapped by a matrix, pixel by pixel. In single precision: a place is decided by its last bits.
struct ReferenceWarp {
    let width: Int
    let height: Int
    let channels: Int
    let maximum: Int
    let level: (_ x: Int, _ y: Int, _ channel: Int) -> Int
    private(set) var newWidth = 1
    private(set) var newHeight = 1
    private var matrix: [Double] = []
    private var fill = 0
    var isCubic = false

    init(
        width: Int, height: Int, channels: Int, maximum: Int,
        level: @escaping (_ x: Int, _ y: Int, _ channel: Int) -> Int
    ) {
        self.width = width
        self.height = height
        self.channels = channels
        self.maximum = maximum
        self.level = level
    }

    init(_ image: TestImage) {
        self.init(width: image.width, height: image.height, channels: image.channels, maximum: image.maximum) {
            image[$0, $1, $2]
        }
    }

    func mapped(_ matrix: [Double], _ newWidth: Int, _ newHeight: Int) -> ReferenceWarp {
        var result = self
        (result.matrix, result.newWidth, result.newHeight) = (matrix, newWidth, newHeight)
        return result
    }

    var cubic: ReferenceWarp {
        var result = self
        result.isCubic = true
        return result
    }

    func filled(_ level: Int) -> ReferenceWarp {
        var result = self
        result.fill = level
        return result
    }

    /// Clockwise about the middle.
    func turned(_ degrees: Double, isExpanded: Bool = true) -> ReferenceWarp {
        let (cosine, sine) = (cos(degrees * .pi / 180), sin(degrees * .pi / 180))
        var (wide, high) = (width, height)
        if isExpanded {
            wide = Int((abs(cosine) * Double(width) + abs(sine) * Double(height) - 1e-6).rounded(.up))
            high = Int((abs(sine) * Double(width) + abs(cosine) * Double(height) - 1e-6).rounded(.up))
        }
        let (x, y) = (Double(width - 1) / 2, Double(height - 1) / 2)
        let across = [cosine, -sine, Double(wide - 1) / 2 - cosine * x + sine * y]
        let down = [sine, cosine, Double(high - 1) / 2 - sine * x - cosine * y]
        return mapped(across + down, wide, high)
    }

    func image(_ format: PixelFormat) -> TestImage {
        TestImage(
            shape: ImageShape(width: newWidth, height: newHeight, format: format),
            samples: samples(0..<newWidth, 0..<newHeight))
    }

    /// The samples of a part of the result. The matrix is solved by Cramer's rule.
    func samples(_ columns: Range<Int>, _ rows: Range<Int>) -> [Int] {
        let factor = 1 / (matrix[0] * matrix[4] - matrix[1] * matrix[3])
        let (a, b) = (matrix[4] * factor, matrix[1] * -factor)
        let (d, e) = (matrix[3] * -factor, matrix[0] * factor)
        let (c, f) = (-a * matrix[2] - b * matrix[5], -d * matrix[2] - e * matrix[5])
        func place(_ x: Int, _ y: Int, _ one: Double, _ other: Double, _ constant: Double) -> Float {
            fma(Float(one), Float(x), Float(y) * Float(other) + Float(constant))
        }
        var samples: [Int] = []
        for y in rows {
            for x in columns {
                let (column, row) = (place(x, y, a, b, c), place(x, y, d, e, f))
                for channel in 0..<channels {
                    let result = isCubic ? cubic(column, row, channel) : linear(column, row, channel)
                    samples.append(Int(min(max(result, 0), Float(maximum)).rounded(.toNearestOrEven)))
                }
            }
        }
        return samples
    }

    private func around(_ x: Int, _ y: Int, _ channel: Int) -> Float {
        let isInside = (0..<width).contains(x) && (0..<height).contains(y)
        return Float(isInside ? level(x, y, channel) : fill)
    }

    private func linear(_ column: Float, _ row: Float, _ channel: Int) -> Float {
        let (left, top) = (Int(floor(column)), Int(floor(row)))
        let (right, down) = (column - floor(column), row - floor(row))
        let rows = [top, top + 1].map { row in
            let first = around(left, row, channel)
            return fma(right, around(left + 1, row, channel) - first, first)
        }
        return fma(down, rows[1] - rows[0], rows[0])
    }

    private func cubic(_ column: Float, _ row: Float, _ channel: Int) -> Float {
        let (left, top) = (Int(floor(column)), Int(floor(row)))
        let (across, along) = (Self.weights(column - floor(column)), Self.weights(row - floor(row)))
        let rows = (top - 1...top + 2).map { row in
            Self.sum(across, (left - 1...left + 2).map { around($0, row, channel) })
        }
        return Self.sum(along, rows)
    }

    /// Keys' weights with -0.75.
    private static func weights(_ x: Float) -> [Float] {
        let first = -0.75 * ((1 - x) * (1 - x) * x)
        let fourth = -0.75 * (x * x * (1 - x))
        let second = fma(fma(1.25, x, -2.25), x * x, 1)
        return [first, second, 1 - first - second - fourth, fourth]
    }

    private static func sum(_ weights: [Float], _ levels: [Float]) -> Float {
        zip(weights, levels).dropFirst().reduce(weights[0] * levels[0]) { fma($1.0, $1.1, $0) }
    }
}
