import JobModel
import Testing

@testable import WorkerMachine

@Suite struct LeaseBoardTests {
    func lease(_ index: UInt32, attempt: AttemptNumber = 1) -> LeaseID {
        LeaseID(task: TaskID(image: ImageID(job: JobID(1), index: index), step: .whole), attempt: attempt)
    }

    func spec(_ lease: LeaseID) -> TaskSpec {
        TaskSpec(
            task: lease.task, pipeline: "invert",
            geometry: ImageGeometry(width: 4, height: 4, channelCount: 1, bitsPerSample: 8), chunkByteCount: 1 << 20,
            maximumPixelCount: 1 << 20, inputs: [], progressTimeoutMilliseconds: 1000)
    }

    func board(slots: Int, granted leases: [LeaseID]) -> LeaseBoard {
        var board = LeaseBoard(slotCount: slots)
        for lease in leases { _ = board.granted(lease, spec(lease)) }
        return board
    }

    let done = TaskOutput()

    @Test func `a lease is fetched, run, uploaded, reported and cleared`() {
        let one = lease(1)
        var board = LeaseBoard(slotCount: 1)
        #expect(board.granted(one, spec(one)) == [.fetch(one, spec(one))])
        #expect(board.fetched(one) == [.run(one, spec(one), slot: 0)])
        #expect(board.computed(one, slot: 0) == [])
        #expect(board.finished(one, done) == [.send(number: 1, .finished(one, done))])
        #expect(board.held.map(\.lease) == [one], "held until the master has acknowledged it")
        #expect(board.acknowledged(1) == [.clear(one)])
        #expect(board.isIdle)
    }

    @Test func `the next input is fetched while the slot computes, and runs when the slot is free`() {
        let one = lease(1)
        let two = lease(2)
        var board = board(slots: 1, granted: [one, two])
        #expect(board.fetched(two) == [.run(two, spec(two), slot: 0)], "the lease that is ready first runs first")
        #expect(board.fetched(one) == [])
        #expect(board.computed(two, slot: 0) == [.run(one, spec(one), slot: 0)], "not only after two's upload")
    }

    @Test func `outputs that wait for their upload hold back new work`() {
        let leases = (1...4).map { lease($0) }
        var board = board(slots: 1, granted: leases)
        for lease in leases { _ = board.fetched(lease) }
        #expect(board.computed(leases[0], slot: 0) == [.run(leases[1], spec(leases[1]), slot: 0)])
        #expect(board.computed(leases[1], slot: 0) == [], "two outputs wait, one slot")
        #expect(
            board.finished(leases[0], done) == [
                .send(number: 1, .finished(leases[0], done)), .run(leases[2], spec(leases[2]), slot: 0),
            ])
    }

    @Test func `reports that were not acknowledged are sent again in order after a reconnection`() {
        let one = lease(1)
        var board = board(slots: 1, granted: [one])
        let blob = BlobReference(digest: BlobDigest([UInt8](repeating: 7, count: 32))!, byteCount: 3)
        _ = board.fetched(one)
        _ = board.bandUploaded(one, index: 0, blob: blob)
        _ = board.bandUploaded(one, index: 1, blob: blob)
        _ = board.computed(one, slot: 0)
        _ = board.finished(one, done)
        #expect(board.acknowledged(1) == [])
        #expect(
            board.reconnected() == [
                .send(number: 2, .band(one, index: 1, blob: blob)), .send(number: 3, .finished(one, done)),
            ])
    }

    @Test func `a lease that is taken away while it runs frees its slot only when its world has ended`() {
        let one = lease(1)
        let two = lease(2)
        var board = board(slots: 1, granted: [one, two])
        _ = board.fetched(one)
        _ = board.fetched(two)
        #expect(board.dropped([one]) == [.abandon(one)])
        #expect(board.phase(of: two) == .ready)
        #expect(
            board.failed(one, slot: 0, Failure(.cancelled, "stopped")) == [.run(two, spec(two), slot: 0)],
            "and nothing is reported of the dropped lease")
    }

    @Test func `a failure is reported once`() {
        let one = lease(1)
        var board = board(slots: 1, granted: [one])
        let failure = Failure(.rankLost, "rank 0 was killed")
        _ = board.fetched(one)
        #expect(board.failed(one, slot: 0, failure) == [.send(number: 1, .failed(one, failure))])
        #expect(board.failed(one, slot: nil, failure) == [])
        #expect(board.acknowledged(1) == [.clear(one)])
        #expect(board.acknowledged(1) == [])
    }

    @Test func `draining hands back what has not started and lets the rest finish`() {
        let one = lease(1)
        let two = lease(2)
        var board = board(slots: 1, granted: [one, two])
        _ = board.fetched(one)
        let returned = Failure(.returned, "the worker is draining")
        #expect(board.drainBegan() == [.abandon(two), .send(number: 1, .failed(two, returned))])
        #expect(board.phase(of: one) == .running(slot: 0))
        let three = lease(3)
        #expect(board.granted(three, spec(three)) == [.send(number: 2, .failed(three, returned))])
    }

    @Test func `when the time for draining is over what runs goes back too`() {
        let one = lease(1)
        var board = board(slots: 1, granted: [one])
        _ = board.fetched(one)
        _ = board.drainBegan()
        let returned = Failure(.returned, "the worker stopped before the task was done")
        #expect(board.drainExpired() == [.abandon(one), .send(number: 1, .failed(one, returned))])
        #expect(board.failed(one, slot: 0, Failure(.cancelled, "stopped")) == [])
    }

    @Test func `a worker that cannot run tasks hands back what waits, and takes nothing until it can`() {
        let one = lease(1)
        let two = lease(2)
        let three = lease(3)
        var board = board(slots: 1, granted: [one, two])
        _ = board.fetched(one)
        _ = board.fetched(two)
        let returned = Failure(.returned, "the worker cannot run tasks at present")
        #expect(board.becameUnready() == [.abandon(two), .send(number: 1, .failed(two, returned))])
        #expect(board.phase(of: one) == .running(slot: 0), "what runs may end")
        #expect(board.granted(three, spec(three)) == [.send(number: 2, .failed(three, returned))])
        #expect(board.isDraining && !board.isOrderedToDrain, "no operator said so")

        board.becameReady()
        let four = lease(4)
        #expect(board.granted(four, spec(four)) == [.fetch(four, spec(four))])
    }

    @Test func `an operator's drain and the worker's own state do not end each other`() {
        var board = board(slots: 1, granted: [])
        _ = board.drainBegan()
        _ = board.becameUnready()
        board.becameReady()
        #expect(board.isDraining, "the operator's order stays")
        board.drainEnded()
        #expect(!board.isDraining)
        _ = board.becameUnready()
        _ = board.drainBegan()
        board.drainEnded()
        #expect(board.isDraining, "the operator cannot make it able")
    }
}
