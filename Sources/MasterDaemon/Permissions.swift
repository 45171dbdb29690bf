import Protocol
import Transport

/// What a peer may ask of the master: every request belongs to one action, and every action names the roles that may do it.
enum MasterAction: CaseIterable {
    case submitJobs
    case readJobs
    case cancelJobs
    case forgetJobs
    case readCluster
    case drainWorkers
    case manageDeadLetters
    case readBlobs
    case storeInputs
    /// Includes the use of the storage reserve and no upload budget: these blobs make room when their task is done.
    case storeTaskBlobs
    case runTasks

    var roles: Set<Peer.Role> {
        switch self {
        case .submitJobs: [.client]
        case .readJobs: [.client]
        case .cancelJobs: [.client]
        case .forgetJobs: [.client]
        case .readCluster: [.client]
        case .drainWorkers: [.client]
        case .manageDeadLetters: [.client]
        case .readBlobs: [.client, .worker]
        case .storeInputs: [.client]
        case .storeTaskBlobs: [.worker]
        case .runTasks: [.worker]
        }
    }

    /// The action of a request; `nil` for what is not a request to the master.
    init?(_ request: WireControl.OneOf_Body?) {
        switch request {
        case .openJob, .addImages, .sealJob, .findBlobs: self = .submitJobs
        case .getJob, .listJobs, .listImages, .getSegments, .watchJob, .stopWatching: self = .readJobs
        case .cancelJob: self = .cancelJobs
        case .forgetJob: self = .forgetJobs
        case .listWorkers, .getMaster, .getSecrets: self = .readCluster
        case .drainWorker, .releaseWorker: self = .drainWorkers
        case .listDead, .showDead, .redriveDead, .purgeDead: self = .manageDeadLetters
        case .getBlob: self = .readBlobs
        case .putBlob(let put): self = put.fromTask ? .storeTaskBlobs : .storeInputs
        case .register, .heartbeat, .bandPublished, .taskFinished, .taskFailed, .drain: self = .runTasks
        case .refused, .done, .registered, .heartbeatReply, .grantLease, .grantInputs, .revokeLease, .jobOpened,
            .blobsFound, .jobSummary, .jobList, .imageList, .segmentList, .workerList, .deadList, .deadImage, .affected,
            .masterStatus, .secretStatus, .blobStored, .blobHeader, .blobEnd, nil:
            return nil
        }
    }
}

/// A peer asked for what its role may not do.
struct NotPermitted: Error, CustomStringConvertible {
    let action: MasterAction
    let role: Peer.Role

    var description: String {
        let allowed = action.roles.map(\.description).sorted().joined(separator: " or ")
        return "the role \(role) may not do this (\(action)); it takes the role \(allowed)"
    }
}

extension Peer {
    /// - Throws: `NotPermitted` when the role of this peer may not make the request.
    func demandPermission(for request: WireControl) throws(NotPermitted) {
        guard let action = MasterAction(request.body), !action.roles.contains(role) else { return }
        throw NotPermitted(action: action, role: role)
    }
}
