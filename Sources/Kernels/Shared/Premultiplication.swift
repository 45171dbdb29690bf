import Pipelines

extension Premultiplication: RowKernelProviding {
    func kernel(for step: RowStep) -> any RowKernel {
        PremultiplyingKernel(depth: step.input.format.depth, outputShape: step.output)
    }
}

extension Unpremultiplication: RowKernelProviding {
    func kernel(for step: RowStep) -> any RowKernel { UnpremultiplyingKernel(outputShape: step.output) }
}

/// Multiplies colours by alpha: from 8 or 16 bits to 16, in whole numbers, halves up.
private struct PremultiplyingKernel: RowKernel {
    /// The depth of the input.
    let depth: SampleDepth
    let outputShape: ImageShape

    func apply(_ input: RowsView, to output: MutableRowsView) {
        for y in output.rows {
            switch (depth, outputShape.format.channelCount) {
            case (.eight, 2): multiply(input.row(y, as: UInt8.self), into: output.row(y), 2) { bytes($0, $1) }
            case (.eight, _): multiply(input.row(y, as: UInt8.self), into: output.row(y), 4) { bytes($0, $1) }
            case (.sixteen, 2): multiply(input.row(y, as: UInt16.self), into: output.row(y), 2) { words($0, $1) }
            case (.sixteen, _): multiply(input.row(y, as: UInt16.self), into: output.row(y), 4) { words($0, $1) }
            }
        }
    }

    @inline(__always)
    private func multiply<Sample: FixedWidthInteger & UnsignedInteger>(
        _ source: UnsafePointer<Sample>, into target: UnsafeMutablePointer<UInt16>, _ channels: Int,
        _ product: (UInt32, UInt32) -> UInt16
    ) {
        for x in 0..<outputShape.width {
            let alpha = UInt32(source[x * channels + channels - 1])
            for channel in 0..<channels - 1 {
                target[x * channels + channel] = product(UInt32(source[x * channels + channel]), alpha)
            }
            target[x * channels + channels - 1] =
                Sample.bitWidth == 8 ? UInt16(truncatingIfNeeded: alpha * 257) : UInt16(truncatingIfNeeded: alpha)
        }
    }

    /// The product of two levels of 8 bits, as a level of 16: 65535 / 255^2 is 257 / 255.
    @inline(__always) private func bytes(_ level: UInt32, _ alpha: UInt32) -> UInt16 {
        UInt16(truncatingIfNeeded: (level * alpha * 257 + 127) / 255)
    }

    /// The product is at most 65535^2, and less than 2^32 with the half.
    @inline(__always) private func words(_ level: UInt32, _ alpha: UInt32) -> UInt16 {
        UInt16(truncatingIfNeeded: (level * alpha + 32767) / 65535)
    }
}

/// Divides colours of 16 bits by alpha, and rounds to the result's depth, halves up.
///
/// The division is in double precision: what it rounds is less than 10^-11, and a quotient that is not half a level away from a
/// whole one is further from that than 10^-6. Kernels may leave a colour above its alpha; it becomes the largest level.
private struct UnpremultiplyingKernel: RowKernel {
    let outputShape: ImageShape

    func apply(_ input: RowsView, to output: MutableRowsView) {
        for y in output.rows {
            switch (outputShape.format.depth, outputShape.format.channelCount) {
            case (.eight, 2): divide(input.row(y), into: output.row(y, as: UInt8.self), 2)
            case (.eight, _): divide(input.row(y), into: output.row(y, as: UInt8.self), 4)
            case (.sixteen, 2): divide(input.row(y), into: output.row(y, as: UInt16.self), 2)
            case (.sixteen, _): divide(input.row(y), into: output.row(y, as: UInt16.self), 4)
            }
        }
    }

    @inline(__always)
    private func divide<Sample: FixedWidthInteger & UnsignedInteger>(
        _ source: UnsafePointer<UInt16>, into target: UnsafeMutablePointer<Sample>, _ channels: Int
    ) {
        let largest = Double(Sample.max)
        for x in 0..<outputShape.width {
            let alpha = Int32(source[x * channels + channels - 1])
            // Colours of what is not there are 0 already, or overshoot of a kernel with negative weights.
            let divisor = Double(max(alpha, 1))
            let factor = alpha > 0 ? largest : 0
            for channel in 0..<channels - 1 {
                let quotient = Double(Int32(source[x * channels + channel])) * factor / divisor
                let level = (quotient < largest ? quotient : largest) + 0.5
                target[x * channels + channel] = Sample(truncatingIfNeeded: Int32(level))
            }
            target[x * channels + channels - 1] = Sample(
                truncatingIfNeeded: Sample.bitWidth == 8 ? (alpha + 128) / 257 : alpha)
        }
    }
}
