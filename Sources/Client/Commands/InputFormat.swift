import ClientKit
import ImageFormats
import JobModel
import Names
import Pipelines

/// A look at the first bytes of an input, before anything is sent: what the cluster will not take would travel, and then fail.
enum InputFormat {
    /// What is wrong with a file; `nil` for one that begins as an image does, and whose result can be written as it is asked for.
    ///
    /// Limits are the master's, so that nothing is said of them here.
    /// - Parameter request: what is to be done to it; `nil` where that is not known.
    static func complaint(_ file: InputFile, for request: JobRequest? = nil) -> ClientError? {
        var start: [UInt8] = []
        do {
            return try FileDescriptor.withFile(at: file.path) { descriptor throws(ClientError) in
                let byteCount = file.byteCount
                start = try descriptor.read(at: 0, count: Int(min(byteCount, UInt64(ImageFormats.sniffedByteCount))))
                do {
                    try check(byteCount, request, read: descriptor.read(at:count:))
                    return nil
                } catch let error as CodecError {
                    let command = FileKind(ofFileBeginning: start)?.converter.map { advice($0, file.label) } ?? ""
                    return ClientError(
                        error.cause.code, "'\(ShownText.of(file.label))': \(error.reason)\(command)")
                } catch {
                    return nil
                }
            }
        } catch {
            // Reading it for its digest will fail, too, and say why.
            return nil
        }
    }

    /// - Throws: `CodecError` for a file that is refused wherever it is looked at, and others where nothing can be said.
    private static func check(
        _ byteCount: UInt64, _ request: JobRequest?, read: (_ offset: UInt64, _ count: Int) throws -> [UInt8]
    ) throws {
        var limits = DecodingLimits(
            maximumPixelCount: .max, maximumUnpackedByteCount: .max, maximumInterlacedByteCount: .max)
        limits.options = try DecodingOptions(parsing: request?.decoding ?? "")
        let (format, header): (any ImageFormat, ImageHeader)
        do {
            (format, header) = try ImageFormats.identify(byteCount: byteCount, limits: limits, read: read)
        } catch let error as CodecError where error.kind == .overLimit {
            return
        }
        guard let request else { return }
        let orientation = limits.options.keepsOrientation ? 1 : header.orientation
        let pipeline = try PipelineCache.shared.pipeline(
            ImageCoding(orientation: orientation).pipeline(request.pipeline))
        guard !pipeline.resultKind.isDocument else { return }
        let output = try OutputEncoding(request: request.encoding, ofInput: format, header)
        let shape = try pipeline.shapes(from: header.shape).last ?? header.shape
        if let objection = output.format.objection(to: shape) { throw objection }
    }

    /// The files that a pipeline names, such as a watermark's, looked at and hashed.
    static func attachments(of pipeline: String) async throws -> AttachedFiles {
        do {
            return try await AttachedFiles(of: pipeline) { path in
                let file = try InputFile(opening: path)
                if let error = complaint(file) { throw error }
                return file
            }
        } catch let error as PipelineError {
            throw ClientError(error.code.rawValue, error.message, kind: .usage)
        }
    }

    /// Whether a file that begins so is an image, of this program or of others.
    static func isImage(_ start: [UInt8]) -> Bool {
        (try? ImageFormats.format(ofFileBeginning: start)) != nil
            || FileKind(ofFileBeginning: start)?.converter == .imageMagick
    }

    /// How to convert the file, as a sentence.
    private static func advice(_ converter: FileKind.Converter, _ label: String) -> String {
        let isStandardInput = label == "stdin"
        switch converter {
        case .imageMagick:
            let names = isStandardInput ? "- png:-" : "\(ShellWord.path(label)) \(ShellWord.path(newName(label)))"
            return " With ImageMagick: convert \(names)"
        case .poppler:
            let names = isStandardInput ? "- page" : "\(ShellWord.path(label)) \(ShellWord.path(parts(label).stem))"
            return " With Poppler, an image of each page: pdftoppm -png \(names)"
        }
    }

    /// A name for the converted file that no file has: the original stays as it is.
    private static func newName(_ label: String) -> String {
        let stem = parts(label).stem
        let name = stem + ".png"
        return name == label || FileStatus(at: BytePath(text: name)) != nil ? stem + "-converted.png" : name
    }

    /// The command that converts all files of the kinds of these; `nil` where there is not one.
    static func command(forAll labels: [String]) -> String? {
        var patterns: [String] = []
        var replacesFiles = false
        for label in labels {
            let (stem, ending) = parts(label)
            // A pattern without the end of a name would be every file.
            guard !ending.isEmpty, ending.utf8.allSatisfy({ $0 < 0x80 }),
                ending.allSatisfy({ $0.isLetter || $0.isNumber }),
                ending.lowercased() != "pdf"
            else { return nil }
            let directory = stem.utf8.lastIndex(of: UInt8(ascii: "/")).map { String(stem[...$0]) } ?? ""
            let pattern = (directory.isEmpty ? "" : ShellWord.path(directory)) + "*." + ending
            if !patterns.contains(pattern) { patterns.append(pattern) }
            if ending == "png" || FileStatus(at: BytePath(text: stem + ".png")) != nil { replacesFiles = true }
        }
        guard !patterns.isEmpty, patterns.count <= 4 else { return nil }
        let place = replacesFiles ? "-path converted " : ""
        return (replacesFiles ? "mkdir -p converted && " : "") + "mogrify -format png \(place)"
            + patterns.joined(separator: " ")
    }

    /// The path without the end of its name, and that end without its dot.
    private static func parts(_ label: String) -> (stem: String, ending: String) {
        let bytes = BytePath(text: label).bytes
        let start = bytes.lastIndex(of: UInt8(ascii: "/")).map { $0 + 1 } ?? 0
        guard let dot = bytes.lastIndex(of: UInt8(ascii: ".")), dot > start else { return (label, "") }
        return (BytePath(bytes[..<dot]).text, BytePath(bytes[(dot + 1)...]).text)
    }
}
