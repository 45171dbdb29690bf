import Foundation
import Metrics
import Synchronization
import Testing

/// docs/metrics.md, whose tables are those of the programs. `UPDATE_DOCS=1` writes them.
package enum MetricsPage {
    private static let path = URL(filePath: #filePath).deletingLastPathComponent()
        .appending(path: "../../docs/metrics.md")

    /// Whether the family is one that every daemon has.
    package static func isOfEveryProgram(_ family: MetricFamily) -> Bool {
        family.name.hasPrefix("process_") || ["tessera_build_info", "tessera_ready"].contains(family.name)
    }

    /// Compares the table between `<!-- metrics: NAME -->` and `<!-- end -->` with the families.
    package static func check(_ name: String, _ families: [MetricFamily]) throws {
        // Tests that run side by side write different tables of the page.
        try oneAtATime.withLock { _ in try compare(name, families) }
    }

    private static let oneAtATime = Mutex(())

    private static func compare(_ name: String, _ families: [MetricFamily]) throws {
        let text = try String(contentsOf: path, encoding: .utf8)
        let start = try #require(text.firstRange(of: "<!-- metrics: \(name) -->\n"), "\(name)").upperBound
        let end = try #require(text[start...].firstRange(of: "<!-- end -->")).lowerBound
        let table =
            "| name | kind | labels | |\n| --- | --- | --- | --- |\n" + families.map(row).joined(separator: "\n") + "\n"
        if ProcessInfo.processInfo.environment["UPDATE_DOCS"] == "1" {
            try text.replacingCharacters(in: start..<end, with: table).write(
                to: path, atomically: true, encoding: .utf8)
        } else {
            #expect(text[start..<end] == table, "docs/metrics.md: \(name); run the test with UPDATE_DOCS=1")
        }
    }

    private static func row(_ family: MetricFamily) -> String {
        var labels: [String] = []
        for label in family.samples.flatMap(\.labels).map(\.name) where !labels.contains(label) { labels.append(label) }
        return
            "| `\(family.name)` | \(family.kind.rawValue) | \(labels.map { "`\($0)`" }.joined(separator: ", ")) | \(family.help) |"
    }
}
