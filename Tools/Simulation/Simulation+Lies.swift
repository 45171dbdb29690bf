import JobModel
import Scheduler

/// The latest grants to all workers: what a liar can talk about.
struct Gossip {
    private static let kept = 40
    private(set) var grants: [(lease: LeaseID, spec: TaskSpec)] = []

    mutating func hear(of lease: LeaseID, _ spec: TaskSpec) {
        if grants.count == Self.kept { grants.removeFirst() }
        grants.append((lease, spec))
    }
}

// Workers that lie about their leases. The master may lose work by it, but never a promise: what a liar says of leases that
// are not its own changes nothing, except that the right result of a task that was handed out is welcome from anybody.

extension Simulation {
    /// The worker, which does its work otherwise, says something that is not true.
    func lie(at number: Int) {
        guard workers[number].isRegistered, let connection = workers[number].connection,
            let subject = gossip.grants.randomElement(using: &random)
        else { return }
        let now = timeline.now
        let stream = UInt32(random.draw(1...1_000_000)) | 1 << 31
        let invented = LeaseID(
            task: subject.lease.task, attempt: subject.lease.attempt &+ AttemptNumber(random.draw(1...5)))
        switch random.draw(0...7) {
        case 0:
            trace.noteFault("claims a lease of others, worker", number, at: now)
            sendToMaster(.heartbeat([HeldLease(subject.lease), HeldLease(invented)]), on: connection)
        case 1:
            registerFalsely(number, with: [invented])
        case 2:
            trace.noteFault("reports the result of another, worker", number, at: now)
            report(subject.lease, subject.spec, stream, on: connection)
        case 3:
            trace.noteFault("reports a wrong attempt, worker", number, at: now)
            report(
                random.happens(onceIn: 2) ? invented : LeaseID(task: invented.task, attempt: 0), subject.spec, stream,
                on: connection)
        case 4:
            trace.noteFault("reports nonsense, worker", number, at: now)
            sendToMaster(.report(number: stream, .finished(subject.lease, TaskOutput())), on: connection)
        case 5:
            trace.noteFault("reports the failure of another, worker", number, at: now)
            let cause: FailureCause = random.happens(onceIn: 2) ? .corruptInput : .rankLost
            sendToMaster(.report(number: stream, .failed(subject.lease, Failure(cause, "a lie"))), on: connection)
        case 6:
            trace.noteFault("publishes a wrong band, worker", number, at: now)
            let band = BlobReference.named("no band", byteCount: 7)
            store(band)
            sendToMaster(
                .report(number: stream, .band(subject.lease, index: UInt32(random.draw(0...40)), blob: band)),
                on: connection)
        default:
            trace.noteFault("says what only a client may, worker", number, at: now)
            sendToMaster(.cancelJob(subject.lease.task.image.job), on: connection)
        }
    }

    /// A worker was lost: once in a while a liar claims what that one held, before others are given it.
    func claimLost() {
        guard isFaulty, options.liarCount > 0, random.happens(onceIn: 2) else { return }
        let liar = random.draw(0...(options.liarCount - 1))
        if workers[liar].isRegistered { registerFalsely(liar) }
    }

    private func registerFalsely(_ number: Int, with invented: [LeaseID] = []) {
        trace.noteFault("registers with leases of others, worker", number, at: timeline.now)
        closeConnection(of: number)
        boast(of: invented + gossip.grants.map(\.lease), at: number)
    }

    /// The right result, in a report that is not the worker's to make.
    private func report(_ lease: LeaseID, _ spec: TaskSpec, _ stream: UInt32, on connection: Int) {
        guard let output = output(of: spec, resultRevision) else { return }
        for blob in output.blobs { store(blob) }
        sendToMaster(.report(number: stream, .finished(lease, output)), on: connection)
    }

    /// Registers with leases that it does not hold, besides those that it does.
    private func boast(of leases: [LeaseID], at number: Int) {
        let peer = Network.Peer.worker(number)
        guard let master, master.pausedUntil <= timeline.now, network.isReachable(peer, at: timeline.now) else {
            return
        }
        let connection = network.open(peer, masterRun: master.run, peerRun: workers[number].run)
        workers[number].connection = connection
        workers[number].lastHeard = timeline.now
        sendToMaster(
            .register(
                workers[number].identifier, name: "worker-\(number)", slots: workers[number].slotCount,
                workers[number].resultRevision,
                held: leases.map { HeldLease($0) },
                isDraining: false), on: connection)
    }
}
