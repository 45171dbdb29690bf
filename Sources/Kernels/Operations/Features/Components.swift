import Pipelines

extension RegionLabels: WholeImageKernelProviding, ReportKernelProviding {
    func kernel(for step: WholeImageStep) -> any WholeImageKernel { kernel(step.input) }
    func kernel(for step: ReportStep) -> any ReportKernel { kernel(step.input) }

    private func kernel(_ input: ImageShape) -> ComponentsKernel {
        ComponentsKernel(input: input, connectivity: connectivity, drawing: drawing)
    }
}

/// A part's value is the label of each of its regions, in the order of their first pixels in the part: `u32` each.
private struct ComponentsKernel: WholeImageKernel, ReportKernel {
    let input: ImageShape
    let connectivity: Int
    let drawing: RegionLabels.Drawing

    func aggregate(_ rows: RowsView) -> [UInt8] {
        var regions = PartRegions(connectivity: connectivity)
        forEachRow(rows) { regions.append($0, width: input.width, y: $1) }
        return regions.summary(width: input.width).bytes
    }

    private func forEachRow(_ rows: RowsView, _ body: (_ foreground: UnsafePointer<UInt8>, _ y: Int) -> Void) {
        let foreground = ForegroundRow(input)
        defer { foreground.deallocate() }
        for y in rows.rows { body(foreground.read(rows, y), y) }
    }

    private func joined(_ partials: [[UInt8]]) throws(PipelineError) -> JoinedRegions {
        try JoinedRegions(partials, shape: input, connectivity: connectivity)
    }

    func merge(_ partials: [[UInt8]]) throws(PipelineError) -> [UInt8] {
        var joined = try joined(partials)
        return joined.summary(width: input.width).bytes
    }

    func finalize(_ partials: [[UInt8]]) throws(PipelineError) -> [[UInt8]] {
        let joined = try labelled(partials)
        guard drawing == .colors || joined.count <= Components.maximumLabelCount else {
            throw PipelineError(
                .unsuitableImage,
                "`components` with output=labels: the image has \(joined.count) regions, but a 16-bit sample tells at most "
                    + "\(Components.maximumLabelCount) labels apart; leave it out to see them in colours, write output=json to "
                    + "list them, or remove noise before, by `median` or `open`")
        }
        return joined.parts.map { part in bytes(part.regions.map { UInt32(joined.numbers[$0] + 1) }) }
    }

    func refine(_ value: [UInt8], strips partials: [[UInt8]]) throws(PipelineError) -> [[UInt8]] {
        let joined = try joined(partials)
        let labels = try read(value, count: joined.count)
        return joined.parts.map { part in bytes(part.regions.map { labels[joined.numbers[$0]] }) }
    }

    func document(_ partials: [[UInt8]]) throws(PipelineError) -> [UInt8] {
        let regions = try labelled(partials).regions
        var text = JSONText("components", width: input.width, height: input.height)
        text.add("connectivity", connectivity)
        text.add("count", regions.count)
        text.add("components", regions.indices) { index in regions[index].json(label: index + 1) }
        return text.document
    }

    /// - Throws: when there are more regions than are kept.
    private func labelled(_ partials: [[UInt8]]) throws(PipelineError) -> JoinedRegions {
        let joined = try joined(partials)
        guard !joined.isOverLimit, joined.count <= Components.maximumCount else {
            throw PipelineError(
                .unsuitableImage,
                "`components`: the image has more than \(Components.maximumCount) regions; remove noise before, by `median` "
                    + "or `open`, or choose a higher `threshold`")
        }
        return joined
    }

    private func bytes(_ labels: [UInt32]) -> [UInt8] { labels.map(\.littleEndian).withUnsafeBytes { Array($0) } }

    private func read(_ value: [UInt8], count: Int) throws(PipelineError) -> [UInt32] {
        var reader = PartialReader(value, name: "a value of components")
        guard count * 4 == value.count else {
            throw reader.refused("it has \(value.count) bytes for \(count) regions")
        }
        var labels: [UInt32] = []
        labels.reserveCapacity(count)
        for _ in 0..<count { labels.append(try reader.read(UInt32.self)) }
        try reader.finish()
        return labels
    }

    func apply(_ value: [UInt8], to rows: RowsView, into output: MutableRowsView) throws(PipelineError) {
        var regions = PartRegions(connectivity: connectivity)
        forEachRow(rows) { regions.append($0, width: input.width, y: $1) }
        let numbers = regions.numbers
        let labels = try read(value, count: regions.count)
        for (index, y) in output.rows.enumerated() {
            let runs = regions.row(index)
            switch drawing {
            case .labels:
                let target: UnsafeMutablePointer<UInt16> = output.row(y)
                target.update(repeating: 0, count: input.width)
                for run in runs {
                    let label = UInt16(truncatingIfNeeded: labels[numbers[Int(run.region)]])
                    (target + run.start).update(repeating: label, count: run.end - run.start)
                }
            case .colors:
                let target: UnsafeMutablePointer<UInt8> = output.row(y)
                target.update(repeating: 0, count: 3 * input.width)
                for run in runs {
                    let color = RegionColor(label: labels[numbers[Int(run.region)]])
                    for x in run.start..<run.end {
                        (target[3 * x], target[3 * x + 1], target[3 * x + 2]) = (color.red, color.green, color.blue)
                    }
                }
            }
        }
    }
}

/// The colour of a label: bright, and unlike those of the labels next to it.
///
/// In integers, so that it is the same everywhere. Hues are as far apart as the golden ratio spreads them; three tones, full,
/// darker and paler, follow each other.
struct RegionColor {
    let red: UInt8
    let green: UInt8
    let blue: UInt8

    init(label: UInt32) {
        // 1536 steps around the colour wheel, in six parts.
        let hue = (Int((label &* 0x9E37_79B1) >> 16) * 1536) >> 16
        let tones: [(least: Int, most: Int)] = [(32, 255), (16, 176), (128, 255)]
        let tone = tones[Int(label % 3)]
        func part(_ offset: Int) -> UInt8 {
            // Up during one sixth, high during two, down during one, low during two.
            let place = (hue + offset) % 1536
            let share = place < 256 ? place : place < 768 ? 255 : place < 1024 ? 1023 - place : 0
            return UInt8(tone.least + (tone.most - tone.least) * share / 255)
        }
        (red, green, blue) = (part(512), part(0), part(1024))
    }
}
