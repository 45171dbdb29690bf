import ImageFormats
import ClientKit
import ImageCodecs
import JobModel
import Kernels
import Pipelines

/// An image processed here, by one thread in one strip: what a cluster must make of it too.
///
/// Real: the decoder, the kernels by `SerialExecutor`, the encoder. There is no plan and no rank.
struct SerialReference: Sendable {
    let shape: ImageShape
    let pixels: [UInt8]
    /// The whole image file, or the document.
    let file: [UInt8]
    private let kind: ResultKind

    /// - Parameters:
    ///   - input: the bytes of an image file.
    ///   - encoding: what was asked of the result; see `OutputEncoding`.
    ///   - decoding: what of the file is decoded.
    ///   - maximumPixelCount: larger images are refused; `nil` for the limit that decoders have by themselves.
    /// - Throws: `CodecError` or `PipelineError`.
    init(
        _ pipeline: Pipeline, of input: [UInt8], encoding: String = "", decoding: String = "",
        maximumPixelCount: UInt64? = nil
    ) throws {
        // The cluster has taken the file.
        var limits = DecodingLimits(maximumUnpackedByteCount: .max, maximumInterlacedByteCount: .max)
        if let maximumPixelCount { limits.maximumPixelCount = maximumPixelCount }
        limits.options = try DecodingOptions(parsing: decoding)
        let (inputFormat, header) = try ImageFormats.identify(byteCount: UInt64(input.count), limits: limits) {
            offset, count in Array(input[Int(offset)..<Int(offset) + count])
        }
        let output = try OutputEncoding(request: encoding, ofInput: inputFormat, header)
        guard let format = output.format as? any ImageEncoding else {
            throw CodecError.unsupported("This program cannot write \(output.format.name.uppercased()) files.")
        }
        let orientation = limits.options.keepsOrientation ? 1 : header.orientation
        let pipeline = try PipelineCache.shared.pipeline(
            ImageCoding(orientation: orientation).pipeline(pipeline.canonicalText))
        let source = try ImageFile.decode(
            input, limits: limits, metadataFor: format, stripping: output.stripping, effect: pipeline.metadataEffect
        ) { shape in try pipeline.shapes(from: shape).last ?? shape }
        func withBand<Result>(_ body: (RowsView) throws -> Result) rethrows -> Result {
            try source.pixels.withUnsafeBytes { bytes in
                guard let base = bytes.baseAddress else { preconditionFailure("an image has at least one pixel") }
                return try body(RowsView(shape: source.shape, rows: 0..<source.shape.height, base: base))
            }
        }
        kind = pipeline.resultKind
        if kind.isDocument {
            (shape, pixels) = (source.shape, [])
            file = try withBand { try SerialExecutor.report(pipeline, on: $0) }
            return
        }
        let result = try withBand { try SerialExecutor.run(pipeline, on: $0) }
        shape = result.shape
        pixels = result.bytes
        file = try withExtendedLifetime(result) {
            try ImageFile.encode(result.view, metadata: source.metadata, to: format)
        }
    }

    /// What a cluster made of the same input, held against this.
    func finding(about result: [UInt8]) throws(CodecError) -> Finding {
        if kind.isDocument {
            let same = zip(result, file).prefix { $0 == $1 }.count
            return result == file ? .identicalDocument(byteCount: file.count) : .otherDocument(firstDifference: same)
        }
        if result == file { return .identical(sampleCount: pixels.count / shape.format.depth.byteCount) }
        let other = try ImageFile.decode(
            result, limits: DecodingLimits(maximumPixelCount: .max, maximumUnpackedByteCount: .max))
        guard other.shape == shape else { return .otherShape(expected: shape, actual: other.shape) }
        let comparison = Comparison(shape: shape, expected: pixels, actual: other.pixels)
        return comparison.isIdentical ? .otherFile(sampleCount: comparison.sampleCount) : .otherPixels(comparison)
    }
}

/// How two results for the same input compare.
enum Finding: Sendable, Hashable {
    /// Byte for byte the same file.
    case identical(sampleCount: Int)
    /// The same pixels, but not the same bytes: metadata or compression differ.
    case otherFile(sampleCount: Int)
    case otherPixels(Comparison)
    case otherShape(expected: ImageShape, actual: ImageShape)
    case identicalDocument(byteCount: Int)
    /// Counted in bytes from 0.
    case otherDocument(firstDifference: Int)

    var isIdentical: Bool {
        switch self {
        case .identical, .identicalDocument: true
        case .otherFile, .otherPixels, .otherShape, .otherDocument: false
        }
    }

    /// The text for a person after the file's name.
    var text: String {
        switch self {
        case .identical(let count): "identical, all \(count) samples and every byte of the file"
        case .otherFile(let count): "all \(count) samples are the same, but the files' bytes are not"
        case .identicalDocument(let count): "identical, all \(count) bytes of the document"
        case .otherDocument(let place): "the documents differ from byte \(place) on"
        case .otherShape(let expected, let actual): "serial \(expected), distributed \(actual)"
        case .otherPixels(let comparison):
            "\(comparison.differingCount) of \(comparison.sampleCount) samples differ, by at most "
                + Units.counted(comparison.maximumDifference, "level")
                + (comparison.firstDifference.map {
                    "; the first at x=\($0.x) y=\($0.y) channel=\($0.channel): serial \($0.expected), distributed \($0.actual)"
                } ?? "")
        }
    }

    var json: JSON {
        switch self {
        case .identical(let count): ["identical": .bool(true), "samples": .integer(count)]
        case .otherFile(let count): ["identical": .bool(false), "samples": .integer(count), "differing": .integer(0)]
        case .identicalDocument(let count): ["identical": .bool(true), "document_bytes": .integer(count)]
        case .otherDocument(let place): ["identical": .bool(false), "first_byte": .integer(place)]
        case .otherShape(let expected, let actual):
            [
                "identical": .bool(false), "serial_shape": .string("\(expected)"),
                "distributed_shape": .string("\(actual)"),
            ]
        case .otherPixels(let comparison):
            [
                "identical": .bool(false), "samples": .integer(comparison.sampleCount),
                "differing": .integer(comparison.differingCount),
                "maximum_difference": .integer(comparison.maximumDifference),
                "first": comparison.firstDifference.map {
                    [
                        "x": .integer($0.x), "y": .integer($0.y), "channel": .integer($0.channel),
                        "serial": .integer($0.expected), "distributed": .integer($0.actual),
                    ]
                },
            ]
        }
    }
}
