import Pipelines

extension NonLocalMeans: RowKernelProviding {
    func kernel(for step: RowStep) -> any RowKernel {
        NonLocalMeansKernel(outputShape: step.output, means: self)
    }
}

/// Non-local means in whole numbers, as OpenCV computes them.
///
/// Works in tiles that stay in the cache. For each offset within the search window, the squared differences between the tile
/// and what is at that offset are summed over the template window, column by column down the tile and then along each row;
/// a table gives the weight of each sum.
private struct NonLocalMeansKernel: RowKernel {
    let outputShape: ImageShape
    let means: NonLocalMeans

    private static let tileWidth = 128
    private static let tileHeight = 64

    func apply(_ input: RowsView, to output: MutableRowsView) {
        let weights = SimilarityWeights(means, channels: outputShape.format.colorChannelCount)
        let radius = means.radius
        let tile = Tile(
            width: min(Self.tileWidth, outputShape.width), height: min(Self.tileHeight, output.rows.count),
            radius: radius, channels: outputShape.format.colorChannelCount,
            isDeep: outputShape.format.depth == .sixteen)
        defer { tile.deallocate() }
        for top in stride(from: output.rows.lowerBound, to: output.rows.upperBound, by: Self.tileHeight) {
            let rows = top..<min(top + Self.tileHeight, output.rows.upperBound)
            for left in stride(from: 0, to: outputShape.width, by: Self.tileWidth) {
                let columns = left..<min(left + Self.tileWidth, outputShape.width)
                switch outputShape.format.depth {
                case .eight: average(tile, columns, rows, input, output, weights, UInt8.self)
                case .sixteen: average(tile, columns, rows, input, output, weights, UInt16.self)
                }
            }
        }
        guard outputShape.format.layout.hasAlpha else { return }
        for y in output.rows {
            switch outputShape.format.depth {
            case .eight: keepAlpha(input.row(y, as: UInt8.self), output.row(y))
            case .sixteen: keepAlpha(input.row(y, as: UInt16.self), output.row(y))
            }
        }
    }

    private func keepAlpha<Sample: FixedWidthInteger & UnsignedInteger>(
        _ source: UnsafePointer<Sample>, _ target: UnsafeMutablePointer<Sample>
    ) {
        copyAlpha(from: source, to: target, width: outputShape.width, channels: outputShape.format.channelCount)
    }

    private func average<Sample: FixedWidthInteger & UnsignedInteger>(
        _ tile: Tile, _ columns: Range<Int>, _ rows: Range<Int>, _ input: RowsView, _ output: MutableRowsView,
        _ weights: SimilarityWeights, _: Sample.Type
    ) {
        tile.load(columns, rows, input, Sample.self)
        tile.clear(rows.count)
        let reach = means.searchRadius
        for dy in -reach...reach {
            for dx in -reach...reach {
                tile.add(dx, dy, columns.count, rows.count, templateRadius: means.templateRadius, weights)
            }
        }
        tile.store(columns, rows, output, Sample.self)
    }
}

/// The weight of a pixel by the sum of the squared differences between the surroundings.
private struct SimilarityWeights {
    /// By the sum without its last bits; the last is 0, and stands for all behind it.
    let table: [UInt32]
    /// The bits of a sum that do not count.
    let shift: Int32

    init(_ means: NonLocalMeans, channels: Int) {
        let (template, search) = (2 * means.templateRadius + 1, 2 * means.searchRadius + 1)
        // So that no sum of weighted levels exceeds 31 bits.
        let one = Double(Int(Int32.max) / (search * search * 255))
        let area = template * template
        // The mean is a shift: by the next power of two, which the table sets right.
        var bits = 0
        while 1 << bits < area { bits += 1 }
        shift = Int32(bits)
        let scale = Double(1 << bits) / Double(area)
        let count = Int(Double(255 * 255 * channels) / scale + 1)
        let strength = Float(means.strength)
        let divisor = Double(strength * strength * Float(channels))
        var table: [UInt32] = []
        for sum in 0..<count {
            let weight = (one * exponential(-(Double(sum) * scale) / divisor)).rounded(.toNearestOrEven)
            // Weights fall: what is below a thousandth is left out, and so is all behind it.
            guard weight >= 0.001 * one, weight > 0 else { break }
            table.append(UInt32(weight))
        }
        self.table = table + [0]
    }
}

/// A part of the image with what surrounds it, and the sums for its pixels.
///
/// Owns memory: call `deallocate()`.
private struct Tile {
    private let radius: Int
    private let channels: Int
    private let isDeep: Bool
    private let width: Int
    /// Samples from a row of the surroundings to the next.
    private let stride: Int
    /// Samples of a channel of the surroundings.
    private let plane: Int
    /// The levels of 8 bits that are compared, channel by channel.
    private let levels: UnsafeMutablePointer<UInt8>
    /// The lower 8 bits of 16, in the same order.
    private let fractions: UnsafeMutablePointer<UInt8>
    /// Sums of weights, then of weighted levels and of weighted fractions for each channel.
    private let sums: UnsafeMutablePointer<UInt32>
    private let area: Int
    /// For each column the sum of the squared differences of the template's rows; for each pixel of a row that of the template.
    private let columns: UnsafeMutablePointer<Int32>
    private let boxes: UnsafeMutablePointer<Int32>

    init(width: Int, height: Int, radius: Int, channels: Int, isDeep: Bool) {
        self.radius = radius
        self.channels = channels
        self.isDeep = isDeep
        self.width = width
        stride = width + 2 * radius
        plane = stride * (height + 2 * radius)
        area = width * height
        levels = .allocate(capacity: channels * plane)
        fractions = .allocate(capacity: isDeep ? channels * plane : 1)
        sums = .allocate(capacity: (1 + 2 * channels) * area)
        columns = .allocate(capacity: stride)
        boxes = .allocate(capacity: width)
    }

    func deallocate() {
        levels.deallocate()
        fractions.deallocate()
        sums.deallocate()
        columns.deallocate()
        boxes.deallocate()
    }

    func load<Sample: FixedWidthInteger & UnsignedInteger>(
        _ columns: Range<Int>, _ rows: Range<Int>, _ input: RowsView, _: Sample.Type
    ) {
        let samples = input.shape.format.channelCount
        for (number, y) in (rows.lowerBound - radius..<rows.upperBound + radius).enumerated() {
            let row: UnsafePointer<Sample> = input.reflectedRow(y)
            for x in 0..<columns.count + 2 * radius {
                let column = columns.lowerBound - radius + x
                let source = row + mirrored(column, count: input.shape.width) * samples
                for channel in 0..<channels {
                    let place = channel * plane + number * stride + x
                    let level = UInt32(truncatingIfNeeded: source[channel])
                    levels[place] = UInt8(truncatingIfNeeded: isDeep ? level >> 8 : level)
                    if isDeep { fractions[place] = UInt8(truncatingIfNeeded: level) }
                }
            }
        }
    }

    func clear(_ rowCount: Int) { sums.update(repeating: 0, count: (1 + 2 * channels) * area) }

    /// Adds the pixels at an offset.
    func add(
        _ dx: Int, _ dy: Int, _ width: Int, _ height: Int, templateRadius: Int,
        _ weights: SimilarityWeights
    ) {
        // From the upper left corner of the first template.
        let corner = (radius - templateRadius) * stride + radius - templateRadius
        let offset = dx + dy * stride
        let side = 2 * templateRadius + 1
        let count = width + 2 * templateRadius
        columns.update(repeating: 0, count: count)
        for row in 0..<side { addRow(corner + row * stride, offset, count) }
        weights.table.withUnsafeBufferPointer { table in
            for y in 0..<height {
                if y > 0 { moveDown(corner + (y - 1) * stride, offset, side * stride, count) }
                // The usual sides as constants.
                switch side {
                case 3: sumBoxes(3, width, weights)
                case 5: sumBoxes(5, width, weights)
                case 7: sumBoxes(7, width, weights)
                case 9: sumBoxes(9, width, weights)
                default: sumManyBoxes(side, width, weights)
                }
                for x in 0..<width { boxes[x] = Int32(bitPattern: table[Int(boxes[x])]) }
                let total = sums + y * self.width
                for x in 0..<width { total[x] &+= UInt32(bitPattern: boxes[x]) }
                let place = (y + radius + dy) * stride + radius + dx
                for channel in 0..<channels {
                    accumulate(levels + channel * plane + place, total + (1 + channel) * area, width)
                    if isDeep {
                        accumulate(
                            fractions + channel * plane + place, total + (1 + channels + channel) * area, width)
                    }
                }
            }
        }
    }

    @inline(__always)
    private func square(_ one: UInt8, _ other: UInt8) -> Int32 {
        let difference = Int32(one) &- Int32(other)
        return difference &* difference
    }

    /// Adds the squared differences of a row from what is at an offset.
    private func addRow(_ place: Int, _ offset: Int, _ count: Int) {
        for channel in 0..<channels {
            let row = levels + channel * plane + place
            let other = row + offset
            for x in 0..<count { columns[x] &+= square(row[x], other[x]) }
        }
    }

    /// Takes those of a row away, and adds those of the row `below` samples further.
    private func moveDown(_ place: Int, _ offset: Int, _ below: Int, _ count: Int) {
        for channel in 0..<channels {
            let row = levels + channel * plane + place
            let (other, next) = (row + offset, row + below)
            let otherNext = next + offset
            for x in 0..<count {
                columns[x] &+= square(next[x], otherNext[x]) &- square(row[x], other[x])
            }
        }
    }

    /// The entry in the table for each pixel of a row: of a side that is a constant where this is inlined.
    @inline(__always)
    private func sumBoxes(_ side: Int, _ width: Int, _ weights: SimilarityWeights) {
        let (shift, last) = (weights.shift, Int32(truncatingIfNeeded: weights.table.count - 1))
        for x in 0..<width {
            var sum = columns[x]
            for column in 1..<side { sum &+= columns[x &+ column] }
            boxes[x] = min(sum &>> shift, last)
        }
    }

    private func sumManyBoxes(_ side: Int, _ width: Int, _ weights: SimilarityWeights) {
        let (shift, last) = (weights.shift, Int32(truncatingIfNeeded: weights.table.count - 1))
        boxes.update(from: columns, count: width)
        for column in 1..<max(side, 1) {
            for x in 0..<width { boxes[x] &+= columns[x &+ column] }
        }
        for x in 0..<width { boxes[x] = min(boxes[x] &>> shift, last) }
    }

    @inline(__always)
    private func accumulate(
        _ row: UnsafeMutablePointer<UInt8>, _ sum: UnsafeMutablePointer<UInt32>, _ width: Int
    ) {
        for x in 0..<width { sum[x] &+= UInt32(bitPattern: boxes[x]) &* UInt32(row[x]) }
    }

    func store<Sample: FixedWidthInteger & UnsignedInteger>(
        _ columns: Range<Int>, _ rows: Range<Int>, _ output: MutableRowsView, _: Sample.Type
    ) {
        let samples = output.shape.format.channelCount
        for (number, y) in rows.enumerated() {
            let target: UnsafeMutablePointer<Sample> = output.row(y) + columns.lowerBound * samples
            let total = sums + number * width
            for channel in 0..<channels {
                let level = total + (1 + channel) * area
                let fraction = total + (1 + channels + channel) * area
                for x in 0..<columns.count {
                    let weight = UInt64(total[x])
                    let sum = isDeep ? UInt64(level[x]) << 8 &+ UInt64(fraction[x]) : UInt64(level[x])
                    target[x * samples + channel] = Sample(truncatingIfNeeded: (sum &+ weight / 2) / weight)
                }
            }
        }
    }
}
