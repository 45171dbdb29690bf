import BlobStore
import Foundation
import JobModel
import Journal
import TestBasics
import Testing

@testable import Backup

@Suite struct BackupTests {
    /// A state directory with one job of two images, of which one has its result.
    private struct State {
        let path: String
        let inputs: [BlobReference]
        let result: BlobReference
        /// Nothing needs it.
        let upload: BlobReference

        init(in folder: String) throws {
            path = folder + "/state"
            let journal = try Journal(directory: path)
            let blobs = try LocalBlobStore(path: path + "/blobs")
            inputs = [
                try blobs.put([UInt8](repeating: 1, count: 3_000_000), .durable), try blobs.put([2], .durable),
            ]
            result = try blobs.put([3, 3], .durable)
            upload = try blobs.put([4, 4, 4], .durable)
            _ = try blobs.put([5], .recomputable)
            let job = JobID(1)
            let geometry = ImageGeometry(width: 8, height: 8, channelCount: 1, bitsPerSample: 8)
            let images = inputs.enumerated().map { index, input in
                ImageDescription(
                    index: UInt32(index), name: "\(index).png", input: input, admission: .accepted(geometry))
            }
            let lease = LeaseID(task: TaskID(image: ImageID(job: job, index: 0), step: .whole), attempt: 1)
            try journal.append([
                .jobOpened(
                    JobDescription(
                        id: job, token: "token", submitter: "somebody", priority: 0, pipeline: "invert",
                        options: JobOptions(), submittedAt: 1)),
                .imagesAdded(job, images), .jobSealed(job, imageCount: 2),
                .attemptStarted(lease, worker: WorkerID(1)),
                .taskCompleted(lease, output: TaskOutput(payload: result)),
                .imageCompleted(ImageID(job: job, index: 0), result: result, fromCache: false),
            ])
            try journal.close()
        }

        func file(_ blob: BlobReference) -> String {
            "blobs/\(blob.digest.description.prefix(2))/\(blob.digest.description.dropFirst(2))"
        }

        func backUp(to directory: String) throws -> BackupManifest {
            let journal = try Journal(directory: path)
            defer { try? journal.close() }
            return try BackupWriter(directory: directory, release: "test").write(blobs: path + "/blobs") {
                _ = try journal.copy(to: $0)
            }
        }
    }

    private func records(_ directory: String) throws -> (records: [Record], generation: Generation) {
        let journal = try Journal(directory: directory)
        defer { try? journal.close() }
        var records: [Record] = []
        try journal.replay { records.append($0) }
        return (records, journal.generation)
    }

    private func replace(_ path: String, _ change: (inout Data) -> Void) throws {
        var bytes = try Data(contentsOf: URL(fileURLWithPath: path))
        change(&bytes)
        // A file of its own: the backup may share the bytes with the state.
        try FileManager.default.removeItem(atPath: path)
        try bytes.write(to: URL(fileURLWithPath: path))
    }

    @Test func `what is restored has the records and the blobs that they need, and the next generation`() throws {
        try withTemporaryDirectory { folder in
            let state = try State(in: folder)
            let manifest = try state.backUp(to: folder + "/backup")
            #expect(Set(manifest.blobs).isSuperset(of: [state.inputs[1], state.result]))
            #expect(!manifest.blobs.contains(state.upload) && manifest.missing.isEmpty)
            let restored = folder + "/restored"
            let outcome = try BackupRestorer(backup: folder + "/backup", stateDirectory: restored, at: 77).restore()
            let (before, after) = (try records(state.path), try records(restored))
            #expect(before.records == after.records && !after.records.isEmpty)
            #expect(before.generation.number == 0 && after.generation == before.generation.restored(at: 77))
            #expect(outcome.generation == after.generation)
            let store = try LocalBlobStore(path: restored + "/blobs")
            for blob in manifest.blobs { #expect(try store.isDamaged(blob.digest) == false) }
            #expect(
                try Set(FileManager.default.contentsOfDirectory(atPath: restored)).isSuperset(of: [
                    "blobs", "journal.sqlite",
                ]))
            #expect(try !FileManager.default.contentsOfDirectory(atPath: restored).contains("restoring"))
        }
    }

    @Test func `a backup of a restored state is of its generation`() throws {
        try withTemporaryDirectory { folder in
            let state = try State(in: folder)
            _ = try state.backUp(to: folder + "/first")
            let second = folder + "/second"
            let restored = try BackupRestorer(backup: folder + "/first", stateDirectory: second).restore()
            let journal = try Journal(directory: second)
            let manifest = try BackupWriter(directory: folder + "/third", release: "test").write(
                blobs: second + "/blobs"
            ) { _ = try journal.copy(to: $0) }
            try journal.close()
            let third = try BackupRestorer(backup: folder + "/third", stateDirectory: folder + "/state-3").restore()
            #expect(manifest.generation == restored.generation)
            #expect(third.generation.number > restored.generation.number)
        }
    }

    @Test func `of two restores the later one is the later generation, also of an older backup`() throws {
        try withTemporaryDirectory { folder in
            let state = try State(in: folder)
            _ = try state.backUp(to: folder + "/older")
            let first = try BackupRestorer(backup: folder + "/older", stateDirectory: folder + "/1", at: 1_000)
                .restore()
            let journal = try Journal(directory: folder + "/1")
            _ = try BackupWriter(directory: folder + "/newer", release: "test").write(blobs: folder + "/1/blobs") {
                _ = try journal.copy(to: $0)
            }
            try journal.close()
            let second = try BackupRestorer(backup: folder + "/newer", stateDirectory: folder + "/2", at: 2_000)
                .restore()
            let third = try BackupRestorer(backup: folder + "/older", stateDirectory: folder + "/3", at: 3_000)
                .restore()
            let twin = try BackupRestorer(backup: folder + "/older", stateDirectory: folder + "/4", at: 3_001).restore()
            #expect([first, second, third, twin].map(\.generation.number) == [1_000, 2_000, 3_000, 3_001])
            #expect(Set([first, second, third, twin].map(\.generation.lineage)).count == 1)
        }
    }

    @Test func `a backup whose file is damaged or missing is refused by name, and nothing is restored`() throws {
        try withTemporaryDirectory { folder in
            let state = try State(in: folder)
            let manifest = try state.backUp(to: folder + "/backup")
            let victim = try #require(manifest.blobs.first)
            let hex = victim.digest.description
            for name in ["journal.sqlite", "blobs/\(hex.prefix(2))/\(hex.dropFirst(2))"] {
                for isMissing in [false, true] {
                    let copy = folder + "/copy"
                    try? FileManager.default.removeItem(atPath: copy)
                    try FileManager.default.copyItem(atPath: folder + "/backup", toPath: copy)
                    if isMissing {
                        try FileManager.default.removeItem(atPath: "\(copy)/\(name)")
                    } else {
                        try replace("\(copy)/\(name)") { $0[$0.count / 2] ^= 1 }
                    }
                    let target = folder + "/target"
                    let error = #expect(throws: BackupError.self) {
                        try BackupRestorer(backup: copy, stateDirectory: target).restore()
                    }
                    #expect(error?.code == .damaged)
                    #expect(error?.description.contains(name) == true, "\(error?.description ?? "")")
                    #expect(!FileManager.default.fileExists(atPath: target))
                }
            }
        }
    }

    @Test func `a state directory with anything in it is refused, and stays as it is`() throws {
        try withTemporaryDirectory { folder in
            let state = try State(in: folder)
            _ = try state.backUp(to: folder + "/backup")
            let before = try FileManager.default.contentsOfDirectory(atPath: state.path).sorted()
            let error = #expect(throws: BackupError.self) {
                try BackupRestorer(backup: folder + "/backup", stateDirectory: state.path).restore()
            }
            #expect(error?.code == .notEmpty)
            #expect(try FileManager.default.contentsOfDirectory(atPath: state.path).sorted() == before)
        }
    }

    @Test func `a directory that is not a whole backup is refused`() throws {
        try withTemporaryDirectory { folder in
            try FileManager.default.createDirectory(atPath: folder + "/b.incomplete", withIntermediateDirectories: true)
            let error = #expect(throws: BackupError.self) {
                try BackupRestorer(backup: folder + "/b.incomplete", stateDirectory: folder + "/state").restore()
            }
            #expect(error?.code == .notBackup && error?.description.contains("interrupted") == true)
            #expect(!FileManager.default.fileExists(atPath: folder + "/state"))
        }
    }

    @Test func `a place that is taken is refused, and what an interrupted backup left gives way`() throws {
        try withTemporaryDirectory { folder in
            let state = try State(in: folder)
            let left = folder + "/backup.incomplete"
            try FileManager.default.createDirectory(atPath: left + "/blobs/ab", withIntermediateDirectories: true)
            try write([1], to: left + "/journal.sqlite")
            _ = try state.backUp(to: folder + "/backup/")
            #expect(!FileManager.default.fileExists(atPath: left))
            #expect(throws: BackupError.self) { try state.backUp(to: folder + "/backup") }
            try FileManager.default.createDirectory(
                atPath: folder + "/other.incomplete/mine", withIntermediateDirectories: true)
            #expect(throws: BackupError.self) { try state.backUp(to: folder + "/other") }
            #expect(FileManager.default.fileExists(atPath: folder + "/other.incomplete/mine"))
        }
    }

    @Test func `blobs that the master has lost are named, and do not keep the others from a backup`() throws {
        try withTemporaryDirectory { folder in
            let state = try State(in: folder)
            let (lost, damaged) = (
                state.path + "/" + state.file(state.inputs[1]), state.path + "/" + state.file(state.result)
            )
            try FileManager.default.removeItem(atPath: lost)
            try replace(damaged) { $0[0] ^= 1 }
            try FileManager.default.setAttributes([.posixPermissions: 0o400], ofItemAtPath: damaged)
            let manifest = try state.backUp(to: folder + "/backup")
            #expect(Set(manifest.missing) == [state.inputs[1].digest, state.result.digest])
            let outcome = try BackupRestorer(backup: folder + "/backup", stateDirectory: folder + "/r").restore()
            #expect(outcome.manifest == manifest)
        }
    }

    @Test func `a restore that was interrupted is made again`() throws {
        try withTemporaryDirectory { folder in
            let state = try State(in: folder)
            _ = try state.backUp(to: folder + "/backup")
            let target = folder + "/target"
            // As if it had ended between two of its last steps.
            try FileManager.default.createDirectory(atPath: target + "/restoring", withIntermediateDirectories: true)
            try FileManager.default.createDirectory(atPath: target + "/blobs/ab", withIntermediateDirectories: true)
            try write([1, 2, 3], to: target + "/acknowledged")
            try write([1], to: target + "/blobs/ab/c")
            _ = try BackupRestorer(backup: folder + "/backup", stateDirectory: target).restore()
            #expect(try records(target).records == records(state.path).records)
            #expect(!FileManager.default.fileExists(atPath: target + "/blobs/ab/c"))
        }
    }
}
