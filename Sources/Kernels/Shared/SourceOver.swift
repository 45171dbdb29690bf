/// Source-over of colours that are not multiplied by alpha (W3C Compositing and Blending Level 1, 5.1 and 9.1.4), in whole
/// numbers, rounded once, halves up.
///
/// With the source's alpha s and the backdrop's b, both from 0 to 1, the result has the alpha s + b (1 - s), and each colour is the
/// mean of the source's, weighted by s, and of the backdrop's, weighted by b (1 - s).
struct SourceOver {
    /// The largest level, 255 or 65535.
    let largest: UInt64

    struct Mix {
        /// Weights of the source and of the backdrop: at most 2^48 together.
        let source: UInt64
        let backdrop: UInt64
        let alpha: UInt64

        /// Products are below 2^64: weights of at most 65535^3, levels of at most 65535, and half of the weights to round.
        @inline(__always) func level(_ color: UInt64, over other: UInt64) -> UInt64 {
            let sum = source + backdrop
            return (source * color + backdrop * other + sum / 2) / sum
        }
    }

    /// - Parameters:
    ///   - cover: the source's alpha as a level times the opacity from 0 to 65535; not 0.
    ///   - alpha: the backdrop's alpha as a level.
    @inline(__always) func mix(cover: UInt64, over alpha: UInt64) -> Mix {
        let whole = largest * 65535
        let (source, backdrop) = (cover * largest, alpha * (whole - cover))
        return Mix(source: source, backdrop: backdrop, alpha: (source + backdrop + whole / 2) / whole)
    }
}

extension SourceOver {
    /// Mixes samples over as many of an opaque backdrop: the weights add up to a constant, by which the compiler divides with
    /// products.
    ///
    /// - Parameter covers: of each sample, the source's alpha as a level times the opacity from 0 to 65535.
    @inline(__always)
    static func mix<Sample: FixedWidthInteger & UnsignedInteger>(
        _ levels: UnsafePointer<Sample>, covers: UnsafePointer<UInt32>, over target: UnsafeMutablePointer<Sample>,
        _ count: Int
    ) {
        if Sample.bitWidth == 8 {
            // Below 255 * 255 * 65535 + 2^23, which is below 2^32.
            let whole: UInt32 = 255 * 65535
            for index in 0..<count {
                let cover = covers[index]
                let sum = cover &* UInt32(levels[index]) &+ (whole &- cover) &* UInt32(target[index])
                target[index] = Sample(truncatingIfNeeded: (sum &+ whole / 2) / whole)
            }
        } else {
            let whole: UInt64 = 65535 * 65535
            for index in 0..<count {
                let cover = UInt64(covers[index])
                let sum = cover &* UInt64(levels[index]) &+ (whole &- cover) &* UInt64(target[index])
                target[index] = Sample(truncatingIfNeeded: (sum &+ whole / 2) / whole)
            }
        }
    }

    /// Mixes opaque samples over as many of an opaque backdrop.
    ///
    /// The largest level is a factor of all weights and cancels: half of their sum, divided by it, is 32767 and a fraction, which
    /// makes no difference to a quotient of whole numbers that is rounded down. 65535 * 65535 + 32767 is below 2^32.
    ///
    /// - Parameter share: the opacity, from 0 to 65535.
    @inline(__always)
    static func mix<Sample: FixedWidthInteger & UnsignedInteger>(
        _ levels: UnsafePointer<Sample>, share: UInt32, over target: UnsafeMutablePointer<Sample>, _ count: Int
    ) {
        let rest = 65535 - share
        for index in 0..<count {
            let sum = share &* UInt32(levels[index]) &+ rest &* UInt32(target[index])
            target[index] = Sample(truncatingIfNeeded: dividedBy65535(sum &+ 32767))
        }
    }

    /// `number / 65535`, for less than 2^32 - 1.
    ///
    /// With an upper half h and a lower one l, the number is 65535 h + (h + l), and h + l is less than twice 65535.
    @inline(__always)
    private static func dividedBy65535(_ number: UInt32) -> UInt32 {
        let upper = number &>> 16
        return upper &+ (upper &+ (number & 0xFFFF) &+ 1) &>> 16
    }
}
