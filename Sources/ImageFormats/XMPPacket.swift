import Checksums

/// An XMP packet as a text with parts: what is before the descriptions of the picture, these, and what is behind them
/// (ISO 16684-1, 7).
///
///     <?xpacket begin=... ?> <x:xmpmeta ...> <rdf:RDF ...>     start
///     <rdf:Description ...> ... </rdf:Description> ...          descriptions
///     </rdf:RDF> </x:xmpmeta> <?xpacket end=... ?>              end
///
/// It serves to take packets apart that do not fit a segment of a JPEG file, and to put them together again. Texts that are not
/// made so are left as they are.
struct XMPPacket: Hashable {
    private var start: [UInt8]
    private var descriptions: [[UInt8]]
    private var end: [UInt8]

    private static let maximumDepth = 1_000

    /// - Returns: `nil` for other texts.
    init?(_ packet: [UInt8]) {
        var scanner = Scanner(packet)
        // What is open, outermost first.
        var names: [Range<Int>] = []
        var depth: Int { names.count }
        var body: Range<Int>?
        var parts: [Range<Int>] = []
        var partStart = 0
        // The depth of what is directly in rdf:RDF.
        var inner: Int?
        while let tag = scanner.next() {
            switch tag.kind {
            case .opening, .empty:
                if depth == inner { partStart = tag.range.lowerBound }
                if inner == nil, tag.kind == .opening, packet[tag.name].elementsEqual("rdf:RDF".utf8) {
                    inner = depth + 1
                    body = tag.range.upperBound..<tag.range.upperBound
                }
                if tag.kind == .opening {
                    guard depth < Self.maximumDepth else { return nil }
                    names.append(tag.name)
                } else if depth == inner {
                    parts.append(tag.range)
                }
            case .closing:
                guard let first = inner, let name = names.popLast(), packet[name] == packet[tag.name] else {
                    return nil
                }
                if depth == first { parts.append(partStart..<tag.range.upperBound) }
                if depth == first - 1, let opened = body {
                    body = opened.lowerBound..<tag.range.lowerBound
                    inner = -1
                }
            }
        }
        guard scanner.isAtEnd, depth == 0, inner == -1, let body else { return nil }
        start = Array(packet[..<body.lowerBound])
        descriptions = parts.map { Array(packet[$0]) }
        end = Array(packet[body.upperBound...])
    }

    private var bytes: [UInt8] { start + descriptions.joined() + end }

    // MARK: Extended packets (Adobe's XMP specification, part 3, 1.1.3.1)

    private static let note = Array("HasExtendedXMP".utf8)

    /// The digest of its other part that a packet says: 32 hexadecimal digits.
    static func extensionDigest(in packet: [UInt8]) -> [UInt8]? {
        guard let found = packet.firstRange(of: note) else { return nil }
        let rest = packet[found.upperBound...].drop {
            isSpace($0) || isQuote($0) || $0 == UInt8(ascii: "=") || $0 == UInt8(ascii: ">")
        }
        let digits = rest.prefix(32)
        return digits.count == 32 && digits.allSatisfy { Character(UnicodeScalar($0)).isHexDigit }
            ? Array(digits) : nil
    }

    /// A packet and its other part as one.
    ///
    /// - Returns: `nil` for texts that are not packets.
    static func merged(_ packet: [UInt8], _ other: [UInt8]) -> [UInt8]? {
        guard var merged = XMPPacket(packet), let other = XMPPacket(other) else { return nil }
        let names = other.outerNames
        merged.descriptions = merged.descriptions.map(withoutNote) + other.descriptions.map { declaring(names, $0) }
        return merged.bytes
    }

    /// A packet of at most `maximumByteCount` bytes, and the descriptions that it has no room for as its other part, whose
    /// digest it says.
    ///
    /// - Returns: `nil` for texts that are not packets, and those in which too much is outside the descriptions.
    static func split(
        _ packet: [UInt8], maximumByteCount: Int
    ) -> (packet: [UInt8], other: [UInt8], digest: [UInt8])? {
        guard let whole = XMPPacket(packet) else { return nil }
        let descriptions = whole.descriptions.map(withoutNote)
        var first = whole
        var other = whole
        // Behind the descriptions there may be thousands of spaces, for programs that edit in place.
        first.end = Array("</rdf:RDF>".utf8) + (whole.isWrapped ? Array("</x:xmpmeta>".utf8) : [])
        first.start = whole.startOfElements
        other.start = first.start
        other.end = first.end
        var room = maximumByteCount - first.start.count - first.end.count - noteByteCount
        var kept: Set<Int> = []
        for index in descriptions.indices.sorted(by: { descriptions[$0].count < descriptions[$1].count }) {
            room -= descriptions[index].count
            if room < 0 { break }
            kept.insert(index)
        }
        other.descriptions = descriptions.indices.filter { !kept.contains($0) }.map { descriptions[$0] }
        let digits = Array("0123456789ABCDEF".utf8)
        let digest = MD5.digest(other.bytes).flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
        first.descriptions = [noteDescription(digest)] + kept.sorted().map { descriptions[$0] }
        return first.bytes.count <= maximumByteCount ? (first.bytes, other.bytes, digest) : nil
    }

    private static func noteDescription(_ digest: [UInt8]) -> [UInt8] {
        Array("<rdf:Description rdf:about=\"\" xmlns:xmpNote=\"http://ns.adobe.com/xmp/note/\" xmpNote:".utf8)
            + note + Array("=\"".utf8) + digest + Array("\"/>".utf8)
    }

    private static let noteByteCount = noteDescription([UInt8](repeating: 0, count: 32)).count

    /// The description without the digest of another part.
    private static func withoutNote(_ description: [UInt8]) -> [UInt8] {
        guard let found = description.firstRange(of: note), let digest = extensionDigest(in: description),
            let digits = description[found.upperBound...].firstRange(of: digest)
        else { return description }
        // An attribute, with its prefix and its quotes.
        let space = description[..<found.lowerBound].lastIndex { isSpace($0) }
        if let space, digits.upperBound < description.count, isQuote(description[digits.upperBound]) {
            return Array(description[..<space] + description[(digits.upperBound + 1)...])
        }
        // An element, up to the end of its closing tag.
        guard let start = description[..<found.lowerBound].lastIndex(of: UInt8(ascii: "<")),
            let end = description[digits.upperBound...].firstIndex(of: UInt8(ascii: ">"))
        else { return description }
        return Array(description[..<start] + description[(end + 1)...])
    }

    // MARK: Parts

    private var isWrapped: Bool { start.firstRange(of: Array("<x:xmpmeta".utf8)) != nil }

    /// The start without what is before the first element.
    private var startOfElements: [UInt8] {
        let element = Array((isWrapped ? "<x:xmpmeta" : "<rdf:RDF").utf8)
        return start.firstRange(of: element).map { Array(start[$0.lowerBound...]) } ?? start
    }

    /// The declarations of names, ` xmlns:name="..."`, that the elements around the descriptions have.
    private var outerNames: [[UInt8]] {
        let mark = Array("xmlns:".utf8)
        var names: [[UInt8]] = []
        var rest = start[...]
        while let found = rest.firstRange(of: mark) {
            let declaration = rest[found.lowerBound...]
            rest = rest[found.upperBound...]
            guard let quote = declaration.firstIndex(where: { isQuote($0) }),
                let end = declaration[(quote + 1)...].firstIndex(of: declaration[quote])
            else { break }
            names.append(Array(declaration[...end]))
            rest = declaration[(end + 1)...]
        }
        return names.filter { !$0.starts(with: Array("xmlns:x=".utf8)) && !$0.starts(with: Array("xmlns:rdf=".utf8)) }
    }

    /// The element with declarations in its first tag, unless they are there.
    private static func declaring(_ names: [[UInt8]], _ element: [UInt8]) -> [UInt8] {
        var scanner = Scanner(element)
        guard let tag = scanner.next() else { return element }
        let present = element[tag.range]
        let missing = names.filter { name in
            present.firstRange(of: Array(name.prefix { $0 != UInt8(ascii: "=") }) + [UInt8(ascii: "=")]) == nil
        }
        let declarations = missing.flatMap { [UInt8(ascii: " ")] + $0 }
        return Array(element[..<tag.name.upperBound]) + declarations + Array(element[tag.name.upperBound...])
    }

    /// Walks the tags of a text of XML. Comments, instructions and character data are passed over; declarations of types end it.
    private struct Scanner {
        struct Tag {
            enum Kind { case opening, closing, empty }
            let kind: Kind
            let name: Range<Int>
            let range: Range<Int>
        }

        private let bytes: [UInt8]
        private var position = 0
        private(set) var isAtEnd = false

        init(_ bytes: [UInt8]) { self.bytes = bytes }

        /// - Returns: `nil` at the end, and where the text is not XML.
        mutating func next() -> Tag? {
            while true {
                guard let start = bytes[position...].firstIndex(of: UInt8(ascii: "<")) else {
                    isAtEnd = true
                    return nil
                }
                let rest = bytes[start...]
                let passed = [("<!--", "-->"), ("<![CDATA[", "]]>"), ("<?", "?>")]
                    .first { rest.starts(with: $0.0.utf8) }
                guard let (opening, closing) = passed else { return tag(at: start) }
                guard let end = rest.dropFirst(opening.utf8.count).firstRange(of: Array(closing.utf8)) else {
                    return nil
                }
                position = end.upperBound
            }
        }

        private mutating func tag(at start: Int) -> Tag? {
            var end = start + 1
            var quote: UInt8?
            while end < bytes.count, quote != nil || bytes[end] != UInt8(ascii: ">") {
                if let open = quote {
                    if bytes[end] == open { quote = nil }
                } else if isQuote(bytes[end]) {
                    quote = bytes[end]
                } else if bytes[end] == UInt8(ascii: "<") {
                    return nil
                }
                end += 1
            }
            guard end < bytes.count else { return nil }
            let isClosing = bytes[start + 1] == UInt8(ascii: "/")
            let nameStart = start + (isClosing ? 2 : 1)
            let nameEnd =
                bytes[nameStart...end].firstIndex {
                    isSpace($0) || $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: ">")
                } ?? end
            guard nameEnd > nameStart, bytes[nameStart] != UInt8(ascii: "!") else { return nil }
            position = end + 1
            let kind: Tag.Kind = isClosing ? .closing : bytes[end - 1] == UInt8(ascii: "/") ? .empty : .opening
            return Tag(kind: kind, name: nameStart..<nameEnd, range: start..<end + 1)
        }
    }
}

private func isQuote(_ byte: UInt8) -> Bool { byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "'") }

private func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0d).contains(byte) }
