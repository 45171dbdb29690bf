import Foundation
import JobModel
import Testing

@testable import Client

@Suite struct NamingTests {
    @Test(arguments: [
        ("photo.jpg", "photo.png"), ("in/deep/photo.tar.png", "photo.tar.png"), ("/abs/noextension", "noextension.png"),
        (".hidden", ".hidden.png"), ("stdin", "stdin.png"), ("../../etc/passwd", "passwd.png"), ("..", "image-3.png"),
        ("", "image-3.png"), ("a/", "a.png"), ("/", "image-3.png"), ("nul\u{0}.png", "image-3.png"),
        (String(repeating: "x", count: 300), "image-3.png"),
    ])
    func `a result is named after its input and stays in its directory`(label: String, name: String) {
        #expect(OutputNaming.name(for: label, index: 3) == name)
    }

    @Test func `two results of one name are refused with both inputs`() throws {
        #expect(try OutputNaming.distinctNames(for: ["a/x.png", "b/y.png"]) == ["x.png", "y.png"])
        let error = #expect(throws: ClientError.self) { try OutputNaming.distinctNames(for: ["a/x.png", "b/x.jpg"]) }
        #expect(error?.status == .usage)
        #expect(
            error?.message
                == "'a/x.png' and 'b/x.jpg' would both be written to x.png; rename one, or process them separately")
    }

    @Test func `a job's images of one name are told apart by their index`() {
        var register = OutputNameRegister()
        let names = ["x.png", "a/x.jpg", "x-1.png", "x.tif"].enumerated().map { register.claim($1, index: UInt32($0)) }
        #expect(names == ["x.png", "x-1.png", "x-1-2.png", "x-3.png"])
    }

    private func target(_ option: String?, _ count: Int?, isTerminal: Bool = false) throws -> OutputTarget {
        try OutputTarget(option: option, imageCount: count, isTerminal: isTerminal) { $0 == "existing" }
    }

    @Test func `-o says file, directory or standard output`() throws {
        #expect(try target("out.png", 1) == .file("out.png"))
        #expect(try target("out/", 1) == .directory("out/"))
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
        ] as [(String?, Int?, Bool, String)])
    func `-o that makes no sense is refused with what to do`(
        option: String?, count: Int?, isTerminal: Bool, words: String
    ) {
        let error = #expect(throws: ClientError.self) { try target(option, count, isTerminal: isTerminal) }
        #expect(error?.status == .usage)
        #expect(error?.message.contains(words) == true)
    }

    @Test func `an input is not replaced unless that is asked for`() async throws {
        try await TestFiles.withDirectory { directory in
            try TestFiles.write("a", to: directory + "/a.png")
            try TestFiles.write("b", to: directory + "/b.jpg")
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

    @Test func `a result appears whole or not at all`() async throws {
        try await TestFiles.withDirectory { directory in
            try TestFiles.write("old", to: directory + "/x.png")
            let discarded = try OutputFile(at: directory + "/x.png")
            try discarded.descriptor.writeAll(Array("half".utf8))
            #expect(try TestFiles.read(directory + "/x.png") == "old")
            discarded.discard()
            #expect(try TestFiles.names(in: directory) == ["x.png"])

            let committed = try OutputFile(at: directory + "/x.png")
            try committed.descriptor.writeAll(Array("new".utf8))
            try committed.commit()
            #expect(try TestFiles.names(in: directory) == ["x.png"])
            #expect(try TestFiles.read(directory + "/x.png") == "new")
        }
    }

    @Test func `a link and a device are written through, not replaced`() async throws {
        try await TestFiles.withDirectory { directory in
            try TestFiles.write("old", to: directory + "/target.png")
            try FileManager.default.createSymbolicLink(
                atPath: directory + "/link.png", withDestinationPath: "target.png")
            let linked = try OutputFile(at: directory + "/link.png")
            try linked.descriptor.writeAll(Array("new".utf8))
            try linked.commit()
            #expect(try TestFiles.read(directory + "/target.png") == "new")
            #expect(
                FileStatus(at: directory + "/target.png")?.identity == FileStatus(at: directory + "/link.png")?.identity
            )

            let device = try OutputFile(at: "/dev/null")
            try device.descriptor.writeAll([1, 2, 3])
            try device.commit()
            #expect(FileStatus(at: "/dev/null")?.kind == .other)
        }
    }

    @Test func `directories are made as far as they are missing`() async throws {
        try await TestFiles.withDirectory { directory in
            try OutputFile.makeDirectory(directory + "/a/b/c/")
            try OutputFile.makeDirectory(directory + "/a/b")
            #expect(FileStatus(at: directory + "/a/b/c")?.kind == .directory)
            try TestFiles.write("", to: directory + "/file")
            #expect(throws: ClientError.self) { try OutputFile.makeDirectory(directory + "/file/below") }
        }
    }
}
