import JobModel
import Testing

@testable import MasterDaemon
@testable import Scheduler

@Suite struct WorkerChoiceTests {
    private func worker(_ number: UInt64, _ name: String, _ state: WorkerStatus.State = .alive) -> WorkerStatus {
        WorkerStatus(
            id: WorkerID(number), name: name, state: state, unreadyReason: nil, slotCount: 1, ranksPerSlot: 1,
            slotMemoryByteCount: nil,
            leasesHeld: 0, tasksDone: 0, attemptsLost: 0, attemptsFailed: 0, residentBytes: 0, connectedFor: .zero,
            silentFor: .zero, quarantinedBy: nil)
    }

    private func chosen(_ word: String, _ workers: WorkerStatus...) -> Result<WorkerID, SchedulerRefusal> {
        Result { () throws(SchedulerRefusal) in try WorkerChoice(of: word, among: workers).worker.id }
    }

    private func words(_ result: Result<WorkerID, SchedulerRefusal>) -> String {
        switch result {
        case .success(let worker): "\(worker)"
        case .failure(let refusal): refusal.description
        }
    }

    @Test func `a number means its worker, whatever others are called`() {
        let crossed = (worker(1, "w2"), worker(2, "w1"))
        #expect(chosen("w1", crossed.0, crossed.1) == .success(WorkerID(1)))
        #expect(chosen("w2", crossed.0, crossed.1) == .success(WorkerID(2)))
        #expect(chosen("w1", worker(1, "w1"), worker(2, "w1")) == .success(WorkerID(1)))
    }

    @Test func `a name means its worker when it is the only one`() {
        #expect(chosen("vm", worker(1, "w1"), worker(65, "vm")) == .success(WorkerID(65)))
        #expect(chosen("vm", worker(1, "vm", .gone), worker(65, "vm")) == .success(WorkerID(65)))
        #expect(
            words(chosen("vm", worker(1, "vm"), worker(65, "vm")))
                == "2 workers are called 'vm'; name one by its number: w1, w65")
        #expect(words(chosen("vm")).contains("no connected worker is called 'vm'"))
    }

    @Test func `the number of a worker that is gone does not become another one's name`() {
        #expect(words(chosen("w1", worker(1, "a", .gone))) == "worker w1 is gone")
        #expect(
            words(chosen("w1", worker(1, "a", .gone), worker(7, "w1")))
                == "worker w1 is gone; the worker with this name has the number w7")
    }
}
