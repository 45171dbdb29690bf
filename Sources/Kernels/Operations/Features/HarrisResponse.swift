import Pipelines

extension ResponseLayout {
    /// Rows begin at multiples of 8 bytes: see `RowsView`.
    func responses(_ band: RowsView, _ y: Int) -> UnsafePointer<Float> {
        UnsafeRawPointer(band.row(y, as: UInt8.self)).assumingMemoryBound(to: Float.self)
    }

    func responses(_ band: MutableRowsView, _ y: Int) -> UnsafeMutablePointer<Float> {
        UnsafeMutableRawPointer(band.row(y, as: UInt8.self)).assumingMemoryBound(to: Float.self)
    }

    func imageRow(_ band: RowsView, _ y: Int) -> UnsafeRawPointer {
        UnsafeRawPointer(band.row(y, as: UInt8.self)) + imageOffset
    }

    /// Copies the image's row, and clears what fills it up: equal rows are equal bytes.
    func setImageRow(_ row: UnsafeRawPointer, of band: MutableRowsView, _ y: Int) {
        let target = UnsafeMutableRawPointer(band.row(y, as: UInt8.self)) + imageOffset
        target.copyMemory(from: row, byteCount: image.bytesPerRow)
        let used = imageOffset + image.bytesPerRow
        (target + image.bytesPerRow).initializeMemory(as: UInt8.self, repeating: 0, count: shape.width - used)
    }
}

/// Harris' response of the grayscale image: with the sums a, b, c of dx^2, dx dy, dy^2 over a window,
/// `(a c - b^2) - k (a + c)^2`, scaled as OpenCV's `cornerHarris` does. The sums are exact.
struct HarrisResponseKernel: RowKernel {
    let layout: ResponseLayout
    let block: Int
    let aperture: Int
    let k: Double

    init(input: ImageShape, block: Int, aperture: Int, k: Double) {
        layout = ResponseLayout(image: input)
        self.block = block
        self.aperture = aperture
        self.k = k
    }

    var outputShape: ImageShape { layout.shape }

    /// Output rows that are computed at a time: their gradients are kept.
    private static let blockRows = 32

    func apply(_ input: RowsView, to output: MutableRowsView) {
        for first in stride(from: output.rows.lowerBound, to: output.rows.upperBound, by: Self.blockRows) {
            respond(input, output, first..<min(first + Self.blockRows, output.rows.upperBound))
        }
    }

    private func respond(_ input: RowsView, _ output: MutableRowsView, _ rows: Range<Int>) {
        let width = layout.image.width
        let gradients = GradientProducts(
            input, rows: widened(rows, by: block / 2, in: layout.image), aperture)
        defer { gradients.deallocate() }
        let sums = UnsafeMutablePointer<Int64>.allocate(capacity: 3 * (width + block))
        defer { sums.deallocate() }
        let scale = 1 / (Double(1 << (aperture - 1)) * Double(block) * Double(layout.image.format.depth.maximum))
        let factor = scale * scale * scale * scale
        let before = block / 2
        for y in rows {
            sums.update(repeating: 0, count: 3 * (width + block))
            for offset in 0..<block {
                let row = gradients.row(reflect101(y - before + offset, count: layout.image.height))
                for index in 0..<3 * width { sums[3 * before + index] &+= row[index] }
            }
            for x in -before..<0 { copy(sums, from: reflect101(x, count: width) + before, to: x + before) }
            for x in width..<width + block - before {
                copy(sums, from: reflect101(x, count: width) + before, to: x + before)
            }
            let responses = layout.responses(output, y)
            for x in 0..<width {
                var (a, b, c): (Int64, Int64, Int64) = (0, 0, 0)
                for place in 3 * x..<3 * (x + block) where (place - 3 * x) % 3 == 0 {
                    a &+= sums[place]
                    b &+= sums[place + 1]
                    c &+= sums[place + 2]
                }
                let (xx, xy, yy) = (Double(a), Double(b), Double(c))
                responses[x] = Float((xx * yy - xy * xy - k * (xx + yy) * (xx + yy)) * factor)
            }
            layout.setImageRow(UnsafeRawPointer(input.row(y, as: UInt8.self)), of: output, y)
        }
    }

    private func copy(_ sums: UnsafeMutablePointer<Int64>, from source: Int, to target: Int) {
        for index in 0..<3 { sums[3 * target + index] = sums[3 * source + index] }
    }
}

/// The rows around `range` within the image.
private func widened(_ range: Range<Int>, by radius: Int, in shape: ImageShape) -> Range<Int> {
    max(0, range.lowerBound - radius)..<min(shape.height, range.upperBound + radius)
}

/// dx^2, dx dy and dy^2 of each pixel of some rows; Sobel's derivatives of the grayscale image.
///
/// Owns memory: call `deallocate()`.
private struct GradientProducts {
    private let rows: Range<Int>
    private let stride: Int
    private let memory: UnsafeMutablePointer<Int64>

    init(_ input: RowsView, rows: Range<Int>, _ aperture: Int) {
        self.rows = rows
        stride = 3 * input.shape.width
        memory = .allocate(capacity: rows.count * stride)
        var gray = input.shape
        gray.format.layout = .gray
        let needed = widened(rows, by: aperture / 2, in: gray)
        let luma = RowBuffer(shape: gray, rows: needed)
        Self.copyLuma(input, to: luma.mutableView)
        withExtendedLifetime(luma) {
            switch gray.format.depth {
            case .eight: derive(luma.view, UInt8.self, aperture)
            case .sixteen: derive(luma.view, UInt16.self, aperture)
            }
        }
    }

    func deallocate() { memory.deallocate() }

    func row(_ y: Int) -> UnsafePointer<Int64> { UnsafePointer(memory + (y - rows.lowerBound) * stride) }

    private func derive<Sample: FixedWidthInteger & UnsignedInteger>(_ luma: RowsView, _: Sample.Type, _ aperture: Int)
    {
        let width = luma.shape.width
        var pair = SeparablePair<Sample, Int32>(
            luma, primary: DerivativeTaps.taps(order: 1, size: aperture),
            secondary: DerivativeTaps.taps(order: 0, size: aperture), border: .reflect101, first: rows.lowerBound)
        let (x, y) = (
            UnsafeMutablePointer<Int32>.allocate(capacity: width), UnsafeMutablePointer<Int32>.allocate(capacity: width)
        )
        defer {
            pair.deallocate()
            x.deallocate()
            y.deallocate()
        }
        for row in rows {
            pair.compute(row, x: x, y: y)
            let target = memory + (row - rows.lowerBound) * stride
            for index in 0..<width {
                let (dx, dy) = (Int64(x[index]), Int64(y[index]))
                (target[3 * index], target[3 * index + 1], target[3 * index + 2]) = (dx &* dx, dx &* dy, dy &* dy)
            }
        }
    }

    private static func copyLuma(_ input: RowsView, to gray: MutableRowsView) {
        func copy<Sample: FixedWidthInteger & UnsignedInteger>(_: Sample.Type) {
            let channels = input.shape.format.channelCount
            for y in gray.rows {
                let (source, target) = (input.row(y, as: Sample.self), gray.row(y, as: Sample.self))
                for x in 0..<gray.shape.width {
                    let pixel = source + x * channels
                    target[x] = input.shape.format.layout.isColor ? luma(pixel[0], pixel[1], pixel[2]) : pixel[0]
                }
            }
        }
        switch gray.shape.format.depth {
        case .eight: copy(UInt8.self)
        case .sixteen: copy(UInt16.self)
        }
    }
}

/// Keeps the responses that no neighbour's exceeds, and that are positive; the others become 0.
struct LocalMaximumKernel: RowKernel {
    let layout: ResponseLayout

    var outputShape: ImageShape { layout.shape }

    func apply(_ input: RowsView, to output: MutableRowsView) {
        let (width, height) = (layout.image.width, layout.image.height)
        for y in output.rows {
            let (above, own, below) = (
                layout.responses(input, max(0, y - 1)), layout.responses(input, y),
                layout.responses(input, min(height - 1, y + 1))
            )
            let target = layout.responses(output, y)
            for x in 0..<width {
                var largest: Float = 0
                for column in max(0, x - 1)...min(width - 1, x + 1) {
                    largest = max(largest, max(above[column], max(own[column], below[column])))
                }
                target[x] = own[x] == largest ? own[x] : 0
            }
            layout.setImageRow(layout.imageRow(input, y), of: output, y)
        }
    }
}
