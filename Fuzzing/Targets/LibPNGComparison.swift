import ImageCodecs
import ImageFormats
import Pipelines

/// Our decoder and libpng, which shares nothing with it but the file: what one shows the other shows, pixel for pixel, but
/// for differences that are meant and named here.
public enum LibPNGComparison {
    /// Both decoders' ends, as far as they agree.
    public enum Agreement: Hashable, Sendable {
        case decoded
        case refused
        /// Only ours shows the image.
        case moreLenient
        /// Only libpng shows the image.
        case stricter
    }

    /// - Parameter ours: how our decoder ended, for a file within `limits`.
    /// - Throws: `FuzzFinding` for a difference that is not meant.
    public static func compare(
        _ file: [UInt8], ours: Result<(shape: ImageShape, pixels: [UInt8]), any Error>, maximumByteCount: Int
    ) throws -> Agreement {
        let theirs = Result { try LibPNGDecoder.decode(file, maximumByteCount: maximumByteCount) }
        switch (ours, theirs) {
        case (.failure(let error), .failure):
            try FuzzFinding.unless(error is CodecError, "the decoder fails by \(error)")
            return .refused
        case (.success(let one), .success(let other)):
            try FuzzFinding.unless(one.shape == other.shape, "the decoders see \(one.shape) and \(other.shape)")
            try FuzzFinding.unless(one.pixels == other.pixels, "the decoders make different pixels of \(one.shape)")
            return .decoded
        case (.success, .failure(let error)):
            try FuzzFinding.unless(isRefusedByLibPNGAlone("\(error)"), "only libpng refuses the file: \(error)")
            return .moreLenient
        case (.failure(let error), .success):
            try FuzzFinding.unless(isRefusedByUsAlone(error), "only libpng takes the file: \(error)")
            return .stricter
        }
    }

    /// Chunks that do not touch the picture, and Huffman codes that are incomplete: zlib refuses codes that leave some words
    /// without a meaning (inftrees.c), ISA-L only data that use such a word. What it inflates from the others has the right
    /// checksum.
    private static func isRefusedByLibPNGAlone(_ reason: String) -> Bool {
        [
            "invalid distances set", "invalid literal/lengths set", "invalid chunk type", "PLTE: duplicate",
            "Invalid palette", "over-limit", "would decode to more than",
        ].contains { reason.contains($0) }
    }

    /// The end of the image data and its checksum, at which libpng does not always look, what is above our limits, and files that
    /// do not begin with their header, as the standard demands: libpng passes over chunks before it that it does not know.
    private static func isRefusedByUsAlone(_ error: any Error) -> Bool {
        guard let error = error as? CodecError else { return false }
        switch error.kind {
        case .overLimit: return true
        case .corrupt:
            return ["behind its last row", "Adler-32", "instead of its header"].contains { error.reason.contains($0) }
        case .unsupported: return false
        }
    }
}
