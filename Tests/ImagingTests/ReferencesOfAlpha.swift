import Pipelines

extension ReferenceCase {
    /// The same operation with both treatments of alpha, where it has them.
    var treatments: [ReferenceCase] {
        let name = String(pipeline.prefix { $0 != " " })
        guard let operation = OperationCatalogue.operation(name), operation.description.parameter("alpha") != nil else {
            return [self]
        }
        let reference = reference
        // What moves pixels and mixes none leaves hidden colours as they are.
        let onlyMoves =
            [
                "rotate", "rotate degrees=180", "rotate degrees=270", "rotate degrees=360", "affine", "box-blur size=1",
                "resize",
            ].contains(pipeline) || pipeline.contains("method=nearest")
        return [
            ReferenceCase("\(pipeline) alpha=separate", reference),
            ReferenceCase(pipeline) { image in
                guard image.colors < image.channels, !onlyMoves else { return reference(image) }
                if name == "resize", reference(image).shape == image.shape { return image }
                return image.premultiplied.withAlphaAsColor(name.hasSuffix("blur"), reference)
                    .unpremultiplied(to: image.shape.format.depth)
            },
        ]
    }
}

extension TestImage {
    /// Colours times alpha at 16 bits, halves up.
    var premultiplied: TestImage {
        var result = TestImage(
            shape: ImageShape(width: width, height: height, format: PixelFormat(shape.format.layout, .sixteen)),
            samples: samples)
        for pixel in 0..<width * height {
            let alpha = samples[(pixel + 1) * channels - 1]
            for channel in 0..<colors {
                // The level times alpha as a share of the largest, of which there are 65535 at 16 bits.
                let product = samples[pixel * channels + channel] * alpha * 65535
                let square = maximum * maximum
                result.samples[pixel * channels + channel] = (2 * product + square) / (2 * square)
            }
            result.samples[(pixel + 1) * channels - 1] = alpha * (65535 / maximum)
        }
        return result
    }

    /// Colours divided by alpha, halves up; what is not there is 0.
    func unpremultiplied(to depth: SampleDepth) -> TestImage {
        var result = TestImage(
            shape: ImageShape(width: width, height: height, format: PixelFormat(shape.format.layout, depth)),
            samples: samples)
        for pixel in 0..<width * height {
            let alpha = samples[(pixel + 1) * channels - 1]
            for channel in 0..<colors {
                let level = samples[pixel * channels + channel]
                result.samples[pixel * channels + channel] =
                    alpha == 0 ? 0 : min(depth.maximum, (2 * level * depth.maximum + alpha) / (2 * alpha))
            }
            result.samples[(pixel + 1) * channels - 1] = depth == .eight ? (alpha + 128) / 257 : alpha
        }
        return result
    }

    /// What a reference that keeps alpha makes of an image whose alpha is one more colour.
    ///
    /// - Parameter isNeeded: whether it keeps alpha.
    func withAlphaAsColor(_ isNeeded: Bool, _ reference: (TestImage) -> TestImage) -> TestImage {
        guard isNeeded else { return reference(self) }
        var result = reference(self)
        let alone = ImageShape(width: width, height: height, format: PixelFormat(.gray, shape.format.depth))
        let alpha = reference(
            TestImage(shape: alone, samples: (1...width * height).map { samples[$0 * channels - 1] }))
        for pixel in 0..<width * height { result.samples[(pixel + 1) * channels - 1] = alpha.samples[pixel] }
        return result
    }
}
