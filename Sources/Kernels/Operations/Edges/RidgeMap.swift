/// The ridges of some rows, framed by empty pixels, in which components are followed from pixel to pixel. Owns memory: call
/// `deallocate()`.
struct RidgeMap {
    private let width: Int
    private let height: Int
    private let stride: Int
    private let memory: UnsafeMutableRawBufferPointer
    /// The first pixel; a frame of empty ones is around all.
    private let pixels: UnsafeMutablePointer<UInt8>
    /// Pixels that were reached, and whose neighbours were not looked at yet.
    private var waiting: UnsafeMutableBufferPointer<Int>
    private var waitingCount = 0

    /// A pixel that was reached, and is not a ridge any more.
    private static let reached: UInt8 = 128
    private static var ridge: UInt8 { Ridge.weak | Ridge.strong }

    init(_ map: RowsView) {
        (width, height) = (map.shape.width, map.rows.count)
        stride = width + 2
        // Pixels are read eight at a time.
        let count = stride * (height + 2) + 8
        memory = .rows(byteCount: count)
        let first = memory.bindMemory(to: UInt8.self).baseAddress.unsafelyUnwrapped
        pixels = first + stride + 1
        for y in [-1, height] { (pixels + y * stride - 1).initialize(repeating: Ridge.none, count: stride) }
        for (index, y) in map.rows.enumerated() {
            let row = pixels + index * stride
            (row[-1], row[width]) = (Ridge.none, Ridge.none)
            row.update(from: map.row(y, as: UInt8.self), count: width)
        }
        (first + count - 8).initialize(repeating: Ridge.none, count: 8)
        waiting = .allocate(capacity: 1024)
    }

    func deallocate() {
        memory.deallocate()
        waiting.deallocate()
    }

    /// Reaches what is connected to a pixel.
    ///
    /// - Parameter visit: called with the index of every pixel that is reached, row after row of `width + 2`.
    /// - Returns: whether a strong pixel is among them.
    @inline(__always) private mutating func spread(from start: Int, visit: (Int) -> Void) -> Bool {
        var all: UInt8 = 0
        func reach(_ map: inout RidgeMap, _ place: Int) {
            all |= map.pixels[place]
            map.pixels[place] = Self.reached
            visit(place)
            map.wait(place)
        }
        reach(&self, start)
        while waitingCount > 0 {
            waitingCount -= 1
            let place = waiting[waitingCount]
            for side in -1...1 {
                let row = place + side * stride - 1
                let near = UnsafeRawPointer(pixels + row).loadUnaligned(as: UInt32.self)
                var ridges = UInt32(littleEndian: near) & (0x01_0101 * UInt32(Self.ridge))
                while ridges != 0 {
                    let index = ridges.trailingZeroBitCount >> 3
                    ridges &= ~(0xFF << UInt32(8 * index))
                    reach(&self, row + index)
                }
            }
        }
        return all & Ridge.strong != 0
    }

    @inline(__always) private mutating func wait(_ place: Int) {
        if waitingCount == waiting.count {
            let larger = UnsafeMutableBufferPointer<Int>.allocate(capacity: 2 * waitingCount)
            _ = larger.update(fromContentsOf: waiting)
            waiting.deallocate()
            waiting = larger
        }
        waiting[waitingCount] = place
        waitingCount += 1
    }

    /// Reaches the components that runs of the first and last row belong to.
    ///
    /// - Returns: the runs with their components, which are numbered by their first appearance, and the marks of the strong.
    mutating func outerComponents(top: [RidgeRun], bottom: [RidgeRun]) -> (
        top: [RidgeRun], bottom: [RidgeRun], sets: UnionFind
    ) {
        var sets = UnionFind()
        /// The component of each pixel of both rows.
        var labels = [Int32](repeating: -1, count: 2 * width)
        let (width, lastRow) = (width, (height - 1) * stride)
        func label(_ runs: [RidgeRun], row: Int, labels offset: Int) -> [RidgeRun] {
            runs.map { run in
                if labels[offset + run.start] < 0 {
                    let number = Int32(sets.count)
                    let isStrong = spread(from: row + run.start) { place in
                        if place < width { labels[place] = number }
                        if place >= lastRow { labels[width + place - lastRow] = number }
                    }
                    _ = sets.append(isMarked: isStrong)
                }
                return RidgeRun(start: run.start, end: run.end, component: labels[offset + run.start])
            }
        }
        let labelled = (label(top, row: 0, labels: 0), label(bottom, row: lastRow, labels: width))
        return (labelled.0, labelled.1, sets)
    }

    /// Reaches what is connected to some runs of the first and last row, or to strong pixels.
    mutating func spread(fromTop top: [RidgeRun], bottom: [RidgeRun]) {
        for (runs, row) in [(top, 0), (bottom, height - 1)] {
            for run in runs where pixels[row * stride + run.start] & Self.ridge != 0 {
                _ = spread(from: row * stride + run.start) { _ in }
            }
        }
        for y in 0..<height {
            // Eight pixels at a time, maybe with those of the frame.
            for x in Swift.stride(from: 0, to: width, by: 8) {
                let bytes = UnsafeRawPointer(pixels + y * stride + x).loadUnaligned(as: UInt64.self)
                var strong = UInt64(littleEndian: bytes) & (0x0101_0101_0101_0101 * UInt64(Ridge.strong))
                while strong != 0 {
                    let place = y * stride + x + strong.trailingZeroBitCount >> 3
                    strong &= strong - 1
                    if pixels[place] & Self.ridge != 0 { _ = spread(from: place) { _ in } }
                }
            }
        }
    }

    /// Makes row `y`, counted from the first, white where it was reached and black elsewhere.
    func draw(_ y: Int, to target: UnsafeMutablePointer<UInt8>) {
        let row = pixels + y * stride
        for x in 0..<width { target[x] = 0 &- row[x] &>> 7 }
    }
}
