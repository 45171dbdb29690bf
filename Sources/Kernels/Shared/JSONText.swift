/// Writes JSON in one way: fields in the order of the calls, an array of objects with one object per line.
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

    /// Adds an array, one element per line.
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

    /// A number with exactly `decimals` decimals, rounded to nearest, ties to even.
    static func fixed(_ value: Double, decimals: Int) -> String {
        let scale = (0..<decimals).reduce(1.0) { power, _ in power * 10 }
        let scaled = Int((value.magnitude * scale).rounded(.toNearestOrEven))
        let digits = String(scaled)
        let padded = String(repeating: "0", count: max(0, decimals + 1 - digits.count)) + digits
        let sign = value < 0 && scaled != 0 ? "-" : ""
        return "\(sign)\(padded.dropLast(decimals)).\(padded.suffix(decimals))"
    }
}
