import Backup
import Glibc

/// Looks whether the parts of a state directory belong together, before the master serves from it.
struct StateCheck {
    let directory: String

    /// To be called before anything is made in the directory.
    /// - Throws: when a restore has not come to its end.
    func demandWholeRestore() throws(InterruptedRestore) {
        guard access(StatePlaces.restoring(directory), F_OK) == 0 else { return }
        throw InterruptedRestore(directory: directory)
    }

    /// - Parameter recordCount: records in the journal. The store was made before the first of them.
    /// - Throws: when the journal has records and there is no store: they would name blobs that are nowhere.
    func demandBlobs(recordCount: Int) throws(MissingBlobs) {
        let path = directory + "/blobs"
        guard recordCount > 0, access(path, F_OK) != 0, errno == ENOENT else { return }
        throw MissingBlobs(path: path, recordCount: recordCount)
    }
}

/// A restore into the state directory was interrupted, or continues.
struct InterruptedRestore: Error, CustomStringConvertible {
    let directory: String

    var description: String {
        "a restore into the state directory \(directory) is not complete: let it end, or if it was interrupted run "
            + "'tessera-master restore' again"
    }
}

/// The store of a state directory is gone.
struct MissingBlobs: Error, CustomStringConvertible {
    let path: String
    let recordCount: Int

    var description: String {
        "the journal has \(recordCount) records, but there is no \(path), which holds the inputs and results that they name; "
            + "restore it from a backup together with the journal, or make an empty directory there to start without them: "
            + "jobs that need them fail"
    }
}
