import ImageCodecs
import ImageFormats
import Pipelines

extension FuzzTarget {
    /// A file as it is: the probe of the master, and the decoder of a rank, strict and lenient.
    static let webpHeader = FuzzTarget("webp-header") { try EncodedFiles.checkDecoding(Array($0)) }

    /// A file that our encoder made of the input's pixels, and the same file with some bytes changed.
    ///
    ///     width | height | layout | lossless | quality | changes | place, value ... | pixels ...
    static let webpRows = FuzzTarget("webp-rows", maximumByteCount: 1024) { bytes in
        var input = InputBytes(bytes)
        let layouts = ChannelLayout.allCases
        let shape = ImageShape(
            width: input.number(in: 1...40), height: input.number(in: 1...40),
            format: PixelFormat(layouts[input.number(in: 0...layouts.count - 1)], .eight))
        let isLossless = input.byte() & 1 == 1
        try EncodedFiles.checkRoundTrip(
            shape, to: WebPFormat(quality: input.number(in: 1...100), isLossless: isLossless), &input)
    }
}
