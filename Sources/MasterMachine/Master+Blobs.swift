import JobModel
import Scheduler
import SeededFaults

// Blobs that were put, sought, lost or are of no use any more.

extension Master {
    // MARK: Puts

    /// A blob was put: by a worker, or by the master itself.
    public mutating func stored(_ digest: BlobDigest, for job: JobID? = nil, at now: Moment) {
        store.insert(digest)
        questioned.remove(digest)
        ownActions.append(.confirmPut(digest))
        pins.pin(digest, for: job, at: now.instant)
    }

    /// A client's upload arrived. Its bytes count to the budget of uploads until an image refers to the blob.
    public mutating func uploaded(_ blob: BlobReference, for job: JobID?, at now: Moment) {
        stored(blob.digest, for: job, at: now)
        if let job { unsealed.active(job, at: now.instant) }
        if !scheduler.isNeeded(blob.digest) { unclaimed.insert(blob) }
    }

    /// A client asked which of the blobs are in the store, and is about to refer to them.
    ///
    /// - Parameter job: the incomplete job that they are for; otherwise they are kept for this client only.
    public mutating func blobsSought(
        _ digests: [BlobDigest], for job: JobID?, by client: Client, at now: Moment
    ) -> [Bool] {
        if let job, unsealed.contains(job) {
            unsealed.active(job, at: now.instant)
            return digests.map { isPresentAndPinned($0, for: job, at: now) }
        }
        return digests.map { digest in
            let isPresent = store.contains(digest)
            if isPresent { sought.pin(digest, by: client, at: now.instant) }
            return isPresent
        }
    }

    /// Pins the blob if it is in the store, because somebody is about to refer to it.
    ///
    /// - Returns: whether it is in the store.
    mutating func isPresentAndPinned(_ digest: BlobDigest, for job: JobID? = nil, at now: Moment) -> Bool {
        let isPresent = store.contains(digest)
        if isPresent { pins.pin(digest, for: job, at: now.instant) }
        return isPresent
    }

    /// Whether the blob is in the store.
    public func isStored(_ digest: BlobDigest) -> Bool { store.contains(digest) }

    /// Whether somebody is about to refer to the blob.
    public func isPinned(_ digest: BlobDigest) -> Bool { pins.isPinned(digest) || sought.isPinned(digest) }

    // MARK: Room

    /// The shell looked how many bytes tasks may store; see `Scheduler.storageMeasured`.
    public mutating func storageMeasured(_ byteCount: UInt64, at now: Moment) {
        decide { $0.storageMeasured(byteCount, at: now, into: &$1) }
    }

    // MARK: Assembly

    /// The image's output file was built and put.
    ///
    /// - Parameter run: what the order to build it named; `nil` when it may be of any run of the image.
    public mutating func assembled(
        _ image: ImageID, result: BlobReference, run: AttemptNumber? = nil, at now: Moment
    ) {
        stored(result.digest, at: now)
        decide { $0.imageAssembled(image, result: result, run: run, at: now, into: &$1) }
    }

    /// The image's output file could not be built, although all its segments are there.
    public mutating func assemblyFailed(_ image: ImageID, reason: String, at now: Moment) {
        decide { $0.assemblyFailed(image, reason: reason, at: now, into: &$1) }
    }

    /// A segment of the image was gone when its output file was built.
    ///
    /// - Parameter run: what the order to build it named. When the image has started over since, the segment went for that reason.
    public mutating func segmentMissing(
        _ digest: BlobDigest?, of image: ImageID, run: AttemptNumber? = nil, at now: Moment
    ) {
        if let digest { store.remove(digest) }
        if let run, run != scheduler.run(of: image) { return }
        decide { $0.blobsLost(of: image, at: now, into: &$1) }
    }

    // MARK: Loss

    /// A reader found no file of the blob. It may have been put again since: the shell is to look once more, and to tell by
    /// `blobLookedFor` what it saw.
    ///
    /// - Returns: whether the master believes to have the blob. If not, nothing has to be looked for.
    public mutating func blobQuestioned(_ digest: BlobDigest) -> Bool {
        guard store.contains(digest) else { return false }
        questioned.insert(digest)
        return true
    }

    /// The shell has looked for a questioned blob. One that is gone and can be computed again starts its images over. A put that
    /// was reported since the question has answered it.
    ///
    /// - Returns: the images that start over.
    public mutating func blobLookedFor(_ digest: BlobDigest, isThere: Bool, at now: Moment) -> [ImageID] {
        guard questioned.remove(digest) != nil, !isThere else { return [] }
        return lost(digest, at: now)
    }

    private mutating func lost(_ digest: BlobDigest, at now: Moment) -> [ImageID] {
        guard store.contains(digest) else { return [] }
        store.remove(digest)
        let images = scheduler.imagesThatCanRecompute(digest).sorted()
        for image in images { decide { $0.blobsLost(of: image, at: now, into: &$1) } }
        return images
    }

    /// The bytes of a blob are not what its name says. It is never served again, so that it can be put again.
    ///
    /// - Returns: all images that refer to it, and those of them that start over.
    public mutating func blobDamaged(
        _ digest: BlobDigest, at now: Moment
    ) -> (affected: [ImageID], restarted: [ImageID]) {
        results.remove(digest)
        ownActions.append(.setAside(digest))
        let affected = scheduler.images(referringTo: digest)
        return (affected, lost(digest, at: now))
    }

    /// An intermediate blob of the image was not found, or not whole, after a start.
    ///
    /// - Returns: whether the image starts over; `false` when it does not need the blob any more.
    public mutating func intermediateMissed(_ blob: BlobReference, of image: ImageID, at now: Moment) -> Bool {
        guard scheduler.intermediateBlobs(of: image).contains(blob) else { return false }
        store.remove(blob.digest)
        decide { $0.blobsLost(of: image, at: now, into: &$1) }
        return true
    }

    // MARK: Deletion

    /// Files were found in the store that are too old to be puts under way. Those of no use are removed.
    public mutating func oldBlobsFound(_ digests: [BlobDigest]) {
        for digest in digests where mayDelete(digest) { ownActions.append(.removeIfUnneeded(digest)) }
    }

    /// Whether nothing needs the blob, an event since the decision included, and nobody is about to refer to it.
    func mayDelete(_ digest: BlobDigest) -> Bool {
        seeded(.deletesWithoutAsking, true, else: !scheduler.isNeeded(digest) && !isPinned(digest))
    }

    mutating func removeIfUnneeded(_ digest: BlobDigest, into actions: inout [ShellAction<Link>]) {
        results.remove(digest)
        guard mayDelete(digest) else { return }
        store.remove(digest)
        unclaimed.remove(digest)
        actions.append(.removeBlob(digest))
    }
}
