/// Writes small ICC profiles (ISO 15076-1): what gamma and chromaticities, code points or sRGB say, for formats that say
/// colours by a profile only.
///
/// A profile depends on its arguments alone: it has no time stamp.
///
///     header: 128 bytes | u32 count of tags | tag, offset, length of each | data, each at a multiple of four
package enum ICCProfile {
    /// A point of CIE 1931's diagram.
    package struct Chromaticity: Hashable, Sendable {
        package var x: Double
        package var y: Double

        package init(_ x: Double, _ y: Double) {
            self.x = x
            self.y = y
        }

        /// The point at luminance 1; `nil` for a point that is not a colour.
        fileprivate var tristimulus: [Double]? {
            guard x >= 0, y > 0.000_1, x + y <= 1 else { return nil }
            return [x / y, 1, (1 - x - y) / y]
        }
    }

    /// The white point, red, green and blue of a screen.
    package struct Primaries: Hashable, Sendable {
        package var white, red, green, blue: Chromaticity

        package init(white: Chromaticity, red: Chromaticity, green: Chromaticity, blue: Chromaticity) {
            self.white = white
            self.red = red
            self.green = green
            self.blue = blue
        }

        private static let daylight = Chromaticity(0.3127, 0.3290)

        package static let bt709 = Primaries(
            white: daylight, red: .init(0.64, 0.33), green: .init(0.30, 0.60), blue: .init(0.15, 0.06))
        static let bt601 = Primaries(
            white: daylight, red: .init(0.63, 0.34), green: .init(0.31, 0.595), blue: .init(0.155, 0.07))
        static let bt2020 = Primaries(
            white: daylight, red: .init(0.708, 0.292), green: .init(0.17, 0.797), blue: .init(0.131, 0.046))
        static let displayP3 = Primaries(
            white: daylight, red: .init(0.68, 0.32), green: .init(0.265, 0.69), blue: .init(0.15, 0.06))
        static let cinemaP3 = Primaries(
            white: .init(0.314, 0.351), red: .init(0.68, 0.32), green: .init(0.265, 0.69), blue: .init(0.15, 0.06))
    }

    /// From a stored level to light, both from 0 to 1.
    package enum Curve: Hashable, Sendable {
        /// level ^ exponent
        case power(Double)
        /// (a level + b) ^ exponent from d on, c level below.
        case linearStart(exponent: Double, a: Double, b: Double, c: Double, d: Double)

        /// IEC 61966-2-1.
        package static let sRGB = Curve.linearStart(
            exponent: 2.4, a: 1 / 1.055, b: 0.055 / 1.055, c: 1 / 12.92, d: 0.04045)
        static let bt709 = Curve.linearStart(
            exponent: 1 / 0.45, a: 1 / 1.099, b: 0.099 / 1.099, c: 1 / 4.5, d: 0.081)

        fileprivate var data: [UInt8] {
            let (kind, numbers): (UInt32, [Double]) =
                switch self {
                case .power(let exponent): (0, [exponent])
                case .linearStart(let exponent, let a, let b, let c, let d): (3, [exponent, a, b, c, d])
                }
            return Array("para\0\0\0\0".utf8) + bigEndianBytes(kind << 16) + numbers.flatMap(ICCProfile.fixed)
        }
    }

    /// The profile of sRGB.
    package static let sRGB: [UInt8] = {
        guard let profile = screen(.bt709, .sRGB, intent: 0, name: "sRGB") else { preconditionFailure("sRGB's points") }
        return profile
    }()

    /// A profile of colours on a screen.
    ///
    /// - Returns: `nil` for points that span no colours.
    package static func screen(
        _ primaries: Primaries, _ curve: Curve, intent: UInt8 = 0, name: String
    ) -> [UInt8]? {
        guard let white = primaries.white.tristimulus, let red = primaries.red.tristimulus,
            let green = primaries.green.tristimulus, let blue = primaries.blue.tristimulus
        else { return nil }
        // Each primary is as bright as makes all of them white.
        let columns = Matrix(columns: red, green, blue)
        guard let inverse = columns.inverse else { return nil }
        let adaptation = Matrix.adaptation(from: white)
        let adapted = adaptation.times(columns.scaled(inverse.times(white)))
        guard adapted.rows.joined().allSatisfy({ abs($0) < 30_000 }) else { return nil }
        return file(
            "RGB ", intent,
            common(name) + [("chad", Array("sf32\0\0\0\0".utf8) + adaptation.rows.joined().flatMap(fixed))]
                + zip(["rXYZ", "gXYZ", "bXYZ"], 0..<3).map { tag, column in
                    (tag, point(adapted.rows.map { $0[column] }))
                } + ["rTRC", "gTRC", "bTRC"].map { ($0, curve.data) })
    }

    /// A profile of gray levels.
    package static func gray(_ curve: Curve, intent: UInt8 = 0, name: String) -> [UInt8] {
        file("GRAY", intent, common(name) + [("kTRC", curve.data)])
    }

    /// The four letters of the colours that a profile is for; `nil` for bytes that are not a profile.
    package static func colorSpace(of profile: [UInt8]) -> String? {
        guard profile.count >= 132, profile[36..<40].elementsEqual("acsp".utf8) else { return nil }
        return String(decoding: profile[16..<20], as: UTF8.self)
    }

    // MARK: Parts

    /// The white of the space in which profiles meet, D50.
    private static let white = [0.9642, 1, 0.8249]

    private static func common(_ name: String) -> [(String, [UInt8])] {
        [("desc", text(name)), ("cprt", text("No copyright, use freely")), ("wtpt", point(white))]
    }

    private static func file(_ space: String, _ intent: UInt8, _ tags: [(name: String, data: [UInt8])]) -> [UInt8] {
        var table = bigEndianBytes(UInt32(tags.count))
        var data: [UInt8] = []
        // The three curves of colours are one.
        var places: [[UInt8]: UInt32] = [:]
        for tag in tags {
            let start = places[tag.data] ?? UInt32(132 + 12 * tags.count + data.count)
            if places.updateValue(start, forKey: tag.data) == nil {
                data += tag.data + [UInt8](repeating: 0, count: (4 - tag.data.count % 4) % 4)
            }
            table += Array(tag.name.utf8) + bigEndianBytes(start) + bigEndianBytes(UInt32(tag.data.count))
        }
        let byteCount = UInt32(128 + table.count + data.count)
        // Version 4.3, and the first of January 2000 as the time that has to be there.
        let start =
            bigEndianBytes(byteCount) + [0, 0, 0, 0, 4, 0x30, 0, 0] + Array("mntr\(space)XYZ ".utf8)
            + [0x07, 0xd0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0] + Array("acsp".utf8)
        let rest = [UInt8](repeating: 0, count: 24) + [0, 0, 0, intent] + white.flatMap(fixed)
        return start + rest + [UInt8](repeating: 0, count: 48) + table + data
    }

    private static func text(_ text: String) -> [UInt8] {
        let letters = text.utf16.flatMap { [UInt8($0 >> 8), UInt8($0 & 0xff)] }
        return Array("mluc\0\0\0\0".utf8) + [0, 0, 0, 1, 0, 0, 0, 12] + Array("enUS".utf8)
            + bigEndianBytes(UInt32(letters.count)) + [0, 0, 0, 28] + letters
    }

    private static func point(_ values: [Double]) -> [UInt8] {
        Array("XYZ \0\0\0\0".utf8) + values.flatMap(fixed)
    }

    /// A number with 16 bits behind the point.
    private static func fixed(_ value: Double) -> [UInt8] {
        bigEndianBytes(UInt32(bitPattern: Int32((value * 65_536).rounded())))
    }

    private struct Matrix {
        let rows: [[Double]]

        init(rows: [[Double]]) { self.rows = rows }

        init(columns first: [Double], _ second: [Double], _ third: [Double]) {
            rows = (0..<3).map { [first[$0], second[$0], third[$0]] }
        }

        func times(_ vector: [Double]) -> [Double] {
            rows.map { $0[0] * vector[0] + $0[1] * vector[1] + $0[2] * vector[2] }
        }

        func times(_ other: Matrix) -> Matrix {
            let columns = (0..<3).map { column in times(other.rows.map { $0[column] }) }
            return Matrix(columns: columns[0], columns[1], columns[2])
        }

        /// Each column times a number.
        func scaled(_ factors: [Double]) -> Matrix {
            Matrix(rows: rows.map { row in zip(row, factors).map { $0 * $1 } })
        }

        /// By cofactors; `nil` for columns in one plane.
        var inverse: Matrix? {
            func cofactor(_ row: Int, _ column: Int) -> Double {
                let (r, s, c, d) = ((row + 1) % 3, (row + 2) % 3, (column + 1) % 3, (column + 2) % 3)
                return rows[r][c] * rows[s][d] - rows[r][d] * rows[s][c]
            }
            let determinant = (0..<3).reduce(0) { $0 + rows[0][$1] * cofactor(0, $1) }
            guard abs(determinant) > 1e-6 else { return nil }
            return Matrix(rows: (0..<3).map { row in (0..<3).map { cofactor($0, row) / determinant } })
        }

        /// Bradford's, from a white to D50.
        static func adaptation(from white: [Double]) -> Matrix {
            let cones = Matrix(rows: [
                [0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296],
            ])
            let factors = zip(cones.times(ICCProfile.white), cones.times(white)).map { $0 / $1 }
            guard let inverse = cones.inverse else { preconditionFailure("Bradford's matrix") }
            return inverse.scaled(factors).times(cones)
        }
    }
}

extension ImageMetadata {
    /// The profile, or one that says what the other data on colours say; `nil` where nothing is said, or what no profile of
    /// three curves says.
    ///
    /// - Parameter isGray: whether the pixels are gray levels.
    func profileOfColors(isGray: Bool) -> [UInt8]? {
        if let profile { return profile }
        func made(_ primaries: ICCProfile.Primaries, _ curve: ICCProfile.Curve, _ name: String) -> [UInt8]? {
            let intent = standardRGBIntent.map { min($0, 3) } ?? 0
            return isGray
                ? ICCProfile.gray(curve, intent: intent, name: name)
                : ICCProfile.screen(primaries, curve, intent: intent, name: name)
        }
        if let codePoints {
            guard let (primaries, curve) = Self.colors(ofCodePoints: codePoints) else { return nil }
            return made(primaries, curve, "H.273 \(codePoints[0])/\(codePoints[1])")
        }
        if standardRGBIntent != nil { return made(.bt709, .sRGB, "sRGB") }
        guard gamma != nil || chromaticities != nil else { return nil }
        let curve: ICCProfile.Curve
        if let gamma {
            // What an encoding exponent of 0.01 to 10 undoes.
            guard (1_000...1_000_000).contains(gamma) else { return nil }
            curve = .power(100_000 / Double(gamma))
        } else {
            curve = .sRGB
        }
        guard let points = chromaticities else { return made(.bt709, curve, "Gamma of PNG") }
        let places = stride(from: 0, to: 8, by: 2).map {
            ICCProfile.Chromaticity(Double(points[$0]) / 100_000, Double(points[$0 + 1]) / 100_000)
        }
        return made(
            .init(white: places[0], red: places[1], green: places[2], blue: places[3]), curve, "Colours of PNG")
    }

    /// Those of ITU-T H.273 that three curves can say: not the two of high dynamic range.
    private static func colors(ofCodePoints points: [UInt8]) -> (ICCProfile.Primaries, ICCProfile.Curve)? {
        let primaries: ICCProfile.Primaries
        switch points[0] {
        case 1: primaries = .bt709
        case 6, 7: primaries = .bt601
        case 9: primaries = .bt2020
        case 11: primaries = .cinemaP3
        case 12: primaries = .displayP3
        default: return nil
        }
        let curve: ICCProfile.Curve
        switch points[1] {
        case 1, 6, 14, 15: curve = .bt709
        case 4: curve = .power(2.2)
        case 5: curve = .power(2.8)
        case 8: curve = .power(1)
        case 13: curve = .sRGB
        default: return nil
        }
        // RGB in its full range.
        return points[2] == 0 && points[3] == 1 ? (primaries, curve) : nil
    }
}
