/// Where the pixels of a warped image come from: the pixel (x, y) from the place (ax + by + c, dx + ey + f) of the picture.
package struct AffineMap: Hashable, Sendable {
    /// A linear function of a pixel's coordinates.
    package struct Line: Hashable, Sendable {
        package let x: Double
        package let y: Double
        package let constant: Double
    }

    /// The column in the picture.
    package let column: Line
    /// The row in the picture.
    package let row: Line

    /// The inverse of a matrix [a b c / d e f] that maps the picture's pixels to those of the result, computed as `cv2.warpAffine`
    /// does it; `nil` when it has none.
    init?(inverting matrix: [Double]) {
        let (a, b, c) = (matrix[0], matrix[1], matrix[2])
        let (d, e, f) = (matrix[3], matrix[4], matrix[5])
        let determinant = a * e - b * d
        guard determinant != 0, (1 / determinant).isFinite else { return nil }
        let factor = 1 / determinant
        let (first, second, third, fourth) = (e * factor, b * -factor, d * -factor, a * factor)
        column = Line(x: first, y: second, constant: -first * c - second * f)
        row = Line(x: third, y: fourth, constant: -third * c - fourth * f)
    }

    /// No coordinate, nor any of the terms that it is the sum of, is larger than this on an image of `width` x `height` pixels.
    func largestTerm(width: Int, height: Int) -> Double {
        [column, row].map { line in
            line.x.magnitude * Double(width) + line.y.magnitude * Double(height) + line.constant.magnitude
        }.reduce(0, max)
    }
}
