import Imaging

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
        let samples = input.rest.isEmpty ? [0x5a] : Array(input.rest)
        var image = RowBuffer(shape: ImageShape(width: width, height: height, format: format), rows: 0..<height)
        fill(image, with: samples)
        for operation in pipeline.operations {
            guard let shape = try? operation.outputShape(for: image.shape), shape.byteCount <= 1 << 16 else { return }
            switch operation.kernel(for: image.shape) {
            case .rows(let kernels): for kernel in kernels { image = try apply(kernel, to: image, cut: cut) }
            case .transposition(let before, let after):
                for kernel in before { image = try apply(kernel, to: image, cut: cut) }
                image = image.transposed()
                for kernel in after { image = try apply(kernel, to: image, cut: cut) }
            case .wholeImage(let kernel):
                for preparation in kernel.prelude { image = try apply(preparation, to: image, cut: cut) }
                image = try apply(kernel, to: image, cut: cut)
            }
            let name = type(of: operation).description.name
            try FuzzFinding.unless(image.shape == shape, "\(name) announces \(shape) and makes \(image.shape)")
        }
    }

    /// The partial results of whole-image operations, which travel between machines.
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
        guard (try? operation.outputShape(for: shape)) != nil,
            case .wholeImage(let kernel) = operation.kernel(for: shape)
        else { return }
        let first = Array(input.rest.prefix(Int(input.byte()) * 16))
        let second = Array(input.rest.dropFirst(first.count))
        _ = try? kernel.combine([first, second])
        _ = try? kernel.resolve([first, second])
        _ = try? kernel.refine(first, strips: [second])
        _ = try? kernel.refine(second, strips: [first, first])
        let rows = RowBuffer(shape: kernel.summarisedShape, rows: 0..<kernel.summarisedShape.height)
        fill(rows, with: [0x13, 0x77, 0xd9])
        for value in [first, second] {
            let output = RowBuffer(shape: kernel.outputShape, rows: 0..<kernel.outputShape.height)
            try? kernel.finish(rows.band, value: value, to: output.mutableBand)
            // One of the summaries is real, as when one worker of many is broken.
            let real = kernel.summarise(rows.band)
            _ = try? kernel.combine([real, value])
            _ = try? kernel.resolve([value, real])
            _ = try? kernel.refine(value, strips: [real])
        }
    }

    private static let pixelFormats: [PixelFormat] = ChannelLayout.allCases.flatMap { layout in
        SampleDepth.allCases.map { PixelFormat(layout, $0) }
    }

    /// Those of the catalogue that need no argument, bound to their defaults.
    private static let wholeImageOperations: [any Operation] = OperationCatalogue.all.compactMap { type in
        guard let operation = try? Pipeline(parsing: type.description.name).operations.first else { return nil }
        let shape = ImageShape(width: 8, height: 8, format: PixelFormat(.gray, .eight))
        guard (try? operation.outputShape(for: shape)) != nil, case .wholeImage = operation.kernel(for: shape) else {
            return nil
        }
        return operation
    }

    private static func fill(_ image: RowBuffer, with samples: [UInt8]) {
        withExtendedLifetime(image) {
            let bytes = image.mutableBand.bytes
            for index in bytes.indices { bytes[index] = samples[index % samples.count] }
        }
    }

    /// The rows of `image` in memory of their own, behind which nothing may be touched.
    private static func copy(_ rows: Range<Int>, of image: RowBuffer) -> RowBuffer {
        let part = RowBuffer(shape: image.shape, rows: rows)
        withExtendedLifetime((image, part)) {
            let start = (rows.lowerBound - image.rows.lowerBound) * image.shape.bytesPerRow
            let bytes = part.mutableBand.bytes
            bytes.copyMemory(from: UnsafeRawBufferPointer(rebasing: image.band.bytes[start..<start + bytes.count]))
        }
        return part
    }

    /// The parts above and below a cut; one of them alone when the cut is at an edge.
    private static func parts(of height: Int, cut: Int) -> [Range<Int>] {
        let row = cut % (height + 1)
        return [0..<row, row..<height].filter { !$0.isEmpty }
    }

    private static func apply(_ kernel: any RowKernel, to image: RowBuffer, cut: Int) throws -> RowBuffer {
        let height = kernel.outputShape.height
        let whole = RowBuffer(shape: kernel.outputShape, rows: 0..<height)
        withExtendedLifetime((image, whole)) { kernel.apply(image.band, to: whole.mutableBand) }
        for rows in parts(of: height, cut: cut) {
            let needed = kernel.inputRows(for: rows)
            try FuzzFinding.unless(
                needed.lowerBound >= 0 && needed.upperBound <= image.shape.height,
                "\(kernel) needs rows \(needed) of \(image.shape.height)")
            let input = copy(needed, of: image)
            let output = RowBuffer(shape: kernel.outputShape, rows: rows)
            withExtendedLifetime((input, output)) { kernel.apply(input.band, to: output.mutableBand) }
            try FuzzFinding.unless(
                output.bytes == copy(rows, of: whole).bytes, "\(kernel) makes other rows \(rows) when they are alone")
        }
        return whole
    }

    private static func apply(_ kernel: any WholeImageKernel, to image: RowBuffer, cut: Int) throws -> RowBuffer {
        let whole = RowBuffer(shape: kernel.outputShape, rows: 0..<kernel.outputShape.height)
        let value = try kernel.resolve([withExtendedLifetime(image) { kernel.summarise(image.band) }])
        try withExtendedLifetime((image, whole)) {
            try kernel.finish(image.band, value: value[0], to: whole.mutableBand)
        }
        // Parts of the output are parts of what was summarised only when both have the same rows.
        guard kernel.outputShape.height == image.shape.height else { return whole }
        let inputs = parts(of: image.shape.height, cut: cut).map { copy($0, of: image) }
        let summaries = inputs.map { part in withExtendedLifetime(part) { kernel.summarise(part.band) } }
        let values = try kernel.resolve(summaries)
        let refined = try kernel.refine(try kernel.resolve([kernel.combine(summaries)])[0], strips: summaries)
        for values in [values, refined] {
            for (index, input) in inputs.enumerated() {
                let output = RowBuffer(shape: kernel.outputShape, rows: input.rows)
                let value = kernel.finishesRowByRow ? values[0] : values[index]
                try withExtendedLifetime((input, output)) {
                    try kernel.finish(input.band, value: value, to: output.mutableBand)
                }
                try FuzzFinding.unless(
                    output.bytes == copy(input.rows, of: whole).bytes,
                    "\(kernel) makes other rows \(input.rows) when they are a part")
            }
        }
        return whole
    }
}
