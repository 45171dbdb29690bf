import Pipelines

/// Which pixels of a row are foreground: those whose gray level, or luma, is not 0.
///
/// Owns memory for one row: call `deallocate()`.
struct ForegroundRow {
    private let format: PixelFormat
    private let width: Int
    private let memory: UnsafeMutablePointer<UInt8>

    init(_ shape: ImageShape) {
        format = shape.format
        width = shape.width
        memory = .allocate(capacity: width)
    }

    func deallocate() { memory.deallocate() }

    /// 1 for each pixel of row `y` that is foreground, else 0; valid until the next row is read.
    func read(_ band: RowsView, _ y: Int) -> UnsafePointer<UInt8> {
        switch format.depth {
        case .eight: fill(band.row(y, as: UInt8.self))
        case .sixteen: fill(band.row(y, as: UInt16.self))
        }
        return UnsafePointer(memory)
    }

    @inline(__always)
    private func fill<Sample: FixedWidthInteger & UnsignedInteger>(_ row: UnsafePointer<Sample>) {
        // Constant strides, which the compiler knows how to load as vectors.
        switch format.layout {
        case .gray: for x in 0..<width { memory[x] = row[x] == 0 ? 0 : 1 }
        case .grayAlpha: for x in 0..<width { memory[x] = row[2 * x] == 0 ? 0 : 1 }
        case .rgb: for x in 0..<width { memory[x] = luma(row[3 * x], row[3 * x + 1], row[3 * x + 2]) == 0 ? 0 : 1 }
        case .rgba: for x in 0..<width { memory[x] = luma(row[4 * x], row[4 * x + 1], row[4 * x + 2]) == 0 ? 0 : 1 }
        }
    }
}
