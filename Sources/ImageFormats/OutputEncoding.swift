/// What a job asks of the files that it makes. A format heeds what it has, and leaves the rest.
public struct EncodingOptions: Hashable, Sendable {
    /// 1 to 100, as libjpeg and libwebp understand it.
    public var quality: Int?
    public var subsampling: ChromaSubsampling?
    public var isProgressive = false
    public var isLossless = false
    public var compression: Compression?
    /// Whether reduced levels of the image are written too.
    public var isPyramid = false

    /// How many pixels share a colour: horizontally, vertically.
    public enum ChromaSubsampling: String, Hashable, Sendable, CaseIterable {
        case none = "4:4:4"
        case horizontal = "4:2:2"
        case both = "4:2:0"
    }

    /// How TIFF files are compressed.
    public enum Compression: String, Hashable, Sendable, CaseIterable {
        case none
        case deflate
    }

    public init() {}
}

extension EncodingOptions {
    /// The words of the options, `quality=80 subsampling=4:2:0`; the text's words are always in this order.
    var words: [String] {
        var words: [String] = []
        if let quality { words.append("quality=\(quality)") }
        if let subsampling { words.append("subsampling=\(subsampling.rawValue)") }
        if isProgressive { words.append("progressive") }
        if isLossless { words.append("lossless") }
        if let compression { words.append("compression=\(compression.rawValue)") }
        if isPyramid { words.append("pyramid") }
        return words
    }

    /// - Throws: `CodecError` (unsupported) for words that are no options, or values that are not allowed.
    init(words: some Sequence<Substring>) throws(CodecError) {
        for word in words {
            let parts = word.split(separator: "=", maxSplits: 1)
            let value = parts.count == 2 ? String(parts[1]) : nil
            switch (parts.first, value) {
            case ("quality", let value?):
                guard let quality = Int(value), (1...100).contains(quality) else {
                    throw .unsupported("quality=\(value): must be a whole number from 1 to 100.")
                }
                self.quality = quality
            case ("subsampling", let value?):
                subsampling = try Self.choice(value, "subsampling")
            case ("compression", let value?):
                compression = try Self.choice(value, "compression")
            case ("progressive", nil): isProgressive = true
            case ("lossless", nil): isLossless = true
            case ("pyramid", nil): isPyramid = true
            default: throw .unsupported("'\(word)' is not an option of a file format.")
            }
        }
    }

    private static func choice<Choice: RawRepresentable<String> & CaseIterable>(
        _ value: String, _ name: String
    ) throws(CodecError) -> Choice {
        guard let choice = Choice(rawValue: value) else {
            let allowed = Choice.allCases.map(\.rawValue).joined(separator: ", ")
            throw .unsupported("\(name)=\(value): must be one of \(allowed).")
        }
        return choice
    }
}

/// The format of a result with what was asked of it, as a text that jobs, records and messages carry: `png`,
/// `jpeg quality=90 subsampling=4:2:0`.
public enum OutputEncoding {
    /// The canonical text of a format as it is configured.
    public static func text(_ format: any OutputFormat) -> String {
        ([format.name] + format.options.words).joined(separator: " ")
    }

    /// The format that a text names.
    ///
    /// - Throws: `CodecError` (unsupported) for a format that is unknown or read only, and for options that do not exist.
    public static func format(_ text: String) throws(CodecError) -> any OutputFormat {
        let words = text.split(separator: " ")
        guard let name = words.first, let format = ImageFormats.output(named: String(name)) else {
            let names = ImageFormats.outputs.map(\.name).joined(separator: ", ")
            throw .unsupported("'\(words.first ?? "")' is not a format that results are written in: \(names).")
        }
        return format.configured(try EncodingOptions(words: words.dropFirst()))
    }
}
