import Foundation
import Testing

@testable import Client

/// docs/cli.md names every command and every option.
@Suite struct ManualTests {
    private static func manual() throws -> String {
        try String(
            contentsOf: URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../docs/cli.md"),
            encoding: .utf8)
    }

    @Test func `every command is in the manual`() throws {
        let manual = try Self.manual()
        let commands = try CommandTree.commands().filter { ($0.command.subcommands ?? []).isEmpty || $0.path.count > 1 }
        #expect(commands.count > 15)
        for (path, _) in commands {
            let text = path.joined(separator: " ")
            #expect(manual.contains("`\(text)`") || manual.contains("`\(text) "), "\(text)")
        }
        #expect(manual.contains("`dead-letters`"))
    }

    @Test func `every option of every command is in the manual`() throws {
        let manual = try Self.manual()
        var names: Set<String> = []
        for (_, command) in try CommandTree.commands() {
            for argument in command.arguments ?? [] where argument.kind != "positional" {
                names.formUnion((argument.names ?? []).filter { $0.kind == "long" }.map(\.name))
            }
        }
        names.subtract(["help", "version"])
        #expect(names.count > 15)
        for name in names { #expect(manual.contains("--\(name)"), "--\(name)") }
    }

    @Test func `every setting has a row with its variable and what is built in`() throws {
        let manual = try Self.manual()
        let settings = CommonOption.all.map(\.setting) + JobOption.all.map(\.setting)
        for setting in settings {
            let rows = manual.split(separator: "\n").filter {
                $0.hasPrefix("| `--\(setting.name) ") || $0.hasPrefix("| `--\(setting.name)`")
            }
            let row = try #require(rows.first, "\(setting.name) is not in docs/cli.md")
            let variable = "TESSERA_" + setting.name.uppercased().replacing("-", with: "_")
            #expect(row.contains("`\(variable)`"), "\(row)")
            if let value = setting.defaultValue { #expect(row.contains("`\(value)`"), "\(row)") }
        }
    }

    @Test func `a setting is read from the flag that has its name`() throws {
        let run = try #require(
            try Tessera.parseAsRoot([
                "run", "invert", "a.png", "--master", "m:1", "--secret-file", "s", "--config", "c",
                "--reconnect-timeout", "1s", "--silence-timeout", "2s", "--progress", "plain", "--presets", "p",
                "--priority", "7", "--no-cache", "--max-pixels", "3", "--chunk-bytes", "4K", "--attempts", "5",
                "--submitter", "ada", "--audit", "1", "--tls", "on", "--format", "tiff", "--quality", "80",
                "--subsampling", "4:4:4",
                "--progressive", "--lossless", "--compression", "none", "--pyramid", "--strip", "--strip-gps", "--page",
                "2",
                "--level", "1", "--lenient", "--as-stored",
            ]) as? Run)
        let given = Dictionary(
            uniqueKeysWithValues: (run.common.flags + run.jobOptions.flags).map { ($0.name, $0.value) })
        #expect(
            given == [
                "master": "m:1", "secret-file": "s", "config": "c", "reconnect-timeout": "1s", "silence-timeout": "2s",
                "progress": "plain", "presets": "p", "priority": "7", "no-cache": "true", "max-pixels": "3",
                "chunk-bytes": "4K", "attempts": "5", "submitter": "ada", "audit": "1", "tls": "on", "format": "tiff",
                "quality": "80",
                "subsampling": "4:4:4", "progressive": "true", "lossless": "true", "compression": "none",
                "pyramid": "true",
                "strip": "true", "strip-gps": "true", "page": "2", "level": "1", "lenient": "true", "as-stored": "true",
            ])
    }
}
