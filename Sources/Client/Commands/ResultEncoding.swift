import ClientKit
import ImageFormats
import Names

/// The format in which results are asked for, with its options.
struct ResultEncoding: Sendable {
    /// The text of `JobRequest.encoding`.
    let text: String
    /// `nil` for each input's own.
    private let format: (any OutputFormat)?

    /// - Parameters:
    ///   - format: the value of `--format`.
    ///   - options: as `OutputEncoding` has them.
    ///   - output: the value of `-o`.
    ///   - isOrdered: whether an option was given with this command; a preference from a file of settings is for the formats
    ///     that have it.
    /// - Throws: `ClientError` for a format or an option that there is not, an ordered option that the format does not have,
    ///   and for a file whose name is another format's.
    init(
        format name: String?, options: [String], output: String?, isOrdered: (_ option: String) -> Bool = { _ in true }
    ) throws(ClientError) {
        let ending = output.flatMap(Self.fileExtension)
        let ofFile = ending.flatMap { ImageFormats.output(ofFileExtension: $0) }
        let named = try name.map { name throws(ClientError) in try Self.format(name) } ?? nil
        if let named, let output, let ofFile, ofFile.name != named.name {
            throw .usage(
                "-o \(ShownText.of(output)) is the name of a \(ofFile.name.uppercased()) file, but --format asks for "
                    + "\(named.name.uppercased()); leave one of them out")
        }
        format = named ?? (name == nil ? ofFile : nil)
        let words = ([format?.name ?? OutputEncoding.sameFormat] + options).joined(separator: " ")
        let unheeded: [String]
        do {
            text = try OutputEncoding.check(words)
            unheeded = try OutputEncoding.unheededWords(in: words)
        } catch {
            throw .usage(error.reason)
        }
        if let format, let word = unheeded.first(where: { isOrdered(Self.option($0)) }) {
            throw Self.unheeded(word, format)
        }
    }

    /// `quality` of `quality=80`.
    private static func option(_ word: String) -> String { String(word.prefix { $0 != "=" }) }

    /// An option that says nothing for the results' format.
    private static func unheeded(_ word: String, _ format: any OutputFormat) -> ClientError {
        let others = OutputEncoding.formats(heeding: word).map(\.name).joined(separator: ", ")
        return .usage(
            "--\(option(word)) means nothing for \(format.name.uppercased()) files, which results are to be; leave it out, or write "
                + "another format (\(others))")
    }

    /// The end of the name of the result of a file that begins so, without the dot.
    func fileExtension(ofInputBeginning start: [UInt8]) -> String {
        let input = (try? ImageFormats.format(ofFileBeginning: start)) as? any OutputFormat
        return (format ?? input ?? ImageFormats.standardOutput).fileExtension
    }

    /// - Returns: `nil` for `same`.
    private static func format(_ name: String) throws(ClientError) -> (any OutputFormat)? {
        let name = name.lowercased()
        if name == OutputEncoding.sameFormat { return nil }
        if let format = ImageFormats.output(named: name) ?? ImageFormats.output(ofFileExtension: name) { return format }
        let names = ImageFormats.outputs.map(\.name).joined(separator: ", ")
        throw .usage("--format \(ShownText.of(name)): results are written as \(names), or 'same' for each input's own")
    }

    /// The end of a file's name; `nil` for a directory, and for standard output.
    private static func fileExtension(of output: String) -> String? {
        guard let name = output.split(separator: "/", omittingEmptySubsequences: false).last,
            let dot = name.lastIndex(of: ".")
        else { return nil }
        return String(name[name.index(after: dot)...])
    }
}
