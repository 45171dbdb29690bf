import Pipelines

/// A small part of a picture in single precision, each channel for itself, column by column: neighbours in a column are next to
/// each other in memory, whatever way the picture is stored.
///
///     stored row by row         window
///     a b c                     a d g      b e h      c f i
///     d e f          ---->
///     g h i
struct PictureWindow {
    /// Room for the samples of the channels, one channel after the other.
    private let memory: UnsafeMutablePointer<Float>
    /// Samples of a channel that there is room for.
    private let capacity: Int
    /// Where the sample of each stored column in stored row 0 would be.
    private let origins: UnsafeMutablePointer<Int32>
    private(set) var columns = 0..<0
    private(set) var rows = 0..<0

    /// - Parameters:
    ///   - memory: room for `capacity` samples for each channel.
    ///   - origins: room for `capacity`.
    init(_ memory: UnsafeMutablePointer<Float>, capacity: Int, origins: UnsafeMutablePointer<Int32>) {
        self.memory = memory
        self.capacity = capacity
        self.origins = origins
    }

    /// From a sample to its right neighbour.
    var columnStride: Int { rows.count }

    func channel(_ channel: Int) -> UnsafePointer<Float> { UnsafePointer(memory + channel * capacity) }

    /// Whether a part of the picture fits.
    func hasRoom(for columns: Range<Int>, _ rows: Range<Int>) -> Bool { columns.count * rows.count <= capacity }

    /// Takes a part of the picture in, as far as its stored rows are among those of `input`; the rest stays what it is.
    @inline(never)
    mutating func load<Places: PixelPlaces, Sample: FixedWidthInteger & UnsignedInteger>(
        columns: Range<Int>, rows: Range<Int>, of input: RowsView, _ places: Places, channels: Int, _: Sample.Type
    ) {
        (self.columns, self.rows) = (columns, rows)
        // Stored columns, and the samples of each, which are one below the other.
        let (across, along) = places.isTransposed ? (rows, columns) : (columns, rows)
        let (acrossStride, alongStride) = places.isTransposed ? (1, rows.count) : (rows.count, 1)
        let (memory, origins, count) = (memory, origins, across.count)
        for column in 0..<count {
            let first = places.shift(across.lowerBound + column) + along.lowerBound
            origins[column] = Int32(truncatingIfNeeded: column * acrossStride - first * alongStride)
        }
        let (first, last) = (places.shift(across.lowerBound), places.shift(across.upperBound - 1))
        let stored = along.lowerBound + min(first, last)..<along.upperBound + max(first, last)
        for y in stored.clamped(to: input.rows) {
            let present = present(y, across, along, places)
            let row = input.row(y, as: Sample.self) + across.lowerBound * channels
            for channel in 0..<channels {
                let (source, target) = (row + channel, memory + channel * capacity + y * alongStride)
                for column in present {
                    target[Int(origins[column])] = Float(Int32(truncatingIfNeeded: source[column * channels]))
                }
            }
        }
    }

    /// The stored columns, counted from the first of `across`, of which a stored row has a sample that is in `along`. They are next
    /// to each other, as shifts rise or fall.
    @inline(__always)
    private func present<Places: PixelPlaces>(
        _ y: Int, _ across: Range<Int>, _ along: Range<Int>, _ places: Places
    ) -> Range<Int> {
        var (start, end) = (0, across.count)
        func isPresent(_ column: Int) -> Bool { along.contains(y - places.shift(across.lowerBound + column)) }
        while start < end, !isPresent(start) { start += 1 }
        while start < end, !isPresent(end - 1) { end -= 1 }
        return start..<end
    }
}
