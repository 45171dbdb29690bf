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

/// Which one of the states of a lineage a master has: there is another one after each restore from a backup.
///
/// A restored master may know less than the one whose state it has, and that one may still run, or come back. So the journal,
/// backups and the end of every handshake have the generation, and peers do not serve a master after one of a later generation
/// (`GenerationMemory`).
public struct Generation: Hashable, Sendable, CustomStringConvertible {
    public let lineage: Lineage
    /// 0 until the state is restored for the first time; of a state that was restored later the number is higher.
    public let number: UInt64

    public init(of lineage: Lineage, number: UInt64) {
        self.lineage = lineage
        self.number = number
    }

    /// The generation of a state that is restored from a backup of this one.
    ///
    /// Its number is the time, so that the later one of two restores is the higher one, also where both are of one backup or the
    /// later is of an older backup. It is higher than this one's in any case.
    /// - Parameter now: the wall clock, in milliseconds since 1970.
    public func restored(at now: UInt64) -> Generation { Generation(of: lineage, number: max(number + 1, now)) }

    public var description: String { "\(number) of \(lineage)" }
}
