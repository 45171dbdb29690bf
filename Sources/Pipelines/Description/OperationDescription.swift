/// All that is known about an operation without running it: help, validation, forms and the reference are made from it.
///
/// Plain data: code that prints it as JSON or HTML walks over these values.
public struct OperationDescription: Hashable, Sendable {
    /// How a pipeline calls it: lower case, words joined by `-`.
    public let name: String
    public let family: OperationFamily
    /// What people call it elsewhere, or want when they need it, the most telling first: single words, or words joined by `-`.
    public let keywords: [String]
    /// Two pipelines that show what it is good for; the first begins with the operation.
    public let examples: [String]
    /// One sentence, without a full stop.
    public let summary: String
    public let parameters: [ParameterDescription]
    /// The parameters of which at least one must be given in what is submitted: by its defaults the operation changes nothing.
    /// Empty where nothing need be given.
    public let asksFor: [String]
    /// What it accepts.
    public let formats: [PixelFormat]
    /// What the pixels of the result are, as far as the formats of input and output differ.
    public let result: String
    /// What a window sees outside the image, unless a parameter `border` says otherwise.
    public let border: BorderRule
    /// Whose result it matches, and how exactly.
    public let matches: String
    /// The document that `output=json` gives, by its schema; `nil` when there is none.
    public let document: String?

    public init(
        _ name: String, family: OperationFamily, keywords: String, examples: [String], summary: String,
        parameters: [ParameterDescription] = [], asksFor: [String] = [],
        formats: [PixelFormat] = PixelFormat.all, result: String = "the format of the input; alpha passes through",
        border: BorderRule = .none, matches: String, document: String? = nil
    ) {
        self.name = name
        self.family = family
        self.keywords = keywords.split(separator: " ").map { String($0) }
        self.examples = examples
        self.summary = summary
        self.parameters = parameters
        self.asksFor = asksFor
        self.formats = formats
        self.result = result
        self.border = border
        self.matches = matches
        self.document = document
    }

    /// The parameter called `name`.
    public func parameter(_ name: String) -> ParameterDescription? { parameters.first { $0.name == name } }

    /// The parameter that `text` spells, in whatever case, with underscores for hyphens, and in both spellings of colour.
    func parameter(spelled text: String) -> ParameterDescription? {
        Spelling.name(text, among: parameters.map(\.name)).flatMap { parameter($0) }
    }

    /// `name parameter=default ...`: what the operation does when nothing is given.
    public var usage: String {
        ([name] + parameters.map { "\($0.name)=\($0.defaultValue)" }).joined(separator: " ")
    }
}

/// What kind of thing an operation does; the directories of `Operations` have these names.
public enum OperationFamily: String, Hashable, Sendable, CaseIterable {
    case color = "colour"
    case smoothing, edges, morphology, threshold, histogram, geometry, frequency, features
}

/// What a window sees beyond the edge of the image.
public enum BorderRule: String, Hashable, Sendable, CaseIterable {
    /// The operation looks at nothing but the pixel itself.
    case none
    /// `gfedcb|abcdefgh|gfedcba`, OpenCV's `BORDER_REFLECT_101`.
    case reflect101 = "reflect-101"
    /// `aaaaaa|abcdefgh|hhhhhhh`, OpenCV's `BORDER_REPLICATE`.
    case replicate
    /// Only pixels inside the image count.
    case ignore
}

/// One parameter of an operation.
public struct ParameterDescription: Hashable, Sendable {
    /// What a value may be.
    public enum Kind: Hashable, Sendable {
        case integer(ClosedRange<Int>)
        /// The side of a window.
        case oddInteger(ClosedRange<Int>)
        case number(ClosedRange<Double>)
        case choice([String])
        /// Rows of numbers, an odd number of them and in them, both at most `maximumSide`.
        case matrix(maximumSide: Int, ClosedRange<Double>)
        /// This many numbers, separated by commas.
        case numbers(count: Int, ClosedRange<Double>)
        /// `#rrggbb`, `#rrggbbaa`, or a name.
        case color
        /// A file, or its content: see `AttachedImage`.
        case image
    }

    public let name: String
    public let summary: String
    public let kind: Kind
    /// Whether the word `auto` is a value too.
    public let mayBeAuto: Bool
    public let defaultValue: ArgumentValue
    /// What a number counts: `pixels`, `levels`; `nil` for a pure number.
    public let unit: String?
    /// Whether it is a sample level: its default is meant for 8 bits and scaled by 257 on a 16-bit image.
    /// A value that was given is taken as it is.
    public let isLevel: Bool
    /// Other words for words of a choice, which are read as these.
    let synonyms: [String: String]

    public init(
        _ name: String, _ summary: String, _ kind: Kind, mayBeAuto: Bool = false, default defaultValue: ArgumentValue,
        unit: String? = nil, isLevel: Bool = false, synonyms: [String: String] = [:]
    ) {
        self.name = name
        self.summary = summary
        self.kind = kind
        self.mayBeAuto = mayBeAuto
        self.defaultValue = defaultValue
        self.unit = unit
        self.isLevel = isLevel
        self.synonyms = synonyms
    }

    /// The values that are allowed, for a person: `an odd integer from 1 to 255, or auto`.
    public var allowed: String {
        let values =
            switch kind {
            case .integer(let range): "an integer from \(range.lowerBound) to \(range.upperBound)"
            case .oddInteger(let range): "an odd integer from \(range.lowerBound) to \(range.upperBound)"
            case .number(let range):
                "a number from \(ArgumentValue.number(range.lowerBound)) to \(ArgumentValue.number(range.upperBound))"
            case .matrix(let side, let range):
                "rows of numbers from \(ArgumentValue.number(range.lowerBound)) to "
                    + "\(ArgumentValue.number(range.upperBound)) in quotes, such as \"0 1 0 / 1 2 1 / 0 1 0\"; rows and "
                    + "columns are both odd and at most \(side)"
            case .numbers(let count, let range):
                "\(count) numbers from \(ArgumentValue.number(range.lowerBound)) to "
                    + "\(ArgumentValue.number(range.upperBound)), separated by commas"
            case .color:
                "a colour as #rrggbb, or #rrggbbaa with alpha, or by name: "
                    + PaintColor.names.map(\.name).joined(separator: ", ")
            case .image: "the path of an image file, in quotes if it has spaces"
            case .choice(let words): "one of \(words.joined(separator: ", "))"
            }
        return mayBeAuto ? values + ", or auto" : values
    }
}

extension PixelFormat {
    /// Every layout at every depth.
    public static let all = SampleDepth.allCases.flatMap { depth in
        ChannelLayout.allCases.map { PixelFormat($0, depth) }
    }
}
