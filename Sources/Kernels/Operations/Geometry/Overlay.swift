import Pipelines

extension Overlaying: RowKernelProviding {
    func kernel(for step: RowStep) -> any RowKernel {
        guard let picture = PictureLibrary.shared[picture] else {
            preconditionFailure("attachment \(picture) was not decoded before the kernel was made")
        }
        return OverlayKernel(
            outputShape: step.output, picture: picture, opacity: UInt32(opacity),
            place: gravity.place(of: picture.shape, on: step.output, x: x, y: y))
    }
}

/// Copies the rows, and blends the picture's row over its part of each.
private struct OverlayKernel: RowKernel {
    let outputShape: ImageShape
    let picture: Picture
    /// From 0 to 65535.
    let opacity: UInt32
    /// Where the picture's upper left pixel is.
    let place: (x: Int, y: Int)

    func apply(_ input: RowsView, to output: MutableRowsView) {
        guard !output.rows.isEmpty else { return }
        // All at once: large copies go past the caches.
        output.row(output.rows.lowerBound, as: UInt8.self).update(
            from: input.row(output.rows.lowerBound), count: output.rows.count * outputShape.bytesPerRow)
        let columns = max(0, place.x)..<max(0, place.x, min(outputShape.width, place.x + picture.shape.width))
        guard !columns.isEmpty, opacity > 0 else { return }
        let rows = max(0, place.y)..<max(0, place.y, place.y + picture.shape.height)
        for y in output.rows.clamped(to: rows) {
            switch outputShape.format.depth {
            case .eight: blend(columns, y, into: output, UInt8.self)
            case .sixteen: blend(columns, y, into: output, UInt16.self)
            }
        }
    }

    private func blend<Sample: FixedWidthInteger & UnsignedInteger>(
        _ columns: Range<Int>, _ y: Int, into output: MutableRowsView, _: Sample.Type
    ) {
        let target = output.row(y, as: Sample.self) + columns.lowerBound * outputShape.format.channelCount
        picture.pixels.withUnsafeBytes { bytes in
            let format = picture.shape.format
            let seen =
                bytes.baseAddress.unsafelyUnwrapped + (y - place.y) * picture.shape.bytesPerRow
                + (columns.lowerBound - place.x) * format.bytesPerPixel
            switch format.depth {
            case .eight: blend(columns.count, seen.assumingMemoryBound(to: UInt8.self), target)
            case .sixteen: blend(columns.count, seen.assumingMemoryBound(to: UInt16.self), target)
            }
        }
    }

    /// Blends pixels of the picture over as many of the image.
    @inline(__always)
    private func blend<Sample: FixedWidthInteger & UnsignedInteger, Source: FixedWidthInteger & UnsignedInteger>(
        _ count: Int, _ source: UnsafePointer<Source>, _ target: UnsafeMutablePointer<Sample>
    ) {
        let (from, to) = (picture.shape.format, outputShape.format)
        if to.layout.hasAlpha {
            overTranslucent(count, source, target)
        } else if from == to {
            // Of the same type, then.
            let levels = UnsafeRawPointer(source).assumingMemoryBound(to: Sample.self)
            SourceOver.mix(levels, share: opacity, over: target, count * to.channelCount)
        } else {
            overOpaque(count, source, target)
        }
    }

    /// Over an image without alpha: block by block, what is seen of each sample is laid out before.
    @inline(__always)
    private func overOpaque<Sample: FixedWidthInteger & UnsignedInteger, Source: FixedWidthInteger & UnsignedInteger>(
        _ count: Int, _ source: UnsafePointer<Source>, _ target: UnsafeMutablePointer<Sample>
    ) {
        let (from, to) = (picture.shape.format, outputShape.format)
        let block = 256
        withUnsafeTemporaryAllocation(of: Sample.self, capacity: block * to.channelCount) { levels in
            withUnsafeTemporaryAllocation(of: UInt32.self, capacity: block * to.channelCount) { covers in
                let (levels, covers) = (levels.baseAddress.unsafelyUnwrapped, covers.baseAddress.unsafelyUnwrapped)
                for start in stride(from: 0, to: count, by: block) {
                    let pixels = min(block, count - start)
                    for x in 0..<pixels {
                        let pixel = source + (start + x) * from.channelCount
                        let cover = self.cover(of: pixel, as: Sample.self)
                        for channel in 0..<to.channelCount {
                            let index = x * to.channelCount + channel
                            levels[index] = Sample(truncatingIfNeeded: color(channel, of: pixel, as: Sample.self))
                            covers[index] = cover
                        }
                    }
                    SourceOver.mix(
                        levels, covers: covers, over: target + start * to.channelCount, pixels * to.channelCount)
                }
            }
        }
    }

    /// Over an image with alpha, pixel by pixel.
    @inline(__always)
    private func overTranslucent<
        Sample: FixedWidthInteger & UnsignedInteger, Source: FixedWidthInteger & UnsignedInteger
    >(
        _ count: Int, _ source: UnsafePointer<Source>, _ target: UnsafeMutablePointer<Sample>
    ) {
        let (from, to) = (picture.shape.format, outputShape.format)
        let blending = SourceOver(largest: UInt64(Sample.max))
        for x in 0..<count {
            let pixel = source + x * from.channelCount
            let backdrop = target + x * to.channelCount
            let cover = UInt64(self.cover(of: pixel, as: Sample.self))
            guard cover > 0 else { continue }
            let mix = blending.mix(cover: cover, over: UInt64(backdrop[to.channelCount - 1]))
            for channel in 0..<to.colorChannelCount {
                let color = UInt64(self.color(channel, of: pixel, as: Sample.self))
                backdrop[channel] = Sample(truncatingIfNeeded: mix.level(color, over: UInt64(backdrop[channel])))
            }
            backdrop[to.channelCount - 1] = Sample(truncatingIfNeeded: mix.alpha)
        }
    }

    /// How much a pixel of the picture covers: its alpha as a level of the image times the opacity.
    @inline(__always)
    private func cover<Sample: FixedWidthInteger & UnsignedInteger, Source: FixedWidthInteger & UnsignedInteger>(
        of pixel: UnsafePointer<Source>, as _: Sample.Type
    ) -> UInt32 {
        let format = picture.shape.format
        let alpha =
            format.layout.hasAlpha ? level(pixel[format.channelCount - 1], as: Sample.self) : UInt32(Sample.max)
        return alpha &* opacity
    }

    /// A colour of the picture as the image has it.
    @inline(__always)
    private func color<Sample: FixedWidthInteger, Source: FixedWidthInteger & UnsignedInteger>(
        _ channel: Int, of pixel: UnsafePointer<Source>, as _: Sample.Type
    ) -> UInt32 {
        guard picture.shape.format.layout.isColor else { return level(pixel[0], as: Sample.self) }
        guard !outputShape.format.layout.isColor else { return level(pixel[channel], as: Sample.self) }
        // The luma of grayscale: weights of 32768 together.
        let luma = 9798 &* UInt32(pixel[0]) &+ 19235 &* UInt32(pixel[1]) &+ 3735 &* UInt32(pixel[2]) &+ 16384
        return level(Source(truncatingIfNeeded: luma >> 15), as: Sample.self)
    }

    /// A level of the picture at the image's depth: 0 and the largest stay what they are.
    @inline(__always)
    private func level<Sample: FixedWidthInteger, Source: FixedWidthInteger & UnsignedInteger>(
        _ value: Source, as _: Sample.Type
    ) -> UInt32 {
        let value = UInt32(value)
        if Source.bitWidth == Sample.bitWidth { return value }
        return Source.bitWidth < Sample.bitWidth ? value &* 257 : (value &+ 128) / 257
    }
}
