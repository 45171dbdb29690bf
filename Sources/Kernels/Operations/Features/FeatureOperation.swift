/// An operation that finds something in an image. It draws it, or gives it as a JSON document.
///
/// As a document it must be the last operation of a pipeline; a drawing is an image like any other.
public protocol FeatureOperation: Operation {
    /// The argument `output`.
    var output: ResultKind { get }

    /// What finds the document's content in an image of this shape. Where `outputShape` refuses, so does everyone before
    /// this is called.
    func reportKernel(for input: ImageShape) -> any ReportKernel
}

/// Computes a document from a whole image: rows are summarised part by part, as for a `WholeImageKernel`.
public protocol ReportKernel: SummarisingKernel {
    /// The document, from the summaries of all parts, top to bottom: JSON in UTF-8, ended by a line feed. The same for
    /// every way of cutting the image.
    func document(_ summaries: [[UInt8]]) throws(PipelineError) -> [UInt8]
}

extension ParameterDescription {
    /// What every feature operation takes.
    static func output(image: String) -> ParameterDescription {
        ParameterDescription(
            "output", "image: \(image); json: the document, as the last operation only",
            .choice(ResultKind.allCases.map(\.rawValue)), default: .word(ResultKind.image.rawValue))
    }
}

extension OperationArguments {
    var output: ResultKind { choice("output") }
}

/// Writes JSON in one way: fields in the order of the calls, an array of objects with one object a line.
///
/// Text is written as it is: only plain names may be passed.
struct JSONText {
    private(set) var bytes: [UInt8]
    private var isFirst = true

    /// Opens the document of an operation.
    init(_ operation: String, width: Int, height: Int) {
        bytes = Array("{".utf8)
        add("operation", text: operation)
        add("width", width)
        add("height", height)
    }

    /// The document, closed.
    var document: [UInt8] { bytes + Array("}\n".utf8) }

    mutating func add(_ name: String, text: String) { add(name, raw: "\"\(text)\"") }
    mutating func add(_ name: String, _ value: Int) { add(name, raw: String(value)) }
    mutating func add(_ name: String, _ value: Bool) { add(name, raw: value ? "true" : "false") }

    /// - Parameter raw: JSON.
    mutating func add(_ name: String, raw: String) {
        if !isFirst { bytes += Array(", ".utf8) }
        isFirst = false
        bytes += Array("\"\(name)\": \(raw)".utf8)
    }

    /// Adds an array, one element a line.
    ///
    /// - Parameter element: the JSON of each.
    mutating func add<Elements: Collection>(_ name: String, _ elements: Elements, element: (Elements.Element) -> String)
    {
        bytes += Array("\(isFirst ? "" : ", ")\"\(name)\": [".utf8)
        isFirst = false
        var separator = "\n"
        for item in elements {
            bytes += Array((separator + element(item)).utf8)
            separator = ",\n"
        }
        bytes += Array((elements.isEmpty ? "]" : "\n]").utf8)
    }

    /// A number with exactly so many decimals, rounded to nearest, ties to even.
    static func fixed(_ value: Double, decimals: Int) -> String {
        let scale = (0..<decimals).reduce(1.0) { power, _ in power * 10 }
        let scaled = Int((value.magnitude * scale).rounded(.toNearestOrEven))
        let digits = String(scaled)
        let padded = String(repeating: "0", count: max(0, decimals + 1 - digits.count)) + digits
        let sign = value < 0 && scaled != 0 ? "-" : ""
        return "\(sign)\(padded.dropLast(decimals)).\(padded.suffix(decimals))"
    }
}
