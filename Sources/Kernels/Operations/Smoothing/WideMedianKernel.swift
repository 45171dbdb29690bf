import Pipelines

/// The median of a square window of 16-bit samples: one histogram at two resolutions slides along each row.
///
/// Source: T. Huang, G. Yang and G. Tang, A fast two-dimensional median filtering algorithm, IEEE Transactions on Acoustics,
/// Speech and Signal Processing 27 (1979).
struct WideMedianKernel: RowKernel {
    let outputShape: ImageShape
    let size: Int

    func apply(_ input: RowsView, to output: MutableRowsView) {
        let format = outputShape.format
        let channels = format.channelCount
        let radius = size / 2
        let fine = UnsafeMutablePointer<UInt16>.allocate(capacity: 65536)
        let coarse = UnsafeMutablePointer<UInt16>.allocate(capacity: 256)
        fine.initialize(repeating: 0, count: 65536)
        coarse.initialize(repeating: 0, count: 256)
        var ring = RowRing<UInt16>(input, radius: radius, border: .replicate, first: output.rows.lowerBound)
        defer {
            fine.deallocate()
            coarse.deallocate()
            ring.deallocate()
        }
        let half = UInt16(size * size / 2)
        for y in output.rows {
            ring.move(to: y)
            let rows = (-radius...radius).map { ring.padded($0) }
            let target: UnsafeMutablePointer<UInt16> = output.row(y)
            for channel in 0..<format.colorChannelCount {
                // Samples in the coarse bins below `bin`.
                var below: UInt16 = 0
                var bin = 0
                func count(_ x: Int, _ change: UInt16) {
                    for row in rows {
                        let level = Int(row[x * channels + channel])
                        fine[level] &+= change
                        coarse[level >> 8] &+= change
                        if level >> 8 < bin { below &+= change }
                    }
                }
                for x in 0..<2 * radius { count(x, 1) }
                for x in 0..<outputShape.width {
                    count(x + 2 * radius, 1)
                    while below > half {
                        bin -= 1
                        below &-= coarse[bin]
                    }
                    while below &+ coarse[bin] <= half {
                        below &+= coarse[bin]
                        bin += 1
                    }
                    var level = bin << 8
                    var rank = below
                    while rank &+ fine[level] <= half {
                        rank &+= fine[level]
                        level += 1
                    }
                    target[x * channels + channel] = UInt16(truncatingIfNeeded: level)
                    count(x, UInt16.max)
                }
                for x in outputShape.width..<outputShape.width + 2 * radius { count(x, UInt16.max) }
            }
            if format.layout.hasAlpha {
                copyAlpha(from: ring.row(0), to: target, width: outputShape.width, channels: channels)
            }
        }
    }
}
