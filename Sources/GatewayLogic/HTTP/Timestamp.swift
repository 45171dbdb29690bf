/// Times as RFC 3339 has them.
package enum Timestamp {
    /// - Parameter milliseconds: since 1970.
    package static func text(_ milliseconds: UInt64) -> String {
        let (year, month, day) = date(Int(milliseconds / 86_400_000))
        let time = Int(milliseconds % 86_400_000)
        let parts = [month, day, time / 3_600_000, time / 60_000 % 60, time / 1000 % 60].map { padded($0, 2) }
        return
            "\(padded(year, 4))-\(parts[0])-\(parts[1])T\(parts[2]):\(parts[3]):\(parts[4]).\(padded(time % 1000, 3))Z"
    }

    /// The date of a day since 1970 in the Gregorian calendar. Years are counted from March: the leap day ends them.
    private static func date(_ day: Int) -> (year: Int, month: Int, day: Int) {
        // Since 0000-03-01.
        let days = day + 719_468
        let era = days / 146_097
        let ofEra = days % 146_097
        let yearOfEra = (ofEra - ofEra / 1460 + ofEra / 36_524 - ofEra / 146_096) / 365
        let ofYear = ofEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let month = (5 * ofYear + 2) / 153
        let isNextYear = month >= 10
        return (
            era * 400 + yearOfEra + (isNextYear ? 1 : 0), isNextYear ? month - 9 : month + 3,
            ofYear - (153 * month + 2) / 5 + 1
        )
    }

    private static func padded(_ number: Int, _ count: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, count - digits.utf8.count)) + digits
    }
}
