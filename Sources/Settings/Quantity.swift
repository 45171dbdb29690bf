/// Numbers and lengths of time as people write them in settings.
enum Quantity {
    /// A whole number; `K`, `M`, `G` or `T` behind it, also as `KB` or `KiB`, multiply by 1024 and so on.
    static func integer(_ text: String) -> Int? {
        let units: [Character: Int] = ["k": 10, "m": 20, "g": 30, "t": 40]
        var digits = text.lowercased()[...]
        for ending in ["ib", "b"] where digits.hasSuffix(ending) {
            // A bare `B` is not a unit that anything here is counted in.
            guard let unit = digits.dropLast(ending.count).last, units[unit] != nil else { continue }
            digits = digits.dropLast(ending.count)
            break
        }
        let shift = digits.last.flatMap { units[$0] }
        if shift != nil { digits = digits.dropLast() }
        while digits.last == " " { digits = digits.dropLast() }
        guard digits.utf8.allSatisfy({ "-+0123456789".utf8.contains($0) }),
            let product = Int(digits)?.multipliedReportingOverflow(by: 1 << (shift ?? 0)), !product.overflow
        else { return nil }
        return product.partialValue
    }

    /// A number with `ms`, `s`, `m`, `h` or `d`.
    static func duration(_ text: String) -> Duration? {
        let digits = text.prefix { ("0"..."9").contains($0) }
        let scale: Duration? =
            switch text.dropFirst(digits.count) {
            case "ms": .milliseconds(1)
            case "s": .seconds(1)
            case "m": .seconds(60)
            case "h": .seconds(3600)
            case "d": .seconds(86400)
            default: nil
            }
        guard let count = Int32(digits), let scale else { return nil }
        return scale * Int(count)
    }

    /// What is allowed, for a person.
    static func allowed(_ range: ClosedRange<Int>) -> String {
        let units = range.upperBound >= 1 << 20 ? ", with K, M, G or T behind it for multiples of 1024" : ""
        return "a whole number from \(text(range.lowerBound)) to \(text(range.upperBound))\(units)"
    }

    static func allowed(_ range: ClosedRange<Duration>) -> String {
        "from \(text(range.lowerBound)) to \(text(range.upperBound)), such as 500ms, 30s, 10m, 24h or 7d"
    }

    /// `16M` for whole multiples of 1024, from 1M on; else all digits.
    private static func text(_ number: Int) -> String {
        for (unit, shift) in [("T", 40), ("G", 30), ("M", 20)] where number >= 1 << shift {
            if number & ((1 << shift) - 1) == 0 { return "\(number >> shift)\(unit)" }
        }
        return String(number)
    }

    /// A length of time as it can be given: `500ms`, `7d`.
    private static func text(_ duration: Duration) -> String {
        let units: [(String, Duration)] = [
            ("d", .seconds(86400)), ("h", .seconds(3600)), ("m", .seconds(60)), ("s", .seconds(1)),
        ]
        for (unit, length) in units where duration >= length {
            let count = Int(duration / length)
            if length * count == duration { return "\(count)\(unit)" }
        }
        return duration == .zero ? "0s" : "\(Int(duration / .milliseconds(1)))ms"
    }
}
