/// Some rows of a small picture that is painted in memory: RGB at 8 bits. What is painted elsewhere is left out.
struct Canvas {
    struct Color: Hashable {
        let red: UInt8
        let green: UInt8
        let blue: UInt8
    }

    enum Alignment { case left, center, right }

    let width: Int
    let rows: Range<Int>
    private var pixels: [Color]

    init(width: Int, rows: Range<Int>, color: Color) {
        self.width = width
        self.rows = rows
        pixels = Array(repeating: color, count: width * rows.count)
    }

    /// The row `y` must be among `rows`.
    subscript(_ x: Int, _ y: Int) -> Color {
        get { pixels[(y - rows.lowerBound) * width + x] }
        set { pixels[(y - rows.lowerBound) * width + x] = newValue }
    }

    /// Paints a rectangle, as far as it is inside.
    mutating func fill(_ columns: Range<Int>, _ rows: Range<Int>, _ color: Color) {
        for y in rows.clamped(to: self.rows) {
            for x in columns.clamped(to: 0..<width) { self[x, y] = color }
        }
    }

    /// Writes a text; characters that the font does not have are left out.
    ///
    /// - Parameter x: where the text begins, ends, or has its middle.
    mutating func write(_ text: String, x: Int, y: Int, align: Alignment, _ color: Color) {
        guard y < rows.upperBound, y + SmallFont.height * Self.zoom > rows.lowerBound else { return }
        var x =
            switch align {
            case .left: x
            case .center: x - Self.width(of: text) / 2
            case .right: x - Self.width(of: text)
            }
        for character in text {
            let glyph = SmallFont.glyph(character)
            for (row, bits) in glyph.enumerated() {
                for column in 0..<SmallFont.width where bits >> UInt8(SmallFont.width - 1 - column) & 1 != 0 {
                    let (left, top) = (x + column * Self.zoom, y + row * Self.zoom)
                    fill(left..<left + Self.zoom, top..<top + Self.zoom, color)
                }
            }
            x += Self.advance
        }
    }

    /// The columns that a text takes.
    static func width(of text: String) -> Int { max(0, text.count * advance - zoom) }

    /// The side of the square that a pixel of the font is painted as.
    private static let zoom = 2
    private static let advance = (SmallFont.width + 1) * zoom

    func copyRow(_ y: Int, to target: UnsafeMutablePointer<UInt8>) {
        for x in 0..<width {
            let color = self[x, y]
            (target[3 * x], target[3 * x + 1], target[3 * x + 2]) = (color.red, color.green, color.blue)
        }
    }
}

/// The characters that diagrams are labelled with, five pixels wide and nine high, of which two are for descenders.
enum SmallFont {
    static let width = 5
    static let height = 9

    /// A row per element, the leftmost pixel in bit 4.
    static func glyph(_ character: Character) -> [UInt8] { glyphs[character] ?? [] }

    private static let glyphs: [Character: [UInt8]] = [
        "0": [0b01110, 0b10001, 0b10011, 0b10101, 0b11001, 0b10001, 0b01110],
        "1": [0b00100, 0b01100, 0b00100, 0b00100, 0b00100, 0b00100, 0b01110],
        "2": [0b01110, 0b10001, 0b00001, 0b00010, 0b00100, 0b01000, 0b11111],
        "3": [0b11111, 0b00010, 0b00100, 0b00010, 0b00001, 0b10001, 0b01110],
        "4": [0b00010, 0b00110, 0b01010, 0b10010, 0b11111, 0b00010, 0b00010],
        "5": [0b11111, 0b10000, 0b11110, 0b00001, 0b00001, 0b10001, 0b01110],
        "6": [0b00110, 0b01000, 0b10000, 0b11110, 0b10001, 0b10001, 0b01110],
        "7": [0b11111, 0b00001, 0b00010, 0b00100, 0b01000, 0b01000, 0b01000],
        "8": [0b01110, 0b10001, 0b10001, 0b01110, 0b10001, 0b10001, 0b01110],
        "9": [0b01110, 0b10001, 0b10001, 0b01111, 0b00001, 0b00010, 0b01100],
        ".": [0, 0, 0, 0, 0, 0b01100, 0b01100],
        ",": [0, 0, 0, 0, 0, 0b01100, 0b00100, 0b01000],
        "a": [0, 0, 0b01110, 0b00001, 0b01111, 0b10001, 0b01111],
        "b": [0b10000, 0b10000, 0b10110, 0b11001, 0b10001, 0b10001, 0b11110],
        "c": [0, 0, 0b01110, 0b10000, 0b10000, 0b10001, 0b01110],
        "d": [0b00001, 0b00001, 0b01101, 0b10011, 0b10001, 0b10001, 0b01111],
        "e": [0, 0, 0b01110, 0b10001, 0b11111, 0b10000, 0b01110],
        "g": [0, 0, 0b01111, 0b10001, 0b10001, 0b01111, 0b00001, 0b00001, 0b01110],
        "i": [0b00100, 0, 0b01100, 0b00100, 0b00100, 0b00100, 0b01110],
        "k": [0b10000, 0b10000, 0b10010, 0b10100, 0b11000, 0b10100, 0b10010],
        "l": [0b01100, 0b00100, 0b00100, 0b00100, 0b00100, 0b00100, 0b01110],
        "n": [0, 0, 0b10110, 0b11001, 0b10001, 0b10001, 0b10001],
        "o": [0, 0, 0b01110, 0b10001, 0b10001, 0b10001, 0b01110],
        "p": [0, 0, 0b11110, 0b10001, 0b10001, 0b11110, 0b10000, 0b10000, 0b10000],
        "r": [0, 0, 0b10110, 0b11001, 0b10000, 0b10000, 0b10000],
        "s": [0, 0, 0b01111, 0b10000, 0b01110, 0b00001, 0b11110],
        "u": [0, 0, 0b10001, 0b10001, 0b10001, 0b10011, 0b01101],
        "v": [0, 0, 0b10001, 0b10001, 0b10001, 0b01010, 0b00100],
        "x": [0, 0, 0b10001, 0b01010, 0b00100, 0b01010, 0b10001],
        "G": [0b01110, 0b10001, 0b10000, 0b10111, 0b10001, 0b10001, 0b01111],
        "M": [0b10001, 0b11011, 0b10101, 0b10101, 0b10001, 0b10001, 0b10001],
        "T": [0b11111, 0b00100, 0b00100, 0b00100, 0b00100, 0b00100, 0b00100],
    ]
}
