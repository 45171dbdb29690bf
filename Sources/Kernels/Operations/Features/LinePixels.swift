import Pipelines

extension EdgesBesideImage: RowKernelProviding {
    func kernel(for step: RowStep) -> any RowKernel { EdgeKernel(input: step.input, ridges: ridges) }
}

/// Finds the edges of an image that has one limit for all, so that no edge depends on another, and keeps the image.
private struct EdgeKernel: RowKernel {
    let input: ImageShape
    let ridges: Ridges

    private var layout: EdgeLayout { EdgeLayout(image: input) }
    var outputShape: ImageShape { layout.shape }

    func apply(_ band: RowsView, to output: MutableRowsView) {
        let step = RowStep(ridges, of: input)
        let map = RowBuffer(shape: step.output, rows: output.rows)
        step.kernel.apply(band, to: map.mutableView)
        withExtendedLifetime(map) {
            for y in output.rows {
                let found: UnsafePointer<UInt8> = map.view.row(y)
                let target: UnsafeMutablePointer<UInt8> = output.row(y)
                // What fills the row up too: equal rows are equal bytes.
                target.update(repeating: 0, count: outputShape.width)
                for x in 0..<input.width { target[x] = found[x] == Ridge.strong ? 1 : 0 }
                (target + layout.imageOffset).update(from: band.row(y), count: input.bytesPerRow)
            }
        }
    }
}

/// The pixels among which lines are sought. Owns memory: call `deallocate()`.
struct LinePixels {
    /// `nil` where the rows have edges of their own.
    private let foreground: ForegroundRow?

    init(_ input: ImageShape, _ search: LineSearch) {
        foreground = search.edges == 0 ? ForegroundRow(input) : nil
    }

    func deallocate() { foreground?.deallocate() }

    /// 1 for each pixel of row `y` that counts, else 0; valid until the next row is read.
    func read(_ band: RowsView, _ y: Int) -> UnsafePointer<UInt8> {
        foreground?.read(band, y) ?? band.row(y, as: UInt8.self)
    }
}

extension LineSearch {
    /// The image's own bytes of row `y`.
    func imageRow(_ band: RowsView, _ y: Int, of input: ImageShape) -> UnsafeRawPointer {
        UnsafeRawPointer(band.row(y, as: UInt8.self)) + (edges == 0 ? 0 : EdgeLayout(image: input).imageOffset)
    }

    /// The head of a document.
    func document(in input: ImageShape, method: HoughLines.Method) -> JSONText {
        var text = JSONText("hough-lines", width: input.width, height: input.height)
        text.add("method", text: method.rawValue)
        text.add("edges", edges)
        text.add("rho", raw: "\(ArgumentValue.number(grid.rho))")
        text.add("theta", raw: "\(ArgumentValue.number(grid.theta))")
        text.add("threshold", threshold)
        return text
    }
}
