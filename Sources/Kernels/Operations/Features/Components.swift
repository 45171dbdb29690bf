import Pipelines

extension RegionLabels: WholeImageKernelProviding, ReportKernelProviding {
    func kernel(for step: WholeImageStep) -> any WholeImageKernel { kernel(step.input) }
    func kernel(for step: ReportStep) -> any ReportKernel { kernel(step.input) }

    private func kernel(_ input: ImageShape) -> ComponentsKernel {
        ComponentsKernel(input: input, connectivity: connectivity)
    }
}

/// A part's value is the label of each of its regions, in the order of their first pixels in the part: `u16` each.
private struct ComponentsKernel: WholeImageKernel, ReportKernel {
    let input: ImageShape
    let connectivity: Int

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
        return joined.parts.map { part in bytes(part.regions.map { UInt16(joined.numbers[$0] + 1) }) }
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

    /// - Throws: when there are more regions than labels.
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

    private func bytes(_ labels: [UInt16]) -> [UInt8] { labels.map(\.littleEndian).withUnsafeBytes { Array($0) } }

    private func read(_ value: [UInt8], count: Int) throws(PipelineError) -> [UInt16] {
        var reader = PartialReader(value, name: "a value of components")
        var labels: [UInt16] = []
        for _ in 0..<count { labels.append(try reader.read(UInt16.self)) }
        try reader.finish()
        return labels
    }

    func apply(_ value: [UInt8], to rows: RowsView, into output: MutableRowsView) throws(PipelineError) {
        var regions = PartRegions(connectivity: connectivity)
        forEachRow(rows) { regions.append($0, width: input.width, y: $1) }
        let numbers = regions.numbers
        let labels = try read(value, count: regions.count)
        for (index, y) in output.rows.enumerated() {
            let target: UnsafeMutablePointer<UInt16> = output.row(y)
            target.update(repeating: 0, count: input.width)
            for run in regions.row(index) {
                (target + run.start).update(repeating: labels[numbers[Int(run.region)]], count: run.end - run.start)
            }
        }
    }
}
