import Pipelines

/// How often each level occurs: the summary of the operations that depend on the distribution of levels.
///
/// As bytes: a little-endian `UInt64` a level, 256 or 65536 of them.
struct LevelHistogram {
    private(set) var counts: [UInt64]

    init(depth: SampleDepth) { counts = Array(repeating: 0, count: depth.maximum + 1) }

    var bytes: [UInt8] { counts.map { $0.littleEndian }.withUnsafeBytes { Array($0) } }

    /// The sum of several histograms of images of the same depth.
    init(adding summaries: [[UInt8]], depth: SampleDepth, name: String) throws(PipelineError) {
        self.init(depth: depth)
        for summary in summaries {
            let reader = PartialReader(summary, name: "a summary of \(name)")
            guard summary.count == counts.count * 8 else {
                throw reader.refused("it has \(summary.count) bytes instead of \(counts.count * 8)")
            }
            var isPlausible = true
            summary.withUnsafeBytes { raw in
                for level in counts.indices {
                    let count = UInt64(littleEndian: raw.loadUnaligned(fromByteOffset: level * 8, as: UInt64.self))
                    counts[level] &+= count
                    // More pixels than any image has are refused, so that no sum overflows.
                    isPlausible = isPlausible && count < 1 << 46 && counts[level] < 1 << 46
                }
            }
            guard isPlausible else { throw reader.refused("it counts more than 2^46 pixels of one level") }
        }
    }

    /// Counts the first sample of every pixel.
    mutating func count(gray rows: RowsView) {
        let channels = rows.shape.format.channelCount
        switch rows.shape.format.depth {
        case .eight: count(rows, UInt8.self) { row, x in Int(row[x * channels]) }
        case .sixteen: count(rows, UInt16.self) { row, x in Int(row[x * channels]) }
        }
    }

    /// Counts every sample but alpha.
    mutating func count(colors rows: RowsView) {
        for channel in 0..<rows.shape.format.colorChannelCount { count(channel: channel, of: rows) }
    }

    /// Counts the samples of one channel.
    mutating func count(channel: Int, of rows: RowsView) {
        let channels = rows.shape.format.channelCount
        switch rows.shape.format.depth {
        case .eight: count(rows, UInt8.self) { row, x in Int(row[x * channels + channel]) }
        case .sixteen: count(rows, UInt16.self) { row, x in Int(row[x * channels + channel]) }
        }
    }

    /// Counts the luma of every pixel of a colour image.
    mutating func count(lumaOf rows: RowsView) {
        let channels = rows.shape.format.channelCount
        func level<Sample: FixedWidthInteger & UnsignedInteger>(_ row: UnsafePointer<Sample>, _ x: Int) -> Int {
            let pixel = row + x * channels
            return Int(luma(pixel[0], pixel[1], pixel[2]))
        }
        switch rows.shape.format.depth {
        case .eight: count(rows, UInt8.self) { row, x in level(row, x) }
        case .sixteen: count(rows, UInt16.self) { row, x in level(row, x) }
        }
    }

    @inline(__always)
    private mutating func count<Sample: FixedWidthInteger & UnsignedInteger>(
        _ rows: RowsView, _: Sample.Type, level: (UnsafePointer<Sample>, Int) -> Int
    ) {
        // Neighbours are often equal: four tables (two large ones), so that one need not wait for the other's count.
        let size = counts.count
        let ways = size == 256 ? 4 : 2
        let tables = UnsafeMutablePointer<UInt32>.allocate(capacity: ways * size)
        defer { tables.deallocate() }
        let (first, second) = (tables, tables + size)
        let (third, fourth) = (tables + (ways - 2) * size, tables + (ways - 1) * size)
        let width = rows.shape.width
        // As many rows as surely fit 32 bits.
        for part in stride(from: rows.rows.lowerBound, to: rows.rows.upperBound, by: max(1, 1 << 31 / width)) {
            tables.initialize(repeating: 0, count: ways * size)
            for y in part..<min(part + max(1, 1 << 31 / width), rows.rows.upperBound) {
                let row: UnsafePointer<Sample> = rows.row(y)
                var x = 0
                while x + 3 < width {
                    first[level(row, x)] &+= 1
                    second[level(row, x + 1)] &+= 1
                    third[level(row, x + 2)] &+= 1
                    fourth[level(row, x + 3)] &+= 1
                    x += 4
                }
                while x < width {
                    first[level(row, x)] &+= 1
                    x += 1
                }
            }
            for way in 0..<ways {
                for level in 0..<size { counts[level] += UInt64(tables[way * size + level]) }
            }
        }
    }
}
