@testable import DaemonSupport
import Foundation
import JobModel
import SystemCalls
import TestBasics
import Testing

@Suite struct GenerationFileTests {
    private static func generation(_ number: UInt64, of name: UInt8 = 1) throws -> Generation {
        Generation(of: try #require(Lineage([UInt8](repeating: name, count: Lineage.byteCount))), number: number)
    }

    @Test func `what is added is there, the latest of each lineage`() throws {
        try withTemporaryDirectory { folder in
            // Below directories that do not exist yet, and with a name that is not ASCII.
            let file = GenerationFile(path: folder + "/state/tesséra/generations")
            #expect(try file.read() == GenerationFile.Content())
            for (number, name) in [(UInt64(4), UInt8(1)), (9, 2), (6, 1), (5, 1)] {
                try file.add(try Self.generation(number, of: name))
            }
            let content = try GenerationFile(path: file.path).read()
            #expect(content.malformedLineCount == 0)
            #expect(content.memory.latest == [try Self.generation(9, of: 2), try Self.generation(6)])
            let mode = try FileManager.default.attributesOfItem(atPath: file.path)[.posixPermissions] as? Int
            #expect(mode == 0o600)
            let text = try String(contentsOfFile: file.path, encoding: .utf8)
            #expect(text.hasPrefix("# "), "a person is told what the file is: \(text)")
        }
    }

    @Test func `lines that are damaged are counted, and the others hold`() throws {
        try withTemporaryDirectory { folder in
            let file = GenerationFile(path: folder + "/generations")
            let lineage = try Self.generation(0).lineage
            try "\(lineage) 7\nnonsense\n\(lineage)\n\(lineage) -1\n".write(
                toFile: file.path, atomically: false, encoding: .utf8)
            let content = try file.read()
            #expect(content.malformedLineCount == 3)
            #expect(content.memory.latest == [try Self.generation(7)])
            try file.add(try Self.generation(8))
            let repaired = try file.read()
            #expect(repaired.malformedLineCount == 0)
            #expect(repaired.memory.latest == [try Self.generation(8)])
        }
    }

    @Test func `daemons that share the file lose nothing of one another`() async throws {
        let folder = FileManager.default.temporaryDirectory.path + "/generations-\(UUID())"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for name in UInt8(1)...20 {
                group.addTask { try GenerationFile(path: folder + "/generations").add(Self.generation(1, of: name)) }
            }
            try await group.waitForAll()
        }
        #expect(try GenerationFile(path: folder + "/generations").read().memory.latest.count == 20)
    }

    @Test func `a file that cannot be written is an error with its reason`() throws {
        for path in ["/dev/null/generations", "/proc/generations"] {
            #expect(throws: SystemError.self) { try GenerationFile(path: path).add(Self.generation(1)) }
        }
    }

    @Test func `the place is the service's own, else below the user's home`() {
        func path(_ environment: [String: String], given: String? = nil) -> String? {
            GenerationFile.path(given: given) { environment[$0] }
        }
        #expect(path(["HOME": "/home/ann"]) == "/home/ann/.local/state/tessera/generations")
        #expect(path(["HOME": "/home/ann", "XDG_STATE_HOME": "/s"]) == "/s/tessera/generations")
        let service = ["HOME": "/home/ann", "STATE_DIRECTORY": "/var/lib/tessera-worker:/var/lib/other"]
        #expect(path(service) == "/var/lib/tessera-worker/generations")
        #expect(path(service, given: "/here") == "/here")
        #expect(path([:]) == nil && path(["HOME": "relative"]) == nil)
    }
}
