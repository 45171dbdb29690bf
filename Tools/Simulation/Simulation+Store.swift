import JobModel
import MasterMachine
import Scheduler
import SeededFaults

// The blob store: its files, and the background work that changes them in order. `PresentBlobs` explains the order.

extension Simulation {
    /// A blob was put, and the master hears of it at once. A blob that is there already stays as it is, but may become durable.
    func put(_ blob: BlobReference, as content: ReportedContent? = nil, _ keeping: SimulatedFile.Keeping = .synced) {
        if files[blob.digest] == nil {
            files[blob.digest] = SimulatedFile(byteCount: blob.byteCount, content: content, keeping: keeping)
        } else if keeping == .synced {
            files[blob.digest]?.keeping = .synced
        }
        master?.protectedPuts[blob.digest, default: 0] += 1
    }

    /// Stores a blob that a worker sent.
    func store(
        _ blob: BlobReference, as content: ReportedContent? = nil, _ keeping: SimulatedFile.Keeping = .recomputable
    ) {
        put(blob, as: content, keeping)
        master?.machine.stored(blob.digest, at: moment)
    }

    /// Stores what a task gave back.
    ///
    /// - Parameter isHonest: a liar does not say that the file of a small image is to be kept.
    func store(_ output: TaskOutput, of spec: TaskSpec, isHonest: Bool = true) {
        let isWhole = spec.task.step == .whole
        if let payload = output.payload {
            store(payload, as: content(of: spec), isWhole ? (isHonest ? .synced : .neglected) : .recomputable)
        }
        if let summary = output.summary { store(summary) }
        if let metadata = output.metadata { store(metadata, as: .metadata(encoding: spec.coding.encoding)) }
    }

    /// What the shell's examiner finds: sizes, and whether the bytes are what they have to be. It makes results durable.
    func evidence(for report: WorkerReport, at master: SimulatedMaster) -> ReportEvidence {
        let content = master.machine.expectedContent(of: report)
        var evidence = ReportEvidence(byteCounts: [:], content: content)
        for blob in report.blobs { evidence.byteCounts[blob.digest] = files[blob.digest]?.byteCount }
        guard let content, case .finished(_, let output) = report else { return evidence }
        let examined = content.isOfMetadata ? output.metadata : output.payload
        guard let examined, let file = files[examined.digest] else { return evidence }
        if file.content != content {
            evidence.objection = "the bytes are \(file.content.map { "\($0)" } ?? "something else"), not \(content)"
        } else if case .segments = content, output.checksum != Self.segmentChecksum {
            evidence.objection = "the checksum is of other segments"
        }
        if case .file = content, evidence.objection == nil, !seeded(.resultLeftRecomputable) {
            files[examined.digest]?.keeping = .synced
        }
        return evidence
    }

    /// What the shell does with inputs before it adds images: nobody can compute these again.
    func makeDurable(_ inputs: [BlobDigest]) {
        guard !seeded(.inputLeftRecomputable) else { return }
        for digest in inputs { files[digest]?.keeping = .synced }
    }

    /// The power fails: files that were not synced may be gone. Of intermediates the caller takes some.
    func loseNeglectedFiles() {
        for digest in files.keys.sorted() where files[digest]?.keeping == .neglected {
            if storeRandom.happens(onceIn: 3) { files[digest] = nil }
        }
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
            files[digest] = nil
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

/// A file of the blob store.
struct SimulatedFile {
    enum Keeping {
        /// It survives a power cut.
        case synced
        /// It can be computed again.
        case recomputable
        /// Its sender said that it can be computed again, which nobody can: an input, or the result of a small image.
        case neglected
    }

    let byteCount: UInt64
    /// What its bytes are, where the master can see it.
    let content: ReportedContent?
    var keeping: Keeping
}
