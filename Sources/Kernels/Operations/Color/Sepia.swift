#if TESSERA_X86_64_V3
    internal import _Builtin_intrinsics.intel
#endif
import Pipelines

extension SepiaTone: RowKernelProviding {
    func kernel(for step: RowStep) -> any RowKernel { ColorKernel(step.input, ToneMap()) }
}

private struct ToneMap: ColorMap {
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
            return replaceColorVectors(source, width, to: target) { colors in
                (
                    tone(colors.sum((3 * 393, 3 * 769, 3 * 189))), tone(colors.sum((3 * 349, 3 * 686, 3 * 168))),
                    tone(colors.sum((3 * 272, 3 * 534, 3 * 131)))
                )
            }
        }
    #endif
}
