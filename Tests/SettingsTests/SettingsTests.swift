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

    func read(_ arguments: [String], _ environment: [String: String] = [:]) async throws -> Settings {
        try await Settings(
            program: "tessera-x", version: "1", summary: "Does x.", settings: table, arguments: arguments,
            environment: environment)
    }

    @Test func `a flag wins over the environment, that over the file, that over the default`() async throws {
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("settings-\(UUID()).yaml")
        try "state-dir: /from/file\nchunk-bytes: 4096\nlisten: file:1\n".write(
            to: file, atomically: true, encoding: .utf8)
        defer { try? FileManager.default.removeItem(at: file) }
        let settings = try await read(
            ["--listen", "flag:1", "--config", file.path],
            ["TESSERA_LISTEN": "environment:1", "TESSERA_STATE_DIR": "/from/environment"])
        #expect(settings.text("listen") == "flag:1")
        #expect(settings.text("state-dir") == "/from/environment")
        #expect(try settings.integer("chunk-bytes", in: 1...Int.max) == 4096)
        #expect(settings.effective.first { $0.name == "chunk-bytes" }?.origin == .file)
        #expect(try await read([]).integer("chunk-bytes", in: 1...Int.max) == 16 << 20)
    }

    @Test func `an unknown flag is refused with the nearest right one`() async {
        await #expect {
            try await read(["--stat-dir", "x"])
        } throws: { "\($0)".contains("did you mean --state-dir?") }
    }

    @Test func `a missing value, a stray word and a missing setting are refused by name`() async throws {
        await #expect { try await read(["--listen"]) } throws: { "\($0)".contains("--listen needs a value") }
        await #expect { try await read(["stray"]) } throws: { "\($0)".contains("'stray' is no flag") }
        let settings = try await read([])
        #expect { try settings.requiredText("state-dir") } throws: { "\($0)".contains("TESSERA_STATE_DIR") }
    }

    @Test func `a value out of range names the value, the limit and where it came from`() async throws {
        let settings = try await read(["--chunk-bytes=0"], ["TESSERA_LISTEN": "12x"])
        #expect { try settings.integer("chunk-bytes", in: 1...10) } throws: {
            "\($0)" == "--chunk-bytes '0' (flag): must be a whole number from 1 to 10"
        }
        #expect { try settings.duration("listen", in: .zero ... .seconds(5)) } throws: {
            "\($0)".contains("'12x' (environment)")
        }
    }

    @Test func `a switch is on by its flag alone`() async throws {
        #expect(try await read(["--quiet"]).isOn("quiet"))
        #expect(try await !read([]).isOn("quiet"))
        #expect(try await read([], ["TESSERA_QUIET": "true"]).isOn("quiet"))
    }

    @Test func `help lists every setting with its default`() async {
        await #expect { try await read(["--help"]) } throws: { error in
            table.allSatisfy { "\(error)".contains("--\($0.name)") } && "\(error)".contains("(default 16M)")
        }
    }
}
