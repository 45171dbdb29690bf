import Pipelines

/// Read access to some consecutive rows of an image, addressed by their row number in the whole image.
///
/// Does not own its memory: valid only inside the `withUnsafe...` scope that made it.
public struct RowsView {
    /// The shape of the whole image that the rows belong to.
    public let shape: ImageShape
    /// The rows that are present.
    public let rows: Range<Int>
    private let base: UnsafeRawPointer

    /// - Parameter base: the first byte of row `rows.lowerBound`; rows follow each other without padding. Aligned for the
    ///   format's samples.
    public init(shape: ImageShape, rows: Range<Int>, base: UnsafeRawPointer) {
        precondition(rows.lowerBound >= 0 && rows.upperBound <= shape.height, "rows \(rows) of \(shape.height)")
        self.shape = shape
        self.rows = rows
        self.base = base
    }

    /// The samples of row `y`, which must be present.
    public func row<Sample>(_ y: Int, as _: Sample.Type = Sample.self) -> UnsafePointer<Sample> {
        assert(rows.contains(y), "row \(y) is not among \(rows)")
        return (base + (y - rows.lowerBound) * shape.bytesPerRow).assumingMemoryBound(to: Sample.self)
    }

    /// The samples of the row that a window reaches at `y`, which may be outside the image: reflect-101, as
    /// OpenCV's `BORDER_REFLECT_101`.
    public func reflectedRow<Sample>(_ y: Int, as type: Sample.Type = Sample.self) -> UnsafePointer<Sample> {
        row(reflect101(y, count: shape.height), as: type)
    }

    public var bytes: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: base, count: rows.count * shape.bytesPerRow)
    }
}

/// Write access to some consecutive rows of an image, addressed by their row number in the whole image.
public struct MutableRowsView {
    public let shape: ImageShape
    public let rows: Range<Int>
    private let base: UnsafeMutableRawPointer

    public init(shape: ImageShape, rows: Range<Int>, base: UnsafeMutableRawPointer) {
        precondition(rows.lowerBound >= 0 && rows.upperBound <= shape.height, "rows \(rows) of \(shape.height)")
        self.shape = shape
        self.rows = rows
        self.base = base
    }

    public func row<Sample>(_ y: Int, as _: Sample.Type = Sample.self) -> UnsafeMutablePointer<Sample> {
        assert(rows.contains(y), "row \(y) is not among \(rows)")
        return (base + (y - rows.lowerBound) * shape.bytesPerRow).assumingMemoryBound(to: Sample.self)
    }

    /// The part of the band that holds `rows`.
    public func slice(_ part: Range<Int>) -> MutableRowsView {
        precondition(part.lowerBound >= rows.lowerBound && part.upperBound <= rows.upperBound)
        return MutableRowsView(
            shape: shape, rows: part, base: base + (part.lowerBound - rows.lowerBound) * shape.bytesPerRow)
    }

    public var readable: RowsView { RowsView(shape: shape, rows: rows, base: UnsafeRawPointer(base)) }
    public var bytes: UnsafeMutableRawBufferPointer {
        UnsafeMutableRawBufferPointer(start: base, count: rows.count * shape.bytesPerRow)
    }

    /// Copies the rows that both have.
    ///
    /// - Parameters:
    ///   - columns: of the source; these rows have as many.
    ///   - source: of the same format.
    package func copy(_ columns: Range<Int>, of source: RowsView) {
        precondition(shape.format == source.shape.format && shape.width == columns.count)
        precondition(columns.lowerBound >= 0 && columns.upperBound <= source.shape.width, "columns \(columns)")
        let offset = columns.lowerBound * shape.format.bytesPerPixel
        for y in rows.clamped(to: source.rows) {
            row(y, as: UInt8.self).update(from: source.row(y) + offset, count: shape.bytesPerRow)
        }
    }
}

extension ImageShape {
    /// The image with some of its columns.
    package func narrowed(to columns: Range<Int>) -> ImageShape {
        ImageShape(width: columns.count, height: height, format: format)
    }
}

/// Maps an index outside `0..<count` back into it by mirroring without repeating the edge: ... 2 1 | 0 1 2 ... n-1 | n-2 ...
/// Bounces as often as needed; a single row maps to itself. OpenCV: `borderInterpolate(_, _, BORDER_REFLECT_101)`.
public func reflect101(_ index: Int, count: Int) -> Int {
    if index >= 0 && index < count { return index }
    if count == 1 { return 0 }
    let period = 2 * (count - 1)
    let folded = ((index % period) + period) % period
    return folded < count ? folded : period - folded
}
