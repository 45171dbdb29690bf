import Pipelines

extension AffineWarp: RowKernelProviding {
    func kernel(for step: RowStep) -> any RowKernel {
        AffineWarpKernel(warp: self, stored: step.input, outputShape: step.output)
    }
}

/// Interpolates between the pixels around each output pixel's place.
///
/// In each row, pixels whose neighbours are all within the picture are computed in blocks: places, neighbours fetched one by one,
/// and the interpolation as vectors. Those at the picture's edge are computed singly; the others are of one colour.
private struct AffineWarpKernel: RowKernel {
    let warp: AffineWarp
    let stored: ImageShape
    let outputShape: ImageShape

    /// Pixels that are computed at once.
    private static let blockSize = 64

    func apply(_ input: RowsView, to output: MutableRowsView) {
        guard let shear = warp.shear else {
            return apply(
                input, output, GridPlaces(stored, isTransposed: warp.isTransposed, first: input.rows.lowerBound))
        }
        let places = ShearedPlaces(
            stored, shear, isTransposed: warp.isTransposed, first: input.rows.lowerBound,
            count: warp.isTransposed ? warp.pictureHeight : warp.pictureWidth)
        defer { places.deallocate() }
        apply(input, output, places)
    }

    @inline(__always)
    private func apply<Places: PixelPlaces>(_ input: RowsView, _ output: MutableRowsView, _ places: Places) {
        switch (outputShape.format.depth, warp.interpolation) {
        case (.eight, .linear): apply(input, output, places, UInt8.self, LinearTaps.self)
        case (.eight, .cubic): apply(input, output, places, UInt8.self, CubicTaps.self)
        case (.sixteen, .linear): apply(input, output, places, UInt16.self, LinearTaps.self)
        case (.sixteen, .cubic): apply(input, output, places, UInt16.self, CubicTaps.self)
        }
    }

    @inline(__always)
    private func apply<Places: PixelPlaces, Sample: FixedWidthInteger & UnsignedInteger, Taps: WarpTaps>(
        _ input: RowsView, _ output: MutableRowsView, _ places: Places, _: Sample.Type, _: Taps.Type
    ) {
        let base: UnsafePointer<Sample> = input.row(input.rows.lowerBound)
        let levels = warp.fillSamples(of: outputShape.format)
        let border = ColorRow(levels, outputShape)
        defer { border.deallocate() }
        let fill = levels.map { Float($0) }
        let (before, behind) = (warp.interpolation.reach.before, warp.interpolation.reach.behind)
        let pixel = outputShape.format.bytesPerPixel
        let planes = Taps.count * outputShape.format.channelCount * Self.blockSize
        withUnsafeTemporaryAllocation(of: Sample.self, capacity: planes) { planes in
            fill.withUnsafeBufferPointer { fill in
                let block = Block<Sample>(
                    planes: planes.baseAddress.unsafelyUnwrapped, fill: fill.baseAddress.unsafelyUnwrapped)
                for y in output.rows {
                    let line = WarpLine(warp.map, row: y)
                    let touched = line.pixels(
                        of: outputShape.width, columns: -behind..<warp.pictureWidth + before,
                        rows: -behind..<warp.pictureHeight + before)
                    let inner = line.pixels(
                        of: outputShape.width, columns: before..<max(before, warp.pictureWidth - behind),
                        rows: before..<max(before, warp.pictureHeight - behind)
                    ).clamped(to: touched)
                    let bytes: UnsafeMutablePointer<UInt8> = output.row(y)
                    bytes.update(from: border.bytes, count: touched.lowerBound * pixel)
                    let end = touched.upperBound * pixel
                    (bytes + end).update(from: border.bytes + end, count: outputShape.bytesPerRow - end)
                    let target: UnsafeMutablePointer<Sample> = output.row(y)
                    edge(touched.lowerBound..<inner.lowerBound, line, base, places, Taps.self, block, target)
                    // The number of channels as a constant.
                    switch outputShape.format.layout {
                    case .gray: self.inner(inner, 1, line, base, places, Taps.self, block, target)
                    case .grayAlpha: self.inner(inner, 2, line, base, places, Taps.self, block, target)
                    case .rgb: self.inner(inner, 3, line, base, places, Taps.self, block, target)
                    case .rgba: self.inner(inner, 4, line, base, places, Taps.self, block, target)
                    }
                    edge(inner.upperBound..<touched.upperBound, line, base, places, Taps.self, block, target)
                }
            }
        }
    }

    private struct Block<Sample> {
        /// The neighbours of the pixels of a block: for each channel and neighbour, those of all pixels.
        let planes: UnsafeMutablePointer<Sample>
        /// The level of each channel outside the picture.
        let fill: UnsafePointer<Float>
    }

    /// Pixels of which all neighbours are within the picture.
    @inline(__always)
    private func inner<Places: PixelPlaces, Sample: FixedWidthInteger & UnsignedInteger, Taps: WarpTaps>(
        _ pixels: Range<Int>, _ channels: Int, _ line: WarpLine, _ base: UnsafePointer<Sample>, _ places: Places,
        _: Taps.Type, _ block: Block<Sample>, _ target: UnsafeMutablePointer<Sample>
    ) {
        let size = Self.blockSize
        let largest = Float(Sample.max)
        let planes = block.planes
        withUnsafeTemporaryAllocation(of: Int32.self, capacity: 2 * size) { whole in
            withUnsafeTemporaryAllocation(of: Float.self, capacity: Taps.weightCount * size) { parts in
                let columns = whole.baseAddress.unsafelyUnwrapped
                let rows = columns + size
                let weights = parts.baseAddress.unsafelyUnwrapped
                for start in stride(from: pixels.lowerBound, to: pixels.upperBound, by: size) {
                    let count = min(size, pixels.upperBound - start)
                    for i in 0..<count {
                        let x = Int32(truncatingIfNeeded: start &+ i)
                        let (column, row) = (line.column(x), line.row(x))
                        // Not negative here.
                        let (wholeColumn, wholeRow) = (Int32(column), Int32(row))
                        columns[i] = wholeColumn
                        rows[i] = wholeRow
                        Taps.weigh(column - Float(wholeColumn), row - Float(wholeRow)) {
                            weights[$0 * size + i] = $1
                        }
                    }
                    for i in 0..<count {
                        let (column, row) = (Int(columns[i]), Int(rows[i]))
                        for tap in 0..<Taps.count {
                            let offset = Taps.offset(tap)
                            let source = base + places(column &+ offset.x, row &+ offset.y)
                            for channel in 0..<channels {
                                planes[(channel * Taps.count + tap) * size + i] = source[channel]
                            }
                        }
                    }
                    let out = target + start * channels
                    for channel in 0..<channels {
                        let plane = planes + channel * Taps.count * size
                        for i in 0..<count {
                            let level = Taps.interpolated(
                                weight: { weights[$0 * size + i] },
                                tap: { Float(Int32(truncatingIfNeeded: plane[$0 * size + i])) })
                            out[i * channels + channel] = Sample(
                                truncatingIfNeeded: rounded(level, upTo: largest))
                        }
                    }
                }
            }
        }
    }

    /// Pixels of which some neighbours are outside the picture.
    private func edge<Places: PixelPlaces, Sample: FixedWidthInteger & UnsignedInteger, Taps: WarpTaps>(
        _ pixels: Range<Int>, _ line: WarpLine, _ base: UnsafePointer<Sample>, _ places: Places,
        _: Taps.Type, _ block: Block<Sample>, _ target: UnsafeMutablePointer<Sample>
    ) {
        let channels = outputShape.format.channelCount
        withUnsafeTemporaryAllocation(of: Float.self, capacity: Taps.weightCount) { memory in
            let weights = memory.baseAddress.unsafelyUnwrapped
            for x in pixels {
                let (column, row) = (line.column(Int32(x)), line.row(Int32(x)))
                let (wholeColumn, wholeRow) = (column.rounded(.down), row.rounded(.down))
                Taps.weigh(column - wholeColumn, row - wholeRow) { weights[$0] = $1 }
                for channel in 0..<channels {
                    let level = Taps.interpolated(
                        weight: { weights[$0] },
                        tap: { tap in
                            let offset = Taps.offset(tap)
                            let (x, y) = (Int(wholeColumn) + offset.x, Int(wholeRow) + offset.y)
                            guard x >= 0, x < warp.pictureWidth, y >= 0, y < warp.pictureHeight else {
                                return block.fill[channel]
                            }
                            return Float(Int32(truncatingIfNeeded: base[places(x, y) + channel]))
                        })
                    target[x * channels + channel] = Sample(
                        truncatingIfNeeded: rounded(level, upTo: Float(Sample.max)))
                }
            }
        }
    }
}

/// The neighbours of a place, and what is made of them, in the order of operations in which OpenCV 5 computes it.
private protocol WarpTaps {
    static var count: Int { get }
    static var weightCount: Int { get }
    /// From the pixel that the place is in, row by row.
    static func offset(_ tap: Int) -> (x: Int, y: Int)
    /// Gives the weights of a place that is `right` and `down` beyond its pixel, each with its number.
    static func weigh(_ right: Float, _ down: Float, _ store: (Int, Float) -> Void)
    /// The level between the neighbours.
    static func interpolated(weight: (Int) -> Float, tap: (Int) -> Float) -> Float
}

private enum LinearTaps: WarpTaps {
    static var count: Int { 4 }
    static var weightCount: Int { 2 }

    @inline(__always)
    static func offset(_ tap: Int) -> (x: Int, y: Int) { (tap & 1, tap >> 1) }

    @inline(__always)
    static func weigh(_ right: Float, _ down: Float, _ store: (Int, Float) -> Void) {
        store(0, right)
        store(1, down)
    }

    @inline(__always)
    static func interpolated(weight: (Int) -> Float, tap: (Int) -> Float) -> Float {
        let (first, third) = (tap(0), tap(2))
        let upper = fused(weight(0), tap(1) - first, first)
        let lower = fused(weight(0), tap(3) - third, third)
        return fused(weight(1), lower - upper, upper)
    }
}

/// Weights of the columns, then of the rows.
private enum CubicTaps: WarpTaps {
    static var count: Int { 16 }
    static var weightCount: Int { 8 }

    @inline(__always)
    static func offset(_ tap: Int) -> (x: Int, y: Int) { ((tap & 3) - 1, (tap >> 2) - 1) }

    @inline(__always)
    static func weigh(_ right: Float, _ down: Float, _ store: (Int, Float) -> Void) {
        let (across, along) = (cubicWeights(right), cubicWeights(down))
        store(0, across.0)
        store(1, across.1)
        store(2, across.2)
        store(3, across.3)
        store(4, along.0)
        store(5, along.1)
        store(6, along.2)
        store(7, along.3)
    }

    @inline(__always)
    static func interpolated(weight: (Int) -> Float, tap: (Int) -> Float) -> Float {
        @inline(__always) func row(_ row: Int) -> Float {
            let two = fused(weight(1), tap(4 * row + 1), weight(0) * tap(4 * row))
            return fused(weight(3), tap(4 * row + 3), fused(weight(2), tap(4 * row + 2), two))
        }
        let two = fused(weight(5), row(1), weight(4) * row(0))
        return fused(weight(7), row(3), fused(weight(6), row(2), two))
    }
}
