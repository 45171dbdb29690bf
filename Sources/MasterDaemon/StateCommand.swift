import Backup
import Glibc
import JobModel
import Journal
import Settings
import SystemCalls
import Transport

/// `tessera-master backup DIR` and `tessera-master restore DIR`: what is done with a state directory as a whole.
enum StateCommand: Hashable {
    case backup(String)
    case restore(String)

    static let summary = """
        'tessera-master backup DIR' writes a backup of the state directory to the new directory DIR, whether a master runs on it \
        or not. 'tessera-master restore DIR' fills an empty state directory from a backup. Of the flags, both use \
        --state-dir and --config.
        """

    /// The command of a command line, and its flags; `nil` when it runs the master.
    static func parse(_ arguments: [String]) throws(SettingsError) -> (command: StateCommand, flags: [String])? {
        guard let word = arguments.first, ["backup", "restore"].contains(word) else { return nil }
        guard let directory = arguments.dropFirst().first, !directory.isEmpty, !directory.hasPrefix("-") else {
            let isHelp = arguments.dropFirst().contains { $0 == "--help" || $0 == "-h" }
            let usage = "usage: tessera-master \(word) DIR [--state-dir DIR] [--config FILE]"
            if isHelp { throw .helpRequested("\(summary)\n\n\(usage)") }
            throw .usage("\(word) needs a directory; \(usage)")
        }
        return (word == "backup" ? .backup(directory) : .restore(directory), Array(arguments.dropFirst(2)))
    }

    /// Runs the command.
    /// - Returns: what it says at its end, and what a person has to know besides.
    func run(stateDirectory state: String) throws -> (said: String, warning: String?) {
        switch self {
        case .backup(let directory): return try Self.backUp(state, to: directory)
        case .restore(let directory):
            let outcome = try BackupRestorer(backup: directory, stateDirectory: state).restore()
            let said =
                "restored \(directory) to \(state): \(Self.contents(outcome.manifest)), generation "
                + "\(outcome.generation.number); start tessera-master on it now, and not the former one"
            return (said, Self.warning(outcome.manifest))
        }
    }

    // MARK: Backup

    private static func backUp(_ state: String, to directory: String) throws -> (String, String?) {
        guard access(StatePlaces.journal(state), F_OK) == 0 else {
            let error = SystemError.last
            throw SettingsError.usage(
                "the state directory \(state) has no journal that can be read: \(error); name the master's with --state-dir"
                    + (error.code == EACCES ? ", and run this as root or as the master's user" : ""))
        }
        if access(StatePlaces.restoring(state), F_OK) == 0 { throw InterruptedRestore(directory: state) }
        let writer = try BackupWriter(directory: directory, release: Release.version)
        let manifest: BackupManifest
        if let frozen = try FrozenByMaster(of: state) {
            manifest = try writer.write(blobs: StatePlaces.blobs(frozen.path)) { path in
                try frozen.copyJournal(to: path)
            }
            withExtendedLifetime(frozen) {}
        } else {
            manifest = try backUpIdle(state, writer)
        }
        let said =
            "backup of \(state) in \(writer.directory): \(contents(manifest)), sequence \(manifest.sequence), "
            + "generation \(manifest.generation.number)"
        return (said, warning(manifest))
    }

    /// Backs up a state directory on which no master runs, and keeps one from starting during the backup.
    private static func backUpIdle(_ state: String, _ writer: BackupWriter) throws -> BackupManifest {
        let journal: Journal
        do {
            journal = try Journal(directory: state)
        } catch .inUse(_, let process) {
            throw BusyMaster(directory: state, process: process)
        }
        defer { try? journal.close() }
        keepOwner(of: state)
        return try writer.write(blobs: StatePlaces.blobs(state)) { path in _ = try journal.copy(to: path) }
    }

    /// What root has made in the directory while it opened the journal belongs to the master's user.
    private static func keepOwner(of state: String) {
        var owner = stat()
        guard geteuid() == 0, stat(state, &owner) == 0, owner.st_uid != 0 else { return }
        for name in ["lock", "acknowledged", "journal.sqlite", "journal.sqlite-wal"] {
            lchown("\(state)/\(name)", owner.st_uid, owner.st_gid)
        }
    }

    // MARK: Words

    private static func contents(_ manifest: BackupManifest) -> String {
        "\(manifest.recordCount) records, \(manifest.blobs.count) blobs of \(manifest.blobByteCount) bytes"
    }

    private static func warning(_ manifest: BackupManifest) -> String? {
        guard let first = manifest.missing.first else { return nil }
        return
            "\(manifest.missing.count) blobs that jobs need were lost or damaged before the backup, such as \(first): "
            + "images that need them cannot be computed or fetched; the master's log names them"
    }
}

/// The frozen state that a running master keeps while this value lives.
private final class FrozenByMaster {
    let path: String
    private let connection: OwnedDescriptor

    /// Asks the master that runs on the state directory to freeze it, and waits for that.
    /// - Returns: `nil` when no master answers.
    init?(of state: String) throws {
        guard let address = UnixSocketAddress(path: StatePlaces.socket(state)),
            let socket = OwnedDescriptor(
                result: socket(AF_UNIX, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)),
            address.withAddress({ connect(socket.number, $0, $1) }) == 0
        else { return nil }
        var answer: [UInt8] = []
        while answer.last != UInt8(ascii: "\n"), let bytes = socket.read(upTo: 4096), !bytes.isEmpty { answer += bytes }
        let text = String(decoding: answer.dropLast(), as: UTF8.self)
        guard text == "ready" else {
            throw FreezingFailed(reason: text.hasPrefix("failed ") ? String(text.dropFirst(7)) : "it ended")
        }
        path = StatePlaces.frozen(state)
        connection = socket
    }

    func copyJournal(to path: String) throws {
        try BackupWriter.copyFile(StatePlaces.journal(self.path), to: path)
    }
}

/// The running master could not freeze its state.
private struct FreezingFailed: Error, CustomStringConvertible {
    let reason: String
    var description: String { "the running master could not freeze its state: \(reason); no backup was made" }
}

/// A master runs on the state directory, and takes no backups.
private struct BusyMaster: Error, CustomStringConvertible {
    let directory: String
    let process: Int32?

    var description: String {
        "a master \(process.map { "(process \($0)) " } ?? "")has the state directory \(directory), and answers no request for a "
            + "backup: it starts or stops, or is of an earlier release; try again in a moment, or stop it first"
    }
}
