/// What a picture may have at most, so that making one takes a bounded memory (5.3).
package struct IIIFLimits: Hashable, Sendable {
    package let maximumSide: Int
    package let maximumArea: Int

    package static let standard = IIIFLimits(maximumSide: 16_384, maximumArea: 16 << 20)

    package init(maximumSide: Int, maximumArea: Int) {
        self.maximumSide = maximumSide
        self.maximumArea = maximumArea
    }

    /// The largest extent with these proportions that is allowed, at most the given one.
    package func largest(_ extent: IIIFExtent) -> IIIFExtent {
        let longer = Double(max(extent.width, extent.height))
        let area = Double(extent.width) * Double(extent.height)
        let factor = min(1, Double(maximumSide) / longer, (Double(maximumArea) / area).squareRoot())
        guard factor < 1 else { return extent }
        let side = { (length: Int) in max(1, min(maximumSide, Int(Double(length) * factor))) }
        return IIIFExtent(width: side(extent.width), height: side(extent.height))
    }

    /// - Throws: 400 for more.
    func check(_ extent: IIIFExtent) throws(Problem) {
        guard max(extent.width, extent.height) <= maximumSide, extent.width * extent.height <= maximumArea else {
            throw .malformed(
                "a picture of \(extent.width) x \(extent.height) pixels is above the limits: a side has at most \(maximumSide) pixels "
                    + "(maxWidth, maxHeight), a picture \(maximumArea) (maxArea); ask for 'max', or for regions")
        }
    }
}

/// A picture as an address asks for it.
package struct IIIFPictureRequest: Hashable, Sendable {
    package let region: IIIFRegion
    package let size: IIIFSize
    package let rotation: IIIFRotation
    package let quality: IIIFQuality
    package let format: IIIFFormat

    /// - Parameter file: the last segment, such as `default.jpg`.
    /// - Throws: 400.
    package init(region: String, size: String, rotation: String, file: String) throws(Problem) {
        self.region = try IIIFRegion(region)
        self.size = try IIIFSize(size)
        self.rotation = try IIIFRotation(rotation)
        let parts = file.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 2, let quality = IIIFQuality(rawValue: String(parts[0])),
            let format = IIIFFormat(rawValue: String(parts[1]))
        else {
            throw .malformed(
                // lint-prose: allow spelling: the standard's word
                "'\(file.prefix(100))' is not a quality and a format; they are 'default', 'color', 'gray' or 'bitonal', and "
                    + "'jpg' or 'png', such as 'default.jpg'")
        }
        self.quality = quality
        self.format = format
    }
}

/// A picture of an image whose size is known.
package struct IIIFPicture: Hashable, Sendable {
    package let region: IIIFRectangle
    /// Before it is turned.
    package let size: IIIFExtent
    package let rotation: IIIFRotation
    package let quality: IIIFQuality
    package let format: IIIFFormat
    /// The one spelling of the parameters among all that name this picture (4.8).
    package let canonicalText: String

    /// - Throws: 400 for a region outside the image, and for sizes that are too large; 501 for sizes that `^` asks for.
    package init(
        _ request: IIIFPictureRequest, of image: IIIFExtent, _ limits: IIIFLimits = .standard
    ) throws(Problem) {
        region = try request.region.rectangle(in: image)
        size = try request.size.extent(of: region.extent, limits)
        rotation = request.rotation
        quality = request.quality == .color ? .default : request.quality
        format = request.format
        let place =
            region.extent == image
            ? "full" : "\(region.x),\(region.y),\(region.extent.width),\(region.extent.height)"
        let side = size == limits.largest(region.extent) ? "max" : "\(size.width),\(size.height)"
        canonicalText = "\(place)/\(side)/\(rotation.text)/\(quality.rawValue).\(format.rawValue)"
    }
}
