import Pipelines

/// Which pixels of a row are foreground: those whose gray level, or luma, is not 0.
///
/// Owns memory for one row: call `deallocate()`.
struct ForegroundRow {
    private let format: PixelFormat
    private let width: Int
    private let memory: UnsafeMutablePointer<UInt8>

    init(_ shape: ImageShape) {
        format = shape.format
        width = shape.width
        memory = .allocate(capacity: width)
    }

    func deallocate() { memory.deallocate() }

    /// 1 for each pixel of row `y` that is foreground, else 0; valid until the next row is read.
    func read(_ band: RowsView, _ y: Int) -> UnsafePointer<UInt8> {
        switch format.depth {
        case .eight: fill(band.row(y, as: UInt8.self))
        case .sixteen: fill(band.row(y, as: UInt16.self))
        }
        return UnsafePointer(memory)
    }

    @inline(__always)
    private func fill<Sample: FixedWidthInteger & UnsignedInteger>(_ row: UnsafePointer<Sample>) {
        // Constant strides, which the compiler knows how to load as vectors.
        switch format.layout {
        case .gray: for x in 0..<width { memory[x] = row[x] == 0 ? 0 : 1 }
        case .grayAlpha: for x in 0..<width { memory[x] = row[2 * x] == 0 ? 0 : 1 }
        case .rgb: for x in 0..<width { memory[x] = luma(row[3 * x], row[3 * x + 1], row[3 * x + 2]) == 0 ? 0 : 1 }
        case .rgba: for x in 0..<width { memory[x] = luma(row[4 * x], row[4 * x + 1], row[4 * x + 2]) == 0 ? 0 : 1 }
        }
    }
}

/// An image on which features are marked in red: RGB, or RGBA where there is alpha.
struct MarkedImage {
    let input: ImageShape

    var outputShape: ImageShape {
        ImageShape(
            width: input.width, height: input.height,
            format: PixelFormat(input.format.layout.color, input.format.depth))
    }

    /// Copies row `y` and marks the pixels that `mark` is called with ranges of.
    ///
    /// - Parameter row: the row's bytes, in the format of the input.
    func draw(_ row: UnsafeRawPointer, to output: MutableRowsView, _ y: Int, marks: [Range<Int>]) {
        switch input.format.depth {
        case .eight: draw(row.assumingMemoryBound(to: UInt8.self), to: output.row(y), marks)
        case .sixteen: draw(row.assumingMemoryBound(to: UInt16.self), to: output.row(y), marks)
        }
    }

    @inline(__always)
    private func draw<Sample: FixedWidthInteger & UnsignedInteger>(
        _ row: UnsafePointer<Sample>, to target: UnsafeMutablePointer<Sample>, _ marks: [Range<Int>]
    ) {
        let step = outputShape.format.channelCount
        switch input.format.layout {
        case .gray:
            for x in 0..<input.width {
                let level = row[x]
                (target[3 * x], target[3 * x + 1], target[3 * x + 2]) = (level, level, level)
            }
        case .grayAlpha:
            for x in 0..<input.width {
                let level = row[2 * x]
                (target[4 * x], target[4 * x + 1], target[4 * x + 2]) = (level, level, level)
                target[4 * x + 3] = row[2 * x + 1]
            }
        case .rgb, .rgba: target.update(from: row, count: input.samplesPerRow)
        }
        for range in marks {
            for x in range.clamped(to: 0..<input.width) {
                let pixel = target + x * step
                (pixel[0], pixel[1], pixel[2]) = (Sample.max, 0, 0)
            }
        }
    }
}
