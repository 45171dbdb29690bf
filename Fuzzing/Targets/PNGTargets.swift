import ImageCodecs
import ImageFormats
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
        let decoded = Result { try decode(file, .automatic) }
        let reference = Result { try decode(file, .libpng) }
        switch (decoded, reference) {
        case (.failure, .failure): break
        case (.success(let ours), .success(let theirs)):
            try FuzzFinding.unless(ours.pixels == theirs.pixels, "the two decoders make different pixels")
            try FuzzFinding.unless(
                (try? probed.get()) == ours.header, "the probe says \(probed), the decoder \(ours.header)")
            try checkEncoding(ours)
        case (.success, .failure(let error)) where isAboutAnIncompleteCode(error): break
        case (.success, .failure(let error)): throw FuzzFinding(description: "only libpng refuses the file: \(error)")
        case (.failure(let error), .success): throw FuzzFinding(description: "only libpng takes the file: \(error)")
        }
    }

    /// zlib refuses Huffman codes that leave some words without a meaning (inftrees.c), ISA-L only data that use such a word.
    /// What it inflates from the others has the right checksum.
    private static func isAboutAnIncompleteCode(_ error: any Error) -> Bool {
        ["invalid distances set", "invalid literal/lengths set"].contains { "\(error)".contains($0) }
    }

    private struct Decoded {
        let header: ImageHeader
        let metadata: PNGMetadata
        let pixels: [UInt8]
    }

    /// Decodes into memory that has room for the rows and nothing more, from memory that has the file and nothing more.
    private static func decode(_ file: [UInt8], _ engine: PNGReader.Engine) throws -> Decoded {
        let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: file.count, alignment: 1)
        defer { bytes.deallocate() }
        bytes.copyBytes(from: file)
        let reader = try PNGReader(UnsafeRawBufferPointer(bytes), limits: limits, engine: engine)
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
        return Decoded(header: reader.header, metadata: reader.metadata, pixels: pixels)
    }

    /// What was decoded is encoded to a file that decodes to the same.
    private static func checkEncoding(_ image: Decoded) throws {
        let shape = image.header.shape
        let metadata = image.metadata.framed(for: shape.format, from: shape.format)
        try FuzzFinding.unless(
            try PNGMetadata(framed: metadata) == image.metadata, "the metadata changes when it is copied")
        let again = try decode(PNGFile.encode(shape: shape, pixels: image.pixels, metadata: metadata), .automatic)
        try FuzzFinding.unless(
            again.pixels == image.pixels && again.header.shape == shape && again.metadata == image.metadata,
            "an image of \(shape) changes when it is encoded")
    }
}
