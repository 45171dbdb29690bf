/// What a presigned link opens: one path of the API, or everything below a job, an image, or an image of IIIF.
package struct LinkScope: Hashable, Sendable {
    /// Below `/api/v1`, such as `/jobs/17/images/3/result`.
    package let path: String
    package let isPrefix: Bool

    /// The scope that a request names, after a look at what it opens.
    /// - Throws: `invalid-argument` for a path that links do not open.
    package init(path: String, isPrefix: Bool) throws(Problem) {
        let segments = Self.segments(path)
        if IIIFAddress.identifier(in: segments) != nil, segments.count == IIIFAddress.base.count + 1 {
            guard isPrefix else {
                throw .invalid(
                    "/prefix", "an image of IIIF is below its address; make the link with \"prefix\":true")
            }
            self.init(signed: path, isPrefix: true)
            return
        }
        guard let route = Self.linkable(segments) else {
            throw .invalid(
                "/path",
                "a link cannot open '\(path.prefix(200))'; it opens a job, its images and files, and its archive, such as "
                    + "'/jobs/17/images/3/result', or an image of IIIF, such as '/iiif/3/17.3.result'")
        }
        guard !isPrefix || [.job, .image].contains(route.action) else {
            throw .invalid(
                "/prefix",
                "only a job or an image has something below it; name '/jobs/17' or '/jobs/17/images/3', or leave prefix out"
            )
        }
        self.init(signed: path, isPrefix: isPrefix)
    }

    private init(signed path: String, isPrefix: Bool) {
        self.path = path
        self.isPrefix = isPrefix
    }

    /// The scope in the signed text. No path has a `*`.
    package var text: String { isPrefix ? path + "/*" : path }

    /// Every scope that opens a path: itself, and each prefix.
    /// - Parameter segments: of the path below the link, as they are decoded.
    package static func scopes(opening segments: [String]) -> [LinkScope] {
        if let identifier = IIIFAddress.identifier(in: segments) { return scopes(opening: identifier) }
        guard linkable(segments) != nil else { return [] }
        let path = { (count: Int) in "/" + segments.prefix(count).joined(separator: "/") }
        var scopes = [LinkScope(signed: path(segments.count), isPrefix: false)]
        for count in [2, 4] where count <= segments.count && linkable(Array(segments.prefix(count))) != nil {
            scopes.append(LinkScope(signed: path(count), isPrefix: true))
        }
        return scopes
    }

    /// The image's own, and the image and the job that it belongs to.
    private static func scopes(opening identifier: IIIFIdentifier) -> [LinkScope] {
        let image = identifier.image
        return ["/iiif/3/\(identifier)", "/jobs/\(image.job)", "/jobs/\(image.job)/images/\(image.index)"]
            .map { LinkScope(signed: $0, isPrefix: true) }
    }

    /// The job that it belongs to, and the image where it is of one.
    package var subject: (job: UInt64, image: UInt32?)? {
        let segments = Self.segments(path)
        if let image = IIIFAddress.identifier(in: segments)?.image { return (image.job, image.index) }
        guard let values = (try? Route.find("GET", segments))?.values, let job = values["job"].flatMap({ UInt64($0) })
        else { return nil }
        guard let text = values["image"] else { return (job, nil) }
        return UInt32(text).map { (job, $0) }
    }

    private static func segments(_ path: String) -> [String] {
        path.hasPrefix("/")
            ? path.dropFirst().split(separator: "/", omittingEmptySubsequences: false).map(String.init) : []
    }

    /// The route of a path that links may open; numbers have one spelling only.
    private static func linkable(_ segments: [String]) -> Route? {
        guard let (route, values) = try? Route.find("GET", segments), route.isLinkable,
            values.values.allSatisfy({ value in UInt64(value).map { String($0) == value } ?? false })
        else { return nil }
        return route
    }
}

/// The address of a presigned link:
///
///     /s/<expiry>.<key>.<id>.<signature>/jobs/17/images/3/result
///
/// The signature covers scope, expiry and id. All is in the path, so that a program can append to a prefix.
package struct LinkAddress: Hashable, Sendable {
    private static let prefix = "/s/"
    private static let idCharacterCount = 16
    private static let keyCharacterCount = 8
    private static let signatureByteCount = 32

    /// Seconds since 1970.
    package let expiry: UInt64
    package let key: String
    package let id: String
    package let signature: [UInt8]
    /// Decoded, behind the signature.
    package let segments: [String]

    /// What is before the path that the link opens, such as `/s/1800000000.k.i.s`.
    package var prefix: String { Self.prefix + "\(expiry).\(key).\(id).\(Base64.urlText(signature))" }

    /// Whether a path is below that of links, whatever else is wrong with it.
    package static func isLink(path: String) -> Bool { path.hasPrefix(prefix) }

    /// `nil` for anything that this gateway does not write.
    package init?(_ target: RequestTarget) {
        guard Self.isLink(path: target.path), target.segments.count > 2 else { return nil }
        let parts = target.segments[1].split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 4, let expiry = UInt64(parts[0]), expiry < 1 << 40, String(expiry) == parts[0],
            RandomText.isBase32(parts[1], characterCount: Self.keyCharacterCount),
            RandomText.isBase32(parts[2], characterCount: Self.idCharacterCount),
            let signature = Base64.bytes(urlText: parts[3]), signature.count == Self.signatureByteCount
        else { return nil }
        self.expiry = expiry
        key = String(parts[1])
        id = String(parts[2])
        self.signature = signature
        segments = Array(target.segments.dropFirst(2))
    }

    package static func newID() -> String { RandomText.base32(byteCount: 10) }
    package static func newKeyID() -> String { RandomText.base32(byteCount: 5) }

    /// The address of a link.
    package static func path(expiry: UInt64, key: String, id: String, signature: [UInt8], scope: LinkScope) -> String {
        "\(prefix)\(expiry).\(key).\(id).\(Base64.urlText(signature))\(scope.path)"
    }

    /// The text that is signed.
    package static func signedText(scope: LinkScope, expiry: UInt64, id: String) -> String {
        "tessera-link-1\nGET\n\(scope.text)\n\(expiry)\n\(id)"
    }

    /// A request's path as the log has it: without query, and without anything that may be a link's signature.
    package static func loggable(_ target: String) -> String {
        let path = target.prefix { $0 != "?" }
        guard path.hasPrefix("/") else { return "(not a path)" }
        if let parsed = try? RequestTarget(parsing: String(path)), let link = LinkAddress(parsed) {
            return "\(prefix)\(link.expiry).\(link.key).\(link.id).../\(link.segments.joined(separator: "/"))"
        }
        if ["/api/v1/", "/assets/", "/iiif/3/"].contains(where: path.hasPrefix) { return String(path.prefix(200)) }
        // An address that was damaged on its way still has most of a signature somewhere behind.
        let first = path.dropFirst().prefix { $0 != "/" }
        return path.dropFirst().count == first.count && first.count <= 20 ? String(path) : "/\(first.prefix(20))..."
    }
}

/// A request for a link.
package struct NewLink: Hashable, Sendable {
    /// No link is good for longer, in seconds.
    package static let maximumLifetime: UInt64 = 30 * 86_400
    /// Links that one person has at a time.
    package static let maximumCount = 10_000

    package let scope: LinkScope
    /// Seconds.
    package let lifetime: UInt64

    /// - Parameter lifetime: `nil` when the text was not a length of time.
    package init(scope: LinkScope, lifetime: UInt64?, as text: String) throws(Problem) {
        guard let lifetime, (1...Self.maximumLifetime).contains(lifetime) else {
            throw .invalid(
                "/expires_in",
                "'\(text.prefix(40))' is not a length of time from 1s to \(Self.maximumLifetime / 86_400)d; a link always ends"
            )
        }
        self.scope = scope
        self.lifetime = lifetime
    }
}
