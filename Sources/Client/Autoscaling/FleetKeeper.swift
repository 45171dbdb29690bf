import Autoscaling
import ClientKit
import JobModel
import Names
import Synchronization
import SystemCalls

/// Keeps a fleet: asks the master, lets `Fleet` decide, saves what it decided, then carries that out.
final class FleetKeeper: Sendable {
    struct Configuration: Sendable {
        var policy: FleetPolicy
        /// The time in which the work is to end.
        var target: Duration
        var start: String
        var stop: String
        var interval: Duration
        var commandLimit: Duration
        /// What commands get besides what is said about the worker.
        var environment: [String: String]
        var directory: String
    }

    /// Commands that run at the same time; the others wait.
    private static let commandLimit = 16

    private let configuration: Configuration
    private let files: FleetFiles
    private let fleet: Mutex<Fleet>
    private let commands = Mutex(CommandQueue())
    private let tell: @Sendable (FleetNews) -> Void

    private struct CommandQueue {
        var waiting: [FleetOrder] = []
        var running = 0
    }

    /// - Throws: `ClientError` when the state of an earlier run cannot be read.
    init(
        _ configuration: Configuration, files: consuming FleetFiles, tell: @escaping @Sendable (FleetNews) -> Void
    ) throws(ClientError) {
        self.configuration = configuration
        self.tell = tell
        let state = try files.load()
        fleet = Mutex(Fleet(configuration.policy, continuing: state, at: Self.now, suffix: Self.suffix))
        self.files = files
    }

    private static var now: Instant { Instant(nanoseconds: BootTimeClock.now) }

    /// Six letters and digits that nobody misreads: the end of a name that was not used before.
    @Sendable private static func suffix() -> String {
        let letters = Array("bcdfghjkmnpqrstvwxz23456789")
        return String((0..<6).map { _ in letters[Int.random(in: letters.indices)] })
    }

    /// Workers of the fleet.
    var memberCount: Int { fleet.withLock { $0.memberCount } }

    /// Keeps the fleet until the task is cancelled; then it waits for the commands that run, and leaves the fleet as it is.
    func run(_ session: MasterSession) async throws {
        try await withThrowingDiscardingTaskGroup { group in
            while true {
                let report = try await report(session)
                let orders = try await decide { $0.observed(report, at: $1) }
                for order in orders {
                    switch order {
                    case .start, .stop:
                        if let order = enqueue(order) { group.addTask { try await self.work(order) } }
                    case .drain(_, let worker): try await ask(session, worker, resume: false)
                    case .resume(_, let worker): try await ask(session, worker, resume: true)
                    case .tell: break
                    }
                }
                try await Task.sleep(for: configuration.interval)
            }
        }
    }

    private func report(_ session: MasterSession) async throws -> FleetReport {
        let (status, workers) = try await session.perform { (try await $0.masterStatus(), try await $0.workers()) }
        guard let backlog = status.backlog else {
            throw ClientError(
                "no-backlog",
                "the master (\(status.software)) does not say how much work it has; update it to the release of this program"
            )
        }
        return FleetReport(
            slotsWanted: backlog.slotsWanted(for: configuration.target),
            workers: workers.map { FleetReport.Worker($0) })
    }

    /// A worker that is gone by now needs nothing.
    private func ask(_ session: MasterSession, _ worker: WorkerID, resume: Bool) async throws {
        do {
            try await session.perform { try await $0.drain("\(worker)", resume: resume) }
        } catch  where ClientError(error).code == "not-found" {}
    }

    /// Decides, and saves it: what is carried out afterwards is known to the next run, whatever becomes of this one.
    private func decide(_ event: @escaping @Sendable (inout Fleet, Instant) -> [FleetOrder]) async throws
        -> [FleetOrder]
    {
        let orders = try await offCooperativePool { () throws(ClientError) -> [FleetOrder] in
            try self.fleet.withLock { fleet throws(ClientError) in
                let now = Self.now
                let before = fleet.state(at: now)
                let orders = event(&fleet, now)
                let state = fleet.state(at: now)
                if state != before { try self.save(state) }
                return orders
            }
        }
        for case .tell(let news) in orders { tell(news) }
        return orders
    }

    private func save(_ state: FleetState) throws(ClientError) {
        try files.save(state)
        files.sweep(keeping: Set(state.members.map(\.name)))
    }

    // MARK: Commands

    /// - Returns: the order, if its command may run now.
    private func enqueue(_ order: FleetOrder) -> FleetOrder? {
        commands.withLock { queue in
            guard queue.running < Self.commandLimit else {
                queue.waiting.append(order)
                return nil
            }
            queue.running += 1
            return order
        }
    }

    private func next() -> FleetOrder? {
        commands.withLock { queue in
            // Those that wait are found in the saved state.
            guard !queue.waiting.isEmpty, !Task.isCancelled else {
                queue.running -= 1
                return nil
            }
            return queue.waiting.removeFirst()
        }
    }

    /// Runs commands as long as there are some. It ends with the one that runs, also when the task is cancelled.
    private func work(_ order: FleetOrder) async throws {
        var current: FleetOrder? = order
        while let order = current {
            switch order {
            case .start(let name):
                let command = command(name, configuration.start, output: files.output(of: name), [:])
                let end = await offCooperativePool { command.run() }
                _ = try await decide { $0.startEnded(name, end, at: $1) }
            case .stop(let name, let reason, let worker, let address):
                let command = command(
                    name, configuration.stop, output: nil,
                    [
                        "TESSERA_WORKER": worker.map { "\($0)" } ?? "", "TESSERA_WORKER_HOST": Self.host(of: address),
                        "TESSERA_STOP_REASON": reason.rawValue,
                        "TESSERA_START_OUTPUT": FleetCommand.lastLine(of: files.output(of: name)),
                    ])
                let end = await offCooperativePool { command.run() }
                _ = try await decide { $0.stopEnded(name, end, at: $1) }
            case .drain, .resume, .tell: break
            }
            current = next()
        }
    }

    private func command(_ name: String, _ line: String, output: String?, _ more: [String: String]) -> FleetCommand {
        var environment = configuration.environment.merging(more) { $1 }
        environment["TESSERA_NAME"] = name
        environment["TESSERA_FLEET"] = configuration.policy.name
        return FleetCommand(
            line: line, environment: environment, output: output, errors: files.errors(of: name),
            directory: configuration.directory, limit: configuration.commandLimit)
    }

    /// The host of `host:port` or `[host]:port`.
    static func host(of address: String) -> String {
        guard let colon = address.lastIndex(of: ":") else { return address }
        return String(address[..<colon].filter { $0 != "[" && $0 != "]" })
    }
}

extension FleetReport.Worker {
    init(_ worker: WorkerStatus) {
        let state: State =
            switch worker.state {
            case .alive, .suspect: .taking
            case .draining: .draining
            case .quarantined: worker.address.isEmpty ? .gone : .unable
            case .notReady, .other: .unable
            case .gone: .gone
            }
        self.init(
            id: worker.id, name: worker.name, state: state, slotCount: worker.slotCount, leaseCount: worker.leasesHeld,
            address: worker.address)
    }
}
