/// Names a master's state from its beginning on, through all of its backups.
public struct Lineage: Hashable, Sendable, CustomStringConvertible {
    public static let byteCount = 16

    private let words: (UInt64, UInt64)

    /// A new one, unlike any other.
    public init(using generator: inout some RandomNumberGenerator) {
        words = (generator.next(), generator.next())
    }

    /// - Returns: `nil` unless there are exactly 16 bytes.
    public init?(_ bytes: some Collection<UInt8>) {
        guard bytes.count == Self.byteCount else { return nil }
        var words = (UInt64(0), UInt64(0))
        for (index, byte) in bytes.enumerated() {
            if index < 8 { words.0 = words.0 << 8 | UInt64(byte) } else { words.1 = words.1 << 8 | UInt64(byte) }
        }
        self.words = words
    }

    /// - Returns: `nil` unless there are 32 hexadecimal digits.
    public init?(hex: some StringProtocol) {
        guard let bytes = Hexadecimal.bytes(hex) else { return nil }
        self.init(bytes)
    }

    public var bytes: [UInt8] {
        [words.0, words.1].flatMap { word in
            stride(from: 56, through: 0, by: -8).map { UInt8(truncatingIfNeeded: word >> UInt64($0)) }
        }
    }

    /// 32 lower-case hexadecimal digits.
    public var description: String { Hexadecimal.text(bytes) }

    public static func == (left: Lineage, right: Lineage) -> Bool { left.words == right.words }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(words.0)
        hasher.combine(words.1)
    }
}

/// How often a master's state was restored from a backup.
///
/// A restored master may know less than the one whose state it has, and both may be started by mistake. The journal and
/// backups have the generation; peers are not told yet.
public struct Generation: Hashable, Sendable, CustomStringConvertible {
    public let lineage: Lineage
    /// 0 until the state is restored for the first time.
    public let number: UInt64

    public init(of lineage: Lineage, number: UInt64) {
        self.lineage = lineage
        self.number = number
    }

    /// What a restored state has.
    public var next: Generation { Generation(of: lineage, number: number + 1) }

    public var description: String { "\(number) of \(lineage)" }
}
