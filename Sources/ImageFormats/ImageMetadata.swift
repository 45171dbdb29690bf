import Pipelines

/// All that belongs to a picture besides its pixels, in no file format's form: what decoders find and encoders write, so that it
/// survives from one format to another.
///
/// Between files of one format a decoder may hand over more, in the format's own form.
public struct ImageMetadata: Hashable, Sendable {
    /// An ICC profile (ISO 15076-1), as it is in files.
    public var profile: [UInt8]?
    /// EXIF data (CIPA DC-008): a TIFF header and what belongs to it, without the mark `Exif\0\0` before it.
    public var exif: [UInt8]?
    /// An XMP packet (ISO 16684-1): UTF-8.
    public var xmp: [UInt8]?
    /// Records of the IPTC Information Interchange Model, one after the other.
    public var iptc: [UInt8]?
    public var resolution: Resolution?
    /// Code points of ITU-T H.273, as PNG's `cICP` has them: primaries, transfer, matrix, full range.
    public var codePoints: [UInt8]?
    /// The rendering intent, 0 to 3, of an image that is said to be sRGB.
    public var standardRGBIntent: UInt8?
    /// The encoding exponent, times 100,000.
    public var gamma: UInt32?
    /// x and y of the white point, red, green and blue, times 100,000.
    public var chromaticities: [UInt32]?
    public var texts: [Text] = []
    /// Whether it is of gray levels: a profile that is made of other data on colours is one of gray then.
    public var isOfGray = false

    public struct Resolution: Hashable, Sendable {
        public enum Unit: UInt8, Hashable, Sendable {
            /// The two numbers say the shape of a pixel only.
            case none = 0
            case inch = 1
            case centimetre = 2
            case metre = 3
        }

        /// Pixels in a unit.
        public var horizontal: Double
        public var vertical: Double
        public var unit: Unit

        public init(horizontal: Double, vertical: Double, unit: Unit) {
            self.horizontal = horizontal
            self.vertical = vertical
            self.unit = unit
        }

        /// The resolution in another unit; a shape stays a shape.
        public func converted(to unit: Unit) -> Resolution {
            guard self.unit != .none, unit != .none else { return self }
            let factor = self.unit.metres == unit.metres ? 1 : unit.metres / self.unit.metres
            return Resolution(horizontal: horizontal * factor, vertical: vertical * factor, unit: unit)
        }
    }

    public struct Text: Hashable, Sendable {
        /// `Comment`, `Title`, `Author` and the other keywords of PNG, 1 to 79 printable characters of Latin-1.
        public var keyword: String
        public var text: String

        public init(keyword: String, text: String) {
            self.keyword = keyword
            self.text = text
        }
    }

    public init() {}

    /// What is left when some is not to be carried over.
    public func stripped(_ stripping: MetadataStripping) -> ImageMetadata {
        var stripped = self
        switch stripping {
        case .none: break
        case .location:
            stripped.exif = exif.flatMap { EXIFData.withoutLocation($0) }
            stripped.xmp = nil
            stripped.iptc = nil
            // ImageMagick's, with EXIF data or a packet in hexadecimal digits.
            stripped.texts.removeAll { $0.keyword.hasPrefix("Raw profile type ") }
        case .all:
            stripped.exif = nil
            stripped.xmp = nil
            stripped.iptc = nil
            stripped.texts = []
            stripped.resolution = nil
        }
        return stripped
    }

    /// What is true of an output made from an image that this was found with.
    ///
    /// - Parameters:
    ///   - output: the shape of the output.
    ///   - input: the pixels of the image as it was decoded.
    ///   - effect: what the pipeline does to what the metadata speaks of.
    public func adapted(to output: ImageShape, from input: PixelFormat, effect: MetadataEffect) -> ImageMetadata {
        var adapted = self
        adapted.isOfGray = !output.format.layout.isColor
        if resolution == nil { adapted.resolution = exif.flatMap(EXIFData.init)?.resolution }
        // Colour profiles are for gray or for colour, and do not outlive a change between them.
        if output.format.layout.isColor != input.layout.isColor || effect.contains(.replacesColors) {
            adapted.profile = nil
            adapted.codePoints = nil
        }
        if effect.contains(.replacesColors) {
            adapted.standardRGBIntent = nil
            adapted.gamma = nil
            adapted.chromaticities = nil
        }
        if effect.contains(.exchangesAxes), let resolution = adapted.resolution {
            adapted.resolution = Resolution(
                horizontal: resolution.vertical, vertical: resolution.horizontal, unit: resolution.unit)
        }
        if var exif {
            EXIFData.edit(&exif) { $0.adapt(to: output, effect) }
            adapted.exif = exif
        }
        if var xmp {
            if effect.contains(.setsOrientation) { XMPText.setUpright(in: &xmp) }
            XMPText.setSize(width: output.width, height: output.height, in: &xmp)
            adapted.xmp = xmp
        }
        return adapted
    }
}

extension ImageMetadata.Resolution.Unit {
    /// The length of the unit; of `none`, a metre's.
    fileprivate var metres: Double {
        switch self {
        case .none, .metre: 1
        case .inch: 0.0254
        case .centimetre: 0.01
        }
    }
}
