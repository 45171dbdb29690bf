import Pipelines

/// Repeats or drops pixels and rows.
struct NearestKernel: RowKernel {
    let outputShape: ImageShape
    let columns: ResizeAxis
    let rows: ResizeAxis

    func apply(_ input: RowsView, to output: MutableRowsView) {
        let places = (0..<outputShape.width).map { Int32(columns.nearest($0)) }
        let roomy = 0..<(places.firstIndex(of: Int32(columns.inputCount - 1)) ?? places.count)
        var previous = -1
        for y in output.rows {
            let row = rows.nearest(y)
            // Samples of every depth are moved as bytes.
            let target: UnsafeMutablePointer<UInt8> = output.row(y)
            if row == previous {
                target.update(from: output.row(y - 1, as: UInt8.self), count: outputShape.bytesPerRow)
            } else {
                let source = UnsafeRawPointer(input.row(row, as: UInt8.self))
                places.withUnsafeBufferPointer { places in
                    movePixels(places.count, size: outputShape.format.bytesPerPixel, roomy: roomy, to: target) {
                        source + Int(places[$0]) * $1
                    }
                }
            }
            previous = row
        }
    }
}
