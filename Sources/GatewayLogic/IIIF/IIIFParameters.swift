/// Width and height in pixels, both at least 1.
package struct IIIFExtent: Hashable, Sendable {
    package let width: Int
    package let height: Int

    package init(width: Int, height: Int) {
        precondition(width > 0 && height > 0, "\(width) x \(height) pixels")
        self.width = width
        self.height = height
    }
}

/// A part of an image, at least one pixel.
package struct IIIFRectangle: Hashable, Sendable {
    package let x: Int
    package let y: Int
    package let extent: IIIFExtent

    package init(x: Int, y: Int, extent: IIIFExtent) {
        self.x = x
        self.y = y
        self.extent = extent
    }
}

/// Which part of the image is shown (4.1).
package enum IIIFRegion: Hashable, Sendable {
    case full
    /// The largest square in the middle.
    case square
    case pixels(x: Int, y: Int, width: Int, height: Int)
    case percent(x: Double, y: Double, width: Double, height: Double)

    package init(_ text: String) throws(Problem) {
        switch text {
        case "full": self = .full
        case "square": self = .square
        default:
            let isPercent = text.hasPrefix("pct:")
            let parts = text.dropFirst(isPercent ? 4 : 0).split(separator: ",", omittingEmptySubsequences: false)
            let numbers = parts.compactMap {
                isPercent ? IIIFNumber.decimal($0) : IIIFNumber.whole($0).map(Double.init)
            }
            guard parts.count == 4, numbers.count == 4, numbers[2] > 0, numbers[3] > 0 else {
                throw .malformed(
                    "the region '\(text.prefix(100))' is not 'full', 'square', 'X,Y,WIDTH,HEIGHT' or "
                        + "'pct:X,Y,WIDTH,HEIGHT' with a width and height above 0")
            }
            self =
                isPercent
                ? .percent(x: numbers[0], y: numbers[1], width: numbers[2], height: numbers[3])
                : .pixels(x: Int(numbers[0]), y: Int(numbers[1]), width: Int(numbers[2]), height: Int(numbers[3]))
        }
    }

    /// The row above which nothing is asked for, as far as can be said without the image.
    package var firstRow: Int { if case .pixels(_, let y, _, _) = self { y } else { 0 } }

    /// The pixels of the region; what reaches beyond the image is cut off.
    /// - Throws: 400 for a region outside the image.
    package func rectangle(in image: IIIFExtent) throws(Problem) -> IIIFRectangle {
        switch self {
        case .full: return IIIFRectangle(x: 0, y: 0, extent: image)
        case .square:
            let side = min(image.width, image.height)
            return IIIFRectangle(
                x: (image.width - side) / 2, y: (image.height - side) / 2, extent: IIIFExtent(width: side, height: side)
            )
        case .pixels(let x, let y, let width, let height):
            guard x < image.width, y < image.height else { throw Self.outside(x, y, image) }
            return IIIFRectangle(
                x: x, y: y,
                extent: IIIFExtent(width: min(width, image.width - x), height: min(height, image.height - y)))
        case .percent(let x, let y, let width, let height):
            guard x < 100, y < 100 else {
                throw .malformed("a region that begins at \(max(x, y)) percent is outside the image; 100 is its end")
            }
            let across = Self.part(x, width, of: image.width)
            let down = Self.part(y, height, of: image.height)
            return IIIFRectangle(
                x: across.lowerBound, y: down.lowerBound, extent: IIIFExtent(width: across.count, height: down.count))
        }
    }

    /// At least one pixel, however little the percentage.
    private static func part(_ start: Double, _ share: Double, of length: Int) -> Range<Int> {
        let pixels = { (percent: Double) in Int((Double(length) * percent / 100).rounded()) }
        let first = min(pixels(start), length - 1)
        return first..<first + max(1, min(pixels(min(share, 100)), length - first))
    }

    private static func outside(_ x: Int, _ y: Int, _ image: IIIFExtent) -> Problem {
        .malformed(
            "a region that begins at \(x),\(y) is outside the image, which has \(image.width) x \(image.height) pixels")
    }
}

/// How large the region is shown (4.2).
package struct IIIFSize: Hashable, Sendable {
    package enum Form: Hashable, Sendable {
        case max
        case width(Int)
        case height(Int)
        case percent(Double)
        case exact(width: Int, height: Int)
        /// The largest that fits.
        case within(width: Int, height: Int)
    }

    package let form: Form
    /// Whether the text begins with `^`.
    package let mayUpscale: Bool

    package init(_ text: String) throws(Problem) {
        mayUpscale = text.hasPrefix("^")
        let rest = text.dropFirst(mayUpscale ? 1 : 0)
        guard let form = Self.form(rest) else {
            throw .malformed(
                "the size '\(text.prefix(100))' is not 'max', 'W,', ',H', 'pct:N', 'W,H' or '!W,H' with numbers above 0; "
                    + "IIIF 2's 'full' is 'max'")
        }
        self.form = form
    }

    private static func form(_ text: Substring) -> Form? {
        if text == "max" { return .max }
        if text.hasPrefix("pct:") {
            guard let percent = IIIFNumber.decimal(text.dropFirst(4)), percent > 0 else { return nil }
            return .percent(percent)
        }
        let isWithin = text.hasPrefix("!")
        let parts = text.dropFirst(isWithin ? 1 : 0).split(separator: ",", omittingEmptySubsequences: false)
        guard parts.count == 2 else { return nil }
        let sides = parts.map { part in IIIFNumber.whole(part).flatMap { $0 > 0 ? $0 : nil } }
        switch (sides[0], sides[1], isWithin) {
        case (let width?, let height?, false): return .exact(width: width, height: height)
        case (let width?, let height?, true): return .within(width: width, height: height)
        case (let width?, nil, false): return parts[1].isEmpty ? .width(width) : nil
        case (nil, let height?, false): return parts[0].isEmpty ? .height(height) : nil
        case (nil, nil, _), (_, nil, true), (nil, _, true): return nil
        }
    }

    /// The pixels of the picture of a region, before it is turned.
    /// - Throws: 400 for a size that is larger than the region, or above a limit; 501 where `^` asks for it.
    package func extent(of region: IIIFExtent, _ limits: IIIFLimits) throws(Problem) -> IIIFExtent {
        let extent: IIIFExtent
        switch form {
        case .max:
            // To be made as large as the limits are is to be made larger, unless the region is at a limit already.
            let largest = limits.largest(region)
            guard !mayUpscale || largest != region else { throw Self.upscaled("^max", region) }
            return largest
        case .width(let width): extent = Self.scaled(region, Double(width) / Double(region.width), width: width)
        case .height(let height): extent = Self.scaled(region, Double(height) / Double(region.height), height: height)
        case .percent(let percent): extent = Self.scaled(region, percent / 100)
        case .exact(let width, let height): extent = IIIFExtent(width: width, height: height)
        case .within(let width, let height):
            let across = Double(width) / Double(region.width)
            let down = Double(height) / Double(region.height)
            let fitted =
                across <= down
                ? Self.scaled(region, across, width: width) : Self.scaled(region, down, height: height)
            extent = fitted.width <= region.width && fitted.height <= region.height ? limits.largest(fitted) : fitted
        }
        guard extent.width <= region.width, extent.height <= region.height else {
            if mayUpscale { throw Self.upscaled("\(extent.width),\(extent.height)", region) }
            throw .malformed(
                "a picture of \(extent.width) x \(extent.height) pixels is larger than its region, which has "
                    + "\(region.width) x \(region.height); ask for 'max'")
        }
        try limits.check(extent)
        return extent
    }

    /// - Parameters:
    ///   - width, height: the side that was asked for, which stays as it is.
    private static func scaled(
        _ region: IIIFExtent, _ factor: Double, width: Int? = nil, height: Int? = nil
    ) -> IIIFExtent {
        // Numbers have at most nine digits, so that no side is beyond what an integer holds.
        let side = { (length: Int) in max(1, Int((Double(length) * factor).rounded())) }
        return IIIFExtent(width: width ?? side(region.width), height: height ?? side(region.height))
    }

    private static func upscaled(_ size: String, _ region: IIIFExtent) -> Problem {
        Problem(
            501, "not-implemented",
            "pictures are not made larger than their region, which has \(region.width) x \(region.height) pixels; "
                + "'\(size)' asks for more: ask for 'max', and enlarge what comes")
    }
}

/// How the picture is turned (4.3): by quarters.
package struct IIIFRotation: Hashable, Sendable {
    /// Left and right exchanged, before the picture is turned.
    package let isMirrored: Bool
    /// Clockwise, 0 to 3.
    package let quarters: Int

    package init(_ text: String) throws(Problem) {
        isMirrored = text.hasPrefix("!")
        guard let degrees = IIIFNumber.decimal(text.dropFirst(isMirrored ? 1 : 0)), degrees <= 360,
            degrees.truncatingRemainder(dividingBy: 90) == 0
        else {
            throw .malformed(
                "the rotation '\(text.prefix(40))' is not 0, 90, 180 or 270, or one of these behind '!', which mirrors")
        }
        quarters = Int(degrees / 90) % 4
    }

    package var text: String { "\(isMirrored ? "!" : "")\(quarters * 90)" }
}

/// Which colours the picture has (4.4).
package enum IIIFQuality: String, Hashable, Sendable, CaseIterable {
    case `default`, color, gray, bitonal
}

/// The format of the picture (4.5).
package enum IIIFFormat: String, Hashable, Sendable, CaseIterable {
    case jpg, png

    package var mediaType: String {
        switch self {
        case .jpg: "image/jpeg"
        case .png: "image/png"
        }
    }
}

/// Numbers as the standard writes them (4.7): digits and a point.
enum IIIFNumber {
    /// At most nine digits.
    static func whole(_ text: Substring) -> Int? {
        guard (1...9).contains(text.utf8.count), text.utf8.allSatisfy(isDigit) else { return nil }
        return Int(text)
    }

    /// At most nine digits before the point, and nine behind.
    static func decimal(_ text: Substring) -> Double? {
        let parts = text.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        guard let first = parts.first, text.utf8.contains(where: isDigit),
            parts.allSatisfy({ $0.utf8.count <= 9 && $0.utf8.allSatisfy(isDigit) })
        else { return nil }
        return Double("\(first.isEmpty ? "0" : first).\(parts.count > 1 && !parts[1].isEmpty ? parts[1] : "0")")
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }
}
