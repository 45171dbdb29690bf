import CLibYAML

/// The keys and values of a YAML document whose root is a mapping, with their lines.
///
/// A text without a document, or with nothing but comments in it, is an empty mapping.
struct YAMLMapping {
    /// Why a text is not such a document.
    struct Malformed: Error, CustomStringConvertible {
        let description: String
    }

    /// A key of the mapping.
    struct Entry {
        let key: String
        /// Counted from 1.
        let line: Int
        let value: Value
    }

    enum Value {
        /// The text as it is written, without quotes.
        case scalar(String)
        /// Nothing, an empty text, or YAML's null: `~` or `null` without quotes.
        case none(written: String)
        case list
        case mapping
    }

    private(set) var entries: [Entry] = []

    init(parsing text: [UInt8]) throws(Malformed) {
        let parser = UnsafeMutablePointer<yaml_parser_t>.allocate(capacity: 1)
        defer { parser.deallocate() }
        guard yaml_parser_initialize(parser) != 0 else {
            throw Malformed(description: "there is no memory to parse it")
        }
        defer { yaml_parser_delete(parser) }
        entries = try text.withUnsafeBufferPointer { bytes throws(Malformed) in
            yaml_parser_set_input_string(parser, bytes.baseAddress, bytes.count)
            let entries = try Self.document(of: parser, Self.entries)
            return try Self.document(of: parser) { document throws(Malformed) in
                guard yaml_document_get_root_node(document) == nil else {
                    throw Malformed(description: "it has more than one document")
                }
                return entries
            }
        }
    }

    /// Passes the next document to `body`: one without a root after the last.
    private static func document<Result>(
        of parser: UnsafeMutablePointer<yaml_parser_t>,
        _ body: (UnsafeMutablePointer<yaml_document_t>) throws(Malformed) -> Result
    ) throws(Malformed) -> Result {
        let document = UnsafeMutablePointer<yaml_document_t>.allocate(capacity: 1)
        defer { document.deallocate() }
        guard yaml_parser_load(parser, document) != 0 else {
            let problem = parser.pointee.problem.map { String(cString: $0) } ?? "it is not YAML"
            let mark = parser.pointee.problem_mark
            throw Malformed(description: "line \(mark.line + 1), column \(mark.column + 1): \(problem)")
        }
        defer { yaml_document_delete(document) }
        return try body(document)
    }

    private static func entries(of document: UnsafeMutablePointer<yaml_document_t>) throws(Malformed) -> [Entry] {
        guard let root = yaml_document_get_root_node(document) else { return [] }
        guard root.pointee.type == YAML_MAPPING_NODE else {
            if case .none = value(of: root) { return [] }
            throw Malformed(description: "it is not a list of keys and values ('key: value')")
        }
        let pairs = root.pointee.data.mapping.pairs
        var entries: [Entry] = []
        for pair in UnsafeBufferPointer(start: pairs.start, count: pairs.start.distance(to: pairs.top)) {
            guard let keyNode = yaml_document_get_node(document, pair.key),
                let valueNode = yaml_document_get_node(document, pair.value)
            else { continue }
            let line = Int(keyNode.pointee.start_mark.line) + 1
            let key: String
            switch value(of: keyNode) {
            case .scalar(let text), .none(let text): key = text
            case .list, .mapping: throw Malformed(description: "line \(line): a key is not a word")
            }
            if let first = entries.first(where: { $0.key == key }) {
                throw Malformed(
                    description: "line \(line): the key '\(key)' is in it twice, first in line \(first.line)")
            }
            entries.append(Entry(key: key, line: line, value: value(of: valueNode)))
        }
        return entries
    }

    private static func value(of node: UnsafeMutablePointer<yaml_node_t>) -> Value {
        switch node.pointee.type {
        case YAML_SEQUENCE_NODE: return .list
        case YAML_MAPPING_NODE: return .mapping
        default: break
        }
        let scalar = node.pointee.data.scalar
        let text = String(decoding: UnsafeBufferPointer(start: scalar.value, count: scalar.length), as: UTF8.self)
        let isNull = scalar.style == YAML_PLAIN_SCALAR_STYLE && ["~", "null", "Null", "NULL"].contains(text)
        return isNull || text.isEmpty ? .none(written: text) : .scalar(text)
    }
}
