import Foundation
import Testing

@testable import Settings

@Suite struct SettingsTests {
    let table = [
        Setting("listen", "HOST:PORT", default: "127.0.0.1:7400", "Address"),
        Setting("state-dir", "DIR", "State"),
        Setting("chunk-bytes", "N", default: "16M", "Chunk"),
        Setting("quiet", "", "Say less"),
    ]

    func read(_ arguments: [String], _ environment: [String: String] = [:]) throws -> Settings {
        try Settings(
            program: "tessera-x", version: "1", summary: "Does x.", settings: table, arguments: arguments,
            environment: environment)
    }

    @Test func `a flag wins over the environment, that over the file, that over the default`() throws {
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("settings-\(UUID()).yaml")
        try "state-dir: /from/file\nchunk-bytes: 4096\nlisten: file:1\n".write(
            to: file, atomically: true, encoding: .utf8)
        defer { try? FileManager.default.removeItem(at: file) }
        let settings = try read(
            ["--listen", "flag:1", "--config", file.path],
            ["TESSERA_LISTEN": "environment:1", "TESSERA_STATE_DIR": "/from/environment"])
        #expect(settings.text("listen") == "flag:1")
        #expect(settings.text("state-dir") == "/from/environment")
        #expect(try settings.integer("chunk-bytes", in: 1...Int.max) == 4096)
        #expect(settings.effective.first { $0.name == "chunk-bytes" }?.origin == .file)
        #expect(try read([]).integer("chunk-bytes", in: 1...Int.max) == 16 << 20)
    }

    @Test func `a value may begin with a combining mark`() throws {
        #expect(try read(["--state-dir=\u{301}x"]).text("state-dir")?.utf8.elementsEqual("\u{301}x".utf8) == true)
        #expect(try read(["--state-dir=a=b"]).text("state-dir") == "a=b")
        #expect(try read(["--state-dir="]).text("state-dir") == "")
    }

    @Test func `an unknown flag is refused with the nearest right one`() {
        #expect {
            try read(["--stat-dir", "x"])
        } throws: { "\($0)".contains("did you mean --state-dir?") }
    }

    @Test func `a missing value, a stray word and a missing setting are refused by name`() throws {
        #expect { try read(["--listen"]) } throws: { "\($0)".contains("--listen needs a value") }
        #expect { try read(["stray"]) } throws: { "\($0)".contains("'stray' is not a flag") }
        let settings = try read([])
        #expect { try settings.requiredText("state-dir") } throws: { "\($0)".contains("TESSERA_STATE_DIR") }
    }

    @Test func `a value out of range names the value, the limit and where it came from`() throws {
        let settings = try read(["--chunk-bytes=0"], ["TESSERA_LISTEN": "12x"])
        #expect { try settings.integer("chunk-bytes", in: 1...10) } throws: {
            "\($0)" == "--chunk-bytes '0' (flag): must be a whole number from 1 to 10"
        }
        #expect { try settings.duration("listen", in: .zero ... .seconds(5)) } throws: {
            "\($0)".contains("'12x' (environment)")
        }
    }

    @Test func `a switch is on by its flag alone`() throws {
        #expect(try read(["--quiet"]).isOn("quiet"))
        #expect(try !read([]).isOn("quiet"))
        #expect(try read([], ["TESSERA_QUIET": "true"]).isOn("quiet"))
    }

    @Test func `of a flag that is given twice the last value counts, and a comma is part of a value`() throws {
        let settings = try read(["--state-dir=/a", "--state-dir", "/b,c"])
        #expect(settings.text("state-dir") == "/b,c")
    }

    @Test(arguments: [
        ("state-dir: /a\nquiet: on", "/a"),
        ("# remark\nstate-dir: \"/with space\" # remark\nquiet: yes\n", "/with space"),
        ("{state-dir: '0x10', quiet: true}", "0x10"),
        ("other: {state-dir: x}\nlist: [1, 2]\nstate-dir: ~\nquiet: 1", "~"),
        ("a: &place /b\nstate-dir: *place\nquiet: True", "/b"),
        ("---\nstate-dir: >-\n  one\n  two\nquiet: ON\n...\n", "one two"),
    ])
    func `a file gives its values as they are written, in any of YAML's forms`(_ text: String, value: String) throws {
        let settings = try withFile(text) { try read(["--config", $0]) }
        #expect(settings.text("state-dir") == value)
        #expect(try settings.isOn("quiet"))
        #expect(settings.effective.contains { $0 == ("state-dir", value, .file) })
        #expect(settings.text("listen") == "127.0.0.1:7400")
    }

    @Test(arguments: [
        ("", "not a list of keys"), ("- a\n- b", "not a list of keys"), ("listen: [", "line 2, column "),
        ("a: 1\na: 2", "'a' is in it twice"),
        ("a: 1\n---\nb: 2", "more than one document"), ("a: b: c", "line 1, column 5"),
        ("[a]: b", "a key is not a word"),
    ])
    func `a file that is not such a list is refused, and says where`(_ text: String, reason: String) throws {
        try withFile(text) { path in
            #expect { try read(["--config", path]) } throws: {
                "\($0)".contains("'\(path)'") && "\($0)".contains(reason)
            }
        }
    }

    @Test func `a file that is not there is refused by name`() {
        #expect { try read([], ["TESSERA_CONFIG": "/no/such.yaml"]) } throws: {
            "\($0)" == "cannot read the configuration file '/no/such.yaml': No such file or directory"
        }
    }

    @discardableResult
    private func withFile<Result>(_ text: String, _ body: (String) throws -> Result) throws -> Result {
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("settings-\(UUID()).yaml")
        try text.write(to: file, atomically: true, encoding: .utf8)
        defer { try? FileManager.default.removeItem(at: file) }
        return try body(file.path)
    }

    @Test func `help lists every setting with its default`() {
        #expect { try read(["--help"]) } throws: { error in
            table.allSatisfy { "\(error)".contains("--\($0.name)") } && "\(error)".contains("(default 16M)")
        }
    }
}
