public import Pipelines

extension OperationDescription {
    /// A JSON Schema (draft 2020-12) of the operation's arguments as an object, such as `{"sigma": 3}`.
    ///
    /// Everything else that is known of the operation is beside it as annotations, which validators pass over.
    public var schema: JSON {
        [
            "$schema": "https://json-schema.org/draft/2020-12/schema", "title": .string(name),
            "description": .string(summary), "type": "object",
            "properties": .object(parameters.map { JSON.Member(name: $0.name, value: $0.schema) }),
            "additionalProperties": .bool(false),
            "anyOf": asksFor.isEmpty ? nil : .array(asksFor.map { ["required": [.string($0)]] }),
            "family": .string(family.rawValue), "usage": .string(usage),
            "formats": .array(formats.map { .string($0.name) }), "result": .string(result),
            "border": .string(border.rawValue), "matches": .string(matches),
            "document": document.map { .string($0) }, "keywords": .array(keywords.map { .string($0) }),
            "example_pipelines": .array(examples.map { .string($0) }),
        ]
    }
}

extension ParameterDescription {
    fileprivate var schema: JSON {
        let head: JSON = ["description": .string(summary), "default": defaultValue.json]
        return head.with(mayBeAuto ? ["anyOf": [kind.schema, ["const": "auto"]]] : kind.schema).with([
            "unit": unit.map { .string($0) }, "level": isLevel ? .bool(true) : nil,
        ])
    }
}

extension ParameterDescription.Kind {
    fileprivate var schema: JSON {
        switch self {
        case .integer(let range):
            ["type": "integer", "minimum": .integer(range.lowerBound), "maximum": .integer(range.upperBound)]
        case .oddInteger(let range):
            [
                "type": "integer", "minimum": .integer(range.lowerBound), "maximum": .integer(range.upperBound),
                "not": ["multipleOf": .integer(2)],
            ]
        case .number(let range):
            ["type": "number", "minimum": .number(range.lowerBound), "maximum": .number(range.upperBound)]
        case .matrix(let side, let range):
            [
                "type": "string",
                "$comment": .string(
                    "rows separated by /, numbers by spaces; odd numbers of both, at most \(side); numbers from "
                        + "\(ArithmeticText.shortest(range.lowerBound)) to \(ArithmeticText.shortest(range.upperBound))"
                ),
            ]
        case .numbers(let count, let range):
            [
                "type": "string",
                "$comment": .string(
                    "\(count) numbers from \(ArithmeticText.shortest(range.lowerBound)) to "
                        + "\(ArithmeticText.shortest(range.upperBound)), separated by commas"),
            ]
        case .color:
            [
                "type": "string",
                "anyOf": [
                    ["pattern": "^#[0-9A-Fa-f]{6}([0-9A-Fa-f]{2})?$"],
                    ["enum": .array(PaintColor.names.map { .string($0.name) })],
                ],
            ]
        case .image: ["type": "string", "format": "uri-reference"]
        case .choice(let words): ["type": "string", "enum": .array(words.map { .string($0) })]
        }
    }
}

extension ArgumentValue {
    fileprivate var json: JSON {
        switch self {
        case .integer(let value): .integer(value)
        case .number(let value): .number(value)
        case .word(let word): .string(word)
        case .matrix(let matrix): .string(matrix.description)
        case .numbers, .color, .image: .string(description)
        case .auto: "auto"
        }
    }
}

extension PixelFormat {
    /// The format in words, such as `rgb 8-bit`.
    package var name: String {
        let layout =
            switch layout {
            case .gray: "gray"
            case .grayAlpha: "gray+alpha"
            case .rgb: "rgb"
            case .rgba: "rgba"
            }
        return "\(layout) \(depth.rawValue)-bit"
    }
}
