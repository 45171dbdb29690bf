import JobModel
import MasterMachine
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

// Workers that say what is not so. The master may lose work by it, but never a promise: what a liar says of leases that are not its own changes
// nothing, except that the right result of a task that was handed out is welcome from anybody; what it says of its own is compared
// with the plan and the store. `Lie` lists what can be said wrongly.

extension Simulation {
    /// The worker, which does its work otherwise, says something that is not true.
    func lie(at number: Int) {
        guard workers[number].isRegistered, let connection = workers[number].connection,
            let subject = gossip.grants.randomElement(using: &random)
        else { return }
        let now = timeline.now
        let stream = UInt32(random.draw(1...1_000_000)) | 1 << 31
        switch random.draw(0...7) {
        case 0: lieAboutHealth(number, subject.lease, on: connection)
        case 1: registerFalsely(number)
        case 2, 3:
            trace.noteFault("reports on a lease that is not its own, worker", number, at: now)
            guard let lease = draw(Lie.OfLease.self).named(insteadOf: subject.lease) else { return }
            report(lease, subject.spec, stream, on: connection)
        case 4:
            trace.noteFault("reports nonsense, worker", number, at: now)
            sendToMaster(.report(number: stream, .finished(subject.lease, TaskOutput())), on: connection)
        case 5:
            trace.noteFault("reports a failure that was none, worker", number, at: now)
            // Of its own attempts its word counts.
            let own = workers[number].board.held.map(\.lease).randomElement(using: &random)
            let other = draw(Lie.OfLease.self).named(insteadOf: subject.lease)
            guard let lease = random.happens(onceIn: 2) ? own ?? other : other else { return }
            let text = String(repeating: Lie.text, count: random.draw(1...1_000))
            let failure = Failure(draw(FailureCause.self), text, outputTail: text)
            sendToMaster(.report(number: stream, .failed(lease, failure)), on: connection)
        case 6:
            trace.noteFault("gives back what it is granted, worker", number, at: now)
            workers[number].givesBackUntil = now + random.draw(.seconds(5) ... .seconds(30))
            if random.happens(onceIn: 3) {
                sendToMaster(.draining(true), on: connection)
                sendToMaster(.draining(false), on: connection)
            }
        default:
            trace.noteFault("says what only a client may, worker", number, at: now)
            sendToMaster(.cancelJob(subject.lease.task.image.job), on: connection)
        }
    }

    private func draw<Case: CaseIterable>(_ type: Case.Type) -> Case {
        let all = Array(type.allCases)
        return all[random.draw(0...(all.count - 1))]
    }

    // MARK: About its work

    /// What a liar says of its own result; `nil` for the truth.
    func lied(about output: TaskOutput, of spec: TaskSpec, at number: Int) -> TaskOutput? {
        guard random.happens(onceIn: 4), let lie = lie(draw(Lie.OfOutput.self), about: output, of: spec, at: number)
        else {
            return nil
        }
        trace.noteFault("reports a wrong result, worker", number, at: timeline.now)
        return lie
    }

    private func lie(
        _ lie: Lie.OfOutput, about output: TaskOutput, of spec: TaskSpec, at number: Int
    ) -> TaskOutput? {
        var (payload, summary, metadata) = (output.payload, output.summary, output.metadata)
        var (checksum, offsets, remarks) = (output.checksum, output.valueOffsets, output.remarks)
        let absent = BlobReference.named("nowhere of \(spec.task)", byteCount: 70)
        /// Bytes that were put, and are not what they are said to be.
        func spoilt(_ byteCount: UInt64) -> BlobReference {
            let blob = BlobReference.named("nothing of use, \(byteCount) bytes of \(spec.task)", byteCount: byteCount)
            store(blob)
            return blob
        }
        func resized(_ blob: BlobReference, by difference: Int64) -> BlobReference {
            BlobReference(digest: blob.digest, byteCount: UInt64(max(0, Int64(blob.byteCount) + difference)))
        }
        switch lie {
        case .noPayload: payload = payload == nil ? absent : nil
        case .absentPayload: payload = absent
        case .anotherPayload: payload = spoilt(7)
        case .spoiltPayload:
            // Raw rows of the right length are believed: only an audit shows what is in them.
            guard let honest = payload, content(of: spec) != nil else { return nil }
            payload = spoilt(honest.byteCount)
        case .longerPayload, .shorterPayload:
            guard let honest = payload else { return nil }
            payload = resized(honest, by: lie == .longerPayload ? 1 : -1)
        case .noSummary:
            guard summary != nil else { return nil }
            summary = nil
        case .absentSummary:
            guard summary != nil else { return nil }
            summary = absent
        case .longerSummary:
            guard let honest = summary else { return nil }
            summary = resized(honest, by: 1)
        case .surplusSummary:
            guard summary == nil else { return nil }
            summary = spoilt(9)
        case .absentMetadata:
            guard metadata != nil else { return nil }
            metadata = absent
        case .spoiltMetadata:
            guard let honest = metadata else { return nil }
            metadata = spoilt(honest.byteCount)
        case .longerMetadata:
            guard let honest = metadata else { return nil }
            metadata = resized(honest, by: 1)
        case .surplusMetadata:
            guard metadata == nil else { return nil }
            metadata = spoilt(9)
        case .noChecksum:
            guard checksum != nil else { return nil }
            checksum = nil
        case .checksumOfOtherBytes:
            guard checksum != nil else { return nil }
            checksum = SegmentChecksum([1, 0, 0, 0, 2])
        case .malformedChecksum:
            guard checksum != nil else { return nil }
            checksum = SegmentChecksum([UInt8](repeating: 0xff, count: SegmentChecksum.maximumByteCount))
        case .surplusChecksum:
            guard checksum == nil else { return nil }
            checksum = Self.segmentChecksum
        case .noOffsets:
            guard !offsets.isEmpty else { return nil }
            offsets = []
        case .surplusOffsets:
            guard offsets.isEmpty else { return nil }
            offsets = [0, output.payload?.byteCount ?? 0]
        case .missingOffset:
            guard offsets.count > 1 else { return nil }
            offsets.remove(at: 0)
        case .shiftedOffset:
            guard !offsets.isEmpty else { return nil }
            offsets[0] = 1
        case .fallingOffsets:
            guard offsets.count > 2 else { return nil }
            offsets[1] = offsets[2] + 1
        case .offsetBeyondTheEnd:
            guard !offsets.isEmpty else { return nil }
            offsets[offsets.count - 1] += 1
        case .inventedRemarks:
            // Believed until another worker is asked, and no two liars invent the same.
            let byteCount = UInt64.max - UInt64(number)
            remarks = ImageRemark.Code.allCases.map { ImageRemark($0, count: .max, byteCount: byteCount) }
        }
        return TaskOutput(
            payload: payload, summary: summary, checksum: checksum, metadata: metadata, valueOffsets: offsets,
            remarks: remarks)
    }

    /// What a liar says of a band of its own.
    func lied(about index: UInt32, _ blob: BlobReference, at number: Int) -> (UInt32, BlobReference) {
        guard random.happens(onceIn: 3) else { return (index, blob) }
        trace.noteFault("publishes a wrong band, worker", number, at: timeline.now)
        switch draw(Lie.OfBand.self) {
        // The last band may be shorter, and all others are as long: their rows are told apart by an audit only.
        case .anotherIndex: return (index &+ 1_000, blob)
        case .indexBeyondTheEnd: return (.max, blob)
        case .absentBlob: return (index, .named("no band", byteCount: blob.byteCount))
        case .longerBlob: return (index, BlobReference(digest: blob.digest, byteCount: blob.byteCount + 1))
        case .shorterBlob: return (index, BlobReference(digest: blob.digest, byteCount: blob.byteCount - 1))
        }
    }

    /// The result of a task that is not the worker's: the right one, and that of a small image one that cannot be believed of
    /// another.
    private func report(_ lease: LeaseID, _ spec: TaskSpec, _ stream: UInt32, on connection: Int) {
        guard var output = output(of: spec, resultRevision) else { return }
        if spec.task.step == .whole, lease.task != spec.task {
            let nothing = BlobReference.named("the file of no image", byteCount: 1_000)
            store(nothing)
            output = TaskOutput(payload: nothing)
        } else {
            store(output, of: spec)
        }
        sendToMaster(.report(number: stream, .finished(lease, output)), on: connection)
    }

    // MARK: About what it holds

    private func lieAboutHealth(_ number: Int, _ lease: LeaseID, on connection: Int) {
        trace.noteFault("says in a heartbeat what is not so, worker", number, at: timeline.now)
        var held = registration(of: number).held
        var residentBytes: UInt64 = 1 << 20
        var isReady = true
        switch draw(Lie.OfHeartbeat.self) {
        case .othersLeases:
            held += Lie.OfLease.allCases.compactMap { $0.named(insteadOf: lease) }.map { HeldLease($0) }
        case .nothingHeld: held = []
        case .notStarted: held = held.map { HeldLease($0.lease, isStarted: false) }
        case .progressBackAndForth:
            held = held.map { HeldLease($0.lease, progress: random.happens(onceIn: 2) ? 1 : 0) }
        case .immenseMemory: residentBytes = .max
        case .unready: isReady = false
        }
        sendToMaster(.heartbeat(held, residentBytes: residentBytes, isReady: isReady), on: connection)
    }

    // MARK: About itself

    /// A worker was lost: once in a while a liar claims what that one held, before others are given it.
    func claimLost() {
        guard isFaulty, options.liarCount > 0, random.happens(onceIn: 2) else { return }
        let liar = random.draw(0...(options.liarCount - 1))
        if workers[liar].isRegistered { registerFalsely(liar, .othersLeases) }
    }

    private func registerFalsely(_ number: Int, _ lie: Lie.OfRegistration? = nil) {
        trace.noteFault("registers as what it is not, worker", number, at: timeline.now)
        closeConnection(of: number)
        let peer = Network.Peer.worker(number)
        guard let master, master.pausedUntil <= timeline.now, network.isReachable(peer, at: timeline.now) else {
            return
        }
        var registration = registration(of: number)
        switch lie ?? draw(Lie.OfRegistration.self) {
        case .anothersNumber:
            // After a restart a number belongs to the first process that names it: nothing durable says whose it was.
            let others = workers.indices.filter { $0 != number }.compactMap { workers[$0].identifier }
                .filter { master.machine.links[$0] != nil }
            registration.worker = others.randomElement(using: &random)
        case .inventedNumber: registration.worker = WorkerID(UInt64.max >> 1)
        case .longName: registration.name = String(repeating: "n", count: 5_000)
        case .noSlots: registration.slotCount = 0
        case .manySlots: registration.slotCount = Int(UInt32.max)
        case .noRanks: registration.ranksPerSlot = 0
        case .manyRanks: registration.ranksPerSlot = Int(UInt32.max)
        case .hardlyMemory: registration.slotMemoryByteCount = 1
        case .immenseMemory: registration.slotMemoryByteCount = .max
        case .anotherRelease: registration.resultRevision &+= 1_000
        case .othersLeases:
            let invented = gossip.grants.compactMap { draw(Lie.OfLease.self).named(insteadOf: $0.lease) }
            registration.held = (invented + gossip.grants.map(\.lease)).map { HeldLease($0) }
        case .draining: registration.isDraining = true
        case .unready: registration.unreadyReason = String(repeating: "no", count: 5_000)
        }
        let connection = network.open(peer, masterRun: master.run, peerRun: workers[number].run)
        workers[number].connection = connection
        workers[number].lastHeard = timeline.now
        sendToMaster(.register(registration), on: connection)
    }
}
