/// A path as the system reads it: bytes, of which "/" separates names and nothing else has a meaning.
///
/// Text would be wrong for it: names need not be UTF-8; two texts that look alike (é as one scalar, or as e with U+0301) are
/// two names; and a "/" before a combining mark is one character with it, so that text is split at the wrong place.
public struct BytePath: Hashable, Sendable {
    public let bytes: [UInt8]

    public init(_ bytes: some Sequence<UInt8>) { self.bytes = Array(bytes) }

    /// The path whose text form is `text`.
    public init(text: String) { bytes = NameText.bytes(of: text) }

    /// The text form, for command lines, messages and settings.
    public var text: String { NameText.text(of: bytes) }

    public var isEmpty: Bool { bytes.isEmpty }
    public var isAbsolute: Bool { bytes.first == Self.slash }
    /// Whether it ends with "/": only a directory can be meant.
    public var endsWithSlash: Bool { bytes.last == Self.slash }

    /// The last name of the path; `nil` where that is empty, "." or "..": for a directory.
    public var fileName: FileName? { FileName(bytes[lastStart...]) }

    /// The directory that `fileName` is in; "." for a path without "/".
    public var directory: BytePath {
        var end = lastStart
        if end == 0 { return "." }
        while end > 1, bytes[end - 1] == Self.slash { end -= 1 }
        return BytePath(bytes[..<end])
    }

    /// The directories on the way to the path, the outermost first, and the path itself.
    public var ways: [BytePath] {
        bytes.indices.filter { index in
            index > 0 && bytes[index] == Self.slash && bytes[index - 1] != Self.slash
        }.map { BytePath(bytes[..<$0]) } + (endsWithSlash ? [] : [self])
    }

    /// The path of `name` in this directory.
    public func appending(_ name: FileName) -> BytePath { appending(path: BytePath(name.bytes)) }

    /// A path that is relative to this directory.
    public func appending(path: BytePath) -> BytePath {
        BytePath(isEmpty || endsWithSlash ? bytes + path.bytes : bytes + [Self.slash] + path.bytes)
    }

    /// Calls `body` with the path as C takes it. A path with a zero byte, which no file has, is passed as the empty path.
    public func withCString<Result>(_ body: (UnsafePointer<CChar>) throws -> Result) rethrows -> Result {
        try withZeroTerminated(bytes, body)
    }

    private var lastStart: Int { bytes.lastIndex(of: Self.slash).map { $0 + 1 } ?? 0 }

    static let slash = UInt8(ascii: "/")
}

extension BytePath: ExpressibleByStringLiteral {
    public init(stringLiteral value: String) { self.init(text: value) }
}

extension BytePath: CustomStringConvertible {
    /// What a person is shown; not a path to be opened.
    public var description: String { ShownText.of(name: bytes) }
}

/// The name of one file in a directory: one to any number of bytes without "/" and zero, and neither "." nor "..".
///
/// Appended to a directory it cannot lead out of it.
public struct FileName: Hashable, Sendable {
    public let bytes: [UInt8]

    /// - Returns: `nil` for bytes that are not a name.
    public init?(_ bytes: some Collection<UInt8>) {
        let dot = UInt8(ascii: ".")
        guard !bytes.isEmpty, !bytes.elementsEqual([dot]), !bytes.elementsEqual([dot, dot]),
            !bytes.contains(where: { $0 == BytePath.slash || $0 == 0 })
        else { return nil }
        self.bytes = Array(bytes)
    }

    /// The name whose text form is `text`; `nil` for one that is not a name.
    public init?(text: String) { self.init(NameText.bytes(of: text)) }

    public var text: String { NameText.text(of: bytes) }

    /// Calls `body` with the name as C takes it.
    public func withCString<Result>(_ body: (UnsafePointer<CChar>) throws -> Result) rethrows -> Result {
        try withZeroTerminated(bytes, body)
    }
}

extension FileName: CustomStringConvertible {
    /// What a person is shown; not a name to be opened.
    public var description: String { ShownText.of(name: bytes) }
}

private func withZeroTerminated<Result>(
    _ bytes: [UInt8], _ body: (UnsafePointer<CChar>) throws -> Result
) rethrows -> Result {
    let terminated = bytes.contains(0) ? [0] : bytes + [0]
    return try terminated.withUnsafeBufferPointer { buffer in
        try buffer.withMemoryRebound(to: CChar.self) { try body($0.baseAddress!) }
    }
}
