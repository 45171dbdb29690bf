/// Quantities as people read them: three digits or so and a unit.
package enum Units {
    /// Bytes in powers of 1024: `0 B`, `999 B`, `1.5 KiB`, `16 MiB`, `4.2 GiB`.
    package static func bytes(_ count: UInt64) -> String {
        guard count >= 1024 else { return "\(count) B" }
        let units = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"]
        return scaled(Double(count) / 1024, by: 1024, units: units, separator: " ")
    }

    /// A plain count in powers of 1000: `999`, `1.5k`, `108M`.
    package static func count(_ count: UInt64) -> String {
        guard count >= 10_000 else { return String(count) }
        return scaled(Double(count) / 1000, by: 1000, units: ["k", "M", "G", "T"], separator: "")
    }

    /// Pixels per second: `12.3 Mpixel/s`.
    package static func pixelRate(_ perSecond: Double) -> String { "\(digits(perSecond / 1_000_000)) Mpixel/s" }

    /// `12.3 images/s`; below one a second rather `4.0 s/image`.
    package static func imageRate(_ perSecond: Double) -> String {
        perSecond >= 1 || perSecond <= 0 ? "\(digits(perSecond)) images/s" : "\(digits(1 / perSecond)) s/image"
    }

    /// A length of time in its two largest units: `0.4 s`, `12 s`, `3 min 05 s`, `2 h 10 min`, `3 d 4 h`.
    package static func duration(_ duration: Duration) -> String {
        let (whole, attoseconds) = duration.components
        guard whole >= 0 else { return "0 s" }
        if whole < 10 { return ArithmeticText.fixed(Double(whole) + Double(attoseconds) / 1e18, places: 1) + " s" }
        return wholeSeconds(duration)
    }

    /// A length of time in its two largest units, the second being the smallest: `4 s`, `3 min 05 s`, `2 h 10 min`.
    package static func wholeSeconds(_ duration: Duration) -> String {
        let seconds = max(0, Int(duration.components.seconds))
        switch seconds {
        case ..<60: return "\(seconds) s"
        case ..<3600: return "\(seconds / 60) min \(twoDigits(seconds % 60)) s"
        case ..<86400: return "\(seconds / 3600) h \(twoDigits(seconds % 3600 / 60)) min"
        default: return "\(seconds / 86400) d \(seconds % 86400 / 3600) h"
        }
    }

    /// How long before `now` it was, both in milliseconds since 1970: `just now`, `12 s ago`, `3 min ago`, `5 d ago`.
    /// A point in the future (the clocks of two machines) is `just now`; 0 is `-`.
    package static func ago(_ milliseconds: UInt64, now: UInt64) -> String {
        guard milliseconds > 0 else { return "-" }
        let seconds = now > milliseconds ? (now - milliseconds) / 1000 : 0
        switch seconds {
        case 0: return "just now"
        case ..<60: return "\(seconds) s ago"
        case ..<3600: return "\(seconds / 60) min ago"
        case ..<86400: return "\(seconds / 3600) h ago"
        default: return "\(seconds / 86400) d ago"
        }
    }

    /// `1 image`, `2 images`.
    package static func counted(_ count: some BinaryInteger, _ noun: String, plural: String? = nil) -> String {
        count == 1 ? "1 \(noun)" : "\(count) \(plural ?? noun + "s")"
    }

    private static func scaled(_ value: Double, by base: Double, units: [String], separator: String) -> String {
        var value = value
        var index = 0
        // Rounding must not show 1024 KiB where 1.0 MiB is meant.
        while index + 1 < units.count, value >= base - 0.5 {
            value /= base
            index += 1
        }
        return digits(value) + separator + units[index]
    }

    /// One digit after the point below 10, unless it is a zero-less whole; none from there on.
    private static func digits(_ value: Double) -> String {
        ArithmeticText.fixed(value, places: value < 9.95 ? 1 : 0)
    }

    private static func twoDigits(_ value: Int) -> String { value < 10 ? "0\(value)" : String(value) }
}
