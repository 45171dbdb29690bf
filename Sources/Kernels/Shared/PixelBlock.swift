/// Pixels to be transposed, a small square at a time by way of memory of its own: in the image the rows of a square may all
/// fall on the same few places of the cache.
struct PixelBlock {
    let rowCount: Int
    let columnCount: Int
    /// Bytes from one row to the next.
    let rowStride: Int
    /// Bytes from one row to the next where the columns have become rows.
    let columnStride: Int

    func transpose(_ source: UnsafeRawPointer, to target: UnsafeMutableRawPointer, pixelSize: Int) {
        switch pixelSize {
        case 1: transpose(source, to: target, 1)
        case 2: transpose(source, to: target, 2)
        case 3: transpose(source, to: target, 3)
        case 4: transpose(source, to: target, 4)
        case 6: transpose(source, to: target, 6)
        default: transpose(source, to: target, 8)
        }
    }

    /// `size` is a constant where this is inlined.
    @inline(__always)
    private func transpose(_ source: UnsafeRawPointer, to target: UnsafeMutableRawPointer, _ size: Int) {
        // What is written of a row is a whole line of the cache at least; pixels of three samples, which begin
        // anywhere in it, pay for larger squares: fewer lines are written in two halves.
        let side = size <= 2 ? 64 : size == 3 || size == 6 ? 128 : 32
        // Pixels of three samples are moved in words of four: a word is read beyond the last.
        withUnsafeTemporaryAllocation(byteCount: 2 * side * side * size + 8, alignment: 64) { memory in
            let square = memory.baseAddress.unsafelyUnwrapped
            let turned = square + side * side * size
            for top in stride(from: 0, to: rowCount, by: side) {
                let height = min(side, rowCount - top)
                for left in stride(from: 0, to: columnCount, by: side) {
                    let width = min(side, columnCount - left)
                    Self.copy(
                        height, of: width * size, from: source + top * rowStride + left * size, rowStride, to: square,
                        side * size, full: side * size)
                    Self.turn(square, to: turned, side, size, height, width)
                    Self.copy(
                        width, of: height * size, from: turned, side * size,
                        to: target + left * columnStride + top * size, columnStride, full: side * size)
                }
            }
        }
    }

    /// Copies rows of `length` bytes, most often of `full`, which is a constant.
    @inline(__always)
    private static func copy(
        _ count: Int, of length: Int, from source: UnsafeRawPointer, _ sourceStride: Int,
        to target: UnsafeMutableRawPointer, _ targetStride: Int, full: Int
    ) {
        if length == full {
            for row in 0..<count {
                (target + row * targetStride).copyMemory(from: source + row * sourceStride, byteCount: full)
            }
        } else {
            for row in 0..<count {
                (target + row * targetStride).copyMemory(from: source + row * sourceStride, byteCount: length)
            }
        }
    }

    /// Transposes a square, which may be overwritten, or at least as many of its rows and columns as are given.
    @inline(__always)
    private static func turn(
        _ square: UnsafeMutableRawPointer, to turned: UnsafeMutableRawPointer, _ side: Int, _ size: Int,
        _ height: Int, _ width: Int
    ) {
        switch size {
        case 1: turnWords(square, to: turned, side, pixelsPerWord: 8)
        case 2: turnWords(square, to: turned, side, pixelsPerWord: 4)
        case 4: turnWords(square, to: turned, side, pixelsPerWord: 2)
        case 8: turnWords(square, to: turned, side, pixelsPerWord: 1)
        default:
            for column in 0..<width {
                movePixels(height, size: size, roomy: 0..<height, to: turned + column * side * size) { row, size in
                    UnsafeRawPointer(square) + (row * side + column) * size
                }
            }
        }
    }

    /// Transposes squares of as many pixels as fit a word in both directions, and puts these at their places: Eklundh's way,
    /// rows at a distance of 1, 2, 4 ... exchange what is across the diagonal.
    ///
    /// Source: J. O. Eklundh, A fast computer method for matrix transposing (1972).
    @inline(__always)
    private static func turnWords(
        _ square: UnsafeMutableRawPointer, to turned: UnsafeMutableRawPointer, _ side: Int, pixelsPerWord: Int
    ) {
        let wordsPerRow = side / pixelsPerWord
        let bits = 64 / pixelsPerWord
        let words = square.assumingMemoryBound(to: UInt64.self)
        var distance = pixelsPerWord / 2
        while distance > 0 {
            let shift = UInt64(truncatingIfNeeded: distance * bits)
            // The lower half of each two pixels, or groups of them, that are exchanged.
            let lower = UInt64.max / ((1 &<< shift) &+ 1)
            for row in 0..<side where row & distance == 0 {
                let (upper, below) = (words + row * wordsPerRow, words + (row + distance) * wordsPerRow)
                for index in 0..<wordsPerRow {
                    let difference = ((upper[index] &>> shift) ^ below[index]) & lower
                    below[index] ^= difference
                    upper[index] ^= difference &<< shift
                }
            }
            distance /= 2
        }
        let result = turned.assumingMemoryBound(to: UInt64.self)
        for row in 0..<side {
            for index in 0..<wordsPerRow {
                let (squareRow, within) = (row / pixelsPerWord, row % pixelsPerWord)
                result[(index * pixelsPerWord + within) * wordsPerRow + squareRow] = words[row * wordsPerRow + index]
            }
        }
    }
}
