/// Which of the facts a `Record` is, as a number that never changes: it is stored.
public enum RecordKind: UInt8, Sendable, Hashable, CaseIterable {
    case jobOpened = 1
    case imagesAdded = 2
    case jobSealed = 3
    case attemptStarted = 4
    case bandPublished = 5
    case taskCompleted = 6
    case attemptEnded = 7
    case imageCompleted = 8
    case imageFailed = 9
    case imageRedriven = 10
    case imageRestarted = 11
    case jobFinished = 12
    case jobCancelled = 13
    case jobForgotten = 14
    case imageReplanned = 15
    case jobRevised = 16
    case workersReserved = 17
    case auditsSalted = 18
    case taskAudited = 19
    case auditEnded = 20
    case imageWithdrawn = 21
    case resultsSettled = 22
    case workerQuarantined = 23
    case workerReleased = 24

    /// The first version that has the kind.
    var firstVersion: UInt8 {
        switch self {
        case .auditsSalted, .taskAudited, .auditEnded, .imageWithdrawn, .resultsSettled, .workerQuarantined,
            .workerReleased:
            5
        case .workersReserved: 4
        case .jobRevised: 3
        case .imageReplanned: 2
        case .jobOpened, .imagesAdded, .jobSealed, .attemptStarted, .bandPublished, .taskCompleted, .attemptEnded,
            .imageCompleted, .imageFailed, .imageRedriven, .imageRestarted, .jobFinished, .jobCancelled, .jobForgotten:
            1
        }
    }
}

extension Record {
    public var kind: RecordKind {
        switch self {
        case .jobOpened: .jobOpened
        case .imagesAdded: .imagesAdded
        case .jobSealed: .jobSealed
        case .attemptStarted: .attemptStarted
        case .bandPublished: .bandPublished
        case .taskCompleted: .taskCompleted
        case .attemptEnded: .attemptEnded
        case .imageCompleted: .imageCompleted
        case .imageFailed: .imageFailed
        case .imageRedriven: .imageRedriven
        case .imageRestarted: .imageRestarted
        case .jobFinished: .jobFinished
        case .jobCancelled: .jobCancelled
        case .jobForgotten: .jobForgotten
        case .imageReplanned: .imageReplanned
        case .jobRevised: .jobRevised
        case .workersReserved: .workersReserved
        case .auditsSalted: .auditsSalted
        case .taskAudited: .taskAudited
        case .auditEnded: .auditEnded
        case .imageWithdrawn: .imageWithdrawn
        case .resultsSettled: .resultsSettled
        case .workerQuarantined: .workerQuarantined
        case .workerReleased: .workerReleased
        }
    }
}
