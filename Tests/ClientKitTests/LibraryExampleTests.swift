import ClientKit
import Foundation
import TestBasics
import Testing

@Suite struct LibraryExampleTests {
    @Test func `the example of the manual processes images`() async throws {
        try await withTemporaryDirectory { directory in
            let files = ["a.jpg", "b.jpg", "bad.jpg"].map { "\(directory)/\($0)" }
            for file in files { try TestFiles.write(file, to: file) }
            let master = ModelMaster { state in
                state.work = { name, input in
                    name.hasSuffix("bad.jpg")
                        ? .failure(FailureReport(code: "corrupt-input", reason: "no image"))
                        : .result(input.map { ~$0 })
                }
            }
            let summary = try await TestSession.with(master) { test in
                try await invert(files, into: directory, session: test.session)
            }
            #expect(summary.state == .partlyFailed)
            #expect(summary.imagesDone == 2)
            #expect(try TestFiles.names(in: directory) == ["a.jpg", "a.png", "b.jpg", "b.png", "bad.jpg"])
        }
    }

    @Test func `the manual shows the example that is compiled`() throws {
        let tests = URL(filePath: #filePath).deletingLastPathComponent()
        let source = try String(contentsOf: tests.appending(path: "LibraryExample.swift"), encoding: .utf8)
        let page = try String(contentsOf: tests.appending(path: "../../docs/client-library.md"), encoding: .utf8)
        let begin = try #require(source.range(of: "// example begins\n"))
        let end = try #require(source.range(of: "// example ends\n"))
        let example = source[begin.upperBound..<end.lowerBound]
        #expect(page.contains("```swift\nimport ClientKit\nimport Names\nimport Transport\n\n\(example)```\n"))
    }
}
