import Glibc
import Names
import SystemCalls

/// A person's cluster on this machine: a master, a worker and the page, on loopback, with a secret of their own.
///
/// There is no supervisor: the daemons are on their own, each in a session of its own, and the record says which they are. What
/// has ended is started again by the next `up`.
package struct PrivateCluster: Sendable {
    package let places: ClusterPlaces
    let environment: [String: String]
    /// The directory of the programs.
    let programs: String

    /// - Throws: `PrivateClusterError` without a home.
    package init(
        environment: [String: String],
        programs: String = BytePath(text: ThisProcess.pathBesideExecutable("tessera")).directory.text
    ) throws(PrivateClusterError) {
        guard let places = ClusterPlaces(environment: environment) else {
            throw PrivateClusterError(
                .noHome,
                "neither HOME nor XDG_STATE_HOME names an absolute path, so the private cluster has no place for its state"
            )
        }
        self.places = places
        self.environment = environment
        self.programs = programs
    }

    func program(_ role: DaemonRole) -> String { "\(programs)/\(role.program)" }

    // MARK: The record

    /// What was started last; `nil` when the cluster is not meant to be up.
    func record() throws(PrivateClusterError) -> ClusterRecord? {
        guard Self.exists(places.record) else { return nil }
        guard let text = smallFile(at: places.record) else { throw .files(places.record, "cannot be read") }
        guard let record = ClusterRecord(parsing: Array(text.utf8)) else {
            throw PrivateClusterError(
                .files,
                "\(ClusterPlaces.shown(places.record)) is not a record that this release writes: end the daemons that use "
                    + "\(ClusterPlaces.shown(places.directory)), and remove the file")
        }
        return record
    }

    func write(_ record: ClusterRecord) throws(PrivateClusterError) {
        do throws(SystemError) {
            try replaceFile(at: places.record, with: Array(record.text.utf8), mode: 0o600)
        } catch {
            throw PrivateClusterError(.files, "\(ClusterPlaces.shown(places.record)) cannot be written: \(error)")
        }
    }

    /// The daemons of the record that run. A number that another process has by now is none of them.
    func running(_ record: ClusterRecord) -> [DaemonRole: ProcessHandle] {
        guard record.bootID == Machine.bootID else { return [:] }
        return record.processes.compactMapValues { ProcessHandle($0) }
    }

    // MARK: Files

    static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    /// Makes the directories, which only the person may enter.
    func makeDirectories() throws(PrivateClusterError) {
        // Those above are of everybody's making: the specification gives new ones the mode 0700.
        for path in [places.directory] + places.directories {
            do throws(DirectoryError) {
                try SystemCalls.makeDirectories(to: BytePath(text: path))
            } catch {
                throw .files(error.path.text, "cannot be made", error.reason)
            }
        }
        var status = stat()
        guard lstat(places.directory, &status) == 0 else { throw .files(places.directory, "cannot be examined") }
        guard status.st_mode & S_IFMT == S_IFDIR, status.st_uid == geteuid() else {
            throw PrivateClusterError(
                .files,
                "\(ClusterPlaces.shown(places.directory)) is not a directory of this user; XDG_STATE_HOME names another place"
            )
        }
        guard chmod(places.directory, 0o700) == 0 else { throw .files(places.directory, "cannot be closed to others") }
    }

    /// The text of a small file without the end of its line; `nil` when it is not there.
    func line(at path: String) -> String? {
        smallFile(at: path).map { String($0.prefix { $0 != "\n" }) }.flatMap { $0.isEmpty ? nil : $0 }
    }
}

extension PrivateCluster {
    /// What a client needs to find a cluster.
    package struct Access: Hashable, Sendable {
        /// `host:port` of the master.
        package let master: String
        package let secretFile: String
    }

    /// The private cluster that `tessera up` has started, and `tessera down` has not ended; whether it runs is not asked.
    package static func found(environment: [String: String]) -> Access? {
        guard let places = ClusterPlaces(environment: environment),
            let text = smallFile(at: places.record), let record = ClusterRecord(parsing: Array(text.utf8)),
            let master = record.addresses[.master]
        else { return nil }
        return Access(master: master, secretFile: places.secret)
    }
}
