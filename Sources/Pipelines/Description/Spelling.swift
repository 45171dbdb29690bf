/// How names are compared: people write `GaussianBlur`, `gaussian_blur` and `Greyscale`, and mean the names that are described.
enum Spelling {
    /// Longer texts cannot be names: they are compared with nothing.
    static let maximumByteCount = 64

    private static let american = [
        ("colour", "color"), ("grey", "gray"), ("centre", "center"), ("neighbour", "neighbor"),
    ]

    private static let verbEndings = [
        ("ise", "ize"), ("ised", "ized"), ("ising", "izing"), ("isation", "ization"),
    ]

    /// The words of a name in lower case and American spelling: `Adaptive_thresholdColour` has `adaptive`, `threshold`,
    /// `color`.
    static func words(_ text: some StringProtocol) -> [String] {
        var words: [String] = []
        var word = ""
        var isAfterSmall = false
        for character in text {
            guard character.isLetter || character.isNumber else {
                if !word.isEmpty { words.append(word) }
                (word, isAfterSmall) = ("", false)
                continue
            }
            if character.isUppercase && isAfterSmall {
                words.append(word)
                word = ""
            }
            word += character.lowercased()
            isAfterSmall = character.isLowercase
        }
        if !word.isEmpty { words.append(word) }
        return words.map { word in
            var word = word
            for (british, spelling) in american { word.replace(british, with: spelling) }
            for (ending, other) in verbEndings where word.hasSuffix(ending) {
                let rest = word.dropLast(ending.count)
                // `equalise`, `binarise`, `posterise`; but not `clockwise`, `denoise`.
                if rest.count >= 4, ["al", "ar", "er", "or"].contains(where: { rest.hasSuffix($0) }) {
                    word = rest + other
                }
            }
            return word
        }
    }

    /// What is the same for all spellings of a name: its words without anything between them.
    static func key(_ text: some StringProtocol) -> String {
        guard text.utf8.count <= maximumByteCount else { return "" }
        return words(text).joined()
    }

    /// The name among `names` that `text` spells; `nil` when there is none.
    static func name(_ text: some StringProtocol, among names: [String]) -> String? {
        if let exact = names.first(where: { $0 == text }) { return exact }
        let key = key(text)
        return key.isEmpty ? nil : names.first { Spelling.key($0) == key }
    }

    private static let endings = [
        "ization", "ations", "ation", "izing", "ized", "ness", "izer", "ize", "ions", "ion", "ings", "ing", "ers", "er",
        "ors", "or", "ed", "es", "s", "e",
    ]

    /// A word without its ending, the same for `blur`, `blurs`, `blurred` and `blurring`.
    static func stem(_ word: String) -> String {
        var stem = word
        if let ending = endings.first(where: { word.hasSuffix($0) && word.count - $0.count >= 3 }) {
            stem.removeLast(ending.count)
        }
        let last = stem.suffix(2)
        if stem.count > 3, last.count == 2, last.first == last.last { stem.removeLast() }
        return stem
    }

    /// How many characters must be inserted, deleted, replaced or exchanged with their neighbours to turn one text into the
    /// other.
    static func distance(_ left: String, _ right: String) -> Int {
        let (left, right) = (Array(left.utf8), Array(right.utf8))
        var rows = [Array(0...right.count)]
        for row in 1..<left.count + 1 {
            var current = [row]
            for column in 1..<right.count + 1 {
                let replaced = rows[row - 1][column - 1] + (left[row - 1] == right[column - 1] ? 0 : 1)
                var best = min(replaced, rows[row - 1][column] + 1, current[column - 1] + 1)
                if row > 1, column > 1, left[row - 1] == right[column - 2], left[row - 2] == right[column - 1] {
                    best = min(best, rows[row - 2][column - 2] + 1)
                }
                current.append(best)
            }
            rows.append(current)
        }
        return rows[left.count][right.count]
    }
}
