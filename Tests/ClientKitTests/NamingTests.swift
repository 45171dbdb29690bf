import Foundation
import TestBasics
import Testing

@testable import ClientKit

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
        #expect(error?.kind == .usage)
        #expect(
            error?.message
                == "'a/x.png' and 'b/x.jpg' would both be written to x.png; rename one, or process them separately")
    }

    @Test func `a job's images of one name are told apart by their index`() {
        var register = OutputNameRegister()
        let names = ["x.png", "a/x.jpg", "x-1.png", "x.tif"].enumerated().map { register.claim($1, index: UInt32($0)) }
        #expect(names == ["x.png", "x-1.png", "x-1-2.png", "x-3.png"])
    }

    @Test func `a result appears whole or not at all`() async throws {
        try withTemporaryDirectory { directory in
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
        try withTemporaryDirectory { directory in
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
        try withTemporaryDirectory { directory in
            try OutputFile.makeDirectory(directory + "/a/b/c/")
            try OutputFile.makeDirectory(directory + "/a/b")
            #expect(FileStatus(at: directory + "/a/b/c")?.kind == .directory)
            try TestFiles.write("", to: directory + "/file")
            #expect(throws: ClientError.self) { try OutputFile.makeDirectory(directory + "/file/below") }
        }
    }

    @Test func `documents are named after their inputs`() {
        #expect(OutputNaming.name(for: "a/photo.png", index: 0, kind: .json) == "photo.json")
        var register = OutputNameRegister(kind: .json)
        #expect(
            ["x.png", "y/x.png"].enumerated().map { register.claim($1, index: UInt32($0)) } == ["x.json", "x-1.json"])
    }
}
