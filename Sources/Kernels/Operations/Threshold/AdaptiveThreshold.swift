import Pipelines

extension GaussianMean: RowKernelProviding {
    func kernel(for step: RowStep) -> any RowKernel {
        GaussianMeanKernel(outputShape: step.output, taps: GaussianMeanKernel.taps(size: size))
    }
}

extension AboveMean: LevelPairing {
    @inline(__always) func callAsFunction(_ level: Int32, _ mean: Int32) -> Int32 {
        level > mean - offset ? maximum : 0
    }
}

/// The mean of a window weighted by a Gaussian, in double precision, rounded to nearest, ties to even.
struct GaussianMeanKernel: RowKernel {
    let outputShape: ImageShape
    /// An odd number of weights, symmetric, that sum to 1.
    let taps: [Double]

    /// The weights that OpenCV's `getGaussianKernel` gives a window when no deviation is named: fixed ones up to a side of
    /// 9, else a Gaussian of deviation 0.3 ((size - 1) / 2 - 1) + 0.8.
    static func taps(size: Int) -> [Double] {
        switch size {
        case 3: return [1, 2, 1].map { $0 / 4 }
        case 5: return [1, 4, 6, 4, 1].map { $0 / 16 }
        case 7: return [2, 7, 14, 18, 14, 7, 2].map { $0 / 64 }
        case 9: return [4, 13, 30, 51, 60, 51, 30, 13, 4].map { $0 / 256 }
        default:
            let sigma = 0.3 * (Double(size - 1) / 2 - 1) + 0.8
            let weights = (0..<size).map { index in
                let distance = Double(index - size / 2)
                return exponential(-distance * distance / (2 * sigma * sigma))
            }
            let total = weights.reduce(0, +)
            return weights.map { $0 / total }
        }
    }

    func apply(_ input: RowsView, to output: MutableRowsView) {
        switch outputShape.format.depth {
        case .eight: blur(input, output, UInt8.self)
        case .sixteen: blur(input, output, UInt16.self)
        }
    }

    private func blur<Sample: FixedWidthInteger & UnsignedInteger>(
        _ input: RowsView, _ output: MutableRowsView, _: Sample.Type
    ) {
        let radius = taps.count / 2
        let (channels, count) = (outputShape.format.channelCount, outputShape.samplesPerRow)
        let largest = Double(outputShape.format.depth.maximum)
        var ring = RowRing<Sample>(input, radius: radius, border: .replicate, first: output.rows.lowerBound)
        let columns = UnsafeMutablePointer<Double>.allocate(capacity: ring.stride)
        let sums = UnsafeMutablePointer<Double>.allocate(capacity: count)
        defer {
            ring.deallocate()
            columns.deallocate()
            sums.deallocate()
        }
        for y in output.rows {
            ring.move(to: y)
            let center = ring.padded(0)
            for i in 0..<ring.stride { columns[i] = taps[radius] * Double(Int32(truncatingIfNeeded: center[i])) }
            for distance in stride(from: 1, through: radius, by: 1) {
                let (tap, above, below) = (taps[radius + distance], ring.padded(-distance), ring.padded(distance))
                for i in 0..<ring.stride {
                    columns[i] +=
                        tap * Double(Int32(truncatingIfNeeded: above[i]) &+ Int32(truncatingIfNeeded: below[i]))
                }
            }
            let middle = columns + radius * channels
            for i in 0..<count { sums[i] = taps[radius] * middle[i] }
            for distance in stride(from: 1, through: radius, by: 1) {
                let tap = taps[radius + distance]
                let (left, right) = (middle - distance * channels, middle + distance * channels)
                for i in 0..<count { sums[i] += tap * (left[i] + right[i]) }
            }
            let target: UnsafeMutablePointer<Sample> = output.row(y)
            for i in 0..<count { target[i] = Sample(truncatingIfNeeded: rounded(sums[i], upTo: largest)) }
            if outputShape.format.layout.hasAlpha {
                copyAlpha(from: input.row(y), to: target, width: outputShape.width, channels: channels)
            }
        }
    }
}
