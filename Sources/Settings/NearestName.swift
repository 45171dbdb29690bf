/// The name that a person most likely meant.
package enum NearestName {
    /// The nearest of `names` when it is near: the same letters with `_` for `-` or in another case, the beginning of one
    /// name only, or a few wrong letters; else `nil`.
    package static func of(_ text: some StringProtocol, among names: [String]) -> String? {
        let given = normal(text)
        if let same = names.first(where: { letters($0) == letters(given) }) { return same }
        guard given.count >= 2, given.count <= 60 else { return nil }
        let completed = names.filter { $0.hasPrefix(given) }
        if completed.count == 1 { return completed[0] }
        let nearest = names.map { (name: $0, distance: distance($0, given)) }.min { $0.distance < $1.distance }
        guard let nearest, nearest.distance <= max(1, min(nearest.name.count, given.count) / 3) else { return nil }
        return nearest.name
    }

    private static func normal(_ text: some StringProtocol) -> String {
        String(text.lowercased().replacing("_", with: "-").drop { $0 == "-" })
    }

    private static func letters(_ text: String) -> String { text.replacing("-", with: "") }

    /// Levenshtein's edit distance.
    private static func distance(_ left: String, _ right: String) -> Int {
        let right = Array(right)
        var row = Array(0...right.count)
        for (i, character) in left.enumerated() {
            var diagonal = row[0]
            row[0] = i + 1
            for j in right.indices {
                let substituted = diagonal + (character == right[j] ? 0 : 1)
                diagonal = row[j + 1]
                row[j + 1] = min(substituted, row[j] + 1, diagonal + 1)
            }
        }
        return row[right.count]
    }
}
