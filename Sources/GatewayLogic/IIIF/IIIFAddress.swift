/// The name of an image in addresses of IIIF: `17.3.result`, `17.3.source`.
package struct IIIFIdentifier: Hashable, Sendable, CustomStringConvertible {
    package enum Part: String, Hashable, Sendable, CaseIterable {
        case result, source
    }

    package let image: ImageName
    package let part: Part

    package init(image: ImageName, part: Part) {
        self.image = image
        self.part = part
    }

    /// `nil` for any other text; an image has one spelling.
    package init?(_ text: String) {
        guard let dot = text.lastIndex(of: "."), let part = Part(rawValue: String(text[text.index(after: dot)...])),
            let image = ImageName(String(text[..<dot]))
        else { return nil }
        self.init(image: image, part: part)
    }

    package var description: String { "\(image).\(part.rawValue)" }
}

/// What a path below `/iiif/3` names (IIIF Image API 3.0, 2):
///
///     /iiif/3/17.3.result                                    the base, which leads to the information
///     /iiif/3/17.3.result/info.json                          what there is
///     /iiif/3/17.3.result/REGION/SIZE/ROTATION/QUALITY.FORMAT    a picture
package struct IIIFAddress: Hashable, Sendable {
    package enum Resource: Hashable, Sendable {
        case base
        case information
        case picture(IIIFPictureRequest)
    }

    package static let base = ["iiif", "3"]

    package let identifier: IIIFIdentifier
    package let resource: Resource

    /// The image of a path, whatever is behind its identifier; `nil` for a path that names none.
    package static func identifier(in segments: [String]) -> IIIFIdentifier? {
        guard segments.starts(with: base), segments.count > base.count else { return nil }
        return IIIFIdentifier(segments[base.count])
    }

    /// - Parameter segments: of the whole path, decoded.
    /// - Throws: 404 for a path that names no image, 400 for parameters that are not the standard's, or not supported.
    package init(_ segments: [String]) throws(Problem) {
        let rest = Array(segments.dropFirst(Self.base.count))
        guard let identifier = Self.identifier(in: segments), [1, 2, 5].contains(rest.count) else {
            throw .notFound(
                "there is no image at '/\(segments.joined(separator: "/").prefix(200))'; an address is such as "
                    + "'/iiif/3/17.3.result/info.json' or '/iiif/3/17.3.result/full/max/0/default.jpg'")
        }
        self.identifier = identifier
        switch rest.count {
        case 1: resource = .base
        case 2:
            guard rest[1] == "info.json" else {
                throw .notFound("there is no '\(rest[1].prefix(100))' of image \(identifier); there is info.json")
            }
            resource = .information
        default:
            resource = .picture(
                try IIIFPictureRequest(region: rest[1], size: rest[2], rotation: rest[3], file: rest[4]))
        }
    }
}
