import Foundation

/// How an operation agrees with OpenCV over drawn images and arguments, at one depth: `make compare-opencv` wrote it.
struct Agreement: Decodable {
    let operation: String
    let bits: Int
    /// Whose result ours was compared with, as Markdown.
    let against: String
    let cases: Int
    let samples: Int
    /// Samples that differ, in all cases together.
    let differing: Int
    /// The largest difference, in levels.
    let maximum: Int

    var summary: String {
        if differing == 0 { return "\(bits) bits: identical in \(cases) cases" }
        let share = String(format: "%.2g", 100 * Double(differing) / Double(samples))
        return
            "\(bits) bits: at most \(maximum) \(maximum == 1 ? "level" : "levels") off, on \(share) % of the samples of "
            + "\(cases) cases"
    }
}

/// How fast a kernel is beside OpenCV, one thread each: `make bench-kernels` wrote it.
struct Race: Decodable {
    let operation: String
    let parameters: String
    let format: String
    /// The size of the image: `8192 x 8192`.
    let size: String
    let mbps: Int
    /// OpenCV's time over ours: above 1 ours is faster.
    let ratio: Double
    /// The calls that it was raced against.
    let opencv: String
    /// Why it is slower, and what was tried.
    let note: String?
}

/// What was last measured, from the files that the measuring programs wrote into the repository.
struct Measurements {
    let agreements: [String: [Agreement]]
    let races: [Race]

    /// - Parameter directory: the repository's `docs/measured`.
    init(directory: URL) throws {
        func read<Entry: Decodable>(_ name: String) throws -> [Entry] {
            try JSONDecoder().decode([Entry].self, from: Data(contentsOf: directory.appending(path: name)))
        }
        agreements = Dictionary(grouping: try read("opencv-agreement.json"), by: \.operation)
        races = try read("kernel-speed.json")
    }

    /// The line of an operation's entry.
    func agreement(_ operation: String) -> String? {
        guard let measured = agreements[operation], let first = measured.first else { return nil }
        return "against \(first.against), \(measured.map(\.summary).joined(separator: "; "))"
    }

    static let formats = ["gray8", "rgb8", "gray16", "rgb16"]

    /// The size of the gray images, and of the RGB ones.
    var sizes: (gray: String, color: String) {
        func size(_ prefix: String) -> String { races.first { $0.format.hasPrefix(prefix) }?.size ?? "no" }
        return (size("gray"), size("rgb"))
    }

    /// A row for each pipeline, a column for each format.
    var speedTable: String {
        var text = "| pipeline | OpenCV | gray 8 | RGB 8 | gray 16 | RGB 16 |\n| --- | --- | --- | --- | --- | --- |\n"
        var notes: [String] = []
        var rows: [(pipeline: String, races: [Race])] = []
        for race in races {
            let pipeline = race.parameters.isEmpty ? race.operation : "\(race.operation) \(race.parameters)"
            if let index = rows.firstIndex(where: { $0.pipeline == pipeline }) {
                rows[index].races.append(race)
            } else {
                rows.append((pipeline, [race]))
            }
        }
        for row in rows {
            let cells = Self.formats.map { format in
                guard let race = row.races.first(where: { $0.format == format }) else { return "" }
                guard let note = race.note else { return String(format: "%.2f", race.ratio) }
                if !notes.contains(note) { notes.append(note) }
                return String(format: "%.2f [%d]", race.ratio, (notes.firstIndex(of: note) ?? 0) + 1)
            }
            var calls: [String] = []
            for race in row.races where !calls.contains(race.opencv) { calls.append(race.opencv) }
            let pipeline = row.pipeline.split(separator: "|").joined(separator: "\\|")
            text += "| `\(pipeline)` | \(calls.joined(separator: "; ")) | \(cells.joined(separator: " | ")) |\n"
        }
        text += "| **geometric mean** | | \(Self.formats.map(mean).joined(separator: " | ")) |\n"
        for (index, note) in notes.enumerated() { text += "\n[\(index + 1)] \(note)\n" }
        return text
    }

    private func mean(_ format: String) -> String {
        let logarithms = races.filter { $0.format == format }.map { log(max($0.ratio, 0.01)) }
        guard !logarithms.isEmpty else { return "" }
        return String(format: "**%.2f**", exp(logarithms.reduce(0, +) / Double(logarithms.count)))
    }
}
