import Pipelines

/// Replaces the samples of each colour by a function of their level, one function for each colour; alpha stays.
struct ChannelLookup<Map: LevelMap> {
    private let shape: ImageShape
    private let maps: [Map]

    /// - Parameter maps: one for each channel that is not alpha.
    init(_ shape: ImageShape, _ maps: [Map]) {
        self.shape = shape
        self.maps = maps
    }

    func apply(_ input: RowsView, to output: MutableRowsView) {
        switch shape.format.depth {
        case .eight: replace(input, output, maps.map { $0.table(UInt8.self) })
        case .sixteen: replace(input, output, maps.map { $0.table(UInt16.self) })
        }
    }

    private func replace<Sample: FixedWidthInteger & UnsignedInteger>(
        _ input: RowsView, _ output: MutableRowsView, _ tables: [[Sample]]
    ) {
        var lines: [SingleLine] = []
        for (map, table) in zip(maps, tables) {
            if let line = map.line(depth: shape.format.depth)?.verified(by: table) { lines.append(line) }
        }
        if lines.count == tables.count, Set(lines.map(\.isFused)).count == 1 {
            follow(lines, input, output, Sample.self)
        } else {
            lookUp(input, output, tables)
        }
    }

    /// By lines, which is faster: the factor and offset of each sample of a block of pixels are laid out before.
    private func follow<Sample: FixedWidthInteger & UnsignedInteger>(
        _ lines: [SingleLine], _ input: RowsView, _ output: MutableRowsView, _: Sample.Type
    ) {
        let channels = shape.format.channelCount
        // As many whole pixels as a multiple of every vector has samples.
        let block = 192 * channels
        let largest = Int32(truncatingIfNeeded: Sample.max)
        let isFused = lines[0].isFused
        withUnsafeTemporaryAllocation(of: Float.self, capacity: 2 * block) { memory in
            let factors = memory.baseAddress.unsafelyUnwrapped
            let offsets = factors + block
            for index in 0..<block {
                let isAlpha = index % channels >= lines.count
                factors[index] = isAlpha ? 1 : lines[index % channels].factor
                offsets[index] = isAlpha ? 0 : lines[index % channels].offset
            }
            for y in output.rows {
                let source: UnsafePointer<Sample> = input.row(y)
                let target: UnsafeMutablePointer<Sample> = output.row(y)
                for start in stride(from: 0, to: shape.samplesPerRow, by: block) {
                    let count = min(block, shape.samplesPerRow - start)
                    let (from, to) = (source + start, target + start)
                    if isFused {
                        for index in 0..<count {
                            let line = SingleLine(factor: factors[index], offset: offsets[index], isFused: true)
                            let level = line.level(Int32(truncatingIfNeeded: from[index]), upTo: largest)
                            to[index] = Sample(truncatingIfNeeded: level)
                        }
                    } else {
                        for index in 0..<count {
                            let line = SingleLine(factor: factors[index], offset: offsets[index], isFused: false)
                            let level = line.level(Int32(truncatingIfNeeded: from[index]), upTo: largest)
                            to[index] = Sample(truncatingIfNeeded: level)
                        }
                    }
                }
            }
        }
    }

    private func lookUp<Sample: FixedWidthInteger & UnsignedInteger>(
        _ input: RowsView, _ output: MutableRowsView, _ tables: [[Sample]]
    ) {
        let channels = shape.format.channelCount
        for y in output.rows {
            let source: UnsafePointer<Sample> = input.row(y)
            let target: UnsafeMutablePointer<Sample> = output.row(y)
            if shape.format.layout.hasAlpha {
                copyAlpha(from: source, to: target, width: shape.width, channels: channels)
            }
            for (channel, table) in tables.enumerated() {
                table.withUnsafeBufferPointer { table in
                    var index = channel
                    for _ in 0..<shape.width {
                        target[index] = table[Int(source[index])]
                        index += channels
                    }
                }
            }
        }
    }
}
