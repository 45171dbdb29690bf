import JobModel

/// The blobs that are in the store, as the master knows them. Filled from the store's files before the master serves, and
/// changed by events from then on, so that deciding takes no call to the disk.
///
/// Puts come from many threads, and deletions from one that carries out the master's actions in their order. A blob that is put
/// while its deletion waits must survive:
///
///     loop            decides removeBlob(D)                 hears stored(D)        decides confirmPut(D)
///     put                                    renames D into place, protected
///     one thread                                                  removeBlob(D): protected, not done    confirmPut(D)
///
/// The store protects the file of each put from its rename on, and until `confirmPut`. That is carried out behind every deletion
/// which was decided before the master knew of the put, so none of these takes the new file; and a deletion that is decided
/// later is carried out behind `confirmPut`. After both, the set and the files agree.
struct PresentBlobs {
    private var digests: Set<BlobDigest>

    init(_ digests: Set<BlobDigest> = []) { self.digests = digests }

    var count: Int { digests.count }

    func contains(_ digest: BlobDigest) -> Bool { digests.contains(digest) }

    mutating func insert(_ digest: BlobDigest) { digests.insert(digest) }

    mutating func remove(_ digest: BlobDigest) { digests.remove(digest) }
}
