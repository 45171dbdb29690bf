/// What a job asks of the files that it makes. A format heeds what it has, and leaves the rest.
public struct EncodingOptions: Hashable, Sendable {
    /// 1 to 100, as libjpeg and libwebp understand it.
    public var quality: Int?
    public var subsampling: ChromaSubsampling?
    public var isProgressive = false
    public var isLossless = false
    public var compression: Compression?
    /// Whether TIFF files have reduced levels.
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
    /// The words of the options, `quality=80 subsampling=4:2:0`; the text's words are always in this order. Requests travel as
    /// these words: a test sees that each option has one.
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

    /// - Throws: `CodecError` (unsupported) for words that are not options, or values that are not allowed.
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

    /// Those of the options that make a difference to a format: those that it names itself when it is configured with them.
    func kept(by format: any OutputFormat) -> EncodingOptions {
        let heeded = Set(format.configured(self).options.words)
        guard let kept = try? EncodingOptions(words: words.filter(heeded.contains).map { $0[...] }) else {
            preconditionFailure("the words of options are not options: \(words)")
        }
        return kept
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

/// Which metadata a result is not to carry.
public enum MetadataStripping: String, Hashable, Sendable, CaseIterable {
    case none
    /// Where the picture was taken: GPS data in EXIF, XMP and IPTC.
    case location = "strip-gps"
    /// All but what the colours mean.
    case all = "strip"
}

/// How a result is written: its format with options, and which metadata it carries. Jobs, records and messages have it as a
/// text: `png`, `jpeg quality=90 subsampling=4:2:0 strip`.
public struct OutputEncoding: Sendable {
    /// In the place of a format's name: each input's own.
    public static let sameFormat = "same"

    public let format: any OutputFormat
    public let stripping: MetadataStripping

    /// The encoding that a text names; nothing at all is PNG with all metadata.
    ///
    /// - Throws: `CodecError` (unsupported) for a format that is unknown or read only, and for options that do not exist.
    public init(parsing text: String) throws(CodecError) {
        let request = try OutputRequest(parsing: text)
        self.init(request, format: request.format ?? ImageFormats.standardOutput)
    }

    /// What a job asks for, made out for an input: a file without loss gives one in the same format, unless a quality is asked
    /// for.
    ///
    /// - Throws: `CodecError` (unsupported) as `init(parsing:)`.
    public init(
        request text: String, ofInput input: any ImageFormat, _ header: ImageHeader? = nil
    ) throws(CodecError) {
        var request = try OutputRequest(parsing: text)
        let format = request.format ?? (input as? any OutputFormat) ?? ImageFormats.standardOutput
        if header?.isLossless == true, format.name == input.name, request.options.quality == nil {
            request.options.isLossless = true
        }
        self.init(request, format: format)
    }

    /// What a job asks for, in canonical form: empty for each input's own format with its defaults and all metadata.
    ///
    /// - Throws: as `init(parsing:)`.
    public static func check(_ text: String) throws(CodecError) -> String {
        var request = try OutputRequest(parsing: text)
        if let format = request.format {
            // What the format does not have is left out; what was not said is, too: it depends on the input.
            request.options = request.options.kept(by: format)
        }
        let words = request.options.words + (request.stripping == .none ? [] : [request.stripping.rawValue])
        return request.format == nil && words.isEmpty
            ? "" : ([request.format?.name ?? sameFormat] + words).joined(separator: " ")
    }

    /// The words of a text that make no difference to the format that it names, such as `quality=80` for PNG. Of each input's
    /// own format nothing can be said.
    ///
    /// - Throws: as `init(parsing:)`.
    public static func unheededWords(in text: String) throws(CodecError) -> [String] {
        let request = try OutputRequest(parsing: text)
        guard let format = request.format else { return [] }
        let kept = request.options.kept(by: format).words
        return request.options.words.filter { !kept.contains($0) }
    }

    /// The formats to which a word makes a difference.
    public static func formats(heeding word: String) -> [any OutputFormat] {
        ImageFormats.outputs.filter { (try? unheededWords(in: "\($0.name) \(word)"))?.isEmpty == true }
    }

    private init(_ request: OutputRequest, format: any OutputFormat) {
        self.format = format.configured(request.options)
        stripping = request.stripping
    }

    /// The canonical text; empty for PNG with all metadata.
    public var text: String {
        nameAndOptions == ImageFormats.standardOutput.name ? "" : nameAndOptions
    }

    private var nameAndOptions: String {
        let words = [format.name] + format.options.words + (stripping == .none ? [] : [stripping.rawValue])
        return words.joined(separator: " ")
    }
}

/// What a job asks of the files of its results: a format or `same`, options, and what is left out.
struct OutputRequest {
    let format: (any OutputFormat)?
    var options: EncodingOptions
    var stripping = MetadataStripping.none

    init(parsing text: String) throws(CodecError) {
        var words = text.split(separator: " ")[...]
        let name = words.popFirst().map { String($0) }
        if let name, name != OutputEncoding.sameFormat {
            guard let named = ImageFormats.output(named: name) else {
                let names = ImageFormats.outputs.map(\.name).joined(separator: ", ")
                throw .unsupported("'\(name)' is not a format that results are written in; there are \(names).")
            }
            format = named
        } else {
            format = nil
        }
        var rest: [Substring] = []
        for word in words {
            if let stripping = MetadataStripping(rawValue: String(word)) {
                self.stripping = stripping
            } else {
                rest.append(word)
            }
        }
        options = try EncodingOptions(words: rest)
    }
}
