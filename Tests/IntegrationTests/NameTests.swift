import Foundation
import Glibc
import JobModel
import Names
import SystemCalls
import TestSupport
import Testing

extension Integration {
    @Suite struct `Names of files` {
        /// Writes an image under a name of any bytes, below the cluster's directory; returns its path in text form.
        private static func file(_ name: [UInt8], _ image: [UInt8], in directory: String) throws -> String {
            let path = BytePath(text: directory).appending(path: BytePath(name))
            let number = path.withCString { open($0, O_WRONLY | O_CREAT | O_CLOEXEC, 0o600) }
            try #require(number >= 0, "\(path): \(SystemError.last)")
            defer { close(number) }
            try #require(image.withUnsafeBytes { write(number, $0.baseAddress, $0.count) } == image.count)
            return path.text
        }

        private static func names(in directory: String) throws -> Set<[UInt8]> {
            Set(try directoryEntries(at: directory).map { NameText.bytes(of: $0) })
        }

        @Test func `files of odd names are read and written as they are, and stay where they belong`() async throws {
            try await Cluster.with(workers: 1, ranks: 1) { cluster in
                let image = TestImage(width: 16, height: 12)
                let expected = try image.processedSerially("invert")
                for name in ["in", "x", "operator"] { try #require(mkdir(cluster.path(name), 0o700) == 0) }
                let names = [
                    Array("Mu".utf8) + [0xF1] + Array("oz.png".utf8), Array("é.png".utf8), Array("e\u{301}.png".utf8),
                    Array("\u{1F3FB}.png".utf8), Array("\u{301}m.png".utf8), Array("a\nb.png".utf8),
                    Array("..png".utf8),
                    [UInt8](repeating: 0x78, count: 251) + Array(".png".utf8),
                ]
                let files = try names.map { try Self.file($0, image.png, in: cluster.path("in")) }
                // The last two bytes of the path are not UTF-8, nor is what they become.
                let out = NameText.text(of: Array(cluster.path("").utf8) + [0x64, 0xE9, 0x2F])
                let run = try await cluster.start(["run", "invert"] + files + ["-o", out]).outcome()
                #expect(run.status == 0 && run.errors == "", "\(run)")
                #expect(try Self.names(in: out) == Set(names))

                let list = try Self.file(Array("list".utf8), names.flatMap { $0 + [0] }, in: cluster.path("in"))
                let missing = try await cluster.run("run", "invert", "--files-from", list, "-o", cluster.path("other/"))
                #expect(missing.status == 1 && missing.errors.contains(#"Mu\xF1oz.png"#), "\(missing)")

                // Names that somebody else gave: their results do not leave the directory, nor do their controls.
                let bad = try Self.file(Array("\u{301}evil.png".utf8), image.png, in: cluster.path(""))
                let steering = try Self.file(Array("in/\u{1B}[2J.png".utf8), image.png, in: cluster.path(""))
                let dotted = BytePath(text: cluster.path("x/..")).appending(try #require(BytePath(text: bad).fileName))
                let job = try await cluster.submit("invert", [dotted.text, steering, files[0], files[0]])
                let inbox = cluster.path("operator/inbox")
                let fetched = try await cluster.run("fetch", "\(job)", "-o", inbox + "/")
                #expect(fetched.status == 0, "\(fetched)")
                #expect(fetched.errors.contains(#"\u{1b}[2J.png' is written to"#), "\(fetched)")
                #expect(!fetched.errors.contains("\u{1B}"))
                #expect(try Self.names(in: cluster.path("operator")) == [Array("inbox".utf8)])
                #expect(
                    try Self.names(in: inbox) == [
                        Array("\u{301}evil.png".utf8), Array("%1B[2J.png".utf8), names[0],
                        Array("Mu".utf8) + [0xF1] + Array("oz-3.png".utf8),
                    ])
                #expect(try cluster.contents(inbox + "/%1B[2J.png") == expected)
                let listed = try await cluster.run("status", "\(job)", "--images", "--json")
                #expect(listed.text.contains(#""name_base64""#), "\(listed)")
                let shown = try await cluster.run("status", "\(job)", "--images")
                #expect(shown.text.contains(#"Mu\xF1oz.png"#) && !shown.text.contains("\u{1B}"), "\(shown)")
            }
        }

        @Test(arguments: [SIGHUP, SIGQUIT, SIGTERM])
        func `a signal that ends a command detaches it from its job and leaves no file`(signal: Int32) async throws {
            try await Cluster.with(workers: 0) { cluster in
                let file = try cluster.file("photo.png", TestImage(width: 16, height: 12).png)
                let command = try cluster.start(["run", "invert", file, "-o", cluster.path("out/")])
                let job = try await cluster.withMaster { master in
                    try await eventually("the job is complete") {
                        try await master.jobs().first { $0.isSealed }.map(\.id)
                    }
                }
                command.process.send(signal)
                let outcome = try await command.outcome()
                #expect(outcome.status == 128 + signal, "\(outcome)")
                #expect(outcome.errors.contains("job \(job) continues"), "\(outcome)")
                #expect(outcome.errors.contains("tessera fetch \(job) -o PATH"), "\(outcome)")
                #expect(try Self.names(in: cluster.path("out")) == [])
            }
        }
    }
}
