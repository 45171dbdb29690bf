/// What a window sees outside the image, where an operation lets the user choose.
enum Padding: String, CaseIterable, Sendable {
    case reflect101 = "reflect-101"
    case reflect
    case replicate
    /// Black: level 0.
    case constant

    /// The parameter of filters, whose kernels reflect without repeating the edge.
    static let parameter = ParameterDescription(
        "border", "what the window sees outside the image; constant: level 0", .choice(allCases.map(\.rawValue)),
        default: .word(reflect101.rawValue))

    /// The index within `0..<count` that stands for `index`, which may lie outside; `nil` where nothing does.
    func index(_ index: Int, count: Int) -> Int? {
        switch self {
        case .reflect101: return mirrored(index, count: count)
        case .reflect:
            let folded = ((index % (2 * count)) + 2 * count) % (2 * count)
            return folded < count ? folded : 2 * count - 1 - folded
        case .replicate: return min(max(index, 0), count - 1)
        case .constant: return (0..<count).contains(index) ? index : nil
        }
    }

    /// The kernel of a filter that reflects as `reflect-101`, with this border instead.
    ///
    /// - Parameter filter: the kernel for images of a shape, the same whatever the shape.
    func applied(to input: ImageShape, _ filter: (ImageShape) -> any RowKernel) -> any RowKernel {
        self == .reflect101 ? filter(input) : PaddingKernel(input, self, filter)
    }
}

/// Gives a kernel an image that goes on beyond its edges as far as the kernel looks, and cuts these margins off again.
///
/// So every border is exact with every kernel, and the kernels know only their own. Works through its rows in blocks.
struct PaddingKernel: RowKernel {
    let outputShape: ImageShape
    private let padding: Padding
    private let inner: any RowKernel
    /// How far the kernel looks, in both directions.
    private let radius: Int
    private let paddedShape: ImageShape

    /// - Parameter filter: the kernel for images of a shape; keeps the shape, and looks equally far in all directions.
    init(_ input: ImageShape, _ padding: Padding, _ filter: (ImageShape) -> any RowKernel) {
        // Its reach shows in the middle of an image that is high enough.
        let middle = 1 << 20
        let tall = ImageShape(width: input.width, height: 2 * middle, format: input.format)
        radius = middle - filter(tall).inputRows(for: middle..<middle + 1).lowerBound
        outputShape = input
        self.padding = padding
        paddedShape = ImageShape(
            width: input.width + 2 * radius, height: input.height + 2 * radius, format: input.format)
        inner = filter(paddedShape)
    }

    func inputRows(for wanted: Range<Int>) -> Range<Int> { rows(wanted, widenedBy: radius, in: outputShape) }

    func apply(_ input: Band, to output: MutableBand) {
        let rowsPerBlock = max(8 * radius, 64)
        let margin = radius * outputShape.format.bytesPerPixel
        for start in stride(from: output.rows.lowerBound, to: output.rows.upperBound, by: rowsPerBlock) {
            let rows = start..<min(start + rowsPerBlock, output.rows.upperBound)
            let inside = rows.lowerBound + radius..<rows.upperBound + radius
            let padded = RowBuffer(shape: paddedShape, rows: inner.inputRows(for: inside))
            let result = RowBuffer(shape: paddedShape, rows: inside)
            // The bands are valid while their buffers live.
            withExtendedLifetime((padded, result)) {
                for y in padded.rows { fill(padded.mutableBand.row(y), from: input, row: y - radius) }
                inner.apply(padded.band, to: result.mutableBand)
                for y in rows {
                    let made: UnsafePointer<UInt8> = result.band.row(y + radius)
                    output.row(y, as: UInt8.self).update(from: made + margin, count: outputShape.bytesPerRow)
                }
            }
        }
    }

    /// Makes a padded row; pixels of every format are copied as bytes.
    private func fill(_ target: UnsafeMutablePointer<UInt8>, from input: Band, row y: Int) {
        guard let y = padding.index(y, count: outputShape.height) else {
            return target.update(repeating: 0, count: paddedShape.bytesPerRow)
        }
        let pixel = outputShape.format.bytesPerPixel
        let row: UnsafePointer<UInt8> = input.row(y)
        func fill(_ x: Int) {
            let place = target + (x + radius) * pixel
            if let source = padding.index(x, count: outputShape.width) {
                place.update(from: row + source * pixel, count: pixel)
            } else {
                place.update(repeating: 0, count: pixel)
            }
        }
        for x in -radius..<0 { fill(x) }
        (target + radius * pixel).update(from: row, count: outputShape.bytesPerRow)
        for x in outputShape.width..<outputShape.width + radius { fill(x) }
    }
}
