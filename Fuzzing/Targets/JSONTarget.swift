import JSONText

extension FuzzTarget {
    /// The body of a request to the gateway.
    static let json = FuzzTarget("json", maximumByteCount: 1024) { bytes in
        guard let value = try? JSON(parsing: Array(bytes)) else { return }
        let text = value.text
        let again: JSON
        do {
            again = try JSON(parsing: Array(text.utf8))
        } catch {
            throw FuzzFinding(description: "`\(text)` was written, but: \(error)")
        }
        try FuzzFinding.unless(again.text == text, "`\(text)` reads as `\(again.text)`")
    }
}
