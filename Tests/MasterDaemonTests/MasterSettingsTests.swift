import Foundation
import JobModel
import Settings
import Testing

@testable import MasterDaemon

@Suite struct MasterSettingsTests {
    private func read(_ arguments: String...) throws -> MasterSettings {
        try MasterSettings(
            try Settings(
                program: "tessera-master", version: "0", summary: "", settings: MasterSettings.table,
                arguments: arguments, environment: [:]))
    }

    @Test func `jobs of many images are cut less, as far as a worker's memory allows`() throws {
        let usual = try read()
        #expect(usual.chunkByteCount(imageCount: 0) == 16 << 20)
        #expect(usual.chunkByteCount(imageCount: 31) == 16 << 20)
        #expect(usual.chunkByteCount(imageCount: 32) == 64 << 20)
        #expect(try read("--chunk-bytes", "1M").chunkByteCount(imageCount: 1_000) == 4 << 20)
        #expect(try read("--chunk-bytes", "24M").chunkByteCount(imageCount: 1_000) == 64 << 20)
        #expect(try read("--chunk-bytes", "128M").chunkByteCount(imageCount: 1_000) == 128 << 20)
    }

    @Test func `each limit is what its flag says`() throws {
        let limits: [(flag: String, value: @Sendable (MasterSettings) -> Int)] = [
            ("max-jobs", { $0.scheduler.maximumOpenJobs }),
            ("max-jobs-per-submitter", { $0.scheduler.maximumOpenJobsPerSubmitter }),
            ("max-kept-jobs", { $0.scheduler.maximumJobs }), ("max-kept-images", { $0.scheduler.maximumImages }),
            ("max-images-per-job", { $0.scheduler.maximumImagesPerJob }),
            ("max-tasks", { $0.scheduler.maximumTasksReady }),
            ("max-tasks-per-image", { $0.scheduler.maximumTasksPerImage }),
            ("max-unsealed-jobs-per-connection", { $0.maximumUnsealedJobsPerConnection }),
            ("max-queued-bytes", { Int($0.maximumQueuedByteCount) }),
            ("max-dead-letters", { $0.scheduler.maximumDeadLetters }),
            ("max-worker-losses", { Int($0.scheduler.maximumWorkerLosses) }),
            ("max-workers", { $0.scheduler.maximumWorkers }),
            ("max-slots-per-worker", { $0.scheduler.maximumSlotsPerWorker }),
            ("max-connections", { $0.transport.connections }),
            ("max-connections-per-address", { $0.transport.connectionsPerAddress }),
            ("max-unpacked-bytes", { Int($0.decoding.maximumUnpackedByteCount) }),
            ("max-interlaced-bytes", { Int($0.decoding.maximumInterlacedByteCount) }),
            ("max-metadata-bytes", { Int($0.jobDefaults.maximumMetadataByteCount) }),
            ("interactive-pixels", { Int($0.scheduler.interactivePixels) }),
        ]
        for limit in limits {
            let (changed, usual) = (try read("--\(limit.flag)", "77"), try read())
            #expect(limit.value(changed) == 77, "\(limit.flag)")
            #expect(limit.value(usual) != 77)
            let error = #expect(throws: SettingsError.self) { try read("--\(limit.flag)", "many") }
            #expect(error?.description.contains("--\(limit.flag) 'many': must be a whole number from") == true)
        }
        let impatient = try read("--progress-timeout", "5s")
        #expect(impatient.scheduler.progressTimeout == .seconds(5))
    }

    @Test func `no more metadata may be carried over than a report may have`() throws {
        #expect(try read("--max-metadata-bytes", "20M").jobDefaults.maximumMetadataByteCount == 20 << 20)
        #expect(3 * JobOptions.largestMetadataByteCount < ReportExaminer.largestMetadata)
        for value in ["21M", "1G"] {
            let error = #expect(throws: SettingsError.self) { try read("--max-metadata-bytes", value) }
            #expect(error?.description.contains("--max-metadata-bytes '\(value)': must be") == true)
        }
    }

    @Test(arguments: [
        ("/proc/none", "/proc/none cannot be used: "), ("/dev/null", "/dev/null cannot be used: Not a directory"),
        ("/nosuch/state", "/nosuch/state cannot be used: No such file or directory; make the directory above it"),
    ]) func `a state directory that cannot be used is a mistake in the settings`(path: String, words: String) throws {
        let settings = try Settings(
            program: "tessera-master", version: "0", summary: "", settings: MasterSettings.table,
            arguments: ["--state-dir", path], environment: [:])
        let error = #expect(throws: SettingsError.self) {
            try MasterSettings(settings).checkStateDirectory(settings)
        }
        #expect(error?.description.hasPrefix("--state-dir: \(words)") == true, "\(error?.description ?? "")")
    }

    @Test func `a state directory that is yet to be made is left to the journal`() throws {
        let path = FileManager.default.temporaryDirectory.path + "/state-\(UUID())"
        let settings = try Settings(
            program: "tessera-master", version: "0", summary: "", settings: MasterSettings.table,
            arguments: ["--state-dir", path], environment: [:])
        try MasterSettings(settings).checkStateDirectory(settings)
        #expect(!FileManager.default.fileExists(atPath: path))
    }

    @Test func `the settings fit together as they are`() throws {
        try read().scheduler.validate()
    }

    @Test func `the sample of the settings file names settings with what is built in`() throws {
        let sample = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../systemd/master.yaml")
        let lines = try String(contentsOf: sample, encoding: .utf8).split(separator: "\n")
        #expect(lines.allSatisfy { $0.hasPrefix("#") })
        let values = lines.compactMap { $0.wholeMatch(of: /# ([a-z-]+): (.+)/) }
        #expect(values.count > 5)
        for value in values {
            let setting = try #require(MasterSettings.table.first { $0.name == value.1 }, "\(value.1)")
            #expect(setting.defaultValue == String(value.2))
        }
    }

    @Test func `every setting is in the operator's manual, with its default`() throws {
        let manual = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../docs/operating.md")
        let text = try String(contentsOf: manual, encoding: .utf8)
        for setting in MasterSettings.table where setting.name != "log-level" {
            let row = text.split(separator: "\n").first { $0.hasPrefix("|") && $0.contains("`\(setting.name)`") }
            let line = try #require(row, "\(setting.name) is not in docs/operating.md")
            if let value = setting.defaultValue { #expect(line.contains("`\(value)`"), "\(line)") }
        }
    }
}
