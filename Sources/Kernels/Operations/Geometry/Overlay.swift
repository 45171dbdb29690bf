import Pipelines

extension Overlaying: RowKernelProviding {
    func kernel(for step: RowStep) -> any RowKernel {
        guard let picture = PictureLibrary.shared[picture] else {
            preconditionFailure("attachment \(picture) was not decoded before the kernel was made")
        }
        return OverlayKernel(
            outputShape: step.output, picture: picture, opacity: UInt64(opacity),
            place: gravity.place(of: picture.shape, on: step.output, x: x, y: y))
    }
}

/// Copies each row, and blends the picture's row over its part.
private struct OverlayKernel: RowKernel {
    let outputShape: ImageShape
    let picture: Picture
    /// From 0 to 65535.
    let opacity: UInt64
    /// Where the picture's upper left pixel is.
    let place: (x: Int, y: Int)

    func apply(_ input: RowsView, to output: MutableRowsView) {
        let columns = max(0, place.x)..<max(0, place.x, min(outputShape.width, place.x + picture.shape.width))
        for y in output.rows {
            let target: UnsafeMutablePointer<UInt8> = output.row(y)
            target.update(from: input.row(y), count: outputShape.bytesPerRow)
            guard (0..<picture.shape.height).contains(y - place.y), !columns.isEmpty, opacity > 0 else { continue }
            switch outputShape.format.depth {
            case .eight: blend(columns, y, into: output, UInt8.self)
            case .sixteen: blend(columns, y, into: output, UInt16.self)
            }
        }
    }

    private func blend<Sample: FixedWidthInteger & UnsignedInteger>(
        _ columns: Range<Int>, _ y: Int, into output: MutableRowsView, _: Sample.Type
    ) {
        picture.pixels.withUnsafeBytes { bytes in
            let row = UnsafeRawBufferPointer(
                rebasing: bytes[((y - place.y) * picture.shape.bytesPerRow)...].prefix(picture.shape.bytesPerRow))
            switch picture.shape.format.depth {
            case .eight: blend(columns, row.bindMemory(to: UInt8.self), output.row(y, as: Sample.self))
            case .sixteen: blend(columns, row.bindMemory(to: UInt16.self), output.row(y, as: Sample.self))
            }
        }
    }

    @inline(__always)
    private func blend<Sample: FixedWidthInteger & UnsignedInteger, Source: FixedWidthInteger & UnsignedInteger>(
        _ columns: Range<Int>, _ source: UnsafeBufferPointer<Source>, _ target: UnsafeMutablePointer<Sample>
    ) {
        let from = picture.shape.format
        let to = outputShape.format
        let blending = SourceOver(largest: UInt64(Sample.max))
        for x in columns {
            let pixel = source.baseAddress.unsafelyUnwrapped + (x - place.x) * from.channelCount
            let backdrop = target + x * to.channelCount
            let cover =
                from.layout.hasAlpha
                ? level(pixel[from.channelCount - 1], as: Sample.self) * opacity : UInt64(Sample.max) * opacity
            guard cover > 0 else { continue }
            let mix = blending.mix(
                cover: cover, over: to.layout.hasAlpha ? UInt64(backdrop[to.channelCount - 1]) : nil)
            for channel in 0..<to.colorChannelCount {
                let color = self.color(channel, of: pixel, as: Sample.self)
                backdrop[channel] = Sample(truncatingIfNeeded: mix.level(color, over: UInt64(backdrop[channel])))
            }
            if to.layout.hasAlpha { backdrop[to.channelCount - 1] = Sample(truncatingIfNeeded: mix.alpha) }
        }
    }

    /// A colour of the picture as the image has it.
    @inline(__always)
    private func color<Sample: FixedWidthInteger, Source: FixedWidthInteger & UnsignedInteger>(
        _ channel: Int, of pixel: UnsafePointer<Source>, as _: Sample.Type
    ) -> UInt64 {
        guard picture.shape.format.layout.isColor else { return level(pixel[0], as: Sample.self) }
        guard !outputShape.format.layout.isColor else { return level(pixel[channel], as: Sample.self) }
        // The luma of grayscale.
        let luma = 9798 * UInt64(pixel[0]) + 19235 * UInt64(pixel[1]) + 3735 * UInt64(pixel[2]) + 16384
        return level(Source(truncatingIfNeeded: luma >> 15), as: Sample.self)
    }

    /// A level of the picture at the image's depth: 0 and the largest stay what they are.
    @inline(__always)
    private func level<Sample: FixedWidthInteger, Source: FixedWidthInteger & UnsignedInteger>(
        _ value: Source, as _: Sample.Type
    ) -> UInt64 {
        let value = UInt64(value)
        if Source.bitWidth == Sample.bitWidth { return value }
        return Source.bitWidth < Sample.bitWidth ? value * 257 : (value + 128) / 257
    }
}

/// Source-over of colours that are not multiplied by alpha (W3C Compositing and Blending Level 1, 5.1 and 9.1.4), in whole
/// numbers, rounded once, halves up.
///
/// With the source's alpha s and the backdrop's b, both from 0 to 1, the result has the alpha s + b (1 - s), and each colour is the
/// mean of the source's, weighted by s, and of the backdrop's, weighted by b (1 - s).
private struct SourceOver {
    /// The largest level, 255 or 65535.
    let largest: UInt64

    struct Mix {
        /// Weights of the source and of the backdrop: at most 2^48 together.
        let source: UInt64
        let backdrop: UInt64
        let alpha: UInt64

        /// Products are below 2^64: weights of at most 65535^3, levels of at most 65535, and half of the weights to round.
        @inline(__always) func level(_ color: UInt64, over other: UInt64) -> UInt64 {
            let sum = source + backdrop
            return (source * color + backdrop * other + sum / 2) / sum
        }
    }

    /// - Parameters:
    ///   - cover: the source's alpha as a level times the opacity from 0 to 65535; not 0.
    ///   - alpha: the backdrop's alpha as a level; `nil` for an opaque one.
    @inline(__always) func mix(cover: UInt64, over alpha: UInt64?) -> Mix {
        let whole = largest * 65535
        guard let alpha else { return Mix(source: cover, backdrop: whole - cover, alpha: largest) }
        let (source, backdrop) = (cover * largest, alpha * (whole - cover))
        return Mix(source: source, backdrop: backdrop, alpha: (source + backdrop + whole / 2) / whole)
    }
}
