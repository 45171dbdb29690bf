import Foundation
import Testing

@Suite struct OperationReferenceTests {
    /// The documents of the repository that this file belongs to.
    private static let documents = URL(filePath: #filePath).resolvingSymlinksInPath().deletingLastPathComponent()
        .appending(path: "../../docs").standardizedFileURL

    /// With `UPDATE_DOCS=1` in the environment it writes the page first.
    @Test func `the reference page says what the operations say about themselves`() throws {
        let file = Self.documents.appending(path: "operations.md")
        let page = try OperationReference(
            measurements: Measurements(folder: Self.documents.appending(path: "measured"))
        ).page
        if ProcessInfo.processInfo.environment["UPDATE_DOCS"] == "1" {
            try page.write(to: file, atomically: true, encoding: .utf8)
        }
        let committed = try String(contentsOf: file, encoding: .utf8)
        let isCurrent = committed == page
        #expect(isCurrent, "docs/operations.md is out of date: run this test with UPDATE_DOCS=1 and commit the page")
    }
}
