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

    @Test(arguments: [
        (["--mpirun", "/tmp"], "--mpirun: /tmp is a directory"),
        (["--mpirun", "/bin/true", "--rank-program", "/tmp"], "--rank-program: /tmp is a directory"),
        (["--mpirun", "/dev/null"], "--mpirun: /dev/null is not a program"),
        (["--mpirun", "no-such-program"], "--mpirun: no-such-program is not in PATH"),
    ]) func `what is not a program is refused, also where a superuser may run everything`(
        arguments: [String], words: String
    ) throws {
        let settings = try settings(arguments)
        let error = #expect(throws: SettingsError.self) { try WorkerSettings(settings).checkPrograms(settings) }
        #expect(error?.description.hasPrefix(words) == true, "\(error?.description ?? "")")
    }

    @Test func `a program's name is looked for as a shell does`() throws {
        let settings = try settings(["--mpirun", "true", "--rank-program", "/bin/true"])
        let worker = try WorkerSettings(settings, path: "/nonexistent:/bin")
        #expect(worker.mpirun == "/bin/true")
        try worker.checkPrograms(settings)
    }

    @Test(arguments: [
        ("/nosuch", "--scratch-dir: /nosuch does not exist"),
        ("/dev/null", "--scratch-dir: /dev/null is not a directory"),
        ("/proc", "--scratch-dir: /proc cannot be written"),
    ]) func `a scratch directory that cannot be used is a mistake in the settings`(path: String, words: String) throws {
        let settings = try settings(["--scratch-dir", path])
        let error = #expect(throws: SettingsError.self) { try WorkerSettings(settings).checkScratch(settings) }
        #expect(error?.description.hasPrefix(words) == true, "\(error?.description ?? "")")
        #expect(error?.description.contains("/dev/shm") == true)
    }

    @Test func `a scratch directory that can be used is left as it was`() throws {
        let place = FileManager.default.temporaryDirectory.path + "/scratch-\(UUID())"
        try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: place) }
        let settings = try settings(["--scratch-dir", place])
        try WorkerSettings(settings).checkScratch(settings)
        #expect(try FileManager.default.contentsOfDirectory(atPath: place).isEmpty)
    }

    @Test func `worlds that do not come up are explained with the settings that decide it`() throws {
        let many = try WorkerSettings(try settings(["--slots", "64", "--ranks", "64"]), coreCount: 2)
        let error = WorldError.notStarted("ranks did not come up", outputTail: "tail")
        let words = "\(StartError.of(error, many, coreCount: 2))"
        #expect(words.contains("--slots 64 with --ranks 64 start 4096 processes on 2 cores"), "\(words)")
        let few = try WorkerSettings(try settings(["--slots", "2", "--ranks", "1"]), coreCount: 2)
        let same = StartError.of(error, few, coreCount: 2) as? WorldError
        #expect(same == error)
        let wrong = StartError.of(.notLauncher("/bin/false ended at once"), few, coreCount: 2)
        #expect((wrong as? SettingsError)?.description.hasPrefix("--mpirun: /bin/false ended at once") == true)
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
