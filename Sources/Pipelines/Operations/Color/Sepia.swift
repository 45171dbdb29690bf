#if TESSERA_X86_64_V3
    internal import _Builtin_intrinsics.intel
#endif

/// Tones like an old photograph.
public struct Sepia: Operation {
    public static let description = OperationDescription(
        "sepia", family: .colour, summary: "Tones brown, like an old photograph",
        result: "RGB, or RGBA where there was alpha, at the depth of the input; alpha passes through",
        matches: "cv2.transform of the image in double precision with the matrix 0.393 0.769 0.189 / "
            + "0.349 0.686 0.168 / 0.272 0.534 0.131, ties to even")

    public init(arguments: OperationArguments) {}

    public func outputShape(for input: ImageShape) -> ImageShape {
        var shape = input
        shape.format.layout = input.format.layout.colour
        return shape
    }

    public func kernel(for input: ImageShape) -> OperationKernel { .rows([ColourKernel(input, ToneMap())]) }

    private struct ToneMap: ColourMap {
        func callAsFunction(
            _ red: Int32, _ green: Int32, _ blue: Int32, upTo largest: Int32
        ) -> (red: Int32, green: Int32, blue: Int32) {
            (
                Self.tone(393 &* red &+ 769 &* green &+ 189 &* blue, upTo: largest),
                Self.tone(349 &* red &+ 686 &* green &+ 168 &* blue, upTo: largest),
                Self.tone(272 &* red &+ 534 &* green &+ 131 &* blue, upTo: largest)
            )
        }

        /// A thousandth of an exact sum, so that ties fall where the definition puts them.
        ///
        /// Three times the sum by 1 / 3000: that number is so close to one of either precision that a tie remains one. (1 / 1000
        /// is not, in single precision.)
        @inline(__always)
        private static func tone(_ thousandths: Int32, upTo largest: Int32) -> Int32 {
            largest == 255
                ? roundedLevel(Float(3 &* thousandths) * (1 / 3000), upTo: largest)
                : roundedLevel(Double(3 &* thousandths) * (1 / 3000), upTo: largest)
        }

        #if TESSERA_X86_64_V3
            func replaceVectors(
                _ source: UnsafePointer<UInt8>, _ width: Int, to target: UnsafeMutablePointer<UInt8>
            ) -> Int {
                let factor = _mm256_set1_ps(1 / 3000)
                @inline(__always) func tone(_ sum: __m256i) -> __m256i {
                    _mm256_cvtps_epi32(_mm256_mul_ps(_mm256_cvtepi32_ps(sum), factor))
                }
                return replaceColourVectors(source, width, to: target) { colours in
                    (
                        tone(colours.sum((3 * 393, 3 * 769, 3 * 189))), tone(colours.sum((3 * 349, 3 * 686, 3 * 168))),
                        tone(colours.sum((3 * 272, 3 * 534, 3 * 131)))
                    )
                }
            }
        #endif
    }
}
