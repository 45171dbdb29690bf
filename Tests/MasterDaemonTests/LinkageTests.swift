import Foundation
import TestSupport
import Testing

/// What the master's program has in it, and what not: it reads bytes from anybody, so all of its code is compiled with checks
/// (decision 0023).
@Suite struct LinkageTests {
    @Test func `the master links neither kernels nor codecs nor their C libraries`() throws {
        let program = try Data(contentsOf: URL(filePath: Programs.path("tessera-master")))
        // In the symbols of a Swift module its name follows its length.
        #expect(contains(program, "9Pipelines"), "the program has symbols")
        for name in ["7Kernels", "11ImageCodecs", "tsr_png_", "libpng16.so", "isal_inflate"] {
            #expect(!contains(program, name), "\(name) is in tessera-master")
        }
    }

    @Test func `the rank links them, so that the test above can fail`() throws {
        let program = try Data(contentsOf: URL(filePath: Programs.path("tessera-rank")))
        for name in ["7Kernels", "11ImageCodecs", "tsr_png_", "libpng16.so", "isal_inflate"] {
            #expect(contains(program, name), "\(name) is not in tessera-rank")
        }
    }

    private func contains(_ program: Data, _ text: String) -> Bool { program.range(of: Data(text.utf8)) != nil }
}
