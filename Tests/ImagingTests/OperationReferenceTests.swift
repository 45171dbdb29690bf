import Foundation
import Pipelines
import Testing

@Suite struct OperationReferenceTests {
    /// The documents of the repository that this file belongs to.
    fileprivate static let documents = URL(filePath: #filePath).resolvingSymlinksInPath().deletingLastPathComponent()
        .appending(path: "../../docs").standardizedFileURL

    /// With `UPDATE_DOCS=1` in the environment it writes the page first.
    @Test func `the reference page says what the operations say about themselves`() throws {
        let file = Self.documents.appending(path: "operations.md")
        let page = OperationReference(measurements: try .committed()).page
        if ProcessInfo.processInfo.environment["UPDATE_DOCS"] == "1" {
            try page.write(to: file, atomically: true, encoding: .utf8)
        }
        let committed = try String(contentsOf: file, encoding: .utf8)
        let isCurrent = committed == page
        #expect(isCurrent, "docs/operations.md is out of date: run this test with UPDATE_DOCS=1 and commit the page")
    }
}

extension Measurements {
    fileprivate static func committed() throws -> Measurements {
        try Measurements(directory: OperationReferenceTests.documents.appending(path: "measured"))
    }
}

/// Evidence for a release: the comparison with OpenCV and the benchmarks, as they were last measured, are complete. Not a
/// condition for an operation to be built and tested: `make release-check` runs these tests, `make test` does not.
@Suite(.enabled(if: ProcessInfo.processInfo.environment["RELEASE_CHECK"] == "1", "make release-check"))
struct ReleaseEvidenceTests {
    private static let names = OperationCatalogue.all.map { $0.description.name }

    @Test func `every operation was compared and raced`() throws {
        let measurements = try Measurements.committed()
        for name in Self.names {
            let cases = (measurements.agreements[name] ?? []).map(\.cases)
            let isCompared = !cases.isEmpty && cases.allSatisfy { $0 >= 200 }
            #expect(isCompared, "`make compare-opencv`: \(name) in \(cases) cases")
            #expect(measurements.races.contains { $0.operation == name }, "`make bench-kernels`: \(name)")
        }
        let unknown = Set(measurements.races.map(\.operation) + measurements.agreements.keys).subtracting(Self.names)
        #expect(unknown.isEmpty)
    }

    @Test func `where OpenCV is faster, the table says why`() throws {
        for race in try Measurements.committed().races where race.ratio < 1 {
            #expect(race.note != nil, "Tests/OpenCV/notes.json: \(race.operation) \(race.parameters) \(race.format)")
        }
    }
}
