/// Where the neighbours of each output pixel of a row begin, and their weights.
struct RowTaps<Weight> {
    /// Pixels of an input row and of an output row.
    let inputWidth: Int
    let width: Int
    /// The pixel of the first neighbour; outside the row for output pixels near its ends.
    let first: UnsafePointer<Int32>
    /// The weights of the first neighbour for all output pixels, then of the second ...
    let weights: UnsafePointer<Weight>
    /// The output pixels that can be weighed by `weighInside`.
    let inside: Range<Int>

    /// - Parameter tapCount: neighbours of each output pixel.
    init(
        inputWidth: Int, width: Int, tapCount: Int, channels: Int, first: UnsafePointer<Int32>,
        weights: UnsafePointer<Weight>
    ) {
        self.inputWidth = inputWidth
        self.width = width
        self.first = first
        self.weights = weights
        // Whole words are read of a gray row, and four samples of three.
        let last = inputWidth - tapCount - (channels == 1 ? 2 : 1)
        let places = UnsafeBufferPointer(start: first, count: width)
        let start = places.firstIndex { $0 >= 0 } ?? width
        inside = start..<max(start, places.firstIndex { $0 > last } ?? width)
    }

    /// The sum of `tapCount` products for each sample, first to last: `store` gets them at their places, and for three
    /// channels one more after each pixel, before the next pixel's. `tapCount` is a constant where this is inlined.
    @inline(__always)
    func weigh<Sample: FixedWidthInteger & UnsignedInteger>(
        _ row: UnsafePointer<Sample>, tapCount: Int, channels: Int, product: (Int32, Weight) -> Weight,
        sum: (Weight, Weight) -> Weight, store: (Int, Weight) -> Void
    ) {
        weighEdge(0..<inside.lowerBound, row, tapCount, channels, product, sum, store)
        // The number of channels as a constant.
        switch channels {
        case 1: weighWords(row, tapCount, product, sum, store)
        case 2: weighPixels(row, tapCount, 2, product, sum, store)
        case 3: weighPixels(row, tapCount, 3, product, sum, store)
        default: weighPixels(row, tapCount, 4, product, sum, store)
        }
        weighEdge(inside.upperBound..<width, row, tapCount, channels, product, sum, store)
    }

    /// Pixels of which some neighbours may be outside the row: the nearest within take their place.
    @inline(__always)
    private func weighEdge<Sample: FixedWidthInteger & UnsignedInteger>(
        _ pixels: Range<Int>, _ row: UnsafePointer<Sample>, _ tapCount: Int, _ channels: Int,
        _ product: (Int32, Weight) -> Weight, _ sum: (Weight, Weight) -> Weight, _ store: (Int, Weight) -> Void
    ) {
        for x in pixels {
            for channel in 0..<channels {
                func term(_ tap: Int) -> Weight {
                    let pixel = min(max(Int(first[x]) + tap, 0), inputWidth - 1)
                    return product(Int32(truncatingIfNeeded: row[pixel * channels + channel]), weights[tap * width + x])
                }
                var total = term(0)
                for tap in 1..<tapCount { total = sum(total, term(tap)) }
                store(x * channels + channel, total)
            }
        }
    }

    /// Single samples: the neighbours of a block are fetched, those of a pixel at once, and weighed then.
    @inline(__always)
    private func weighWords<Sample: FixedWidthInteger & UnsignedInteger>(
        _ row: UnsafePointer<Sample>, _ tapCount: Int, _ product: (Int32, Weight) -> Weight,
        _ sum: (Weight, Weight) -> Weight, _ store: (Int, Weight) -> Void
    ) {
        let block = 128
        let size = MemoryLayout<Sample>.size
        let wordCount = (tapCount * size + 3) / 4
        withUnsafeTemporaryAllocation(of: UInt32.self, capacity: wordCount * block) { memory in
            let words = memory.baseAddress.unsafelyUnwrapped
            for start in stride(from: inside.lowerBound, to: inside.upperBound, by: block) {
                let count = min(block, inside.upperBound - start)
                @inline(__always) func fetch<Neighbors: BitwiseCopyable>(_: Neighbors.Type) {
                    let target = UnsafeMutableRawPointer(words)
                    for i in 0..<count {
                        let neighbors = UnsafeRawPointer(row + Int(first[start + i])).loadUnaligned(
                            as: Neighbors.self)
                        target.storeBytes(of: neighbors, toByteOffset: 4 * wordCount * i, as: Neighbors.self)
                    }
                }
                switch wordCount {
                case 1: fetch(UInt32.self)
                case 2: fetch(UInt64.self)
                default: fetch(SIMD4<UInt32>.self)
                }
                for i in 0..<count {
                    func term(_ tap: Int) -> Weight {
                        let word = words[i * wordCount + tap * size / 4]
                        let shift = UInt32(truncatingIfNeeded: tap * size % 4 * 8)
                        let sample = (word &>> shift) & UInt32(truncatingIfNeeded: Sample.max)
                        return product(Int32(truncatingIfNeeded: sample), weights[tap * width + start + i])
                    }
                    var total = term(0)
                    for tap in 1..<tapCount { total = sum(total, term(tap)) }
                    store(start + i, total)
                }
            }
        }
    }

    /// Pixels of several samples, each a vector; of three samples with one of the next pixel's.
    @inline(__always)
    private func weighPixels<Sample: FixedWidthInteger & UnsignedInteger>(
        _ row: UnsafePointer<Sample>, _ tapCount: Int, _ channels: Int, _ product: (Int32, Weight) -> Weight,
        _ sum: (Weight, Weight) -> Weight, _ store: (Int, Weight) -> Void
    ) {
        for x in inside {
            let source = row + Int(first[x]) * channels
            func total(_ channel: Int) -> Weight {
                func term(_ tap: Int) -> Weight {
                    product(Int32(truncatingIfNeeded: source[tap * channels + channel]), weights[tap * width + x])
                }
                var total = term(0)
                for tap in 1..<tapCount { total = sum(total, term(tap)) }
                return total
            }
            let place = x * channels
            if channels == 2 {
                let (one, other) = (total(0), total(1))
                store(place, one)
                store(place + 1, other)
            } else {
                storeFour(total) { store(place + $0, $1) }
            }
        }
    }
}
