import Foundation
import Logging
import Settings
import Testing
import Transport

@testable import MasterDaemon

@Suite struct SecretFileTests {
    /// Runs `body` with an empty home directory.
    private func withHome(_ body: (String) throws -> Void) throws {
        let home = FileManager.default.temporaryDirectory.path + "/home-\(UUID())"
        try FileManager.default.createDirectory(atPath: home, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: home) }
        try body(home)
    }

    /// What a master with this home directory finds, whatever this machine has below /etc.
    private func file(_ arguments: [String] = [], home: String) throws -> SecretFile {
        let settings = try Settings(
            program: "tessera-master", version: "0", summary: "", settings: MasterSettings.table,
            arguments: arguments, environment: ["HOME": home])
        return SecretFile(settings) { $0.hasPrefix(home) && FileManager.default.fileExists(atPath: $0) }
    }

    private func secret(_ file: SecretFile, state: String) throws -> SharedSecret {
        try file.secrets(stateDirectory: state, Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }).newest
    }

    @Test func `the first start makes a secret, and later ones find it`() throws {
        try withHome { home in
            let path = home + "/.config/tessera/secret"
            let first = try file(home: home)
            #expect(first == .toBeMade(path))
            let made = try secret(first, state: home + "/state")
            let second = try file(home: home)
            #expect(second == .existing(path))
            #expect(try secret(second, state: home + "/state") == made)
        }
    }

    @Test func `a master that has a state gets no new secret`() throws {
        try withHome { home in
            let state = home + "/state"
            try FileManager.default.createDirectory(atPath: state, withIntermediateDirectories: true)
            try Data().write(to: URL(filePath: state + "/journal.sqlite"))
            let error = #expect(throws: TransportError.self) { try secret(file(home: home), state: state) }
            #expect(error?.message.contains("copy it back") == true)
            // The command works as it is, where the directory is missing.
            let command = try #require(error?.message.split(separator: "run: ").last)
            #expect(command.hasPrefix("(umask 077; mkdir -p "), "\(command)")
            let shell = Process()
            shell.executableURL = URL(fileURLWithPath: "/bin/sh")
            shell.arguments = ["-c", String(command)]
            try shell.run()
            shell.waitUntilExit()
            #expect(shell.terminationStatus == 0)
            _ = try SharedSecret(file: home + "/.config/tessera/secret")
            try FileManager.default.removeItem(atPath: home + "/.config/tessera/secret")
            #expect(!FileManager.default.fileExists(atPath: home + "/.config/tessera/secret"))
        }
    }

    @Test func `a file that was named is not made`() throws {
        try withHome { home in
            let named = try file(["--secret-file", home + "/named"], home: home)
            let error = #expect(throws: TransportError.self) { try secret(named, state: home + "/state") }
            #expect(error?.message.contains("\(home)/named cannot be opened: No such file or directory") == true)
            #expect(!FileManager.default.fileExists(atPath: home + "/named"))
        }
    }

    @Test func `where no file can be made, that is said`() throws {
        let nowhere = try file(home: "/proc/nowhere")
        let error = #expect(throws: TransportError.self) { try secret(nowhere, state: "/proc/nowhere/state") }
        #expect(error?.message.contains("no secret can be made in /proc/nowhere/.config/tessera/secret") == true)
        #expect(error?.message.contains("--secret-file") == true)
    }
}
