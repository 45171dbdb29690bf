import ClientKit
import Foundation
import TestBasics
import Testing

@testable import Client

@Suite struct NamingTests {
    private func target(_ option: String?, _ count: Int?, isTerminal: Bool = false) throws -> OutputTarget {
        try OutputTarget(option: option, imageCount: count, isTerminal: isTerminal) { $0 == "existing" }
    }

    @Test func `-o says file, directory or standard output`() throws {
        #expect(try target("out.png", 1) == .file("out.png"))
        #expect(try target("out/", 1) == .directory("out/"))
        #expect(try target("photo.jpg.png", 1) == .file("photo.jpg.png"))
        #expect(try target("v1.2/result", 1) == .file("v1.2/result"))
        #expect(try target("existing", 5) == .directory("existing"))
        #expect(try target("-", 1) == .standardOutput)
        #expect(try target(nil, 1) == .standardOutput)
        #expect(try target("out/", nil) == .directory("out/"))
    }

    @Test(
        arguments: [
            (nil, 2, false, "-o DIR/"), ("out.png", 2, false, "write -o out.png/"), ("-", 2, false, "use -o DIR/"),
            ("-", 1, true, "standard output is a terminal"), (nil, 1, true, "-o FILE"), ("", 1, false, "needs a path"),
            ("out.png", nil, false, "several images"),
            ("out.jpg", 1, false, "write -o out.png, and convert it afterwards"),
            ("a.b/Out.TIFF", 1, false, "write -o a.b/Out.png"), ("hist.csv", 1, false, "results are PNG files"),
        ] as [(String?, Int?, Bool, String)])
    func `-o that makes no sense is refused with what to do`(
        option: String?, count: Int?, isTerminal: Bool, words: String
    ) {
        let error = #expect(throws: ClientError.self) { try target(option, count, isTerminal: isTerminal) }
        #expect(error?.status == .usage)
        #expect(error?.message.contains(words) == true)
    }

    @Test func `an input is not replaced unless that is asked for`() async throws {
        try withTemporaryDirectory { directory in
            let signature: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]
            try TestFiles.write(signature, to: directory + "/a.png")
            try TestFiles.write(signature, to: directory + "/b.jpg")
            try FileManager.default.createSymbolicLink(atPath: directory + "/link.png", withDestinationPath: "b.jpg")
            let inputs = try JobInputs(
                [directory + "/a.png", directory + "/b.jpg"], context: CommandContext(isJSON: false))
            let error = #expect(throws: ClientError.self) {
                try inputs.places(in: .directory(directory), mayReplaceInputs: false)
            }
            #expect(error?.message.contains("would replace the input '\(directory)/a.png'") == true)
            #expect(throws: ClientError.self) {
                try inputs.places(in: .file(directory + "/link.png"), mayReplaceInputs: false)
            }
            #expect(
                try inputs.places(in: .directory(directory), mayReplaceInputs: true)
                    == [.file(directory + "/a.png"), .file(directory + "/b.png")])
        }
    }
}
