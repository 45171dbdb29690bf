#if TESSERA_X86_64_V3
    internal import _Builtin_intrinsics.intel
#endif
import Pipelines

extension LumaDistance: RowKernelProviding {
    func kernel(for step: RowStep) -> any RowKernel {
        ColorKernel(step.input, DistanceMap(scale: scale, depth: step.input.format.depth))
    }
}

private struct DistanceMap: ColorMap {
    private let scale: Double
    /// Whether single precision gives the definition's levels.
    private let isSingle: Bool

    init(scale: Double, depth: SampleDepth) {
        self.scale = scale
        let isExact = Self.isExact(scale, upTo: depth.maximum)
        isSingle = isExact || depth == .eight && Self.agrees(scale)
    }

    func callAsFunction(
        _ red: Int32, _ green: Int32, _ blue: Int32, upTo largest: Int32
    ) -> (red: Int32, green: Int32, blue: Int32) {
        let gray = Int32(
            luma(
                UInt32(truncatingIfNeeded: red), UInt32(truncatingIfNeeded: green),
                UInt32(truncatingIfNeeded: blue)))
        func level(_ color: Int32) -> Int32 {
            isSingle
                ? roundedLevel(Self.single(color, gray, Float(scale), Float(1 - scale)), upTo: largest)
                : Self.precise(color, gray, scale, upTo: largest)
        }
        return (level(red), level(green), level(blue))
    }

    @inline(__always)
    private static func precise(_ color: Int32, _ gray: Int32, _ scale: Double, upTo largest: Int32) -> Int32 {
        roundedLevel(Double(gray) + scale * Double(color &- gray), upTo: largest)
    }

    /// With one rounding of product and sum, where the processor has the instruction for sure.
    @inline(__always)
    private static func single(_ color: Int32, _ gray: Int32, _ scale: Float, _ rest: Float) -> Float {
        #if TESSERA_X86_64_V3 || arch(arm64)
            return (Float(gray) * rest).addingProduct(Float(color), scale)
        #else
            return Float(gray) * rest + Float(color) * scale
        #endif
    }

    /// Whether all products and sums are multiples of one power of two, at most 1, and less than 2^22 times as large.
    private static func isExact(_ scale: Double, upTo largest: Int) -> Bool {
        let unit = 2 * ((2 * scale + 1) * Double(largest) * 0x1p-22).binade
        return unit <= 1 && (scale / unit).rounded() == scale / unit
    }

    /// Whether all colours and grays of 8 bits get the levels that double precision gives them; the scale is at most 100.
    private static func agrees(_ scale: Double) -> Bool {
        let (factor, rest) = (Float(scale), Float(1 - scale))
        var differences: Int32 = 0
        for gray in Int32(0)...255 {
            for color in Int32(0)...255 {
                differences |=
                    roundedLevel(single(color, gray, factor, rest), upTo: 255)
                    ^ precise(color, gray, scale, upTo: 255)
            }
        }
        return differences == 0
    }

    #if TESSERA_X86_64_V3
        func replaceVectors(
            _ source: UnsafePointer<UInt8>, _ width: Int, to target: UnsafeMutablePointer<UInt8>
        ) -> Int {
            guard isSingle else { return 0 }
            let half = _mm256_set1_epi32(1 << 14)
            return replaceColorVectors(source, width, to: target) { colors in
                let sum = _mm256_add_epi32(colors.sum(Self.lumaWeights), half)
                return levels(colors, gray: _mm256_srli_epi32(sum, 15))
            }
        }

        func replaceVectors(
            _ source: UnsafePointer<UInt16>, _ width: Int, to target: UnsafeMutablePointer<UInt16>
        ) -> Int {
            guard isSingle else { return 0 }
            // The weights' sum is 2^15: what `signed` takes away from all colours it takes from their gray.
            let half = _mm256_set1_epi32(32768 << 15 + 1 << 14)
            return replaceColorVectors(source, width, to: target) { colors in
                let sum = _mm256_add_epi32(colors.signed.sum(Self.lumaWeights), half)
                return levels(colors, gray: _mm256_srli_epi32(sum, 15))
            }
        }

        private static var lumaWeights: (Int16, Int16, Int16) { (9798, 19235, 3735) }

        /// The new colours that `single` gives, rounded.
        @inline(__always)
        private func levels(_ colors: ColorVector, gray: __m256i) -> NewColors {
            let factor = _mm256_set1_ps(Float(scale))
            let part = _mm256_mul_ps(_mm256_cvtepi32_ps(gray), _mm256_set1_ps(Float(1 - scale)))
            @inline(__always) func level(_ color: __m256i) -> __m256i {
                _mm256_cvtps_epi32(_mm256_fmadd_ps(_mm256_cvtepi32_ps(color), factor, part))
            }
            return (level(colors.red), level(colors.green), level(colors.blue))
        }
    #endif
}
