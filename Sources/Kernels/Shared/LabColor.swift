// CIE L*a*b* of sRGB colours under D65: one conversion in whole numbers for 8 bits, whose results are those of OpenCV's
// cvtColor with COLOR_RGB2LAB and COLOR_LAB2RGB, and one in double precision for 16 bits.

/// The matrices and curves of both conversions, with OpenCV's constants.
enum LabDefinition {
    /// X, Y, Z of red, green, blue, relative to the white point.
    static let toXYZ = [
        [0.412453 / whiteX, 0.357580 / whiteX, 0.180423 / whiteX],
        [0.212671, 0.715160, 0.072169],
        [0.019334 / whiteZ, 0.119193 / whiteZ, 0.950227 / whiteZ],
    ]
    /// Red, green, blue of X, Y, Z relative to the white point.
    static let fromXYZ = [
        [3.240479 * whiteX, -1.53715, -0.498535 * whiteZ],
        [-0.969256 * whiteX, 1.875991, 0.041556 * whiteZ],
        [0.055648 * whiteX, -0.204043, 1.057311 * whiteZ],
    ]
    private static let whiteX = 0.950456
    private static let whiteZ = 1.088754

    /// The linear intensity of an sRGB value; both from 0 to 1.
    static func linear(_ value: Double) -> Double {
        value <= 0.04045 ? value / 12.92 : power((value + 0.055) / 1.055, 2.4)
    }

    /// The sRGB value of a linear intensity; both from 0 to 1.
    static func encoded(_ intensity: Double) -> Double {
        intensity <= 0.0031308 ? intensity * 12.92 : 1.055 * power(intensity, 1 / 2.4) - 0.055
    }

    /// The curve between X, Y, Z and L, a, b: a cube root, and a line near black.
    static func response(_ value: Double) -> Double {
        value < 216.0 / 24389 ? value * (841.0 / 108) + 16.0 / 116 : cubeRoot(value)
    }

    /// The inverse of `response`.
    static func stimulus(_ response: Double) -> Double {
        response <= 6.0 / 29 ? (response - 16.0 / 116) * (108.0 / 841) : response * response * response
    }
}

/// Red, green and blue.
typealias RGBColor<Sample> = (red: Sample, green: Sample, blue: Sample)

/// Exchanges the lightness of RGB colours.
protocol LabConversion: Sendable {
    associatedtype Sample: FixedWidthInteger & UnsignedInteger

    /// L of a colour, from 0 to the largest level.
    func lightness(_ red: Sample, _ green: Sample, _ blue: Sample) -> Sample
    /// The colour with the same a and b, and another L.
    func color(_ red: Sample, _ green: Sample, _ blue: Sample, withLightness lightness: Sample) -> RGBColor<Sample>
}

/// Samples of which colours with a lightness can be made.
protocol LabSample: FixedWidthInteger & UnsignedInteger {
    associatedtype Conversion: LabConversion where Conversion.Sample == Self
    static var lab: Conversion { get }
}

extension UInt8: LabSample {
    static let lab = Lab8()
}

extension UInt16: LabSample {
    static let lab = Lab16()
}

/// Colours as three bytes each of RGB and of Lab, in whole numbers.
///
///     RGB -> linear * 2040 -> X Y Z * 2040 -> response * 2^15 -> L a b       (L: 0...255 for 0...100; a, b: + 128)
///     L a b -> response, X Y Z * 2^14 -> linear * 2^12 -> RGB
struct Lab8: LabConversion {
    private let linear: [Int32]
    private let response: [Int32]
    private let toXYZ: [Int32]
    private let fromXYZ: [Int32]
    private let luminance: [Int32]
    private let lightnessResponse: [Int32]
    private let stimulus: [Int32]
    private let encoded: [UInt8]

    /// What `stimulus` begins at; no sum of a response and an offset is below it.
    private static let lowestResponse: Int32 = -8145
    private static let one = 1 << 14

    fileprivate init() {
        linear = (0...255).map { Int32((2040 * LabDefinition.linear(Double($0) / 255)).rounded()) }
        // Rounded to single precision first: two entries are closer to a tie than that, and fall as OpenCV's do.
        response = (0..<3072).map {
            Int32(Float(32768 * LabDefinition.response(Double($0) / 2040)).rounded(.toNearestOrEven))
        }
        toXYZ = LabDefinition.toXYZ.flatMap { $0.map { Int32(($0 * 4096).rounded()) } }
        fromXYZ = LabDefinition.fromXYZ.flatMap { $0.map { Int32(($0 * 4096).rounded()) } }
        let one = Double(Self.one)
        // Up to L = 8, the 20th of 255, both are lines.
        luminance = (0...255).map { level in
            let response = (Double(level) * 100 / 255 + 16) / 116
            let value = level <= 20 ? Double(level * 180) / 414_613 : response * response * response
            return Int32((value * one).rounded(.toNearestOrEven))
        }
        lightnessResponse = (0...255).map { level in
            let value = level <= 20 ? 16.0 / 116 + Double(level * 5) / 1479 : (Double(level) * 100 / 255 + 16) / 116
            return Int32((value * one).rounded(.toNearestOrEven))
        }
        let base = Self.one
        stimulus = (0..<base * 9 / 4).map { index in
            let response = index + Int(Self.lowestResponse)
            return Int32(
                response <= 3390
                    ? response * 108 / 841 - base * 16 / 116 * 108 / 841
                    : response * response / base * response / base)
        }
        encoded = (0..<4096).map {
            UInt8((255 * LabDefinition.encoded(Double($0) / 4096)).rounded(.toNearestOrEven))
        }
    }

    @inline(__always)
    func lightness(_ red: UInt8, _ green: UInt8, _ blue: UInt8) -> UInt8 {
        Self.lightness(responseOf(3, linear[Int(red)], linear[Int(green)], linear[Int(blue)]))
    }

    @inline(__always)
    func color(_ red: UInt8, _ green: UInt8, _ blue: UInt8, withLightness lightness: UInt8) -> RGBColor<UInt8> {
        let (a, b) = chroma(red, green, blue)
        return rgb(lightness, a, b)
    }

    /// a and b of a colour.
    @inline(__always)
    private func chroma(_ red: UInt8, _ green: UInt8, _ blue: UInt8) -> (a: UInt8, b: UInt8) {
        let (red, green, blue) = (linear[Int(red)], linear[Int(green)], linear[Int(blue)])
        let x = responseOf(0, red, green, blue)
        let y = responseOf(3, red, green, blue)
        let z = responseOf(6, red, green, blue)
        return (
            Self.byte((500 * (x - y) + 128 << 15 + 1 << 14) >> 15),
            Self.byte((200 * (y - z) + 128 << 15 + 1 << 14) >> 15)
        )
    }

    /// The colour nearest to L, a and b.
    @inline(__always)
    private func rgb(_ lightness: UInt8, _ a: UInt8, _ b: UInt8) -> RGBColor<UInt8> {
        let y = luminance[Int(lightness)]
        let response = lightnessResponse[Int(lightness)]
        // a / 500 and b / 200 in 2^14ths.
        let east = (5 * Int32(a) * 53687 + 1 << 7) >> 13 - 4194
        let north = (Int32(b) * 41943 + 1 << 4) >> 9 - 10484
        let x = stimulus[Int(response + east - Self.lowestResponse)]
        let z = stimulus[Int(response - north - Self.lowestResponse)]
        return (color(0, x, y, z), color(3, x, y, z), color(6, x, y, z))
    }

    @inline(__always)
    private func responseOf(_ row: Int, _ red: Int32, _ green: Int32, _ blue: Int32) -> Int32 {
        response[Int((toXYZ[row] * red + toXYZ[row + 1] * green + toXYZ[row + 2] * blue + 1 << 11) >> 12)]
    }

    @inline(__always)
    private func color(_ row: Int, _ x: Int32, _ y: Int32, _ z: Int32) -> UInt8 {
        let level = (fromXYZ[row] * x + fromXYZ[row + 1] * y + fromXYZ[row + 2] * z + 1 << 13) >> 14
        return encoded[Int(max(0, min(4095, level)))]
    }

    @inline(__always)
    private static func lightness(_ response: Int32) -> UInt8 {
        byte((296 * response - 1_336_934 + 1 << 14) >> 15)
    }

    @inline(__always)
    private static func byte(_ value: Int32) -> UInt8 { UInt8(truncatingIfNeeded: max(0, min(255, value))) }
}
