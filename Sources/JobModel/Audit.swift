/// Why a finished task has no second opinion though it was to have one.
public enum AuditEnd: UInt8, Sendable, Hashable, CaseIterable {
    /// There was no other worker that could compute it.
    case noOtherWorker = 1
    /// The workers that tried did not finish it.
    case failed = 2
    /// The disk was full.
    case noRoom = 3
}

/// What only the master knows when it chooses the tasks that are audited, so that no worker can tell which they are.
public struct AuditSalt: Hashable, Sendable {
    public let first: UInt64
    public let second: UInt64

    public init(_ first: UInt64, _ second: UInt64) {
        self.first = first
        self.second = second
    }
}

/// A share of the tasks, in millionths.
public struct AuditShare: Hashable, Sendable, Comparable, CustomStringConvertible {
    public static let none = AuditShare(millionths: 0)
    public static let all = AuditShare(millionths: 1_000_000)

    /// The texts that a share can be given as, for messages.
    public static let allowed = "0 (none) to 1 (all), such as 0.005 or 0.5%"

    /// From 0 to 1,000,000.
    public let millionths: UInt32

    public init(millionths: UInt32) { self.millionths = min(millionths, 1_000_000) }

    /// Reads `0`, `1`, `0.005` and `0.5%`; `nil` for anything else, for a share below a millionth, and above 1.
    public init?(text: some StringProtocol) {
        let isPercentage = text.hasSuffix("%")
        let number = isPercentage ? text.dropLast() : text[...]
        let parts = number.split(separator: ".", omittingEmptySubsequences: false)
        // Digits behind the point, until the number counts millionths.
        let places = isPercentage ? 4 : 6
        guard (1...2).contains(parts.count), (1...9).contains(parts[0].utf8.count),
            let whole = Self.digits(parts[0])
        else { return nil }
        var fraction: UInt64 = 0
        if parts.count == 2 {
            guard (1...places).contains(parts[1].utf8.count), let digits = Self.digits(parts[1]) else { return nil }
            fraction = (0..<(places - parts[1].utf8.count)).reduce(digits) { value, _ in value * 10 }
        }
        let unit: UInt64 = isPercentage ? 10_000 : 1_000_000
        let millionths = whole * unit + fraction
        guard millionths <= 1_000_000 else { return nil }
        self.millionths = UInt32(millionths)
    }

    private static func digits(_ text: some StringProtocol) -> UInt64? {
        guard text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) else { return nil }
        return UInt64(text)
    }

    public static func < (left: AuditShare, right: AuditShare) -> Bool { left.millionths < right.millionths }

    /// The share as a percentage: `0.5 %`.
    public var description: String {
        let (percent, rest) = millionths.quotientAndRemainder(dividingBy: 10_000)
        guard rest > 0 else { return "\(percent) %" }
        var digits = String(rest)
        digits = String(repeating: "0", count: 4 - digits.utf8.count) + digits
        while digits.last == "0" { digits.removeLast() }
        return "\(percent).\(digits) %"
    }
}
