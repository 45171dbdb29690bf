/// How far each row is moved to the right, so that an oblique line becomes an upright one: 0 or more pixels.
///
///     a b c d      slope 1      . . a b c d
///     e f g h      ------->     . e f g h .
///     i j k l                   i j k l . .
package struct Shear: Hashable, Sendable {
    /// Pixels by which a row is moved less than the one above, from -1 to 1.
    package let slope: Double
    /// The number of rows.
    let count: Int

    /// Pixels by which row 0 would be moved, before it is rounded down.
    var offset: Double { max(0, slope * Double(count - 1)) }

    package func shift(_ row: Int) -> Int { Int((offset - slope * Double(row)).rounded(.down)) }

    /// The most pixels that a row is moved by.
    var largest: Int { max(shift(0), shift(count - 1)) }
}

/// Moves each row to the right by what a shear says; what is beside it is 0.
package struct RowShift: RowComputation {
    package let shear: Shear

    package func outputShape(for input: ImageShape) -> ImageShape {
        ImageShape(width: input.width + shear.largest, height: input.height, format: input.format)
    }

    package func inputRows(for rows: Range<Int>, of input: ImageShape) -> Range<Int> { rows }
}
