/// Repeats or drops pixels and rows.
struct NearestKernel: RowKernel {
    let outputShape: ImageShape
    let columns: ResizeAxis
    let rows: ResizeAxis

    func inputRows(for wanted: Range<Int>) -> Range<Int> {
        rows.nearest(wanted.lowerBound)..<rows.nearest(wanted.upperBound - 1) + 1
    }

    func apply(_ input: Band, to output: MutableBand) {
        let places = (0..<outputShape.width).map { Int32(columns.nearest($0)) }
        var previous = -1
        for y in output.rows {
            let row = rows.nearest(y)
            let target: UnsafeMutablePointer<UInt8> = output.row(y)
            if row == previous {
                target.update(from: output.row(y - 1, as: UInt8.self), count: outputShape.bytesPerRow)
            } else {
                pick(places, from: input.row(row), to: target)
            }
            previous = row
        }
    }

    /// Copies the pixels at `places`; samples of every depth are copied as bytes.
    private func pick(
        _ places: [Int32], from source: UnsafePointer<UInt8>, to target: UnsafeMutablePointer<UInt8>
    ) {
        switch outputShape.format.bytesPerPixel {
        case 1: pick(places, source, target, 1)
        case 2: pick(places, source, target, 2)
        case 3: pick(places, source, target, 3)
        case 4: pick(places, source, target, 4)
        case 6: pick(places, source, target, 6)
        default: pick(places, source, target, 8)
        }
    }

    /// `size` is a constant where this is inlined.
    @inline(__always)
    private func pick(
        _ places: [Int32], _ source: UnsafePointer<UInt8>, _ target: UnsafeMutablePointer<UInt8>, _ size: Int
    ) {
        places.withUnsafeBufferPointer { places in
            for x in places.indices {
                let (from, to) = (source + Int(places[x]) * size, target + x * size)
                for byte in 0..<size { to[byte] = from[byte] }
            }
        }
    }
}
