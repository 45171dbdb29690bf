import Pipelines

extension AffineWarp: RowKernelProviding {
    func kernel(for step: RowStep) -> any RowKernel {
        AffineWarpKernel(warp: self, stored: step.input, outputShape: step.output)
    }
}

/// Interpolates between the pixels around each output pixel's place.
///
/// In each row, pixels whose neighbours are all within the picture are computed in blocks: places, neighbours fetched one by one,
/// and the interpolation as vectors; cubic ones in squares, by `CubicWindow`, where these need few of the picture's pixels. Those at
/// the picture's edge are computed singly; the others are of one colour.
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
        let channels = outputShape.format.channelCount
        let planes = Taps.count * channels * Self.blockSize
        withUnsafeTemporaryAllocation(of: Sample.self, capacity: planes) { planes in
            fill.withUnsafeBufferPointer { fill in
                let block = Block<Sample>(
                    planes: planes.baseAddress.unsafelyUnwrapped, fill: fill.baseAddress.unsafelyUnwrapped)
                CubicWindow.with(channels: channels) { window in
                    for top in stride(from: output.rows.lowerBound, to: output.rows.upperBound, by: CubicWindow.side) {
                        let rows = (top..<min(top + CubicWindow.side, output.rows.upperBound)).map { y in
                            row(y, output, border, base, places, Taps.self, block)
                        }
                        // The number of channels as a constant.
                        switch outputShape.format.layout {
                        case .gray: inner(rows, 1, input, base, places, Taps.self, block, &window)
                        case .grayAlpha: inner(rows, 2, input, base, places, Taps.self, block, &window)
                        case .rgb: inner(rows, 3, input, base, places, Taps.self, block, &window)
                        case .rgba: inner(rows, 4, input, base, places, Taps.self, block, &window)
                        }
                    }
                }
            }
        }
    }

    /// Computes what is at the edge of the picture and beside it.
    ///
    /// - Returns: what is left, pixels of which all neighbours are within the picture.
    private func row<Places: PixelPlaces, Sample: FixedWidthInteger & UnsignedInteger, Taps: WarpTaps>(
        _ y: Int, _ output: MutableRowsView, _ border: ColorRow, _ base: UnsafePointer<Sample>, _ places: Places,
        _: Taps.Type, _ block: Block<Sample>
    ) -> InnerPixels<Sample> {
        let line = WarpLine(warp.map, row: y)
        let (before, behind) = (warp.interpolation.reach.before, warp.interpolation.reach.behind)
        let touched = line.pixels(
            of: outputShape.width, columns: -behind..<warp.pictureWidth + before,
            rows: -behind..<warp.pictureHeight + before)
        let inner = line.pixels(
            of: outputShape.width, columns: before..<max(before, warp.pictureWidth - behind),
            rows: before..<max(before, warp.pictureHeight - behind)
        ).clamped(to: touched)
        let bytes: UnsafeMutablePointer<UInt8> = output.row(y)
        let pixel = outputShape.format.bytesPerPixel
        bytes.update(from: border.bytes, count: touched.lowerBound * pixel)
        let end = touched.upperBound * pixel
        (bytes + end).update(from: border.bytes + end, count: outputShape.bytesPerRow - end)
        let target: UnsafeMutablePointer<Sample> = output.row(y)
        edge(touched.lowerBound..<inner.lowerBound, line, base, places, Taps.self, block, target)
        edge(inner.upperBound..<touched.upperBound, line, base, places, Taps.self, block, target)
        return InnerPixels(line: line, pixels: inner, target: target)
    }

    /// Computes pixels of a few rows of which all neighbours are within the picture: the cubic way in small squares, if the picture's
    /// part that such a square needs is small, too.
    @inline(__always)
    private func inner<Places: PixelPlaces, Sample: FixedWidthInteger & UnsignedInteger, Taps: WarpTaps>(
        _ rows: [InnerPixels<Sample>], _ channels: Int, _ input: RowsView, _ base: UnsafePointer<Sample>,
        _ places: Places, _: Taps.Type, _ block: Block<Sample>, _ window: inout CubicWindow
    ) {
        let rows = rows.filter { !$0.pixels.isEmpty }
        guard let first = rows.map(\.pixels.lowerBound).min(), let end = rows.map(\.pixels.upperBound).max() else {
            return
        }
        guard Taps.self == CubicTaps.self else {
            for row in rows { inner(row.pixels, channels, row.line, base, places, Taps.self, block, row.target) }
            return
        }
        for start in stride(from: first, to: end, by: CubicWindow.side) {
            let square = start..<start + CubicWindow.side
            if window.load(rows, square, of: input, places, channels: channels) {
                window.interpolate(rows, square, channels: channels)
            } else {
                for row in rows {
                    inner(
                        row.pixels.clamped(to: square), channels, row.line, base, places, Taps.self, block, row.target)
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
