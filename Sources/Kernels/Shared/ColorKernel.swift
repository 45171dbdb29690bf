import Pipelines

/// A function of the three colours of a pixel.
///
/// The loops over a row are requirements with a default, so that each conforming type gets loops of its own, in which the
/// function is inlined; a generic kernel behind `any RowKernel` would call it pixel by pixel.
protocol ColorMap: Sendable {
    /// The new levels, from 0 to `largest`, which is that of the samples.
    func callAsFunction(
        _ red: Int32, _ green: Int32, _ blue: Int32, upTo largest: Int32
    ) -> (red: Int32, green: Int32, blue: Int32)

    func replace(_ source: UnsafePointer<UInt8>, _ pixels: ColorPixels, to target: UnsafeMutablePointer<UInt8>)
    func replace(_ source: UnsafePointer<UInt16>, _ pixels: ColorPixels, to target: UnsafeMutablePointer<UInt16>)

    /// Replaces as many RGB pixels as it has a faster way for, from the first on, and returns how many. By default, none.
    func replaceVectors(_ source: UnsafePointer<UInt8>, _ width: Int, to target: UnsafeMutablePointer<UInt8>) -> Int
    func replaceVectors(_ source: UnsafePointer<UInt16>, _ width: Int, to target: UnsafeMutablePointer<UInt16>) -> Int
}

/// What the loops over a row need to know of it.
struct ColorPixels {
    let width: Int
    let input: ChannelLayout
}

extension ColorMap {
    func replace(_ source: UnsafePointer<UInt8>, _ pixels: ColorPixels, to target: UnsafeMutablePointer<UInt8>) {
        let done = pixels.input == .rgb ? replaceVectors(source, pixels.width, to: target) : 0
        replaceSamples(source, pixels, from: done, to: target)
    }

    func replace(_ source: UnsafePointer<UInt16>, _ pixels: ColorPixels, to target: UnsafeMutablePointer<UInt16>) {
        let done = pixels.input == .rgb ? replaceVectors(source, pixels.width, to: target) : 0
        replaceSamples(source, pixels, from: done, to: target)
    }

    func replaceVectors(_: UnsafePointer<UInt8>, _: Int, to _: UnsafeMutablePointer<UInt8>) -> Int { 0 }
    func replaceVectors(_: UnsafePointer<UInt16>, _: Int, to _: UnsafeMutablePointer<UInt16>) -> Int { 0 }

    @inline(__always)
    private func replaceSamples<Sample: FixedWidthInteger & UnsignedInteger>(
        _ source: UnsafePointer<Sample>, _ pixels: ColorPixels, from start: Int,
        to target: UnsafeMutablePointer<Sample>
    ) {
        withUnsafeTemporaryAllocation(of: Sample.self, capacity: 3 * Self.pixelsPerBlock) { planes in
            let planes = planes.baseAddress.unsafelyUnwrapped
            for first in stride(from: start, to: pixels.width, by: Self.pixelsPerBlock) {
                let count = min(Self.pixelsPerBlock, pixels.width - first)
                // Constant strides, which the compiler knows how to load as vectors.
                switch pixels.input {
                case .gray: replaceBlock(source + first, 1, to: target + 3 * first, 3, planes, count)
                case .grayAlpha: replaceBlock(source + 2 * first, 2, to: target + 4 * first, 4, planes, count)
                case .rgb: replaceBlock(source + 3 * first, 3, to: target + 3 * first, 3, planes, count)
                case .rgba: replaceBlock(source + 4 * first, 4, to: target + 4 * first, 4, planes, count)
                }
            }
        }
    }

    private static var pixelsPerBlock: Int { 512 }

    /// - Parameters:
    ///   - channels: of a pixel of the source.
    ///   - step: channels of a pixel of the target.
    ///   - planes: room for each colour by itself, in which the arithmetic needs no shuffling.
    @inline(__always)
    private func replaceBlock<Sample: FixedWidthInteger & UnsignedInteger>(
        _ source: UnsafePointer<Sample>, _ channels: Int, to target: UnsafeMutablePointer<Sample>, _ step: Int,
        _ planes: UnsafeMutablePointer<Sample>, _ count: Int
    ) {
        let largest = Int32(truncatingIfNeeded: Sample.max)
        let (green, blue) = channels >= 3 ? (1, 2) : (0, 0)
        let (reds, greens, blues) = (planes, planes + Self.pixelsPerBlock, planes + 2 * Self.pixelsPerBlock)
        for x in 0..<count {
            reds[x] = source[x * channels]
            greens[x] = source[x * channels + green]
            blues[x] = source[x * channels + blue]
        }
        for x in 0..<count {
            let new = self(
                Int32(truncatingIfNeeded: reds[x]), Int32(truncatingIfNeeded: greens[x]),
                Int32(truncatingIfNeeded: blues[x]), upTo: largest)
            reds[x] = Sample(truncatingIfNeeded: new.red)
            greens[x] = Sample(truncatingIfNeeded: new.green)
            blues[x] = Sample(truncatingIfNeeded: new.blue)
        }
        for x in 0..<count {
            target[x * step] = reds[x]
            target[x * step + 1] = greens[x]
            target[x * step + 2] = blues[x]
            if step == 4 { target[x * step + 3] = source[x * channels + channels - 1] }
        }
    }
}

/// Replaces the colours of each pixel by a function of them, rounded to nearest (ties to even) and saturated.
///
/// A gray pixel counts as one whose three colours are equal; the output is RGB, or RGBA where there is alpha.
struct ColorKernel: RowKernel {
    let outputShape: ImageShape
    private let input: PixelFormat
    private let map: any ColorMap

    init(_ input: ImageShape, _ map: any ColorMap) {
        var shape = input
        shape.format.layout = input.format.layout.color
        outputShape = shape
        self.input = input.format
        self.map = map
    }

    func apply(_ band: RowsView, to output: MutableRowsView) {
        let pixels = ColorPixels(width: outputShape.width, input: input.layout)
        for y in output.rows {
            switch outputShape.format.depth {
            case .eight: map.replace(band.row(y, as: UInt8.self), pixels, to: output.row(y))
            case .sixteen: map.replace(band.row(y, as: UInt16.self), pixels, to: output.row(y))
            }
        }
    }
}
