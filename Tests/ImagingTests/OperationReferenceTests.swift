import Foundation
import Testing

@Suite struct OperationReferenceTests {
    /// The page in the repository that this file belongs to.
    private static let file = URL(filePath: #filePath).resolvingSymlinksInPath().deletingLastPathComponent()
        .appending(path: "../../docs/operations.md").standardizedFileURL

    /// With `UPDATE_DOCS=1` in the environment it writes the page first.
    @Test func `the reference page says what the operations say about themselves`() throws {
        if ProcessInfo.processInfo.environment["UPDATE_DOCS"] == "1" {
            try OperationReference.page.write(to: Self.file, atomically: true, encoding: .utf8)
        }
        let committed = try String(contentsOf: Self.file, encoding: .utf8)
        let isCurrent = committed == OperationReference.page
        #expect(isCurrent, "docs/operations.md is out of date: run this test with UPDATE_DOCS=1 and commit the page")
    }
}
