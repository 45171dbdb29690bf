import BlobStore
import Protocol
import Scheduler

// What the master's rooms refuse, in the words of the protocol.

extension RefusalCode {
    init(_ refusal: SchedulerRefusal) {
        switch refusal {
        case .overloaded: self = .overloaded
        case .overLimit: self = .overLimit
        case .invalidPipeline: self = .invalidPipeline
        case .invalidArgument: self = .invalidArgument
        case .releaseDiffers: self = .releaseDiffers
        case .unknownJob, .unknownImage: self = .notFound
        case .imageDiffers: self = .imageDiffers
        case .imageGap: self = .imageGap
        case .imageCountDiffers: self = .imageCountDiffers
        case .jobSealed: self = .jobSealed
        case .jobNotInState, .jobEnded, .imageNotInState, .nothingDead: self = .wrongState
        }
    }

    init(_ code: BlobStoreError.Code) {
        switch code {
        case .notFound: self = .blobNotFound
        case .damaged: self = .blobDamaged
        case .wrongDigest: self = .blobWrongDigest
        case .outOfRange: self = .blobOutOfRange
        case .noSpace: self = .noSpace
        case .writerEnded: self = .blobWriterEnded
        case .syncFailed: self = .blobSyncFailed
        case .systemError: self = .blobSystemError
        }
    }
}

extension WireRefusal {
    init(_ refusal: SchedulerRefusal) {
        self.init(RefusalCode(refusal), refusal.description, retryAfter: refusal.retryAfter)
    }

    init(_ error: BlobStoreError) {
        // Space comes back when results are fetched and forgotten, or somebody makes some.
        let retryAfter = error.code == .noSpace ? StorageReserve.retryAfter : nil
        self.init(RefusalCode(error.code), error.description, retryAfter: retryAfter)
    }

    init(_ violation: ProtocolViolation) { self.init(violation.code, violation.description) }

    init(_ error: NotPermitted) { self.init(.notPermitted, error.description) }
}
