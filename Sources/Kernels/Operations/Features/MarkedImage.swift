import Pipelines

/// An image on which features are marked in a colour: RGB, or RGBA where there is alpha.
struct MarkedImage {
    let input: ImageShape
    let color: MarkColor

    var outputShape: ImageShape {
        ImageShape(
            width: input.width, height: input.height,
            format: PixelFormat(input.format.layout.color, input.format.depth))
    }

    /// Copies row `y` and marks pixels.
    ///
    /// - Parameters:
    ///   - row: the row's bytes, in the format of the input.
    ///   - marks: columns, which may overlap each other and the image's edges.
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
        let (plain, other) = (color.parts, MarkColor.cyan.parts)
        let mayBeReddish = color == .auto && input.format.layout.isColor
        for range in marks {
            for x in range.clamped(to: 0..<input.width) {
                // The pixels as they were: they may be marked already.
                let isReddish = mayBeReddish && isReddish(row, x)
                let parts = isReddish ? other : plain
                let pixel = target + x * step
                (pixel[0], pixel[1], pixel[2]) = (
                    parts.red ? Sample.max : 0, parts.green ? Sample.max : 0, parts.blue ? Sample.max : 0
                )
            }
        }
    }

    /// Whether red is above the other colours by more than a fifth of the range, in the mean of the pixels up to eight columns
    /// away: a mark changes its colour where the image does, not with its noise.
    @inline(__always)
    private func isReddish<Sample: FixedWidthInteger & UnsignedInteger>(
        _ row: UnsafePointer<Sample>, _ x: Int
    ) -> Bool {
        let step = input.format.channelCount
        let columns = max(0, x - 8)...min(input.width - 1, x + 8)
        var (red, green, blue) = (0, 0, 0)
        for column in columns {
            let pixel = row + column * step
            red += Int(pixel[0])
            green += Int(pixel[1])
            blue += Int(pixel[2])
        }
        return 5 * (red - max(green, blue)) > columns.count * Int(Sample.max)
    }
}

extension MarkColor {
    /// Which of the primary colours it is made of.
    fileprivate var parts: (red: Bool, green: Bool, blue: Bool) {
        switch self {
        case .auto, .red: (true, false, false)
        case .green: (false, true, false)
        case .blue: (false, false, true)
        case .yellow: (true, true, false)
        case .cyan: (false, true, true)
        case .magenta: (true, false, true)
        case .white: (true, true, true)
        case .black: (false, false, false)
        }
    }
}
