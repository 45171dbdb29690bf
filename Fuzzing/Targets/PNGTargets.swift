import ImageCodecs
import ImageFormats
import JobModel
import Kernels
import Pipelines

extension FuzzTarget {
    /// A file as it is: the probe of the master, and both decoders of a rank.
    static let png = FuzzTarget("png") { try checkFile(Array($0)) }

    /// A file after every checksum of a chunk was put right, which chance would never do.
    static let pngRepaired = FuzzTarget("png-repaired") { try checkFile(PNGForge.withRightChecksums(Array($0))) }

    /// The rows of a file that is in order down to its zlib stream: filters, bit depths, palettes, interlacing.
    static let pngRows = FuzzTarget("png-rows", maximumByteCount: 2048) { bytes in
        var input = InputBytes(bytes)
        try checkFile(PNGForge.file(from: &input))
    }

    /// Files with chunks that are damaged, out of place, there twice, cut, or of another size than they should have.
    static let pngChunks = FuzzTarget("png-chunks", maximumByteCount: 2048) { bytes in
        var input = InputBytes(bytes)
        try checkFile(PNGForge.disorderedFile(from: &input))
    }

    /// Small enough that no input takes seconds; the free expansion is what a small file may always do.
    private static let limits = DecodingLimits(maximumPixelCount: 1 << 16, maximumSide: 1 << 12)

    private static func checkFile(_ file: [UInt8]) throws {
        let probed = Result {
            try ImageFormats.probe(byteCount: UInt64(file.count), limits: limits) { offset, count in
                try FuzzFinding.unless(
                    count >= 0 && offset <= file.count && UInt64(count) <= UInt64(file.count) - offset,
                    "the probe reads \(count) bytes at \(offset) of \(file.count)")
                return Array(file[Int(offset)..<Int(offset) + count])
            }
        }
        if case .failure(let error) = probed, !(error is CodecError) { throw error }
        let decoded = Result { try decode(file) }
        _ = try LibPNGComparison.compare(
            file, ours: decoded.map { (shape: $0.header.shape, pixels: $0.pixels) }, maximumByteCount: 8 << 16)
        guard case .success(let image) = decoded else { return }
        try FuzzFinding.unless(
            (try? probed.get()) == image.header, "the probe says \(probed), the decoder \(image.header)")
        try checkEncoding(image)
    }

    private struct Decoded {
        let header: ImageHeader
        let metadata: PNGMetadata
        let pixels: [UInt8]
        let remarks: [ImageRemark]
    }

    /// Decodes into memory that has room for the rows and nothing more, from memory that has the file and nothing more.
    private static func decode(_ file: [UInt8]) throws -> Decoded {
        let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: file.count, alignment: 1)
        defer { bytes.deallocate() }
        bytes.copyBytes(from: file)
        let reader = try PNGReader(UnsafeRawBufferPointer(bytes), limits: limits)
        let shape = reader.header.shape
        var pixels: [UInt8] = []
        while reader.nextRow < shape.height {
            // Pieces of a few rows: the decoder must not need those that it delivered before.
            let count = min(3, shape.height - reader.nextRow)
            let rows = RowBuffer(shape: shape, rows: 0..<count)
            try withExtendedLifetime(rows) {
                guard let start = rows.mutableView.bytes.baseAddress else { return }
                try reader.readRows(into: start, count: count)
            }
            pixels += rows.bytes
        }
        return Decoded(header: reader.header, metadata: reader.metadata, pixels: pixels, remarks: reader.remarks)
    }

    /// What was decoded is encoded to a file that decodes to the same, and of which nothing is left out.
    private static func checkEncoding(_ image: Decoded) throws {
        let shape = image.header.shape
        let metadata = image.metadata.framed(for: shape, from: shape.format)
        try FuzzFinding.unless(
            try PNGMetadata(framed: metadata) == image.metadata, "the metadata changes when it is copied")
        let file = PNGFile.encode(shape: shape, pixels: image.pixels, metadata: metadata)
        let again = try decode(file)
        try FuzzFinding.unless(
            again.pixels == image.pixels && again.header.shape == shape && again.metadata == image.metadata,
            "an image of \(shape) changes when it is encoded")
        try FuzzFinding.unless(again.remarks.isEmpty, "a file that we wrote has \(again.remarks)")
        let agreement = try LibPNGComparison.compare(
            file, ours: .success((shape: shape, pixels: again.pixels)), maximumByteCount: 8 << 16)
        try FuzzFinding.unless(agreement == .decoded, "libpng cannot read what we wrote")
        try checkEffects(image)
    }

    /// Metadata that a pipeline changes is still metadata, and turning the axes twice turns nothing.
    private static func checkEffects(_ image: Decoded) throws {
        let shape = image.header.shape
        let all: MetadataEffect = [.exchangesAxes, .setsOrientation, .replacesColors, .changesPixels]
        _ = try PNGMetadata(framed: image.metadata.framed(for: shape, from: shape.format, effect: all))
        func turned(_ metadata: PNGMetadata) throws -> PNGMetadata {
            try PNGMetadata(framed: metadata.framed(for: shape, from: shape.format, effect: .exchangesAxes))
        }
        // Sizes in EXIF data are put right, too, and may be anywhere in data that mean harm.
        let parts = [image.metadata, try turned(turned(image.metadata))].map { metadata in
            metadata.parts.filter { $0.type != .exif }.map { [$0.type.letters, $0.data] }
        }
        try FuzzFinding.unless(parts[0] == parts[1], "two quarter turns change the metadata")
    }
}
