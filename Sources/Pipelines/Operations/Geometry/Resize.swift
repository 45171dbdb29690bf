/// Scales the image to another size.
public struct Resize: Operation {
    public static let description = OperationDescription(
        "resize", family: .geometry,
        keywords:
            "thumbnail scale rescale shrink enlarge upscale downscale zoom resample reduce size smaller bigger interpolation downsample upsample",
        examples: ["resize width=320", "resize scale=0.5 method=lanczos | sharpen"],
        summary: "Scales the image to another width and height",
        parameters: [
            ParameterDescription(
                "width", "the width of the result; auto: from the height, keeping the proportions",
                .integer(1...largestSide), mayBeAuto: true, default: .auto, unit: "pixels"),
            ParameterDescription(
                "height", "the height of the result; auto: from the width, keeping the proportions",
                .integer(1...largestSide), mayBeAuto: true, default: .auto, unit: "pixels"),
            ParameterDescription(
                "scale", "the factor of both sides, instead of a width or height", .number(0.0001...100),
                mayBeAuto: true, default: .auto),
            ParameterDescription(
                "method",
                "interpolation: the nearest pixel; 2, 4 or 8 neighbours in each direction; or "
                    + "area, the mean of all pixels covered, which shrinks best and enlarges as linear does",
                .choice(Method.allCases.map(\.rawValue)), default: .word(Method.area.rawValue),
                synonyms: [
                    "bilinear": "linear", "bicubic": "cubic", "lanczos4": "lanczos", "nearestneighbor": "nearest",
                ]),
        ],
        asksFor: ["width", "height", "scale"],
        result: "the format of the input; alpha is scaled like a colour", border: .replicate,
        matches: "cv2.resize with INTER_NEAREST, INTER_LINEAR, INTER_CUBIC, INTER_AREA, INTER_LANCZOS4 and without "
            + "Intel's library (cv2.ipp.setUseIPP(False), which rounds cubic and 16-bit levels differently): exactly at 8 "
            + "bits; at 16 bits at most 1 level off, in at most 0.1 % of the samples of lanczos, and where area averages "
            + "more than 256 pixels, whose sum OpenCV rounds")

    package enum Method: String, CaseIterable, Sendable {
        case nearest, linear, cubic, area, lanczos
    }

    /// The longest side and the largest area of a result.
    static let largestSide = 1_000_000
    static let largestPixelCount = 1 << 32

    private let width: Int?
    private let height: Int?
    private let scale: Double?
    private let method: Method

    public init(arguments: OperationArguments) throws(PipelineError) {
        width = arguments.integerUnlessAuto("width")
        height = arguments.integerUnlessAuto("height")
        scale = arguments.numberUnlessAuto("scale")
        method = arguments.choice("method")
        if scale != nil && (width != nil || height != nil) {
            throw PipelineError(
                .badValue,
                "`resize` has a scale and a \(width != nil ? "width" : "height"); give scale alone, or width and height, or "
                    + "one of these to keep the proportions")
        }
    }

    public func computation(for input: ImageShape) throws(PipelineError) -> OperationComputation {
        let (columns, rows) = axes(for: input)
        let sides =
            "the \(input.width) x \(input.height) pixels of the image \(columns.outputCount) x \(rows.outputCount)"
        guard columns.outputCount > 0, rows.outputCount > 0 else {
            throw PipelineError(
                .unsuitableImage, "`resize` makes of \(sides): less than a pixel; choose a larger scale")
        }
        guard max(columns.outputCount, rows.outputCount) <= Self.largestSide,
            columns.outputCount * rows.outputCount <= Self.largestPixelCount
        else {
            throw PipelineError(
                .unsuitableImage,
                "`resize` makes of \(sides); at most \(Self.largestSide) to a side and \(Self.largestPixelCount) in all "
                    + "are allowed; choose a smaller size")
        }
        let isIdentity =
            columns.outputCount == input.width && rows.outputCount == input.height && columns.magnification == 1
            && rows.magnification == 1
        return .rows(isIdentity ? [] : [scaling(columns, rows)])
    }

    private func axes(for input: ImageShape) -> (columns: ResizeAxis, rows: ResizeAxis) {
        if let scale {
            func axis(_ count: Int) -> ResizeAxis {
                let scaled = (Double(count) * scale).rounded(.toNearestOrEven)
                return ResizeAxis(inputCount: count, outputCount: Int(scaled), magnification: scale)
            }
            return (axis(input.width), axis(input.height))
        }
        func other(_ side: Int, of count: Int, by reference: Int) -> Int {
            max(1, Int((Double(side) * Double(count) / Double(reference)).rounded()))
        }
        let newWidth = width ?? height.map { other($0, of: input.width, by: input.height) } ?? input.width
        let newHeight = height ?? width.map { other($0, of: input.height, by: input.width) } ?? input.height
        func axis(_ count: Int, _ new: Int) -> ResizeAxis {
            ResizeAxis(inputCount: count, outputCount: new, magnification: Double(new) / Double(count))
        }
        return (axis(input.width, newWidth), axis(input.height, newHeight))
    }

    private func scaling(_ columns: ResizeAxis, _ rows: ResizeAxis) -> any RowComputation {
        switch method {
        case .nearest: NearestPixels(columns: columns, rows: rows)
        // The mean of four neighbours is what both methods mean then.
        case .linear where columns.wholeStep == 2 && rows.wholeStep == 2: BlockMean(columns: columns, rows: rows)
        case .area where columns.step >= 1 && rows.step >= 1:
            if columns.wholeStep != nil && rows.wholeStep != nil {
                BlockMean(columns: columns, rows: rows)
            } else {
                AreaMean(columns: columns, rows: rows)
            }
        case .linear: InterpolatedPixels(kind: .linear, columns: columns, rows: rows)
        case .area: InterpolatedPixels(kind: .overlap, columns: columns, rows: rows)
        case .cubic: InterpolatedPixels(kind: .cubic, columns: columns, rows: rows)
        case .lanczos: InterpolatedPixels(kind: .lanczos, columns: columns, rows: rows)
        }
    }
}
