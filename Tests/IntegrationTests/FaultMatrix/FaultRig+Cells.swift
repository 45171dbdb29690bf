import Glibc
import JobModel
import Protocol
import SeededRandom
import Synchronization
import TestSupport
import Testing

extension FaultRig {
    /// A cell was not what it should have been.
    struct CellFailure: Error, CustomStringConvertible {
        let description: String
    }

    /// Runs a job, lets the cell's fault happen to it, and compares the file with that of an undisturbed process.
    func run(_ cell: FaultCell, number: Int, seed: UInt64) async throws -> Duration {
        var random = SeededGenerator(seed: seed &* 1009 &+ UInt64(number))
        async let expected = Self.image(number).processedSerially(Self.pipeline)
        let start = ContinuousClock.now
        if cell.kind.isOfNetwork {
            try await runNetworkFault(cell, number: number, &random)
        } else {
            try await runProcessFault(cell, number: number, &random)
        }
        let duration = ContinuousClock.now - start
        guard try await cluster.contents(cluster.path("out-\(number).png")) == expected else {
            throw CellFailure(description: "the file differs from that of an undisturbed process")
        }
        try await heal()
        return duration
    }

    /// Runs a job while faults of all kinds, drawn from `seed`, happen to one frame in forty.
    func run(amid seed: UInt64, number: Int) async throws -> Duration {
        async let expected = Self.image(number).processedSerially(Self.pipeline)
        let start = ContinuousClock.now
        for (salt, proxy) in ([clientProxy] + workerProxies).enumerated() {
            let plan = FaultPlan(seed: seed &* 10 &+ UInt64(salt), frameInterval: 40)
            proxy.decide { plan.fault(for: $0) }
        }
        let (command, place) = try run(image: number)
        try await finish(command)
        let duration = ContinuousClock.now - start
        guard try await cluster.contents(place) == expected else {
            throw CellFailure(description: "the file differs from that of an undisturbed process")
        }
        try await heal()
        return duration
    }

    private func finish(_ command: CommandRun) async throws {
        let outcome = try await command.outcome(within: .seconds(45))
        guard outcome.status == 0 else { throw CellFailure(description: "the client failed: \(outcome)") }
    }

    // MARK: Faults of the network

    private func runNetworkFault(
        _ cell: FaultCell, number: Int, _ random: inout SeededGenerator
    ) async throws {
        let aim = PhaseWatch.Aim.of(cell.phase).randomElement(using: &random) ?? .openJob
        let direction = FlowDirection.allCases.randomElement(using: &random) ?? .toMaster
        let drawn = random
        let fault: @Sendable (FrameSighting) -> Fault = { frame in
            var random = drawn
            return Self.fault(cell.kind, at: frame, &random)
        }
        let isHere = { @Sendable (link: PhaseWatch.Link) in (link == .client) == (cell.victim == .client) }
        let hold = FrameHold()
        let watch = PhaseWatch(aim, taskCount: taskCount) { watch, link, frame in
            // The phase shows on the victim's own connection, or it is held until that has been struck.
            if isHere(link) { return fault(frame) }
            // By the very thread that sees the frame: the victim's next one may be the last.
            watch.strike(cell.victim == .client ? .client : .worker(0), direction, fault)
            hold.holdUntilReleased()
            return nil
        }
        self.watch(watch)
        let struck = incidents.count
        let (command, _) = try run(image: number)
        defer { hold.release() }
        try await eventually("\(aim) is seen", within: .seconds(30)) {
            if !command.process.isRunning { throw CellFailure(description: "the client ended: \(command.errors)") }
            return watch.reachedAt != nil
        }
        if let link = watch.reachedAt, !isHere(link) {
            try await eventually("a frame \(direction.rawValue) of the \(cell.victim) is struck", within: .seconds(10))
            {
                watch.hasStruck
            }
            hold.release()
        }
        try await finish(command)
        guard incidents.count == struck + 1 else {
            throw CellFailure(
                description: "\(incidents.count - struck) faults happened: \(incidents.dropFirst(struck))")
        }
    }

    private static func fault(
        _ kind: FaultCell.Kind, at frame: FrameSighting, _ random: inout SeededGenerator
    ) -> Fault {
        switch kind {
        case .cut: .cut(afterByteCount: Int.random(in: 0...frame.byteCount, using: &random))
        case .halfOpen: .halfOpen(unaware: Bool.random(using: &random) ? .initiator : .master)
        case .silence: .silence
        case .slow: .slow(bytesPerSecond: 40_000)
        case .corrupt: .corrupt(bit: Int.random(in: 0..<frame.byteCount * 8, using: &random))
        case .duplicate: .duplicate
        case .kill, .stop: preconditionFailure("\(kind) is not a fault of the network")
        }
    }

    // MARK: Faults of processes

    private func runProcessFault(
        _ cell: FaultCell, number: Int, _ random: inout SeededGenerator
    ) async throws {
        let signal = cell.kind == .kill ? SIGKILL : SIGSTOP
        let aim = self.aim(of: cell, &random)
        let rankChoice = random.next()
        let hold = FrameHold()
        let client = Mutex<CommandRun?>(nil)
        let watch = PhaseWatch(aim, taskCount: taskCount) { [self] _, link, _ in
            // At once, by the very thread that sees the frame: an assembly lasts milliseconds.
            switch cell.victim {
            case .client: client.withLock { $0 }?.process.send(signal)
            case .master: cluster.master.process.send(signal)
            case .worker: worker(at: link).process.send(signal)
            case .rank where cell.phase != .chunk, .mpirun where cell.phase != .chunk:
                member(cell.victim, of: worker(at: link), rankChoice)?.send(signal)
            case .rank, .mpirun: break
            }
            hold.holdUntilReleased()
            return nil
        }
        self.watch(watch)
        let command = try client.withLock { client in
            let command = try run(image: number).run
            client = command
            return command
        }
        guard await hold.reached(within: .seconds(30)), let link = watch.reachedAt else {
            throw CellFailure(description: "\(aim) was not seen: \(command.errors)")
        }
        defer { hold.release() }
        let struck = worker(at: link)
        if cell.phase == .chunk, cell.victim == .rank || cell.victim == .mpirun {
            hold.release()
            let busy = try await cluster.waitForBusyRank(of: struck)
            (cell.victim == .rank ? busy : member(.mpirun, of: struck, 0))?.send(signal)
        }
        if cell.kind == .kill {
            try await recover(from: cell, struck, command, hold, watch, number: number)
        } else {
            try await thaw(cell, struck, command, hold, watch)
        }
    }

    private func aim(of cell: FaultCell, _ random: inout SeededGenerator) -> PhaseWatch.Aim {
        switch (cell.phase, cell.victim) {
        // While a band is on its way the rank decodes the next ones.
        case (.decode, .rank), (.decode, .mpirun): .putBand
        case (.chunk, .rank), (.chunk, .mpirun): .chunkGranted
        default: PhaseWatch.Aim.of(cell.phase).randomElement(using: &random) ?? .openJob
        }
    }

    private func worker(at link: PhaseWatch.Link) -> Daemon {
        switch link {
        case .client: cluster.workers[0]
        case .worker(let number): cluster.workers[number]
        }
    }

    private func member(_ victim: FaultCell.Victim, of worker: Daemon, _ choice: UInt64) -> ProcessTable.Entry? {
        if victim == .mpirun { return ProcessTable.descendants(of: worker.pid).first { $0.parent == worker.pid } }
        let ranks = cluster.rankProcesses(of: worker)
        return ranks.isEmpty ? nil : ranks[Int(choice % UInt64(ranks.count))]
    }

    /// The usual repair after a death: systemd starts the daemon again, a person the client.
    private func recover(
        from cell: FaultCell, _ worker: Daemon, _ command: CommandRun, _ hold: FrameHold, _ watch: PhaseWatch,
        number: Int
    ) async throws {
        switch cell.victim {
        case .client:
            try await command.process.waitForEnd()
            hold.release()
            // Work begins before the job is complete. One that its client never completed is sent again.
            guard let job = watch.job, try await cluster.summary(of: job).isSealed else {
                return try await finish(try run(image: number).run)
            }
            try await finish(
                try cluster.start(["fetch", "\(job)", "-o", cluster.path("out-\(number).png")]))
            return
        case .worker:
            try await worker.process.waitForEnd()
            hold.release()
            try cluster.restart(worker)
        case .master:
            try await cluster.master.process.waitForEnd()
            hold.release()
            try await cluster.restartMaster()
        case .rank, .mpirun: hold.release()
        }
        try await finish(command)
    }

    /// Lets the stopped processes continue once the others have noticed, or could have.
    private func thaw(
        _ cell: FaultCell, _ stopped: Daemon, _ command: CommandRun, _ hold: FrameHold, _ watch: PhaseWatch
    ) async throws {
        hold.release()
        switch cell.victim {
        case .client:
            // Longer than the master waits for a transfer.
            try await beats(6, of: 0, watch)
            command.process.send(SIGCONT)
        case .worker:
            try await cluster.withMaster { master in
                try await eventually("the silent worker is given up") {
                    try await master.workers().contains { $0.name == stopped.name && $0.state == .gone }
                }
            }
            stopped.resume()
        case .master:
            let ended = workerProxies[0].endCount(of: .worker, by: .initiator)
            try await eventually("a worker gives the silent master up") {
                workerProxies[0].endCount(of: .worker, by: .initiator) > ended
            }
            cluster.master.resume()
        case .rank, .mpirun:
            try await beats(3, of: cluster.workers.firstIndex { $0 === stopped } ?? 0, watch)
            for process in ProcessTable.descendants(of: stopped.pid) { process.send(SIGCONT) }
        }
        try await finish(command)
    }

    /// Waits for that many heartbeats of a worker: the cluster's own clock.
    private func beats(_ count: Int, of worker: Int, _ watch: PhaseWatch) async throws {
        let goal = watch.heartbeatCount(of: worker) + count
        try await eventually("worker \(worker) beats \(count) times") { watch.heartbeatCount(of: worker) >= goal }
    }
}
