import Foundation
import Glibc
import JobModel
import Logging
import ClientKit
import MasterClient
import Protocol
import TestBasics
import TestSupport
import Testing
import Transport

private let mayMount = getuid() == 0

/// A disk that fills up under a running master: a small file system in memory.
@Suite(.enabled(if: mayMount, "mounting a small file system needs root"), .timeLimit(.minutes(5)))
struct FullDiskTests {
    @Test func `a full disk refuses uploads, keeps the master and its jobs alive, and is well again with space`()
        async throws
    {
        try await withTemporaryDirectory { folder in
            let place = try MasterProcess.Place(folder: folder)
            try FileManager.default.createDirectory(atPath: place.state, withIntermediateDirectories: true)
            guard mount("tmpfs", place.state, "tmpfs", 0, "size=64m,mode=0700") == 0 else {
                throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EPERM)
            }
            defer { umount2(place.state, Int32(MNT_DETACH)) }
            let master = try await MasterProcess.start(at: place, nil, ["--min-free-bytes", "16M"])
            do {
                try await fillAndFree(place, master)
            } catch {
                await master.kill()
                throw ClientWorkload.Broken(description: "\(error)\n\(place.logTail)")
            }
            #expect(try await master.stop() == .exited(0))
        }
    }

    private func fillAndFree(_ place: MasterProcess.Place, _ master: MasterProcess) async throws {
        let quiet = Logger(label: "full") { _ in SwiftLogNoOpLogHandler() }
        let blobs = BlobTransfer(Dialer(to: master.endpoint, as: .client, secret: place.secret, logger: quiet))
        defer { blobs.close() }
        let filler = "\(place.state)/filler"
        let large = [UInt8](repeating: 7, count: 24 << 20)

        // Announced too large: refused before a byte is sent.
        let announced = await #expect(throws: MasterRefusal.self) {
            try await blobs.put(bytes: [UInt8](repeating: 1, count: 60 << 20))
        }
        #expect(announced?.code == .noSpace && announced?.retryAfter != nil)

        // Somebody else takes the space while the upload is under way.
        let path = "\(place.folder)/large"
        try Data(large).write(to: URL(fileURLWithPath: path))
        let refusal = await #expect(throws: MasterRefusal.self) {
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { _ = try await blobs.put(fileAt: path) }
                group.addTask {
                    try await eventually("the upload is under way", every: .milliseconds(1)) {
                        let incoming = try FileManager.default.contentsOfDirectory(
                            atPath: "\(place.state)/blobs/incoming")
                        return !incoming.isEmpty
                    }
                    try fill(filler, leaving: 1 << 20)
                }
                try await group.waitForAll()
            }
        }
        #expect(
            refusal.map { $0.code == .noSpace } == true, "\(String(describing: refusal))")
        #expect(refusal?.message.contains("free") == true)
        #expect(master.process.isRunning)
        try await eventually("the uploads that were rejected are removed") {
            try FileManager.default.contentsOfDirectory(atPath: "\(place.state)/blobs/incoming").isEmpty
        }

        try fill(filler, leaving: 1 << 20)
        // With a megabyte free nothing new is taken, and the journal still is written.
        let small = await #expect(throws: MasterRefusal.self) { try await blobs.put(bytes: [1, 2, 3]) }
        #expect(small?.code == .noSpace)
        try await MasterConnection.withConnection(
            Dialer(to: master.endpoint, as: .client, secret: place.secret, logger: quiet)
        ) {
            connection in
            let opened = try await connection.openJob(JobRequest(pipeline: "invert", submitter: "full"))
            try await connection.cancel(opened.job)
            #expect(try await connection.job(opened.job).state == .cancelled)
        }

        // Space is back: everything works.
        unlink(filler)
        let stored = try await blobs.put(fileAt: path)
        #expect(stored.byteCount == UInt64(large.count))
        let workload = ClientWorkload(
            secret: place.secret, computer: TaskComputer(folder: place.folder, images: ClientWorkload.images))
        try await workload.run(at: master.endpoint)
    }

    /// Lengthens the file at `path` until little more than `byteCount` bytes are free.
    private func fill(_ path: String, leaving byteCount: UInt64) throws {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw POSIXError(.EIO) }
        defer { close(descriptor) }
        var end = lseek(descriptor, 0, SEEK_END)
        let step: off_t = 256 << 10
        while true {
            var status = statvfs()
            guard fstatvfs(descriptor, &status) == 0 else { throw POSIXError(.EIO) }
            guard UInt64(status.f_bavail) * UInt64(status.f_frsize) > byteCount + UInt64(step) else { return }
            // Another writer may have been faster: then there is less to fill.
            if posix_fallocate(descriptor, end, step) == 0 { end += step }
        }
    }
}
