import Kernels
import Pipelines

extension FuzzTarget {
    /// The text that a submitter writes.
    static let pipelines = FuzzTarget("pipelines", maximumByteCount: 1024) { bytes in
        guard let pipeline = try? Pipeline(parsing: String(decoding: bytes, as: UTF8.self)) else { return }
        let again: Pipeline
        do {
            again = try Pipeline(parsing: pipeline.canonicalText)
        } catch {
            throw FuzzFinding(
                description: "`\(pipeline.canonicalText)` is the normal form of a pipeline, but: \(error)")
        }
        try FuzzFinding.unless(
            again.canonicalText == pipeline.canonicalText && again.operations.count == pipeline.operations.count,
            "`\(pipeline.canonicalText)` reads as `\(again.canonicalText)`")
        for format in pixelFormats {
            _ = try? pipeline.shapes(from: ImageShape(width: 640, height: 480, format: format))
        }
    }

    /// Every kernel of a pipeline on a small image, whole and cut in two, from exactly the rows that it says it needs.
    ///
    ///     width | height | format | where to cut | the pipeline's text | 0 | samples, repeated as often as needed ...
    static let pixels = FuzzTarget("pixels", maximumByteCount: 512) { bytes in
        var input = InputBytes(bytes)
        let width = input.number(in: 1...24)
        let height = input.number(in: 1...24)
        let format = pixelFormats[input.number(in: 0...pixelFormats.count - 1)]
        let cut = Int(input.byte())
        guard let pipeline = try? Pipeline(parsing: input.text()), pipeline.operations.count <= 3 else { return }
        // Attachments are decoded before kernels are made, and a kernel never is without its own.
        let pictures = pipeline.attachments.enumerated().map { index, content in
            let shape = ImageShape(width: 1 + index * 5, height: 3, format: pixelFormats[Int(cut) % pixelFormats.count])
            let picture = Picture(shape: shape, pixels: Array(repeating: 0x9c, count: shape.byteCount))
            return PictureLibrary.shared.enter(picture, as: content)
        }
        defer { withExtendedLifetime(pictures) {} }
        let samples = input.rest.isEmpty ? [0x5a] : Array(input.rest)
        var image = RowBuffer(shape: ImageShape(width: width, height: height, format: format), rows: 0..<height)
        fill(image, with: samples)
        for operation in pipeline.operations {
            guard let shape = try? operation.outputShape(for: image.shape), shape.byteCount <= 1 << 16 else { return }
            func applyEach(_ computations: [any RowComputation]) throws {
                for step in RowStep.chain(computations, of: image.shape) {
                    image = try apply(step, to: image, cut: cut)
                }
            }
            func applyAll(_ computation: OperationComputation) throws {
                switch computation {
                case .rows(let computations): try applyEach(computations)
                case .transposition(let before, let after):
                    try applyEach(before)
                    image = image.transposed()
                    try applyEach(after)
                case .wholeImage(let computation, let after):
                    let step = WholeImageStep(computation, of: image.shape)
                    for preparation in step.prelude { image = try apply(preparation, to: image, cut: cut) }
                    image = try apply(step, to: image, cut: cut)
                    try applyEach(after)
                case .sequence(let parts): for part in parts { try applyAll(part) }
                }
            }
            try applyAll(try operation.computation(for: image.shape))
            let name = type(of: operation).description.name
            try FuzzFinding.unless(image.shape == shape, "\(name) announces \(shape) and makes \(image.shape)")
        }
    }

    /// The partial results of whole-image operations, and the rows of their last steps, which travel between machines.
    ///
    /// Of 8 bits only: the tables of 16 bits are large, and read by the same code.
    ///
    ///     operation | width | height | layout | length of the first summary | both summaries and the value ...
    static let summaries = FuzzTarget("summaries", maximumByteCount: 8192) { bytes in
        var input = InputBytes(bytes)
        let operation = wholeImageOperations[input.number(in: 0...wholeImageOperations.count - 1)]
        let shape = ImageShape(
            width: input.number(in: 1...24), height: input.number(in: 1...24),
            format: PixelFormat(ChannelLayout.allCases[input.number(in: 0...3)], .eight))
        guard case .wholeImage(let computation, let after)? = try? operation.computation(for: shape) else { return }
        let step = WholeImageStep(computation, of: shape)
        let kernel = step.kernel
        let first = Array(input.rest.prefix(Int(input.byte()) * 16))
        let second = Array(input.rest.dropFirst(first.count))
        _ = try? kernel.merge([first, second])
        _ = try? kernel.finalize([first, second])
        _ = try? kernel.refine(first, strips: [second])
        _ = try? kernel.refine(second, strips: [first, first])
        let rows = RowBuffer(shape: step.aggregated, rows: 0..<step.aggregated.height)
        fill(rows, with: [0x13, 0x77, 0xd9])
        for value in [first, second] {
            let output = RowBuffer(shape: step.output, rows: 0..<step.output.height)
            try? kernel.apply(value, to: rows.view, into: output.mutableView)
            // One of the summaries is real, as when one worker of many is broken.
            let real = kernel.aggregate(rows.view)
            _ = try? kernel.merge([real, value])
            _ = try? kernel.finalize([value, real])
            _ = try? kernel.refine(value, strips: [real])
        }
        // The rows between the steps travel, too.
        for next in RowStep.chain(after, of: step.output) {
            let rows = RowBuffer(shape: next.input, rows: 0..<next.input.height)
            fill(rows, with: first.isEmpty ? [0xff] : first)
            let output = RowBuffer(shape: next.output, rows: 0..<next.output.height)
            withExtendedLifetime((rows, output)) { next.kernel.apply(rows.view, to: output.mutableView) }
        }
    }

    private static let pixelFormats: [PixelFormat] = ChannelLayout.allCases.flatMap { layout in
        SampleDepth.allCases.map { PixelFormat(layout, $0) }
    }

    /// Those of the catalogue that need no argument, bound to their defaults.
    private static let wholeImageOperations: [any Operation] = OperationCatalogue.all.compactMap { type in
        guard let operation = try? Pipeline(parsing: type.description.name).operations.first else { return nil }
        let shape = ImageShape(width: 8, height: 8, format: PixelFormat(.gray, .eight))
        guard case .wholeImage? = try? operation.computation(for: shape) else { return nil }
        return operation
    }

    private static func fill(_ image: RowBuffer, with samples: [UInt8]) {
        withExtendedLifetime(image) {
            let bytes = image.mutableView.bytes
            for index in bytes.indices { bytes[index] = samples[index % samples.count] }
        }
    }

    /// The rows of `image` in memory of their own, behind which nothing may be touched.
    private static func copy(_ rows: Range<Int>, of image: RowBuffer) -> RowBuffer {
        let part = RowBuffer(shape: image.shape, rows: rows)
        withExtendedLifetime((image, part)) {
            let start = (rows.lowerBound - image.rows.lowerBound) * image.shape.bytesPerRow
            let bytes = part.mutableView.bytes
            bytes.copyMemory(from: UnsafeRawBufferPointer(rebasing: image.view.bytes[start..<start + bytes.count]))
        }
        return part
    }

    /// The parts above and below a cut; one of them alone when the cut is at an edge.
    private static func parts(of height: Int, cut: Int) -> [Range<Int>] {
        let row = cut % (height + 1)
        return [0..<row, row..<height].filter { !$0.isEmpty }
    }

    private static func apply(_ step: RowStep, to image: RowBuffer, cut: Int) throws -> RowBuffer {
        let kernel = step.kernel
        let height = step.output.height
        let whole = RowBuffer(shape: step.output, rows: 0..<height)
        withExtendedLifetime((image, whole)) { kernel.apply(image.view, to: whole.mutableView) }
        for rows in parts(of: height, cut: cut) {
            let needed = step.inputRows(for: rows)
            try FuzzFinding.unless(
                needed.lowerBound >= 0 && needed.upperBound <= image.shape.height,
                "\(kernel) needs rows \(needed) of \(image.shape.height)")
            let input = copy(needed, of: image)
            let output = RowBuffer(shape: step.output, rows: rows)
            withExtendedLifetime((input, output)) { kernel.apply(input.view, to: output.mutableView) }
            try FuzzFinding.unless(
                output.bytes == copy(rows, of: whole).bytes, "\(kernel) makes other rows \(rows) when they are alone")
        }
        return whole
    }

    private static func apply(_ step: WholeImageStep, to image: RowBuffer, cut: Int) throws -> RowBuffer {
        let kernel = step.kernel
        let whole = RowBuffer(shape: step.output, rows: 0..<step.output.height)
        let value = try kernel.finalize([withExtendedLifetime(image) { kernel.aggregate(image.view) }])
        try withExtendedLifetime((image, whole)) {
            try kernel.apply(value[0], to: image.view, into: whole.mutableView)
        }
        // Parts of the output are parts of what was summarised only when both have the same rows.
        guard step.output.height == image.shape.height else { return whole }
        let inputs = parts(of: image.shape.height, cut: cut).map { copy($0, of: image) }
        let summaries = inputs.map { part in withExtendedLifetime(part) { kernel.aggregate(part.view) } }
        let values = try kernel.finalize(summaries)
        let refined = try kernel.refine(try kernel.finalize([kernel.merge(summaries)])[0], strips: summaries)
        for values in [values, refined] {
            for (index, input) in inputs.enumerated() {
                let output = RowBuffer(shape: step.output, rows: input.rows)
                let value = step.appliesRowByRow ? values[0] : values[index]
                try withExtendedLifetime((input, output)) {
                    try kernel.apply(value, to: input.view, into: output.mutableView)
                }
                try FuzzFinding.unless(
                    output.bytes == copy(input.rows, of: whole).bytes,
                    "\(kernel) makes other rows \(input.rows) when they are a part")
            }
        }
        return whole
    }
}
