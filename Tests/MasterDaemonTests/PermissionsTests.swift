import Protocol
import Testing
import Transport

@testable import MasterDaemon

@Suite struct PermissionsTests {
    private func isPermitted(_ request: WireControl.OneOf_Body, to role: Peer.Role) -> Bool {
        let peer = Peer(identity: .random(), role: role, channel: .data)
        do {
            try peer.demandPermission(for: WireControl(request))
            return true
        } catch {
            #expect(error.role == role && error.description.contains("\(role)"))
            return false
        }
    }

    @Test func `from_task is believed of workers only`() {
        let ofTask = WireControl.OneOf_Body.putBlob(.with { $0.fromTask = true })
        #expect(isPermitted(ofTask, to: .worker))
        #expect(!isPermitted(ofTask, to: .client))
        #expect(isPermitted(.putBlob(WirePutBlob()), to: .client))
        #expect(!isPermitted(.putBlob(WirePutBlob()), to: .worker))
    }

    @Test func `a client reads, submits and operates, a worker runs tasks`() {
        let ofClients: [WireControl.OneOf_Body] = [
            .openJob(.init()), .addImages(.init()), .sealJob(.init()), .findBlobs(.init()), .getJob(.init()),
            .listJobs(.init()), .listImages(.init()), .getSegments(.init()), .watchJob(.init()), .stopWatching(.init()),
            .cancelJob(.init()),
            .listWorkers(.init()), .getMaster(.init()), .drainWorker(.init()), .releaseWorker(.init()),
            .getSecrets(.init()),
            .listDead(.init()), .showDead(.init()),
            .redriveDead(.init()), .purgeDead(.init()), .forgetJob(.init()),
        ]
        let ofWorkers: [WireControl.OneOf_Body] = [
            .register(.init()), .heartbeat(.init()), .bandPublished(.init()), .taskFinished(.init()),
            .taskFailed(.init()), .drain(.init()),
        ]
        for request in ofClients { #expect(isPermitted(request, to: .client) && !isPermitted(request, to: .worker)) }
        for request in ofWorkers { #expect(isPermitted(request, to: .worker) && !isPermitted(request, to: .client)) }
        for role in Peer.Role.allCases { #expect(isPermitted(.getBlob(.init()), to: role)) }
    }

    @Test func `every action is somebody's`() {
        for action in MasterAction.allCases { #expect(!action.roles.isEmpty, "\(action)") }
    }
}
