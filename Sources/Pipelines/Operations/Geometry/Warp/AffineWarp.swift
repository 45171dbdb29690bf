/// Gives each pixel of the result what is at another place of the picture, interpolated between pixels.
///
/// A row of the result is a line through the picture, which may cross all of its rows. So that a chunk need not read the
/// whole picture, it can be stored in other ways than row by row:
///
/// - *transposed*: the line crosses at most as many columns as rows where it is steep;
/// - *sheared*: each column of the picture is moved down so far that every line of this direction is within a few rows.
///
/// The pixels are the same, bit for bit, however the picture is stored: only where they are read from differs.
package struct AffineWarp: RowComputation {
    /// Between which pixels is interpolated.
    package enum Interpolation: String, CaseIterable, Sendable {
        case linear, cubic

        /// Pixels before the one in which the place is, and behind it.
        package var reach: (before: Int, behind: Int) {
            switch self {
            case .linear: (0, 1)
            case .cubic: (1, 2)
            }
        }
    }

    package let map: AffineMap
    package let interpolation: Interpolation
    /// What surrounds the picture.
    package let fill: PaintColor
    /// Whether the picture's colours are multiplied by alpha, as those of `fill` are then to be.
    package let isPremultiplied: Bool
    /// Width and height of the picture, however it is stored.
    package let pictureWidth: Int
    package let pictureHeight: Int
    let width: Int
    let height: Int
    /// Whether the columns of the picture are stored as rows.
    package let isTransposed: Bool
    /// How far each stored column was moved down.
    package let shear: Shear?

    package func outputShape(for input: ImageShape) -> ImageShape {
        ImageShape(width: width, height: height, format: input.format)
    }

    /// The samples of a pixel of `fill`, as the picture's are.
    package func fillSamples(of format: PixelFormat) -> [Int] {
        let samples = fill.samples(of: format)
        guard isPremultiplied, let alpha = samples.last else { return samples }
        let largest = format.depth.maximum
        return samples.dropLast().map { ($0 * alpha + largest / 2) / largest } + [alpha]
    }

    /// The stored row of a pixel's place, without the shear.
    private var across: AffineMap.Line { isTransposed ? map.column : map.row }
    /// The stored column of a pixel's place.
    private var along: AffineMap.Line { isTransposed ? map.row : map.column }

    /// How far a place that is computed in single precision may be from where it should be.
    private var error: Double { map.largestTerm(width: width, height: height) * 0x1p-22 }

    /// The stored row at stored column 0 of the line that an output row is, as a function of that row: how far it moves with
    /// each, and where it is for row 0. Without meaning where the line has a single column.
    private var intercept: (step: Double, first: Double) {
        let slope = across.x / along.x
        return (across.y - slope * along.y, across.constant - slope * along.constant)
    }

    /// Whether the part of a line that is beside the picture is left out. Not where the ends of the lines, and the places where
    /// they enter the picture, move in opposite directions from row to row; nor where it is so steep that these places are lost
    /// in rounding.
    private var isClipped: Bool {
        along.x.magnitude * 0x1p20 > across.x.magnitude && across.y * intercept.step >= 0
    }

    package var readsUpwards: Bool {
        shear != nil ? intercept.step < 0 : across.y < 0 || (isClipped && intercept.step < 0)
    }

    package func inputRows(for rows: Range<Int>, of input: ImageShape) -> Range<Int> {
        let (first, last) = (needed(rows.lowerBound, of: input), needed(rows.upperBound - 1, of: input))
        return min(first.lowerBound, last.lowerBound)..<max(first.upperBound, last.upperBound)
    }

    /// The stored rows that an output row needs: both ends move one way with it. Where it needs none, the nearest stands for none.
    private func needed(_ y: Int, of input: ImageShape) -> Range<Int> {
        let (start, end) = place(y)
        let first = min(max(Int(start.rounded(.down)), 0), input.height - 1)
        return first..<max(first + 1, min(Int(end.rounded(.down)) + 1, input.height))
    }

    /// Between which stored rows the neighbours of an output row's pixels are; the other way round where it is beside the picture.
    private func place(_ y: Int) -> (start: Double, end: Double) {
        let y = Double(y)
        let slope = across.x / along.x
        let (before, behind) = (Double(interpolation.reach.before), Double(interpolation.reach.behind))
        if let shear {
            // A place is moved down by its column's shift. Of its neighbours, at most two columns away, each may be moved by two
            // pixels more or less, and shifts are whole.
            let center = intercept.step * y + intercept.first + shear.offset
            return (center - 4 - before - error, center + 2 + behind + error)
        }
        let left = across.y * y + across.constant
        let right = left + across.x * Double(width - 1)
        var (start, end) = (min(left, right), max(left, right))
        if isClipped {
            let entry = intercept.step * y + intercept.first
            let margin = behind + error
            let near = entry - slope * margin
            let far = entry + slope * (Double((isTransposed ? pictureHeight : pictureWidth) - 1) + margin)
            start = max(start, min(near, far))
            end = min(end, max(near, far))
        }
        return (start - before - error, end + behind + error)
    }
}

extension AffineWarp {
    /// As many bytes of the picture may be read for a single row of the result, as a chunk has by default. Where it would
    /// be more, the picture is stored in another way before.
    private static let largestLineByteCount = 16 << 20

    /// The computations of a warp, with the picture stored so that a row of the result needs little of it.
    ///
    /// - Throws: when the matrix has no inverse, or moves pixels too far for single precision.
    static func computation(
        of input: ImageShape, matrix: [Double], width: Int, height: Int, _ interpolation: Interpolation,
        fill: PaintColor, alpha: AlphaTreatment, operation: String
    ) throws(PipelineError) -> OperationComputation {
        try alpha.applied(to: input) { input, isPremultiplied throws(PipelineError) in
            try computation(
                of: input, matrix: matrix, width: width, height: height, interpolation, fill: fill,
                isPremultiplied: isPremultiplied, operation: operation)
        }
    }

    private static func computation(
        of input: ImageShape, matrix: [Double], width: Int, height: Int, _ interpolation: Interpolation,
        fill: PaintColor, isPremultiplied: Bool, operation: String
    ) throws(PipelineError) -> OperationComputation {
        try ImageShape.checkResult(
            width: width, height: height, of: input, by: operation, advice: "choose a smaller width or height")
        guard let map = AffineMap(inverting: matrix) else {
            throw PipelineError(
                .badValue,
                "`\(operation)`: the matrix \(ArgumentValue.numbers(matrix)) maps the image onto a line, which has no pixels; "
                    + "its determinant must not be 0")
        }
        let largest = map.largestTerm(width: width, height: height)
        guard largest <= 0x1p23 else {
            throw PipelineError(
                .unsuitableImage,
                "`\(operation)`: on an image of \(input.width) x \(input.height) pixels the matrix "
                    + "\(ArgumentValue.numbers(matrix)) reaches places \(ArgumentValue.number(largest.rounded())) pixels away; "
                    + "at most \(1 << 23) are allowed; choose a matrix that moves or shrinks the image less")
        }
        func warp(isTransposed: Bool, shear: Shear? = nil) -> AffineWarp {
            AffineWarp(
                map: map, interpolation: interpolation, fill: fill, isPremultiplied: isPremultiplied,
                pictureWidth: input.width,
                pictureHeight: input.height, width: width, height: height, isTransposed: isTransposed, shear: shear)
        }
        /// Whether the picture may be stored so: what its longest lines need is little enough.
        func isShort(_ warp: AffineWarp, _ stored: ImageShape) -> Bool {
            let rows = stride(from: 0, to: height, by: max(1, height / 16)).map { y in
                warp.inputRows(for: y..<y + 1, of: stored).count
            }
            return (rows.max() ?? 0) * stored.bytesPerRow <= largestLineByteCount
        }
        if isShort(warp(isTransposed: false), input) { return .rows([warp(isTransposed: false)]) }
        let isSteep = map.row.x.magnitude > map.column.x.magnitude
        if isSteep, isShort(warp(isTransposed: true), input.transposed) {
            return .transposition(before: [], after: [warp(isTransposed: true)])
        }
        if isSteep {
            let shear = Shear(slope: map.column.x / map.row.x, count: input.height)
            return .transposition(before: [RowShift(shear: shear)], after: [warp(isTransposed: true, shear: shear)])
        }
        let shear = Shear(slope: map.row.x / map.column.x, count: input.width)
        return .sequence([
            .transposition(before: [], after: [RowShift(shear: shear)]),
            .transposition(before: [], after: [warp(isTransposed: false, shear: shear)]),
        ])
    }
}
