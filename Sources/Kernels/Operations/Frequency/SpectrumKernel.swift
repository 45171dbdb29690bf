import Pipelines

/// Multiplies the spectrum of each channel by a real gain that depends on the frequency.
///
/// The two-dimensional transform is made row by row and then column by column; between the two the ranks exchange blocks, so
/// that who had rows has columns, and back again:
///
///     rows of samples -> transform rows | exchange | transform columns, times gain, transform back | exchange | rows back
///
/// Whichever rank transforms a row or column, it takes the same numbers in the same order: the result does not depend on the ranks.
/// An image that is continued as a mirror does has a period of twice its width and height, whose transform is the cosine
/// transform of the image: `MirrorOrder` says how it is made of transforms of the image's own size.
///
/// Only half of each row's spectrum is kept, since that of real numbers mirrors itself. Samples of 8 bits are transformed in
/// single precision, those of 16 bits in double: the error is far below a level.
struct SpectrumKernel: CollectiveKernel {
    let outputShape: ImageShape
    let filter: ButterworthFilter

    func apply(_ input: RowsView, to output: MutableRowsView, with ranks: some CollectiveRanks) {
        switch outputShape.format.depth {
        case .eight: apply(input, to: output, ranks, SIMD8<Float>.self, UInt8.self)
        case .sixteen: apply(input, to: output, ranks, SIMD4<Double>.self, UInt16.self)
        }
    }

    private func apply<Lanes: FourierLanes, Sample: FixedWidthInteger & UnsignedInteger>(
        _ input: RowsView, to output: MutableRowsView, _ ranks: any CollectiveRanks, _: Lanes.Type, _: Sample.Type
    ) {
        let rows = SpectrumRows<Lanes, Sample>(
            outputShape, ranks.rows(of: ranks.rank, height: outputShape.height), isMirrored: filter.isMirrored)
        let columns = SpectrumColumns<Lanes>(outputShape, filter, scale: 1 / (rows.scale * Double(outputShape.height)))
        let exchange = SpectrumExchange<Lanes>(outputShape, ranks)
        defer {
            rows.deallocate()
            columns.deallocate()
            exchange.deallocate()
        }
        for channel in 0..<outputShape.format.colorChannelCount {
            rows.transform(input, channel, to: exchange.spectrum)
            exchange.toColumns()
            for (index, block) in exchange.blocks.enumerated() {
                columns.filter(block, exchange.spectrum + index * outputShape.height)
            }
            exchange.toRows()
            rows.restore(exchange.spectrum, to: output, channel)
        }
        guard outputShape.format.layout.hasAlpha else { return }
        for y in output.rows {
            let (from, to) = (input.row(y, as: Sample.self), output.row(y, as: Sample.self))
            copyAlpha(from: from, to: to, width: outputShape.width, channels: outputShape.format.channelCount)
        }
    }
}
