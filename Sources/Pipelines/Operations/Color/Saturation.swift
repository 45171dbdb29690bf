#if TESSERA_X86_64_V3
    internal import _Builtin_intrinsics.intel
#endif

/// Moves every colour away from its gray, or towards it.
public struct Saturation: Operation {
    public static let description = OperationDescription(
        "saturation", family: .colour,
        summary: "Multiplies the distance of every colour from its luma by the scale; a gray image stays as it is",
        parameters: [
            ParameterDescription(
                "scale", "0 leaves the luma alone, 1 the image as it is, more makes it more colourful",
                .number(0...100),
                default: .number(1))
        ],
        matches: "NumPy: y + scale * (c - y) in double precision, y by cv2.cvtColor with COLOR_RGB2GRAY; ties to even. "
            + "Pillow's ImageEnhance.Color has the same definition with another rounding")

    private let scale: Double

    public init(arguments: OperationArguments) { scale = arguments.number("scale") }

    public func outputShape(for input: ImageShape) -> ImageShape { input }

    public func kernel(for input: ImageShape) -> OperationKernel {
        guard input.format.layout.isColour && scale != 1 else { return .rows([]) }
        return .rows([ColourKernel(input, DistanceMap(scale: scale, depth: input.format.depth))])
    }

    private struct DistanceMap: ColourMap {
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
            func level(_ colour: Int32) -> Int32 {
                isSingle
                    ? roundedLevel(Self.single(colour, gray, Float(scale), Float(1 - scale)), upTo: largest)
                    : Self.precise(colour, gray, scale, upTo: largest)
            }
            return (level(red), level(green), level(blue))
        }

        @inline(__always)
        private static func precise(_ colour: Int32, _ gray: Int32, _ scale: Double, upTo largest: Int32) -> Int32 {
            roundedLevel(Double(gray) + scale * Double(colour &- gray), upTo: largest)
        }

        /// With one rounding of product and sum, where the processor has the instruction for sure.
        @inline(__always)
        private static func single(_ colour: Int32, _ gray: Int32, _ scale: Float, _ rest: Float) -> Float {
            #if TESSERA_X86_64_V3 || arch(arm64)
                return (Float(gray) * rest).addingProduct(Float(colour), scale)
            #else
                return Float(gray) * rest + Float(colour) * scale
            #endif
        }

        /// Whether all products and sums are multiples of one power of two, at most 1, and none is 2^22 times as large.
        private static func isExact(_ scale: Double, upTo largest: Int) -> Bool {
            let unit = 2 * ((2 * scale + 1) * Double(largest) * 0x1p-22).binade
            return unit <= 1 && (scale / unit).rounded() == scale / unit
        }

        /// Whether all colours and grays of 8 bits get the levels that double precision gives them; the scale is at most 100.
        private static func agrees(_ scale: Double) -> Bool {
            let (factor, rest) = (Float(scale), Float(1 - scale))
            var differences: Int32 = 0
            for gray in Int32(0)...255 {
                for colour in Int32(0)...255 {
                    differences |=
                        roundedLevel(single(colour, gray, factor, rest), upTo: 255)
                        ^ precise(colour, gray, scale, upTo: 255)
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
                return replaceColourVectors(source, width, to: target) { colours in
                    let sum = _mm256_add_epi32(colours.sum(Self.lumaWeights), half)
                    return levels(colours, gray: _mm256_srli_epi32(sum, 15))
                }
            }

            func replaceVectors(
                _ source: UnsafePointer<UInt16>, _ width: Int, to target: UnsafeMutablePointer<UInt16>
            ) -> Int {
                guard isSingle else { return 0 }
                // The weights' sum is 2^15: what `signed` takes away from all colours it takes from their gray.
                let half = _mm256_set1_epi32(32768 << 15 + 1 << 14)
                return replaceColourVectors(source, width, to: target) { colours in
                    let sum = _mm256_add_epi32(colours.signed.sum(Self.lumaWeights), half)
                    return levels(colours, gray: _mm256_srli_epi32(sum, 15))
                }
            }

            private static var lumaWeights: (Int16, Int16, Int16) { (9798, 19235, 3735) }

            /// As `single` has them, rounded.
            @inline(__always)
            private func levels(_ colours: ColourVector, gray: __m256i) -> NewColours {
                let factor = _mm256_set1_ps(Float(scale))
                let part = _mm256_mul_ps(_mm256_cvtepi32_ps(gray), _mm256_set1_ps(Float(1 - scale)))
                @inline(__always) func level(_ colour: __m256i) -> __m256i {
                    _mm256_cvtps_epi32(_mm256_fmadd_ps(_mm256_cvtepi32_ps(colour), factor, part))
                }
                return (level(colours.red), level(colours.green), level(colours.blue))
            }
        #endif
    }
}
