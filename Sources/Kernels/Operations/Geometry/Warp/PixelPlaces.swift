import Pipelines

/// Where the pixels of a picture are in memory, however it is stored.
protocol PixelPlaces {
    /// The index of the first sample of the picture's pixel (x, y), from the first row that is present.
    func callAsFunction(_ x: Int, _ y: Int) -> Int
    /// Whether the picture's columns are stored as rows.
    var isTransposed: Bool { get }
    /// How far a stored column was moved down.
    func shift(_ column: Int) -> Int
}

/// A picture that is stored row by row, or column by column.
struct GridPlaces: PixelPlaces {
    let isTransposed: Bool
    private let origin: Int
    private let columnStride: Int
    private let rowStride: Int

    /// - Parameter first: the first stored row that is present.
    init(_ stored: ImageShape, isTransposed: Bool, first: Int) {
        self.isTransposed = isTransposed
        let (pixel, row) = (stored.format.channelCount, stored.samplesPerRow)
        origin = -first * row
        (columnStride, rowStride) = isTransposed ? (row, pixel) : (pixel, row)
    }

    @inline(__always)
    func callAsFunction(_ x: Int, _ y: Int) -> Int { origin + x * columnStride + y * rowStride }

    @inline(__always)
    func shift(_ column: Int) -> Int { 0 }
}

/// A picture whose stored columns were moved down.
///
/// Owns memory: call `deallocate()`.
struct ShearedPlaces: PixelPlaces {
    let isTransposed: Bool
    private let rowStride: Int
    /// The index of the topmost pixel of each stored column.
    private let columns: UnsafeMutablePointer<Int>
    /// How far each stored column was moved down.
    private let shifts: UnsafeMutablePointer<Int32>

    /// - Parameters:
    ///   - first: the first stored row that is present.
    ///   - count: stored columns.
    init(_ stored: ImageShape, _ shear: Shear, isTransposed: Bool, first: Int, count: Int) {
        self.isTransposed = isTransposed
        rowStride = stored.samplesPerRow
        columns = .allocate(capacity: count)
        shifts = .allocate(capacity: count)
        for column in 0..<count {
            let shift = shear.shift(column)
            columns[column] = (shift - first) * rowStride + column * stored.format.channelCount
            shifts[column] = Int32(shift)
        }
    }

    func deallocate() {
        columns.deallocate()
        shifts.deallocate()
    }

    @inline(__always)
    func callAsFunction(_ x: Int, _ y: Int) -> Int {
        isTransposed ? columns[y] + x * rowStride : columns[x] + y * rowStride
    }

    @inline(__always)
    func shift(_ column: Int) -> Int { Int(shifts[column]) }
}
