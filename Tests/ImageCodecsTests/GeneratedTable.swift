import Foundation
import Testing

/// A part of a page of the documentation that a test writes: what is between two comments.
///
///     <!-- NAME: UPDATE_DOCS=1 swift test --skip-build --filter ... -->
///     ...
///     <!-- end of NAME -->
struct GeneratedTable {
    private let page: URL
    private let name: String

    init(_ name: String, in page: String) {
        self.name = name
        self.page =
            URL(filePath: #filePath).resolvingSymlinksInPath().deletingLastPathComponent()
            .appending(path: "../../docs/\(page)").standardizedFileURL
    }

    /// Compares the part with what it has to be; with `UPDATE_DOCS=1` in the environment it is written first.
    func check(_ content: String) throws {
        var text = try String(contentsOf: page, encoding: .utf8)
        let mark = try #require(text.range(of: "<!-- \(name):"), "docs has no place for \(name)")
        let start = try #require(text.range(of: "-->\n", range: mark.upperBound..<text.endIndex)).upperBound
        let end = try #require(text.range(of: "<!-- end of \(name) -->", range: start..<text.endIndex)).lowerBound
        let expected = "\n\(content)\n"
        if ProcessInfo.processInfo.environment["UPDATE_DOCS"] == "1", text[start..<end] != expected {
            text.replaceSubrange(start..<end, with: expected)
            try text.write(to: page, atomically: true, encoding: .utf8)
            return
        }
        let isCurrent = text[start..<end] == expected
        #expect(
            isCurrent,
            "\(name) in \(page.lastPathComponent) is out of date: run this test with UPDATE_DOCS=1, and commit")
    }

    /// A row of a table.
    static func row(_ cells: [String]) -> String { "| " + cells.joined(separator: " | ") + " |" }
}
