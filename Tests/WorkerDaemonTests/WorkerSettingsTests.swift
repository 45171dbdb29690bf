import Foundation
import Settings
import Testing

@testable import WorkerDaemon

@Suite struct WorkerSettingsTests {
    private func settings(_ arguments: [String]) throws -> Settings {
        try Settings(
            program: "tessera-worker", version: "0", summary: "", settings: WorkerSettings.table,
            arguments: arguments, environment: [:])
    }

    @Test func `a program that cannot be run is named with its setting and its package`() throws {
        let settings = try settings(["--mpirun", "/nonexistent"])
        let error = #expect(throws: SettingsError.self) { try WorkerSettings(settings).checkPrograms(settings) }
        #expect(
            error?.description
                == "--mpirun: /nonexistent cannot be run: No such file or directory; install Open MPI: apt install openmpi-bin"
        )
        let rank = try self.settings(["--mpirun", "/bin/true", "--rank-program", "/dev/null"])
        #expect(throws: SettingsError.self) { try WorkerSettings(rank).checkPrograms(rank) }
        let right = try self.settings(["--mpirun", "/bin/true", "--rank-program", "/bin/true"])
        try WorkerSettings(right).checkPrograms(right)
    }

    @Test func `the sample of the settings file names settings with what is built in`() throws {
        let sample = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../systemd/worker.yaml")
        let lines = try String(contentsOf: sample, encoding: .utf8).split(separator: "\n")
        #expect(lines.allSatisfy { $0.hasPrefix("#") })
        let values = lines.compactMap { $0.wholeMatch(of: /# ([a-z-]+): (.+)/) }
        #expect(values.count > 5)
        for value in values {
            let setting = try #require(WorkerSettings.table.first { $0.name == value.1 }, "\(value.1)")
            #expect((setting.defaultValue ?? "<\(setting.placeholder)>") == value.2)
        }
    }
}
