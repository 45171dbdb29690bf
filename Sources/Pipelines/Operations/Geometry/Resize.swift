/// Scales the image to another size.
public struct Resize: Operation {
    public static let description = OperationDescription(
        "resize", family: .geometry,
        keywords:
            "thumbnail scale rescale shrink enlarge upscale downscale zoom resample reduce size smaller bigger interpolation downsample upsample fit fit-inside bounding-box cover fill max-size web-size square-thumbnail",
        examples: ["resize width=320", "resize max-width=2048 max-height=2048 | sharpen"],
        summary:
            "Scales the image to another width and height, or into a box: `max-width=2048` makes photographs smaller that "
            + "are wider, and leaves the others as they are",
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
                "max-width", "the width of the box that the image is made to fit; auto: any width",
                .integer(1...largestSide), mayBeAuto: true, default: .auto, unit: "pixels"),
            ParameterDescription(
                "max-height", "the height of the box that the image is made to fit; auto: any height",
                .integer(1...largestSide), mayBeAuto: true, default: .auto, unit: "pixels"),
            ParameterDescription(
                "size",
                "a box that has a name, upright for images that are higher than wide: "
                    + NamedBox.allCases.map { "\($0.rawValue) \($0.long) x \($0.short)" }.joined(separator: ", "),
                .choice(NamedBox.allCases.map(\.rawValue)), mayBeAuto: true, default: .auto,
                synonyms: [
                    "fhd": "full-hd", "1080p": "full-hd", "720p": "hd", "1440p": "qhd", "2160p": "4k", "uhd": "4k",
                ]),
            ParameterDescription(
                "fit",
                "inside: the proportions are kept, and no side is longer than the box's; cover: the proportions are kept, and "
                    + "what reaches beyond the box is cut off equally on both sides, so that the box is filled; fill: the sides "
                    + "become the box's, whatever the proportions; auto: fill with width or height, inside otherwise",
                .choice(Fit.allCases.map(\.rawValue)), mayBeAuto: true, default: .auto,
                synonyms: ["contain": "inside", "crop": "cover", "stretch": "fill"]),
            ParameterDescription(
                "enlarge",
                "whether an image that is smaller than what is asked for grows; auto: yes with width, height or scale, no with "
                    + "max-width, max-height or size",
                .choice(["no", "yes"]), mayBeAuto: true, default: .auto, synonyms: ["false": "no", "true": "yes"]),
            ParameterDescription(
                "method",
                "interpolation: the nearest pixel; 2, 4 or 8 neighbours in each direction; or "
                    + "area, the mean of all pixels covered, which shrinks best and enlarges as linear does",
                .choice(Method.allCases.map(\.rawValue)), default: .word(Method.area.rawValue),
                synonyms: [
                    "bilinear": "linear", "bicubic": "cubic", "lanczos4": "lanczos", "nearestneighbor": "nearest",
                ]),
            AlphaTreatment.parameter(separately: "alpha is scaled like them"),
        ],
        asksFor: ["width", "height", "scale", "max-width", "max-height", "size"],
        result: "the format of the input; alpha is scaled like a colour", border: .replicate,
        matches: "cv2.resize with INTER_NEAREST, INTER_LINEAR, INTER_CUBIC, INTER_AREA, INTER_LANCZOS4 and without "
            + "Intel's library (cv2.ipp.setUseIPP(False), which rounds cubic and 16-bit levels differently): exactly at 8 "
            + "bits; at 16 bits at most 1 level off, in at most 0.1 % of the samples of lanczos, and where area averages "
            + "more than 256 pixels, whose sum OpenCV rounds")

    /// How the image and the box that it is made to fit go together.
    package enum Fit: String, CaseIterable, Sendable {
        case inside, cover, fill
    }

    /// Boxes that people know by a name.
    package enum NamedBox: String, CaseIterable, Sendable {
        case thumbnail, hd
        case fullHD = "full-hd"
        case qhd
        case fourK = "4k"
        case eightK = "8k"

        var long: Int {
            switch self {
            case .thumbnail: 256
            case .hd: 1280
            case .fullHD: 1920
            case .qhd: 2560
            case .fourK: 3840
            case .eightK: 7680
            }
        }

        var short: Int { self == .thumbnail ? 256 : long / 16 * 9 }
    }

    /// What is asked for: a factor, or a box of which a side may be open.
    private enum Target {
        case factor(Double)
        case box(width: Int?, height: Int?)
        case named(NamedBox)
    }

    package enum Method: String, CaseIterable, Sendable {
        case nearest, linear, cubic, area, lanczos
    }

    /// The longest side of a result.
    static let largestSide = ImageShape.largestResultSide

    private let target: Target
    private let fit: Fit
    private let mayEnlarge: Bool
    private let method: Method
    private let alpha: AlphaTreatment

    public init(arguments: OperationArguments) throws(PipelineError) {
        method = arguments.choice("method")
        alpha = arguments.choice("alpha")
        let ways = [["scale"], ["width", "height"], ["max-width", "max-height"], ["size"]].map { names in
            names.filter { arguments[$0] != .auto }
        }
        let given = ways.filter { !$0.isEmpty }
        if given.count > 1 {
            throw PipelineError(
                .badValue,
                "`resize` has a \(given[0][0]) and a \(given[1][0]); give scale alone, or width and height, or max-width and "
                    + "max-height, or size, or one of two sides to keep the proportions")
        }
        let isBounded = !ways[2].isEmpty || !ways[3].isEmpty
        fit = arguments.choiceUnlessAuto("fit") ?? (isBounded ? .inside : .fill)
        mayEnlarge = arguments["enlarge"] == .auto ? !isBounded : arguments.word("enlarge") == "yes"
        if let scale = arguments.numberUnlessAuto("scale") {
            target = .factor(scale)
        } else if let box = arguments.choiceUnlessAuto("size", as: NamedBox.self) {
            target = .named(box)
        } else {
            let names = isBounded ? ("max-width", "max-height") : ("width", "height")
            let (width, height) = (arguments.integerUnlessAuto(names.0), arguments.integerUnlessAuto(names.1))
            target = .box(width: width, height: height)
            if fit == .cover, width == nil || height == nil {
                throw PipelineError(
                    .badValue,
                    "`resize`: fit=cover fills a box, but \(width == nil ? names.0 : names.1) is not given; give both sides"
                )
            }
        }
        if case .factor = target, arguments["fit"] != .auto {
            throw PipelineError(
                .badValue,
                "`resize`: fit=\(fit.rawValue) says how an image fits a box, but scale gives none; give max-width and "
                    + "max-height instead, or leave fit out")
        }
    }

    public func computation(for input: ImageShape) throws(PipelineError) -> OperationComputation {
        let (columns, rows) = axes(for: input)
        try ImageShape.checkResult(
            width: columns.outputCount, height: rows.outputCount, of: input, by: "resize",
            advice: "choose a smaller size",
            belowOne: "choose a larger scale")
        let isIdentity =
            columns.outputCount == input.width && rows.outputCount == input.height && columns.magnification == 1
            && rows.magnification == 1
        let cut = cut(width: columns.outputCount, height: rows.outputCount, of: input)
        if isIdentity { return .rows(cut) }
        // The nearest pixel is not mixed with others.
        let alpha = method == .nearest ? .separate : alpha
        return try alpha.applied(to: input) { _, _ in .rows([scaling(columns, rows)] + cut) }
    }

    /// The box for an image; `nil` for sides that are open.
    private func box(for input: ImageShape) -> (width: Int?, height: Int?) {
        switch target {
        case .factor: (nil, nil)
        case .box(let width, let height): (width, height)
        case .named(let box):
            input.height > input.width ? (box.short, box.long) : (box.long, box.short)
        }
    }

    private func axes(for input: ImageShape) -> (columns: ResizeAxis, rows: ResizeAxis) {
        if case .factor(let scale) = target {
            let scale = mayEnlarge ? scale : min(scale, 1)
            func axis(_ count: Int) -> ResizeAxis {
                let scaled = (Double(count) * scale).rounded(.toNearestOrEven)
                return ResizeAxis(inputCount: count, outputCount: Int(scaled), magnification: scale)
            }
            return (axis(input.width), axis(input.height))
        }
        let (newWidth, newHeight) = size(for: input)
        func axis(_ count: Int, _ new: Int) -> ResizeAxis {
            ResizeAxis(inputCount: count, outputCount: new, magnification: Double(new) / Double(count))
        }
        return (axis(input.width, newWidth), axis(input.height, newHeight))
    }

    /// Width and height before anything is cut off.
    private func size(for input: ImageShape) -> (width: Int, height: Int) {
        func other(_ side: Int, of count: Int, by reference: Int) -> Int {
            max(1, Int((Double(side) * Double(count) / Double(reference)).rounded()))
        }
        let box = box(for: input)
        let byWidth = box.width.map { (width: $0, height: other($0, of: input.height, by: input.width)) }
        let byHeight = box.height.map { (width: other($0, of: input.width, by: input.height), height: $0) }
        guard let byWidth else {
            guard let byHeight else { return (input.width, input.height) }
            return mayEnlarge || byHeight.height < input.height ? byHeight : (input.width, input.height)
        }
        guard let byHeight else {
            return mayEnlarge || byWidth.width < input.width ? byWidth : (input.width, input.height)
        }
        switch fit {
        case .fill:
            return mayEnlarge
                ? (byWidth.width, byHeight.height)
                : (min(byWidth.width, input.width), min(byHeight.height, input.height))
        case .inside, .cover:
            // Which side decides, exactly: width / input.width against height / input.height.
            let isWider = byWidth.width * input.height > byHeight.height * input.width
            let chosen = isWider == (fit == .cover) ? byWidth : byHeight
            let isLarger = isWider == (fit == .cover) ? chosen.width > input.width : chosen.height > input.height
            return isLarger && !mayEnlarge ? (input.width, input.height) : chosen
        }
    }

    /// The middle of an image that was made to cover the box.
    private func cut(width: Int, height: Int, of input: ImageShape) -> [any RowComputation] {
        guard fit == .cover else { return [] }
        let box = box(for: input)
        let (kept, high) = (min(box.width ?? width, width), min(box.height ?? height, height))
        return kept == width && high == height
            ? [] : [Cut(x: (width - kept) / 2, y: (height - high) / 2, width: kept, height: high)]
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
