import JobModel
import MasterMachine
import SeededFaults

// The blob store: its files, and the background work that changes them in order. `PresentBlobs` explains the order.

extension Simulation {
    /// A blob was put, and the master hears of it at once.
    func put(_ blob: BlobReference) {
        blobs.insert(blob.digest)
        master?.protectedPuts[blob.digest, default: 0] += 1
    }

    /// Stores a blob that a worker sent.
    func store(_ blob: BlobReference) {
        put(blob)
        master?.machine.stored(blob.digest, at: moment)
    }

    /// The master decided to remove the blob; its file goes a while later.
    func removalDecided(_ digest: BlobDigest, at master: SimulatedMaster) {
        observer.deleting(digest, report: violate)
        if master.machine.isPinned(digest) {
            violate(.blobs, "blob \(digest) is deleted, though somebody was just told that it is stored")
        }
        arrange(.remove(digest), at: master)
    }

    func arrange(_ work: StoreWork, at master: SimulatedMaster) {
        master.storeWork.append(work)
        // Its chance is its own, so that the seed draws the same for everything else.
        timeline.arrange(
            .storeWorks(run: master.run), after: storeRandom.draw(.microseconds(100)...Self.longestStoreWork))
    }

    private static var longestStoreWork: Duration { .seconds(2) }

    /// The next piece of work is carried out, whichever it is.
    func carryOutStoreWork(run: Int) {
        guard let master, master.run == run, let work = master.storeWork.first else { return }
        master.storeWork.removeFirst()
        switch work {
        case .remove(let digest):
            let isProtected = seeded(.removalIgnoresPut, false, else: master.protectedPuts[digest] != nil)
            if isProtected { return }
            blobs.remove(digest)
            if master.machine.isStored(digest) {
                violate(.blobs, "blob \(digest) is deleted, though it was put again since the master decided that")
            }
        case .confirmPut(let digest):
            let count = master.protectedPuts[digest, default: 0]
            master.protectedPuts[digest] = count > 1 ? count - 1 : nil
        }
    }
}

/// What background work does to the store's files.
enum StoreWork {
    case remove(BlobDigest)
    case confirmPut(BlobDigest)
}
