/// Colours as three 16-bit levels of RGB and as Lab in double precision, L being rounded to 0...65535 for 0...100.
struct Lab16: LabConversion {
    private let toXYZ = LabDefinition.toXYZ.flatMap { $0 }
    private let fromXYZ = LabDefinition.fromXYZ.flatMap { $0 }
    private let linear: [Double]
    /// The intensity from which on the level is 1, 2 ... 65535.
    private let thresholds: [Double]
    /// Where to begin the search for a level: by the square root of the intensity, which is more even than itself.
    private let firstLevels: [UInt16]

    init() {
        linear = (0...65535).map { LabDefinition.linear(Double($0) / 65535) }
        let thresholds = (0..<65535).map { LabDefinition.linear((Double($0) + 0.5) / 65535) }
        var level = 0
        firstLevels = (0...Self.bucketCount).map { bucket in
            let root = Double(bucket) / Double(Self.bucketCount)
            while level < 65535 && thresholds[level] <= root * root { level += 1 }
            return UInt16(level)
        }
        self.thresholds = thresholds
    }

    private static let bucketCount = 8192

    @inline(__always)
    func lightness(_ red: UInt16, _ green: UInt16, _ blue: UInt16) -> UInt16 {
        Self.lightness(response(3, linear[Int(red)], linear[Int(green)], linear[Int(blue)]))
    }

    func color(_ red: UInt16, _ green: UInt16, _ blue: UInt16, withLightness lightness: UInt16) -> RGBColor<UInt16> {
        let (red, green, blue) = (linear[Int(red)], linear[Int(green)], linear[Int(blue)])
        let change = (Double(lightness) * (100.0 / 65535) + 16) / 116 - response(3, red, green, blue)
        let x = LabDefinition.stimulus(response(0, red, green, blue) + change)
        let y = LabDefinition.stimulus(response(3, red, green, blue) + change)
        let z = LabDefinition.stimulus(response(6, red, green, blue) + change)
        return (level(0, x, y, z), level(3, x, y, z), level(6, x, y, z))
    }

    @inline(__always)
    private func response(_ row: Int, _ red: Double, _ green: Double, _ blue: Double) -> Double {
        LabDefinition.response(toXYZ[row] * red + toXYZ[row + 1] * green + toXYZ[row + 2] * blue)
    }

    @inline(__always)
    private static func lightness(_ response: Double) -> UInt16 {
        UInt16(truncatingIfNeeded: rounded((116 * response - 16) * 655.35, upTo: 65535))
    }

    /// The sRGB level of one colour of X, Y, Z, rounded to the nearest and saturated.
    private func level(_ row: Int, _ x: Double, _ y: Double, _ z: Double) -> UInt16 {
        let intensity = fromXYZ[row] * x + fromXYZ[row + 1] * y + fromXYZ[row + 2] * z
        guard intensity > 0 else { return 0 }
        guard intensity < 1 else { return 65535 }
        var level = Int(firstLevels[Int(intensity.squareRoot() * Double(Self.bucketCount))])
        // The root may be rounded up into the next bucket.
        while level > 0 && thresholds[level - 1] > intensity { level -= 1 }
        while level < 65535 && thresholds[level] <= intensity { level += 1 }
        return UInt16(level)
    }
}
