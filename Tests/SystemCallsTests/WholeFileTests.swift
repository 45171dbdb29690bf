import Foundation
import SystemCalls
import TestBasics
import Testing

@Suite struct WholeFileTests {
    @Test func `a file is replaced as a whole, and nothing is left beside it`() throws {
        try withTemporaryDirectory { directory in
            let path = directory + "/address"
            for text in ["127.0.0.1:7400\n", "", String(repeating: "x", count: 1_000_000)] {
                try replaceFile(at: path, with: Array(text.utf8))
                #expect(try String(contentsOfFile: path, encoding: .utf8) == text)
            }
            #expect(try FileManager.default.contentsOfDirectory(atPath: directory) == ["address"])
        }
    }

    @Test func `a file that cannot be written says why, and leaves what was there`() throws {
        try withTemporaryDirectory { directory in
            #expect(throws: SystemError(code: ENOENT)) {
                try replaceFile(at: directory + "/missing/address", with: [1])
            }
            // A directory that is not empty is not replaced.
            try FileManager.default.createDirectory(atPath: directory + "/taken/x", withIntermediateDirectories: true)
            #expect(throws: SystemError.self) { try replaceFile(at: directory + "/taken", with: [1]) }
            #expect(try FileManager.default.contentsOfDirectory(atPath: directory) == ["taken"])
        }
    }
}
