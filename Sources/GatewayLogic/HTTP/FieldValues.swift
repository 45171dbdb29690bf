/// Values of header fields, as they are read.
package enum FieldValues {
    /// A boolean item of structured fields (RFC 9651): `?1` or `?0`, parameters left aside; `nil` for anything else.
    package static func boolean(_ text: String) -> Bool? {
        switch item(text) {
        case "?1": true
        case "?0": false
        default: nil
        }
    }

    /// A whole number item of structured fields that is not negative, of at most 15 digits; `nil` for anything else.
    package static func count(_ text: String) -> UInt64? {
        let digits = item(text)
        guard (1...15).contains(digits.utf8.count), digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
            return nil
        }
        return UInt64(digits)
    }

    /// The item before its parameters.
    private static func item(_ text: String) -> Substring {
        let bare = text.prefix { $0 != ";" }
        return bare.trimmingSpaces()
    }

    /// Whether one of the entity tags in a list such as `"a", W/"b"` is `tag`, or the list is `*`. Weak and strong tags match.
    package static func hasTag(_ tag: String, in list: String) -> Bool {
        if list.trimmingSpaces() == "*" { return true }
        // Our tags have no commas.
        return list.split(separator: ",").contains { part in
            let other = part.trimmingSpaces()
            return other == tag || (other.hasPrefix("W/") && other.dropFirst(2) == tag)
        }
    }

    /// Whether an `Accept-Encoding` field takes gzip (RFC 9110, 12.5.3): by its name, else by `*`.
    package static func acceptsGzip(_ field: String?) -> Bool {
        var byStar = false
        for part in (field ?? "").split(separator: ",") {
            let words = part.split(separator: ";", omittingEmptySubsequences: false).map {
                $0.trimmingSpaces().lowercased()
            }
            let isWanted = words.dropFirst().allSatisfy { word in
                !word.hasPrefix("q=") || Double(word.dropFirst(2)).map { $0 > 0 } ?? false
            }
            switch words[0] {
            case "gzip", "x-gzip": return isWanted
            case "*": byStar = isWanted
            default: continue
            }
        }
        return byStar
    }

    /// The file name that a `Content-Disposition` field says (RFC 6266); `filename*` before `filename`.
    package static func fileName(inDisposition text: String) -> String? {
        var plain: String?
        for parameter in parameters(of: text).dropFirst() {
            let sides = parameter.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard sides.count == 2 else { continue }
            let value = sides[1].trimmingSpaces()
            switch sides[0].trimmingSpaces().lowercased() {
            case "filename*":
                // charset'language'percent-encoded
                let parts = value.split(separator: "'", maxSplits: 2, omittingEmptySubsequences: false)
                guard parts.count == 3, parts[0].lowercased() == "utf-8" else { continue }
                if let name = (try? RequestTarget(parsing: "/" + parts[2]))?.segments.first, !name.isEmpty {
                    return name
                }
            case "filename": plain = unquoted(value)
            default: continue
            }
        }
        return plain.flatMap { $0.isEmpty ? nil : $0 }
    }

    /// The parts between semicolons that are not within quotes.
    private static func parameters(of text: String) -> [Substring] {
        var parts: [Substring] = []
        var start = text.startIndex
        var isQuoted = false
        var isEscaped = false
        for index in text.indices {
            defer { isEscaped = isQuoted && !isEscaped && text[index] == "\\" }
            switch text[index] {
            case "\"" where !isEscaped: isQuoted.toggle()
            case ";" where !isQuoted:
                parts.append(text[start..<index])
                start = text.index(after: index)
            default: continue
            }
        }
        return parts + [text[start...]]
    }

    private static func unquoted(_ text: Substring) -> String {
        guard text.count >= 2, text.first == "\"", text.last == "\"" else { return String(text) }
        var name = ""
        var isEscaped = false
        for character in text.dropFirst().dropLast() {
            if !isEscaped, character == "\\" {
                isEscaped = true
                continue
            }
            name.append(character)
            isEscaped = false
        }
        return name
    }

    /// `attachment; filename="cat.png"; filename*=UTF-8''cat.png` for a file of that name.
    package static func disposition(_ kind: String, fileName: String) -> String {
        let unreserved = Set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~".utf8)
        let ascii = String(
            fileName.unicodeScalars.map { scalar in
                let isPlain = scalar.isASCII && scalar.value >= 0x20 && scalar.value != 0x7F
                return isPlain && scalar != "\"" && scalar != "\\" ? Character(scalar) : "_"
            })
        var encoded = ""
        for byte in fileName.utf8 {
            if unreserved.contains(byte) {
                encoded.unicodeScalars.append(Unicode.Scalar(byte))
            } else {
                let digits = String(byte, radix: 16, uppercase: true)
                encoded += "%" + (byte < 16 ? "0" : "") + digits
            }
        }
        return "\(kind); filename=\"\(ascii)\"; filename*=UTF-8''\(encoded)"
    }
}

extension StringProtocol {
    /// Without spaces and tabs at both ends.
    package func trimmingSpaces() -> SubSequence {
        var rest = self[...]
        while let first = rest.first, first == " " || first == "\t" { rest = rest.dropFirst() }
        while let last = rest.last, last == " " || last == "\t" { rest = rest.dropLast() }
        return rest
    }
}
