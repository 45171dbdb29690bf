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
        #expect { try read(["--state-dir="]) } throws: { "\($0)".contains("--state-dir needs a value") }
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
            "\($0)" == "--chunk-bytes '0': must be a whole number from 1 to 10"
        }
        #expect { try settings.duration("listen", in: .zero ... .seconds(5)) } throws: {
            "\($0)".hasPrefix("TESSERA_LISTEN '12x': must be a length of time")
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
        ("state-dir: '~'\nquiet: 1", "~"),
        ("listen: &place 127.0.0.1:7400\nstate-dir: *place\nquiet: True", "127.0.0.1:7400"),
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
        ("- a\n- b", "not a list of keys"), ("listen", "not a list of keys"), ("listen: [", "line 2, column "),
        ("listen: 1\n\nlisten: 2", "line 3: the key 'listen' is in it twice, first in line 1"),
        ("listen: 1\n---\nquiet: 1", "more than one document"), ("a: b: c", "line 1, column 5"),
        ("[a]: b", "line 1: a key is not a word"),
    ])
    func `a file that is not such a list is refused, and says where`(_ text: String, reason: String) throws {
        try withFile(text) { path in
            #expect { try read(["--config", path]) } throws: {
                "\($0)".contains("'\(path)'") && "\($0)".contains(reason)
            }
        }
    }

    @Test(arguments: ["", "\n\n", "# listen: 127.0.0.1:1\n", "---\n", "---\n# nothing\n...\n", "{}", "~"])
    func `a file without settings leaves everything as it is built in`(_ text: String) throws {
        let settings = try withFile(text) { try read(["--config", $0]) }
        #expect(settings.text("listen") == "127.0.0.1:7400")
        #expect(settings.changed.map(\.name) == ["config"])
    }

    @Test(arguments: [
        ("state_dir: /x", 1, "tessera-x has no setting 'state_dir'; did you mean 'state-dir'?"),
        ("quiet: on\n# remark\nStateDir: /x", 3, "did you mean 'state-dir'?"),
        ("\nchunk-byte: 1M", 2, "did you mean 'chunk-bytes'?"), ("lisen: a:1", 1, "did you mean 'listen'?"),
        ("chunk: 1M", 1, "did you mean 'chunk-bytes'?"),
        ("colour: blue", 1, "tessera-x has no setting 'colour'; tessera-x --help lists them"),
        ("config: other.yaml", 1, "no setting 'config'"),
        ("quiet: on\nlisten: [1, 2]", 2, "'listen' is a list, but takes one value; write listen: HOST:PORT"),
        ("listen: {host: a, port: 1}", 1, "'listen' has keys of its own"), ("listen:", 1, "'listen' has no value"),
        ("state-dir: ~", 1, "'~' means none in YAML"), ("state-dir: null", 1, "'null' means none in YAML"),
    ])
    func `a file with anything that is not a setting's value is refused by file, line and key`(
        _ text: String, line: Int, reason: String
    ) throws {
        try withFile(text) { path in
            #expect { try read(["--config", path]) } throws: {
                "\($0)".hasPrefix("\(path):\(line): ") && "\($0)".contains(reason)
            }
        }
    }

    @Test func `all mistakes of a file are told at once`() throws {
        try withFile("state_dir: /x\nlisten: a:1\nquite: on\n") { path in
            #expect { try read(["--config", path]) } throws: {
                "\($0)".split(separator: "\n").map { $0.prefix(path.count + 2).suffix(2) } == [":1", ":3"]
            }
        }
    }

    @Test func `a bad value is told with the place where it was written`() throws {
        try withFile("quiet: on\nchunk-bytes: 3 MBit\nlisten: 3 days\n") { path in
            let settings = try read(["--config", path])
            #expect { try settings.integer("chunk-bytes", in: 1...(1 << 40)) } throws: {
                "\($0)"
                    == "\(path):2: chunk-bytes '3 MBit': must be a whole number from 1 to 1T, with K, M, G or T behind it "
                    + "for multiples of 1024"
            }
            #expect { try settings.duration("listen", in: .zero ... .seconds(5)) } throws: {
                "\($0)".hasPrefix("\(path):3: listen '3 days': must be a length of time such as 500ms")
            }
        }
    }

    @Test(
        arguments: [
            ("16M", 16 << 20), ("16MB", 16 << 20), ("16MiB", 16 << 20), ("16m", 16 << 20), ("16 MiB", 16 << 20),
            ("2k", 2048), ("1T", 1 << 40), ("4096", 4096), ("-5", -5), ("B", nil), ("5B", nil), ("1.5M", nil),
            ("", nil),
            ("M", nil), ("16MBit", nil), ("0x10", nil), ("9999999999T", nil),
        ] as [(String, Int?)])
    func `numbers may have any of the usual units`(_ text: String, value: Int?) {
        #expect(Quantity.integer(text) == value)
    }

    @Test func `limits are told in the units in which they can be given`() throws {
        #expect(Quantity.allowed(134_217_728...(1 << 50)).hasPrefix("a whole number from 128M to 1024T, with K, M"))
        #expect(Quantity.allowed(1...1000) == "a whole number from 1 to 1000")
        #expect(
            Quantity.allowed(.zero ... .seconds(7 * 86400)) == "from 0s to 7d, such as 500ms, 30s, 10m, 24h or 7d")
        #expect(Quantity.allowed(.milliseconds(100) ... .seconds(5400)).hasPrefix("from 100ms to 90m,"))
        let settings = try read(["--listen", "5"])
        #expect { try settings.duration("listen", in: .zero ... .seconds(9)) } throws: {
            "\($0)".hasSuffix("; write 5s for seconds")
        }
    }

    @Test func `a path may begin with the home directory, wherever it is given`() throws {
        let home = ["HOME": "/home/ada"]
        #expect(try read(["--state-dir=~/x"], home).text("state-dir") == "/home/ada/x")
        #expect(try read(["--listen=~/x"], home).text("listen") == "~/x")
        let file = try withFile("state-dir: ~/state") { path in
            (try read(["--config", path], home), try read(["--config", path]))
        }
        #expect(file.0.text("state-dir") == "/home/ada/state")
        #expect(file.1.text("state-dir") == "~/state")
    }

    @Test func `a flag that is near to none of the names gets no suggestion`() {
        #expect { try read(["--nope"]) } throws: {
            "\($0)" == "tessera-x has no flag --nope; tessera-x --help lists them"
        }
        #expect { try read(["--state_dir=x"]) } throws: { "\($0)".contains("did you mean --state-dir?") }
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
