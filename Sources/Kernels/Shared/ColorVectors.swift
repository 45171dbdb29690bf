#if TESSERA_X86_64_V3
    internal import _Builtin_intrinsics.intel

    /// The colours of eight pixels, four in each half of a vector.
    struct ColorVector {
        /// Red and green of each pixel, of 16 bits each: `vpmaddwd` makes one sum of a pair.
        let redGreen: __m256i
        /// Blue of each pixel, of 32 bits.
        let blue: __m256i

        @inline(__always) var red: __m256i { _mm256_and_si256(redGreen, _mm256_set1_epi32(0xFFFF)) }
        @inline(__always) var green: __m256i { _mm256_srli_epi32(redGreen, 16) }

        /// - Parameter weights: of red, green and blue. The levels are below 32768.
        @inline(__always)
        func sum(_ weights: (Int16, Int16, Int16)) -> __m256i {
            let pair = _mm256_set1_epi32(Int32(UInt16(bitPattern: weights.0)) | Int32(weights.1) << 16)
            let single = _mm256_set1_epi32(Int32(UInt16(bitPattern: weights.2)))
            return _mm256_add_epi32(_mm256_madd_epi16(redGreen, pair), _mm256_madd_epi16(blue, single))
        }

        /// The colours less 32768, which makes any 16-bit level a signed one: a sum is less by as often the weights.
        @inline(__always) var signed: ColorVector {
            ColorVector(
                redGreen: _mm256_xor_si256(redGreen, _mm256_set1_epi16(-32768)),
                blue: _mm256_xor_si256(blue, _mm256_set1_epi32(0x8000)))
        }
    }

    /// New colours of eight pixels, of 32 bits each; they are saturated when they are stored.
    typealias NewColors = (red: __m256i, green: __m256i, blue: __m256i)

    /// Replaces RGB pixels eight at a time; a few of the last remain.
    ///
    /// - Returns: how many were replaced, from the first on.
    @inline(__always)
    func replaceColorVectors(
        _ source: UnsafePointer<UInt8>, _ width: Int, to target: UnsafeMutablePointer<UInt8>,
        _ map: (ColorVector) -> NewColors
    ) -> Int {
        let (source, target) = (UnsafeRawPointer(source), UnsafeMutableRawPointer(target))
        // Which byte of four pixels comes where; -1 leaves a 0.
        let redGreen = inBothHalves(0, -1, 1, -1, 3, -1, 4, -1, 6, -1, 7, -1, 9, -1, 10, -1)
        let blue = inBothHalves(2, -1, -1, -1, 5, -1, -1, -1, 8, -1, -1, -1, 11, -1, -1, -1)
        let pixels = inBothHalves(0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11, -1, -1, -1, -1)
        var x = 0
        // Loads and stores of 16 bytes go four further than their pixels.
        while x + 10 <= width {
            func load(_ pixel: Int) -> __m128i {
                source.loadUnaligned(fromByteOffset: 3 * (x + pixel), as: __m128i.self)
            }
            let bytes = _mm256_set_m128i(load(4), load(0))
            let new = map(
                ColorVector(redGreen: _mm256_shuffle_epi8(bytes, redGreen), blue: _mm256_shuffle_epi8(bytes, blue)))
            let planes = _mm256_packus_epi16(
                _mm256_packs_epi32(new.red, new.green), _mm256_packs_epi32(new.blue, new.blue))
            let (low, high) = halves(_mm256_shuffle_epi8(planes, pixels))
            target.storeBytes(of: low, toByteOffset: 3 * x, as: __m128i.self)
            target.storeBytes(of: high, toByteOffset: 3 * x + 12, as: __m128i.self)
            x += 8
        }
        return x
    }

    /// The 16-bit form.
    @inline(__always)
    func replaceColorVectors(
        _ source: UnsafePointer<UInt16>, _ width: Int, to target: UnsafeMutablePointer<UInt16>,
        _ map: (ColorVector) -> NewColors
    ) -> Int {
        let (source, target) = (UnsafeRawPointer(source), UnsafeMutableRawPointer(target))
        // Of two pixels: red and green of both, then blue of both.
        let pairs = inBothHalves(0, 1, 2, 3, 6, 7, 8, 9, 4, 5, -1, -1, 10, 11, -1, -1)
        // The first 16 bytes of four pixels, then the other eight: those of four reds and greens, and of the blues.
        let first = inBothHalves(0, 1, 8, 9, -1, -1, 2, 3, 10, 11, -1, -1, 4, 5, 12, 13)
        let firstBlue = inBothHalves(-1, -1, -1, -1, 0, 1, -1, -1, -1, -1, 2, 3, -1, -1, -1, -1)
        let second = inBothHalves(-1, -1, 6, 7, 14, 15, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1)
        let secondBlue = inBothHalves(4, 5, -1, -1, -1, -1, 6, 7, -1, -1, -1, -1, -1, -1, -1, -1)
        var x = 0
        // Stores of 16 bytes go eight further than their pixels.
        while x + 10 <= width {
            func load(_ pixel: Int) -> __m128i {
                source.loadUnaligned(fromByteOffset: 6 * (x + pixel), as: __m128i.self)
            }
            let even = _mm256_shuffle_epi8(_mm256_set_m128i(load(4), load(0)), pairs)
            let odd = _mm256_shuffle_epi8(_mm256_set_m128i(load(6), load(2)), pairs)
            let new = map(
                ColorVector(redGreen: _mm256_unpacklo_epi64(even, odd), blue: _mm256_unpackhi_epi64(even, odd)))
            let redGreen = _mm256_packus_epi32(new.red, new.green)
            let blue = _mm256_packus_epi32(new.blue, new.blue)
            let (low, high) = halves(
                _mm256_or_si256(_mm256_shuffle_epi8(redGreen, first), _mm256_shuffle_epi8(blue, firstBlue)))
            let (lowRest, highRest) = halves(
                _mm256_or_si256(_mm256_shuffle_epi8(redGreen, second), _mm256_shuffle_epi8(blue, secondBlue)))
            target.storeBytes(of: low, toByteOffset: 6 * x, as: __m128i.self)
            target.storeBytes(of: lowRest, toByteOffset: 6 * x + 16, as: __m128i.self)
            target.storeBytes(of: high, toByteOffset: 6 * x + 24, as: __m128i.self)
            target.storeBytes(of: highRest, toByteOffset: 6 * x + 40, as: __m128i.self)
            x += 8
        }
        return x
    }

    @inline(__always)
    private func inBothHalves(
        _ b0: Int8, _ b1: Int8, _ b2: Int8, _ b3: Int8, _ b4: Int8, _ b5: Int8, _ b6: Int8, _ b7: Int8, _ b8: Int8,
        _ b9: Int8, _ b10: Int8, _ b11: Int8, _ b12: Int8, _ b13: Int8, _ b14: Int8, _ b15: Int8
    ) -> __m256i {
        _mm256_broadcastsi128_si256(
            _mm_setr_epi8(b0, b1, b2, b3, b4, b5, b6, b7, b8, b9, b10, b11, b12, b13, b14, b15))
    }

    /// The halves of a vector, the first one first.
    @inline(__always)
    func halves(_ vector: __m256i) -> (__m128i, __m128i) { unsafeBitCast(vector, to: (__m128i, __m128i).self) }
#endif
