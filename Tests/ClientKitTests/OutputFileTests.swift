import Foundation
import Glibc
import Names
import SystemCalls
import TestBasics
import Testing

@testable import ClientKit

@Suite struct OutputFileTests {
    /// Files without names, and files with temporary names, as on a file system that has only those. Each test has rules of
    /// its own: they know the written files by their inodes, which a later file may have again.
    static var rules: [OutputFile.Rules] {
        [false, true].map { isNamed in
            var rules = OutputFile.Rules()
            rules.namesTemporaryFiles = isNamed
            return rules
        }
    }

    private func put(_ text: String, at place: ResultPlace, _ rules: OutputFile.Rules = OutputFile.Rules()) throws {
        let output = try OutputFile(at: place, rules: rules)
        do { try output.descriptor.writeAll(Array(text.utf8)) } catch {
            output.discard()
            throw error
        }
        try output.commit()
    }

    private func mode(_ path: String) throws -> mode_t {
        var status = stat()
        try #require(stat(path, &status) == 0)
        return status.st_mode & 0o7777
    }

    @Test(arguments: rules) func `a result appears whole or not at all`(rules: OutputFile.Rules) throws {
        try withTemporaryDirectory { directory in
            let path = BytePath(text: directory + "/x.png")
            try TestFiles.write("old", to: path.text)
            let discarded = try OutputFile(at: .file(path), rules: rules)
            try discarded.descriptor.writeAll(Array("half".utf8))
            #expect(try TestFiles.read(path.text) == "old")
            #expect(try TestFiles.names(in: directory).count == (rules.namesTemporaryFiles ? 2 : 1))
            discarded.discard()
            #expect(try TestFiles.names(in: directory) == ["x.png"])

            try put("new", at: .file(path), rules)
            try put("other", at: .file(BytePath(text: directory + "/y.png")), rules)
            #expect(try TestFiles.names(in: directory) == ["x.png", "y.png"])
            #expect(try TestFiles.read(path.text) == "new")
        }
    }

    @Test func `a command that a signal ends leaves no temporary file`() throws {
        try withTemporaryDirectory { directory in
            let names = TemporaryNames()
            let made = try names.makeFile(
                in: try OpenDirectory(at: BytePath(text: directory)), mode: 0o600, isNamed: true)
            made.file.close()
            #expect(try TestFiles.names(in: directory) == [try #require(made.name).text])
            names.removeAll()
            #expect(try TestFiles.names(in: directory) == [])
        }
    }

    @Test(arguments: rules) func `a replaced file keeps its permissions, a new one has the usual ones`(
        rules: OutputFile.Rules
    ) throws {
        try withTemporaryDirectory { directory in
            for (name, permissions) in [("a", 0o600), ("b", 0o644), ("c", 0o604), ("d", 0o755)] as [(String, mode_t)] {
                try TestFiles.write("old", to: "\(directory)/\(name)")
                try #require(chmod("\(directory)/\(name)", permissions) == 0)
                try put("new", at: .file(BytePath(text: "\(directory)/\(name)")), rules)
                #expect(try mode("\(directory)/\(name)") == permissions)
                #expect(try TestFiles.read("\(directory)/\(name)") == "new")
            }
            try put("new", at: .file(BytePath(text: directory + "/new")), rules)
            try TestFiles.write("usual", to: directory + "/usual")
            #expect(try mode(directory + "/new") == mode(directory + "/usual"))
        }
    }

    @Test(.enabled(if: getuid() == 0)) func `a replaced file keeps its owner`() throws {
        try withTemporaryDirectory { directory in
            try TestFiles.write("old", to: directory + "/x")
            try #require(chown(directory + "/x", 1234, 2345) == 0)
            try put("new", at: .file(BytePath(text: directory + "/x")))
            var status = stat()
            try #require(stat(directory + "/x", &status) == 0)
            #expect(status.st_uid == 1234 && status.st_gid == 2345)
        }
    }

    @Test(arguments: rules) func `a link is written through, wherever it leads and whether or not that is there`(
        rules: OutputFile.Rules
    ) throws {
        try withTemporaryDirectory { directory in
            try #require(mkdir(directory + "/sub", 0o700) == 0)
            try TestFiles.write("old", to: directory + "/target.png")
            let links = [
                ("a", "target.png", "target.png"), ("b", "later.png", "later.png"), ("c", "sub/x", "sub/x"),
                ("sub/d", "../e", "e"), ("f", directory + "/absolute", "absolute"), ("g", "b", "later.png"),
                ("h", "sub/\u{301}x", "sub/\u{301}x"),
            ]
            for (link, text, target) in links {
                try #require(symlink(text, "\(directory)/\(link)") == 0)
                var rules = rules
                rules.written = WrittenFiles()
                try put(link, at: .file(BytePath(text: "\(directory)/\(link)")), rules)
                #expect(try FileManager.default.destinationOfSymbolicLink(atPath: "\(directory)/\(link)") == text)
                #expect(try contents("\(directory)/\(target)") == Array(link.utf8))
            }
            #expect(try TestFiles.names(in: directory).contains { $0.hasPrefix(".tessera") } == false)
        }
    }

    @Test func `a link that leads nowhere is refused`() throws {
        try withTemporaryDirectory { directory in
            try #require(symlink("none/x", directory + "/a") == 0 && symlink("b", directory + "/b") == 0)
            for name in ["a", "b"] {
                let error = #expect(throws: ClientError.self) {
                    try OutputFile.check(.file(BytePath(text: "\(directory)/\(name)")))
                }
                #expect(error?.code == "cannot-write")
            }
        }
    }

    @Test func `a device is written to as it is, and a full one is named`() throws {
        try put("bytes", at: .file("/dev/null"))
        #expect(FileStatus(at: "/dev/null")?.kind == .other)
        let error = #expect(throws: ClientError.self) { try put("bytes", at: .file("/dev/full")) }
        #expect(error?.message == "cannot write to '/dev/full': No space left on device")
        let full = FileDescriptor(open("/dev/full", O_WRONLY | O_CLOEXEC))
        defer { full.close() }
        let output = try OutputFile.standardOutput(full)
        try output.descriptor.writeAll([1])
        let other = #expect(throws: ClientError.self) { try output.commit() }
        #expect(other?.message == "cannot write to standard output: No space left on device")
    }

    @Test func `a file that only a descriptor leads to is written to as it is`() throws {
        try withTemporaryDirectory { directory in
            let file = FileDescriptor(open(directory + "/gone", O_RDWR | O_CREAT | O_CLOEXEC, 0o600))
            defer { file.close() }
            try TestFiles.remove(directory + "/gone")
            try put("bytes", at: .file(file.path))
            #expect(try TestFiles.names(in: directory) == [])
            lseek(file.number, 0, SEEK_SET)
            #expect(try file.read(upTo: 10) == Array("bytes".utf8))
        }
    }

    @Test func `a place that cannot be written is found before the work`() throws {
        try withTemporaryDirectory { directory in
            try #require(mkdir(directory + "/there", 0o700) == 0)
            try TestFiles.write("", to: directory + "/file")
            func reason(_ path: String, mayReplace: Bool = true) -> ClientError? {
                #expect(throws: ClientError.self) {
                    try OutputFile.check(.file(BytePath(text: directory + path)), mayReplace: mayReplace)
                }
            }
            #expect(reason("/none/x.png")?.message.contains("there is no directory '\(directory)/none'") == true)
            #expect(reason("/there")?.message.contains("it is a directory; write '\(directory)/there/'") == true)
            #expect(reason("/file/x")?.message.contains("Not a directory") == true)
            #expect(reason("/" + String(repeating: "x", count: 256))?.message.contains("name too long") == true)
            #expect(reason("/file", mayReplace: false)?.code == "exists")
            // No user can make a file in /proc.
            let error = #expect(throws: ClientError.self) { try OutputFile.check(.file("/proc/x.png")) }
            #expect(error?.code == "cannot-write")
            try OutputFile.check(.file(BytePath(text: directory + "/new")), mayReplace: false)
            try OutputFile.check(.file("/dev/null"))
            #expect(try TestFiles.names(in: directory) == ["file", "there"])
        }
    }

    @Test(arguments: rules) func `nothing is replaced when that was asked for, also what appeared in between`(
        rules: OutputFile.Rules
    ) throws {
        var rules = rules
        rules.mayReplace = false
        try withTemporaryDirectory { directory in
            let path = directory + "/x"
            let output = try OutputFile(at: .file(BytePath(text: path)), rules: rules)
            try output.descriptor.writeAll([1])
            try TestFiles.write("theirs", to: path)
            let error = #expect(throws: ClientError.self) { try output.commit() }
            #expect(error?.code == "exists")
            #expect(try TestFiles.read(path) == "theirs")
            #expect(try TestFiles.names(in: directory) == ["x"])
            #expect(throws: ClientError.self) { try put("ours", at: .file(BytePath(text: path)), rules) }
        }
    }

    @Test func `a name in a directory is not a way out of it`() throws {
        try withTemporaryDirectory { directory in
            let inbox = BytePath(text: directory + "/inbox")
            try OutputFile.makeDirectory(inbox)
            for target in ["../outside.png", directory + "/outside.png", "inside.png"] {
                try #require(symlink(target, directory + "/inbox/x.png") == 0)
                let name = try #require(FileName(text: "x.png"))
                let error = #expect(throws: ClientError.self) { try put("result", at: .entry(name, of: inbox)) }
                #expect(error?.message.contains("it is a symbolic link") == true)
                #expect(try TestFiles.names(in: directory) == ["inbox"])
                #expect(try TestFiles.names(in: inbox.text) == ["x.png"])
                try TestFiles.remove(directory + "/inbox/x.png")
            }
            for odd in [
                "\u{301}evil.png", "\u{1F3FB}.png", "-x", "\u{10FEFF}.png", "é", "e\u{301}",
                String(repeating: "x", count: 255),
            ] {
                try put(odd, at: .entry(try #require(FileName(text: odd)), of: inbox))
            }
            #expect(try TestFiles.names(in: directory) == ["inbox"])
            #expect(try directoryEntries(at: inbox.text).count == 7)
        }
    }

    @Test func `two results that are one file for the system do not replace each other`() throws {
        try withTemporaryDirectory { directory in
            let rules = OutputFile.Rules()
            try put("first", at: .file(BytePath(text: directory + "/a")), rules)
            try #require(symlink("a", directory + "/b") == 0)
            let error = #expect(throws: ClientError.self) {
                try put("second", at: .file(BytePath(text: directory + "/b")), rules)
            }
            #expect(error?.message.contains("another result") == true)
            #expect(try TestFiles.read(directory + "/a") == "first")
        }
    }

    @Test func `directories are made as far as they are missing`() throws {
        try withTemporaryDirectory { directory in
            for path in ["/a/b/c/", "/a/b", "/new/\u{301}n/", "/d//e"] {
                #expect(try OutputFile.makeDirectory(BytePath(text: directory + path)) == 255)
                #expect(FileStatus(at: BytePath(text: directory + path))?.kind == .directory)
            }
            try OutputFile.makeDirectory(BytePath(Array(directory.utf8) + [0x2F, 0x64, 0xE9]))
            try TestFiles.write("", to: directory + "/file")
            #expect(throws: ClientError.self) {
                try OutputFile.makeDirectory(BytePath(text: directory + "/file/below"))
            }
            #expect(throws: ClientError.self) { try OutputFile.makeDirectory("/proc/none/x") }
        }
    }
}
