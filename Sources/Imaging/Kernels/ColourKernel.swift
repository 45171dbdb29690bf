/// A function of the three colours of a pixel.
///
/// The loops over a row are requirements with a default, so that each conforming type gets loops of its own, in which the
/// function is inlined; a generic kernel behind `any RowKernel` would call it pixel by pixel.
protocol ColourMap: Sendable {
    /// The new colours, in levels; they are rounded and saturated by whoever calls.
    func callAsFunction(_ red: Int32, _ green: Int32, _ blue: Int32) -> (red: Double, green: Double, blue: Double)

    func replace(_ source: UnsafePointer<UInt8>, _ pixels: ColourPixels, to target: UnsafeMutablePointer<UInt8>)
    func replace(_ source: UnsafePointer<UInt16>, _ pixels: ColourPixels, to target: UnsafeMutablePointer<UInt16>)
}

/// What the loops over a row need to know of it.
struct ColourPixels {
    let width: Int
    let input: ChannelLayout
}

extension ColourMap {
    func replace(_ source: UnsafePointer<UInt8>, _ pixels: ColourPixels, to target: UnsafeMutablePointer<UInt8>) {
        replaceSamples(source, pixels, to: target)
    }

    func replace(_ source: UnsafePointer<UInt16>, _ pixels: ColourPixels, to target: UnsafeMutablePointer<UInt16>) {
        replaceSamples(source, pixels, to: target)
    }

    @inline(__always)
    private func replaceSamples<Sample: FixedWidthInteger & UnsignedInteger>(
        _ source: UnsafePointer<Sample>, _ pixels: ColourPixels, to target: UnsafeMutablePointer<Sample>
    ) {
        // Constant strides, which the compiler knows how to load as vectors.
        switch pixels.input {
        case .gray: replaceSamples(source, 1, to: target, 3, pixels.width)
        case .grayAlpha: replaceSamples(source, 2, to: target, 4, pixels.width)
        case .rgb: replaceSamples(source, 3, to: target, 3, pixels.width)
        case .rgba: replaceSamples(source, 4, to: target, 4, pixels.width)
        }
    }

    /// - Parameters:
    ///   - channels: of a pixel of the source.
    ///   - step: channels of a pixel of the target.
    @inline(__always)
    private func replaceSamples<Sample: FixedWidthInteger & UnsignedInteger>(
        _ source: UnsafePointer<Sample>, _ channels: Int, to target: UnsafeMutablePointer<Sample>, _ step: Int,
        _ width: Int
    ) {
        let largest = Double(Int32(truncatingIfNeeded: Sample.max))
        let (green, blue) = channels >= 3 ? (1, 2) : (0, 0)
        for x in 0..<width {
            let (from, to) = (source + x * channels, target + x * step)
            let new = self(
                Int32(truncatingIfNeeded: from[0]), Int32(truncatingIfNeeded: from[green]),
                Int32(truncatingIfNeeded: from[blue]))
            to[0] = Sample(truncatingIfNeeded: rounded(new.red, upTo: largest))
            to[1] = Sample(truncatingIfNeeded: rounded(new.green, upTo: largest))
            to[2] = Sample(truncatingIfNeeded: rounded(new.blue, upTo: largest))
            if step == 4 { to[3] = from[channels - 1] }
        }
    }
}

/// Replaces the colours of each pixel by a function of them, rounded to nearest (ties to even) and saturated.
///
/// A gray pixel counts as one whose three colours are equal; the output is RGB, or RGBA where there is alpha.
struct ColourKernel: RowKernel {
    let outputShape: ImageShape
    private let input: PixelFormat
    private let map: any ColourMap

    init(_ input: ImageShape, _ map: any ColourMap) {
        var shape = input
        shape.format.layout = input.format.layout.colour
        outputShape = shape
        self.input = input.format
        self.map = map
    }

    var readsOnlyItsOwnRow: Bool { true }
    func inputRows(for rows: Range<Int>) -> Range<Int> { rows }

    func apply(_ band: Band, to output: MutableBand) {
        let pixels = ColourPixels(width: outputShape.width, input: input.layout)
        for y in output.rows {
            switch outputShape.format.depth {
            case .eight: map.replace(band.row(y, as: UInt8.self), pixels, to: output.row(y))
            case .sixteen: map.replace(band.row(y, as: UInt16.self), pixels, to: output.row(y))
            }
        }
    }
}
