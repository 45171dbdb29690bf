import Backup
import BlobStore
import Glibc
import Journal
import SystemCalls

/// What the running master keeps for a backup: the journal up to one transaction, and links to all durable blobs.
///
/// The links are made while no blob is removed, and after the journal was copied: what its records need is among them. From
/// then on blobs may be removed, and the copy takes the time that it needs.
struct FrozenState: Sendable {
    let stateDirectory: String
    let journal: Journal
    let blobs: LocalBlobStore

    private var path: String { StatePlaces.frozen(stateDirectory) }

    /// Blocks; to be called while no blob is removed.
    /// - Returns: the sequence of the journal's copy, and the number of links.
    func take() throws -> (sequence: Int64, blobCount: Int) {
        removeTree(path)
        let links = StatePlaces.blobs(path)
        for directory in [path, links] {
            guard mkdir(directory, 0o700) == 0 else { throw SystemError.last }
        }
        let sequence = try journal.copy(to: StatePlaces.journal(path))
        return (sequence, try blobs.linkDurableBlobs(into: links))
    }

    /// Blocks. Has no effect where there is none.
    func remove() { removeTree(path) }
}
