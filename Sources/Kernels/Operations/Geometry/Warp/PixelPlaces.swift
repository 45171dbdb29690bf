import Pipelines

/// Where the pixels of a picture are in memory, however it is stored.
protocol PixelPlaces {
    /// The index of the first sample of the picture's pixel (x, y), from the first row that is present.
    func callAsFunction(_ x: Int, _ y: Int) -> Int
}

/// A picture that is stored row by row, or column by column.
struct GridPlaces: PixelPlaces {
    let origin: Int
    let columnStride: Int
    let rowStride: Int

    /// - Parameter first: the first stored row that is present.
    init(_ stored: ImageShape, isTransposed: Bool, first: Int) {
        let (pixel, row) = (stored.format.channelCount, stored.samplesPerRow)
        origin = -first * row
        (columnStride, rowStride) = isTransposed ? (row, pixel) : (pixel, row)
    }

    @inline(__always)
    func callAsFunction(_ x: Int, _ y: Int) -> Int { origin + x * columnStride + y * rowStride }
}

/// A picture whose stored columns were moved down.
///
/// Owns memory: call `deallocate()`.
struct ShearedPlaces: PixelPlaces {
    private let isTransposed: Bool
    private let rowStride: Int
    /// The index of the topmost pixel of each stored column.
    private let columns: UnsafeMutablePointer<Int>

    /// - Parameters:
    ///   - first: the first stored row that is present.
    ///   - count: stored columns.
    init(_ stored: ImageShape, _ shear: Shear, isTransposed: Bool, first: Int, count: Int) {
        self.isTransposed = isTransposed
        rowStride = stored.samplesPerRow
        columns = .allocate(capacity: count)
        for column in 0..<count {
            columns[column] = (shear.shift(column) - first) * rowStride + column * stored.format.channelCount
        }
    }

    func deallocate() { columns.deallocate() }

    @inline(__always)
    func callAsFunction(_ x: Int, _ y: Int) -> Int {
        isTransposed ? columns[y] + x * rowStride : columns[x] + y * rowStride
    }
}
