/// Finds operations by words that people know them by: their names, their keywords, their descriptions.
///
/// Every result depends on the catalogue alone.
extension OperationCatalogue {
    /// The operation that `text` spells, in whatever case, with underscores for hyphens or neither, and in both spellings of
    /// colour.
    public static func operation(spelled text: some StringProtocol) -> (any Operation.Type)? {
        if let exact = operation(String(text)) { return exact }
        let key = Spelling.key(text)
        return key.isEmpty ? nil : byKey[key]
    }

    /// The operations whose names or keywords are nearest to `text` by spelling or meaning, the nearest first; at most
    /// `limit`, and none where nothing is near.
    public static func nearest(to text: some StringProtocol, limit: Int = 5) -> [OperationDescription] {
        guard text.utf8.count <= Spelling.maximumByteCount else { return [] }
        let query = Query(text)
        guard !query.key.isEmpty else { return [] }
        let ranked = ranked { query.nearness(to: $0) }
        guard let best = ranked.first?.rank.kind else { return [] }
        // Where something is found by its meaning, others that are only spelled alike are left out.
        let last = best == Query.lastOfMeaning ? best : best + 1
        return ranked.prefix { $0.rank.kind <= last }.prefix(limit).map(\.description)
    }

    /// The operations in which every word of `text` is found: in the name, the keywords, the family, the description or the
    /// parameters. Those that are called so come first.
    public static func search(_ text: some StringProtocol) -> [OperationDescription] {
        guard text.utf8.count <= Spelling.maximumByteCount else { return [] }
        let query = Query(text)
        guard !query.key.isEmpty else { return [] }
        return ranked { query.finding(in: $0) }.map(\.description)
    }

    private static let byKey: [String: any Operation.Type] =
        Dictionary(all.map { (Spelling.key($0.description.name), $0) }, uniquingKeysWith: { first, _ in first })

    private static let entries = all.map { Entry($0.description) }

    private static func ranked(
        _ rank: (Entry) -> Rank?
    ) -> [(description: OperationDescription, rank: Rank)] {
        entries.enumerated().compactMap { index, entry in rank(entry).map { (entry, $0, index) } }
            .sorted { ($0.1.kind, $0.1.place, $0.2) < ($1.1.kind, $1.1.place, $1.2) }
            .map { ($0.0.description, $0.1) }
    }
}

/// What an operation is found by.
private struct Entry {
    let description: OperationDescription
    let nameKey: String
    let nameStems: Set<String>
    let keywordKeys: [String]
    let keywordStems: [Set<String>]
    let mentioned: String

    init(_ description: OperationDescription) {
        self.description = description
        nameKey = Spelling.key(description.name)
        nameStems = Set(Spelling.words(description.name).map(Spelling.stem))
        keywordKeys = description.keywords.map { Spelling.key($0) }
        keywordStems = description.keywords.map { Set(Spelling.words($0).map(Spelling.stem)) }
        let texts =
            [description.name, description.summary, description.family.rawValue, description.matches]
            + description.keywords
            + description.parameters.flatMap { [$0.name, $0.summary] }
        mentioned = " " + texts.flatMap { Spelling.words($0) }.joined(separator: " ") + " "
    }

    /// Whether a word of the description begins with `word`; a single letter must be a word of its own.
    func mentions(_ word: String) -> Bool {
        mentioned.contains(word.utf8.count == 1 ? " \(word) " : " \(word)")
    }
}

/// How near an operation is: smaller is nearer, by the kind of the likeness first, then by where among the keywords it is.
private struct Rank {
    let kind: Int
    let place: Int
}

private struct Query {
    let key: String
    private let stems: Set<String>

    /// Words that say nothing about what an operation does.
    private static let empty: Set<String> = [
        "image", "images", "filter", "filters", "operator", "operation", "apply", "the", "of", "a", "an", "to", "make",
        "photo", "picture", "cv2", "cv",
    ]
    /// Kinds up to this one are words that were found; the others are likenesses of spelling.
    static let lastOfMeaning = 4

    init(_ text: some StringProtocol) {
        let words = Spelling.words(text)
        let telling = words.filter { !Self.empty.contains($0) }
        key = (telling.isEmpty ? words : telling).joined()
        stems = Set((telling.isEmpty ? words : telling).map(Spelling.stem))
    }

    /// `nil` where neither name nor keywords are like it.
    func nearness(to entry: Entry) -> Rank? {
        if key == entry.nameKey { return Rank(kind: 0, place: 0) }
        if let place = entry.keywordKeys.firstIndex(of: key) { return Rank(kind: 1, place: place) }
        if key.utf8.count >= 5, isNearly(entry.nameKey) { return Rank(kind: 1, place: -1) }
        if stems.isSubset(of: entry.nameStems) || (entry.nameStems.count > 1 && entry.nameStems.isSubset(of: stems)) {
            return Rank(kind: 2, place: 0)
        }
        if let place = entry.keywordStems.firstIndex(where: { stems.isSubset(of: $0) }) {
            return Rank(kind: 2, place: 1 + place)
        }
        if entry.nameStems.count == 1, entry.nameStems.isSubset(of: stems) { return Rank(kind: 3, place: 0) }
        if let place = entry.keywordStems.firstIndex(where: { $0.isSubset(of: stems) }) {
            return Rank(kind: 3, place: 1 + place)
        }
        if key.utf8.count >= 3 && entry.nameKey.contains(key) { return Rank(kind: 4, place: 0) }
        if entry.nameKey.utf8.count >= 4 && key.contains(entry.nameKey) { return Rank(kind: 4, place: 1) }
        if key.utf8.count >= 4, let place = entry.keywordKeys.firstIndex(where: { $0.contains(key) }) {
            return Rank(kind: 4, place: 2 + place)
        }
        return misspelling(of: entry)
    }

    /// Whether it is the same but for a letter, or two of a long word.
    private func isNearly(_ name: String) -> Bool {
        let limit = key.utf8.count >= 8 ? 2 : 1
        return abs(name.utf8.count - key.utf8.count) <= limit && Spelling.distance(key, name) <= limit
    }

    private func misspelling(of entry: Entry) -> Rank? {
        let limit = key.utf8.count <= 3 ? 1 : key.utf8.count <= 6 ? 2 : 3
        var best: Rank?
        for (place, candidate) in ([entry.nameKey] + entry.keywordKeys).enumerated() {
            // A word of few letters is like too many others.
            guard abs(candidate.utf8.count - key.utf8.count) <= limit, 2 * limit <= candidate.utf8.count else {
                continue
            }
            let distance = Spelling.distance(key, candidate)
            guard distance <= limit, best.map({ Query.lastOfMeaning + distance < $0.kind }) ?? true else { continue }
            best = Rank(kind: Query.lastOfMeaning + distance, place: place)
        }
        return best
    }

    /// How well a search fits: all of its words must be found.
    func finding(in entry: Entry) -> Rank? {
        if let rank = nearness(to: entry), rank.kind <= 2 || stems.count == 1 { return rank }
        return stems.allSatisfy(entry.mentions) ? Rank(kind: 100, place: 0) : nil
    }
}
