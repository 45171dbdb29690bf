/// A row kernel whose every output row depends on the whole image, and which the ranks of a world compute together: each
/// has its rows of the input and of the output, and during the computation they exchange what they have made so far.
///
/// As a plain row kernel it says the truth too, that every row needs all of them; so it may be applied by one rank alone.
/// The result is the same bits, for any number of ranks.
///
/// In a plan it is a stage of its own with one chunk, the whole image.
public protocol CollectiveKernel: RowKernel {
    /// Computes `output.rows` from the same rows of `input`, together with the other ranks, which call it too. In rank order
    /// the rows of all cover the image; a rank may have none.
    func apply(_ input: RowsView, to output: MutableRowsView, with ranks: some CollectiveRanks)
}

/// How ranks that compute together exchange data. Collective.
public protocol CollectiveRanks {
    /// This rank's number, from 0.
    var rank: Int { get }
    var size: Int { get }
    /// The rows of an image of that height which `rank` has.
    func rows(of rank: Int, height: Int) -> Range<Int>

    /// Sends `outgoing[k]` to rank k for every k but this rank's own, and receives `incoming[k]` from it: as many bytes as that
    /// rank sends. Empty blocks are not sent.
    func exchange(_ outgoing: [UnsafeRawBufferPointer], _ incoming: [UnsafeMutableRawBufferPointer])
}

/// One rank that has all rows.
struct SoleRank: CollectiveRanks {
    var rank: Int { 0 }
    var size: Int { 1 }
    func rows(of rank: Int, height: Int) -> Range<Int> { 0..<height }
    func exchange(_ outgoing: [UnsafeRawBufferPointer], _ incoming: [UnsafeMutableRawBufferPointer]) {}
}

extension CollectiveKernel {
    public func apply(_ input: RowsView, to output: MutableRowsView) {
        let whole = RowBuffer(shape: outputShape, rows: 0..<outputShape.height)
        apply(input, to: whole.mutableView, with: SoleRank())
        withExtendedLifetime(whole) {
            for y in output.rows {
                let (from, to) = (whole.view.row(y, as: UInt8.self), output.row(y, as: UInt8.self))
                to.update(from: from, count: outputShape.bytesPerRow)
            }
        }
    }
}
