/// A colour that an argument names: what is painted where the image has no pixels.
///
/// Four levels of 8 bits. On an image of 16 bits each is multiplied by 257; a gray image gets the luma; alpha counts where
/// the image has some.
public struct PaintColor: Hashable, Sendable, CustomStringConvertible {
    public let red: UInt8
    public let green: UInt8
    public let blue: UInt8
    public let alpha: UInt8

    public init(rgba: UInt32) {
        red = UInt8(truncatingIfNeeded: rgba >> 24)
        green = UInt8(truncatingIfNeeded: rgba >> 16)
        blue = UInt8(truncatingIfNeeded: rgba >> 8)
        alpha = UInt8(truncatingIfNeeded: rgba)
    }

    /// The colours that have a name.
    public static let names: [(name: String, color: PaintColor)] = [
        ("black", PaintColor(rgba: 0x0000_00FF)), ("white", PaintColor(rgba: 0xFFFF_FFFF)),
        ("gray", PaintColor(rgba: 0x8080_80FF)), ("red", PaintColor(rgba: 0xFF00_00FF)),
        ("green", PaintColor(rgba: 0x00FF_00FF)), ("blue", PaintColor(rgba: 0x0000_FFFF)),
        ("yellow", PaintColor(rgba: 0xFFFF_00FF)), ("cyan", PaintColor(rgba: 0x00FF_FFFF)),
        ("magenta", PaintColor(rgba: 0xFF00_FFFF)), ("transparent", PaintColor(rgba: 0)),
    ]

    public static let black = PaintColor(rgba: 0xFF)
    public static let transparent = PaintColor(rgba: 0)

    /// Reads `#rrggbb`, `#rrggbbaa` or a name; `nil` for anything else.
    public init?(_ text: some StringProtocol) {
        if text.first == "#" {
            let digits = text.dropFirst()
            guard digits.utf8.count == 6 || digits.utf8.count == 8, digits.allSatisfy(\.isHexDigit),
                let value = UInt32(digits, radix: 16)
            else { return nil }
            self.init(rgba: digits.utf8.count == 6 ? value << 8 | 0xFF : value)
        } else {
            guard let name = Spelling.name(String(text), among: Self.names.map(\.name)),
                let color = Self.names.first(where: { $0.name == name })?.color
            else { return nil }
            self = color
        }
    }

    private var rgba: UInt32 { UInt32(red) << 24 | UInt32(green) << 16 | UInt32(blue) << 8 | UInt32(alpha) }

    /// The name, else `#rrggbb`, or `#rrggbbaa` where it is not opaque.
    public var description: String {
        if let name = Self.names.first(where: { $0.color == self })?.name { return name }
        let digits = String(rgba, radix: 16)
        let padded = String(repeating: "0", count: 8 - digits.count) + digits
        return "#" + (alpha == 255 ? padded.dropLast(2) : padded[...])
    }

    /// The samples of a pixel of this colour.
    package func samples(of format: PixelFormat) -> [Int] {
        // The luma of grayscale.
        let luma = (9798 * Int(red) + 19235 * Int(green) + 3735 * Int(blue) + 16384) >> 15
        let levels: [Int] =
            switch format.layout {
            case .gray: [luma]
            case .grayAlpha: [luma, Int(alpha)]
            case .rgb: [Int(red), Int(green), Int(blue)]
            case .rgba: [Int(red), Int(green), Int(blue), Int(alpha)]
            }
        return format.depth == .eight ? levels : levels.map { $0 * 257 }
    }
}
