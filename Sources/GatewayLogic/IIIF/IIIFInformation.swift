import JSONText

/// What `info.json` says of an image (5).
package struct IIIFInformation: Hashable, Sendable {
    /// The side of a tile, in pixels of the picture.
    package static let tileSide = 512

    /// With the scheme, up to the identifier.
    package let address: String
    package let image: IIIFExtent
    /// Whether the image has more than gray levels.
    package let isColor: Bool
    package let limits: IIIFLimits

    package init(address: String, image: IIIFExtent, isColor: Bool, limits: IIIFLimits = .standard) {
        self.address = address
        self.image = image
        self.isColor = isColor
        self.limits = limits
    }

    package static let context = "http://iiif.io/api/image/3/context.json"
    package static let profile = "http://iiif.io/api/image/3/level2.json"

    /// 1, 2, 4 and so on, up to that of which one tile has the whole image.
    package var scaleFactors: [Int] {
        var factors = [1]
        while max(image.width, image.height) > Self.tileSide * factors[factors.count - 1] {
            factors.append(factors[factors.count - 1] * 2)
        }
        return factors
    }

    /// The whole image at each scale that is within the limits, the smallest first.
    package var sizes: [IIIFExtent] {
        scaleFactors.reversed().compactMap { factor in
            let size = IIIFExtent(
                width: (image.width + factor - 1) / factor, height: (image.height + factor - 1) / factor)
            return limits.largest(size) == size ? size : nil
        }
    }

    package var json: JSON {
        [
            "@context": .string(Self.context), "id": .string(address), "type": "ImageService3",
            "protocol": "http://iiif.io/api/image", "profile": "level2", "width": .integer(image.width),
            "height": .integer(image.height), "maxWidth": .integer(limits.maximumSide),
            "maxHeight": .integer(limits.maximumSide), "maxArea": .integer(limits.maximumArea),
            "sizes": .array(sizes.map { ["width": .integer($0.width), "height": .integer($0.height)] }),
            "tiles": [
                [
                    "width": .integer(Self.tileSide), "height": .integer(Self.tileSide),
                    "scaleFactors": .array(scaleFactors.map { .integer($0) }),
                ]
            ], "extraQualities": isColor ? ["color", "gray", "bitonal"] : ["gray", "bitonal"],
            "extraFeatures": ["canonicalLinkHeader", "mirroring", "profileLinkHeader"],
        ]
    }
}
