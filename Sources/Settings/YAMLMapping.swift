import CLibYAML

/// The scalar values of a YAML document whose root is a mapping.
///
/// Values that are mappings or sequences are passed over: no setting has one.
struct YAMLMapping {
    /// Why a text is not such a document.
    struct Malformed: Error, CustomStringConvertible {
        let description: String
    }

    private(set) var values: [String: String] = [:]

    init(parsing text: [UInt8]) throws(Malformed) {
        let parser = UnsafeMutablePointer<yaml_parser_t>.allocate(capacity: 1)
        defer { parser.deallocate() }
        guard yaml_parser_initialize(parser) != 0 else {
            throw Malformed(description: "there is no memory to parse it")
        }
        defer { yaml_parser_delete(parser) }
        values = try text.withUnsafeBufferPointer { bytes throws(Malformed) in
            yaml_parser_set_input_string(parser, bytes.baseAddress, bytes.count)
            let values = try Self.document(of: parser, Self.scalars)
            return try Self.document(of: parser) { document throws(Malformed) in
                guard yaml_document_get_root_node(document) == nil else {
                    throw Malformed(description: "it has more than one document")
                }
                return values
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

    private static func scalars(
        of document: UnsafeMutablePointer<yaml_document_t>
    ) throws(Malformed) -> [String: String] {
        guard let root = yaml_document_get_root_node(document), root.pointee.type == YAML_MAPPING_NODE else {
            throw Malformed(description: "it is not a list of keys and values ('key: value'); an empty one is '{}'")
        }
        let pairs = root.pointee.data.mapping.pairs
        var values: [String: String] = [:]
        for pair in UnsafeBufferPointer(start: pairs.start, count: pairs.start.distance(to: pairs.top)) {
            guard let key = scalar(pair.key, in: document) else {
                throw Malformed(description: "a key is not a word")
            }
            guard let value = scalar(pair.value, in: document) else { continue }
            guard values.updateValue(value, forKey: key) == nil else {
                throw Malformed(description: "the key '\(key)' is in it twice")
            }
        }
        return values
    }

    private static func scalar(_ index: Int32, in document: UnsafeMutablePointer<yaml_document_t>) -> String? {
        guard let node = yaml_document_get_node(document, index), node.pointee.type == YAML_SCALAR_NODE else {
            return nil
        }
        let scalar = node.pointee.data.scalar
        return String(decoding: UnsafeBufferPointer(start: scalar.value, count: scalar.length), as: UTF8.self)
    }
}
