import GatewayLogic

extension FuzzTarget {
    /// The path of a picture by IIIF, as anybody writes it, of an image of any size. What is taken is within the image and the limits, and
    /// its canonical spelling names the same picture.
    static let iiif = FuzzTarget("iiif", maximumByteCount: 256) { bytes in
        var input = InputBytes(bytes)
        let sides = (0..<2).map { _ in max(1, (Int(input.byte()) << 8 | Int(input.byte())) << Int(input.byte() % 5)) }
        let image = IIIFExtent(width: min(sides[0], 1_000_000), height: min(sides[1], 1_000_000))
        guard let target = try? RequestTarget(parsing: String(decoding: input.rest, as: UTF8.self)),
            let address = try? IIIFAddress(target.segments), case .picture(let request) = address.resource,
            let picture = try? IIIFPicture(request, of: image)
        else { return }
        try check(picture, of: image)
        let again: IIIFPicture
        do {
            let spelled = try IIIFAddress(
                IIIFAddress.base + ["\(address.identifier)"]
                    + picture.canonicalText.split(separator: "/").map(String.init))
            guard case .picture(let request) = spelled.resource, spelled.identifier == address.identifier else {
                throw FuzzFinding(description: "`\(picture.canonicalText)` is not a picture of the same image")
            }
            again = try IIIFPicture(request, of: image)
        } catch {
            throw FuzzFinding(description: "`\(picture.canonicalText)` was written, but: \(error)")
        }
        try FuzzFinding.unless(again == picture, "\(picture) reads as \(again)")
    }

    private static func check(_ picture: IIIFPicture, of image: IIIFExtent) throws(FuzzFinding) {
        let (region, size, limits) = (picture.region, picture.size, IIIFLimits.standard)
        try FuzzFinding.unless(
            region.x >= 0 && region.y >= 0 && region.x + region.extent.width <= image.width
                && region.y + region.extent.height <= image.height, "\(region) of \(image)")
        try FuzzFinding.unless(
            size.width <= region.extent.width && size.height <= region.extent.height, "\(size) of \(region)")
        try FuzzFinding.unless(
            max(size.width, size.height) <= limits.maximumSide && size.width * size.height <= limits.maximumArea,
            "\(size) is above the limits")
    }
}
