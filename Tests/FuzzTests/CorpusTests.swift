import Foundation
import FuzzTargets
import Testing

/// The inputs that fuzzing found worth keeping, each of which once reached code that no other did, or failed.
@Suite struct CorpusTests {
    @Test(arguments: FuzzTarget.all.map(\.name)) func `every input of the corpus is read as it must be`(
        name: String
    ) throws {
        let target = try #require(FuzzTarget.all.first { $0.name == name })
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appending(path: "../../Fuzzing/Corpus/\(name)")
        let files = try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
        #expect(files.count >= 10, "the corpus of \(name) has \(files.count) inputs")
        for file in files {
            let bytes = try Data(contentsOf: file)
            #expect(throws: Never.self, "\(file.lastPathComponent)") { try bytes.withUnsafeBytes(target.run) }
        }
    }
}
