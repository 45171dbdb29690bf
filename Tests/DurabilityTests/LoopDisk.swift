import Foundation
import Glibc
import TestSupport

/// An ext4 file system in a file, whose power can be cut.
final class LoopDisk: Sendable {
    /// On the machine's own disk: survives the cuts.
    let folder: String
    var mountPoint: String { "\(folder)/disk" }
    private var image: String { "\(folder)/image" }

    /// A command of the system failed.
    struct CommandFailed: Error {
        let command: String
        let end: ChildProcess.End
    }

    /// Makes and mounts one of 256 MiB.
    init() async throws {
        folder =
            FileManager.default.temporaryDirectory.appendingPathComponent("tessera-power-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: mountPoint, withIntermediateDirectories: true)
        guard FileManager.default.createFile(atPath: image, contents: nil), truncate(image, 256 << 20) == 0 else {
            throw CocoaError(.fileWriteUnknown)
        }
        try await run("/sbin/mkfs.ext4", "-q", "-F", image)
        try await mount()
    }

    func mount() async throws { try await run("/bin/mount", "-o", "loop", image, mountPoint) }

    /// What was not synced is lost, as if the machine had been unplugged; the writer is gone afterwards, the disk not mounted.
    func cutPower(under writer: ChildProcess) async throws {
        // Stopped first: the kernel dislikes a file system that is shut down in the middle of a write.
        writer.send(SIGSTOP)
        try await eventually("the writer is stopped", every: .milliseconds(1)) {
            writer.end != nil || ProcessTable.entry(writer.pid)?.state == "T"
        }
        let directory = open(mountPoint, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard directory >= 0 else { throw POSIXError(.EIO) }
        // FS_IOC_SHUTDOWN with EXT4_GOING_FLAGS_NOLOGFLUSH: not even the file system's own journal is written any more.
        var flags: UInt32 = 2
        let result = ioctl(directory, 0x8004_587d, &flags)
        close(directory)
        guard result == 0 else { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO) }
        writer.send(SIGKILL)
        try await writer.waitForEnd()
        try await run("/bin/umount", mountPoint)
    }

    /// Nothing of it is left, also when it is not mounted any more.
    func remove() {
        umount2(mountPoint, Int32(MNT_DETACH))
        try? FileManager.default.removeItem(atPath: folder)
    }

    private func run(_ command: String, _ arguments: String...) async throws {
        let process = try ChildProcess(
            name: command, executable: command, arguments: arguments,
            environment: ["PATH": "/usr/sbin:/usr/bin:/sbin:/bin"],
            output: "\(folder)/commands", errors: "\(folder)/commands")
        let end = try await process.waitForEnd()
        guard end == .exited(0) else {
            throw CommandFailed(command: ([command] + arguments).joined(separator: " "), end: end)
        }
    }
}
