/// The samples of a pixel: their number, and what they mean.
public enum ChannelLayout: UInt8, Hashable, Sendable, CaseIterable {
    case gray = 1
    case grayAlpha = 2
    case rgb = 3
    case rgba = 4

    @inlinable public var hasAlpha: Bool {
        switch self {
        case .grayAlpha, .rgba: true
        case .gray, .rgb: false
        }
    }

    @inlinable public var isColor: Bool {
        switch self {
        case .rgb, .rgba: true
        case .gray, .grayAlpha: false
        }
    }

    /// The name in descriptions and messages.
    public var name: String {
        switch self {
        case .gray: "gray"
        case .grayAlpha: "gray+alpha"
        case .rgb: "rgb"
        case .rgba: "rgba"
        }
    }

    /// The same layout reduced to luminance.
    @inlinable public var grayscale: ChannelLayout { hasAlpha ? .grayAlpha : .gray }

    /// The same layout with three colours.
    @inlinable public var color: ChannelLayout { hasAlpha ? .rgba : .rgb }
}

/// Bits in a sample. 16-bit samples are in the machine's byte order in memory.
public enum SampleDepth: UInt8, Hashable, Sendable, CaseIterable {
    case eight = 8
    case sixteen = 16

    @inlinable public var byteCount: Int { Int(rawValue) / 8 }
    /// The largest sample value: 255 or 65535.
    @inlinable public var maximum: Int { self == .eight ? 255 : 65535 }
}

/// The layout of a pixel: interleaved samples without padding.
public struct PixelFormat: Hashable, Sendable, CustomStringConvertible {
    public var layout: ChannelLayout
    public var depth: SampleDepth

    public init(_ layout: ChannelLayout, _ depth: SampleDepth) {
        self.layout = layout
        self.depth = depth
    }

    /// `rgb 8`, `gray+alpha 16` ...
    public var description: String { "\(layout.name) \(depth.rawValue)" }

    @inlinable public var channelCount: Int { Int(layout.rawValue) }
    /// Channels that are not alpha; they come first in a pixel.
    @inlinable public var colorChannelCount: Int { layout.hasAlpha ? channelCount - 1 : channelCount }
    @inlinable public var bytesPerPixel: Int { channelCount * depth.byteCount }
}

/// Width and height in pixels, and the format of the pixels.
public struct ImageShape: Hashable, Sendable {
    public var width: Int
    public var height: Int
    public var format: PixelFormat

    public init(width: Int, height: Int, format: PixelFormat) {
        precondition(width > 0 && height > 0, "an image has at least one pixel, not \(width) x \(height)")
        self.width = width
        self.height = height
        self.format = format
    }

    /// Bytes in a row of samples, without padding.
    @inlinable public var bytesPerRow: Int { width * format.bytesPerPixel }
    @inlinable public var samplesPerRow: Int { width * format.channelCount }
    @inlinable public var byteCount: Int { bytesPerRow * height }
}

extension ImageShape {
    /// The shape with rows and columns exchanged.
    public var transposed: ImageShape { ImageShape(width: height, height: width, format: format) }

    /// The same pixels with another layout of their channels.
    public func with(_ layout: ChannelLayout) -> ImageShape {
        ImageShape(width: width, height: height, format: PixelFormat(layout, format.depth))
    }

    /// The same pixels reduced to luminance.
    @inlinable public var grayscale: ImageShape { with(format.layout.grayscale) }

    /// The same pixels with three colours.
    @inlinable public var color: ImageShape { with(format.layout.color) }
}
