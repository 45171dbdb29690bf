/// Copies `count` pixels one after the other to `target`, each from its place, with one load and one store.
///
/// Pixels of three samples are moved in words of four: what is too much is overwritten by the next pixel.
///
/// - Parameters:
///   - size: bytes of a pixel.
///   - roomy: the pixels whose places have a sample behind them that may be read.
///   - source: the place of a pixel, given the size as a constant.
@inline(__always)
func movePixels(
    _ count: Int, size: Int, roomy: Range<Int>, to target: UnsafeMutableRawPointer,
    from source: (_ pixel: Int, _ size: Int) -> UnsafeRawPointer
) {
    @inline(__always) func move<Word: BitwiseCopyable>(_ pixels: Range<Int>, _ size: Int, as _: Word.Type) {
        for x in pixels {
            (target + x * size).storeBytes(of: source(x, size).loadUnaligned(as: Word.self), as: Word.self)
        }
    }
    @inline(__always) func moveThree<Sample: BitwiseCopyable, Word: BitwiseCopyable>(_: Sample.Type, _: Word.Type) {
        let size = 3 * MemoryLayout<Sample>.size
        // The last pixel has no next one.
        let words = roomy.clamped(to: 0..<max(count - 1, 0))
        move(0..<words.lowerBound, size, as: Three<Sample>.self)
        move(words, size, as: Word.self)
        move(words.upperBound..<count, size, as: Three<Sample>.self)
    }
    switch size {
    case 1: move(0..<count, 1, as: UInt8.self)
    case 2: move(0..<count, 2, as: UInt16.self)
    case 3: moveThree(UInt8.self, UInt32.self)
    case 4: move(0..<count, 4, as: UInt32.self)
    case 6: moveThree(UInt16.self, UInt64.self)
    default: move(0..<count, 8, as: UInt64.self)
    }
}

/// Copies `count` pixels to `target` in reverse order.
@inline(__always)
func reversePixels(_ row: UnsafeRawPointer, _ count: Int, size: Int, to target: UnsafeMutableRawPointer) {
    let rest: Int
    switch size {
    case 3: rest = reverseFours(row, count, to: target, UInt32.self)
    case 6: rest = reverseFours(row, count, to: target, UInt64.self)
    default: rest = count
    }
    let last = row + (rest - 1) * size
    movePixels(rest, size: size, roomy: 0..<0, to: target + (count - rest) * size) { last - $0 * $1 }
}

/// Reverses pixels of three samples, four at a time as three words, from the row's end on; how many are left at its start.
@inline(__always)
private func reverseFours<Word: FixedWidthInteger & UnsignedInteger & BitwiseCopyable>(
    _ row: UnsafeRawPointer, _ count: Int, to target: UnsafeMutableRawPointer, _: Word.Type
) -> Int {
    let (bits, bytes) = (Word(truncatingIfNeeded: Word.bitWidth / 4), Word.bitWidth / 8)
    let low = Word.max &>> (3 &* bits)
    let end = row + count * 3 * bytes / 4
    //  r0 g0 b0 r1 | g1 b1 r2 g2 | b2 r3 g3 b3   becomes   r3 g3 b3 r2 | g2 b2 r1 g1 | b1 r0 g0 b0
    for group in 0..<count / 4 {
        let (from, to) = (end - (group + 1) * 3 * bytes, target + group * 3 * bytes)
        let first = from.loadUnaligned(as: Word.self)
        let second = (from + bytes).loadUnaligned(as: Word.self)
        let third = (from + 2 * bytes).loadUnaligned(as: Word.self)
        let middle = second &>> bits
        let blueRed = ((third & low) &<< bits) | ((first &>> (3 &* bits)) &<< (2 &* bits))
        let greens = (second &>> (3 &* bits)) | (second &<< (3 &* bits))
        to.storeBytes(of: (third &>> bits) | ((middle &>> bits) &<< (3 &* bits)), as: Word.self)
        (to + bytes).storeBytes(of: blueRed | greens, as: Word.self)
        (to + 2 * bytes).storeBytes(of: (middle & low) | (first &<< bits), as: Word.self)
    }
    return count % 4
}

/// A pixel of three samples.
private struct Three<Sample: BitwiseCopyable>: BitwiseCopyable {
    var first: Sample
    var second: Sample
    var third: Sample
}
