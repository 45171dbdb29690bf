import Pipelines

extension Framing: RowKernelProviding {
    func kernel(for step: RowStep) -> any RowKernel {
        FramingKernel(input: step.input, outputShape: step.output, top: top, left: left, color: color)
    }
}

/// Copies each row into a row of one colour.
private struct FramingKernel: RowKernel {
    let input: ImageShape
    let outputShape: ImageShape
    let top: Int
    let left: Int
    let color: PaintColor

    func apply(_ input: RowsView, to output: MutableRowsView) {
        let border = ColorRow(color.samples(of: outputShape.format), outputShape)
        defer { border.deallocate() }
        // Samples of every depth are copied as bytes.
        let skipped = left * outputShape.format.bytesPerPixel
        let (before, after) = (skipped + self.input.bytesPerRow, outputShape.bytesPerRow)
        for y in output.rows {
            let target: UnsafeMutablePointer<UInt8> = output.row(y)
            guard (0..<self.input.height).contains(y - top) else {
                target.update(from: border.bytes, count: after)
                continue
            }
            target.update(from: border.bytes, count: skipped)
            (target + skipped).update(from: input.row(y - top), count: self.input.bytesPerRow)
            (target + before).update(from: border.bytes + before, count: after - before)
        }
    }
}

/// A row of one colour. Owns its memory: call `deallocate()`.
struct ColorRow {
    let bytes: UnsafePointer<UInt8>

    /// - Parameter levels: of a pixel's samples.
    init(_ levels: [Int], _ shape: ImageShape) {
        let memory = UnsafeMutablePointer<UInt8>.allocate(capacity: shape.bytesPerRow)
        for x in 0..<shape.width {
            for (channel, level) in levels.enumerated() {
                let index = x * levels.count + channel
                switch shape.format.depth {
                case .eight: memory[index] = UInt8(level)
                case .sixteen:
                    // In the order of bytes in memory, which is the machine's.
                    UnsafeMutableRawPointer(memory).storeBytes(
                        of: UInt16(level), toByteOffset: 2 * index, as: UInt16.self)
                }
            }
        }
        bytes = UnsafePointer(memory)
    }

    func deallocate() { bytes.deallocate() }
}
