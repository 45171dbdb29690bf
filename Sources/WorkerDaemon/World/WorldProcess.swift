import ByteCoding
import Glibc
import JobModel
import SystemCalls

/// One mpirun and its ranks, from start to end: the sockets to the ranks, what they print, and their death.
///
/// Blocks its caller, never longer than the deadline it is given. Every process ends with this value.
final class WorldProcess {
    /// The next thing that happened.
    enum Event {
        /// From rank 0.
        case reply(RankReply)
        case interrupted
        case timedOut
    }

    private let launcher: pid_t
    /// By rank.
    private var ranks: [RankConnection] = []
    private let output: OutputTail
    private let interrupt: Interrupt
    private var isReaped = false
    /// How mpirun ended, once that is known.
    private var launcherStatus: CInt?

    /// The ranks' processes, by rank.
    var rankProcesses: [pid_t] { ranks.map(\.process) }
    var outputTail: String { output.text }

    /// Starts mpirun and waits until every rank has said hello.
    ///
    /// - Throws: `.notStarted`, or `.stopped` when interrupted by a stop.
    init(_ configuration: WorldConfiguration, in directory: WorldDirectory, interrupt: Interrupt) throws(WorldError) {
        try directory.prepareSession()
        let listener = try listenForRanks(at: directory.socketPath, count: configuration.rankCount)
        let token = (0..<4).map { _ in String(UInt64.random(in: 0...UInt64.max), radix: 16) }.joined(separator: "-")
        let command = WorldCommand(
            configuration, socket: directory.socketPath, session: directory.sessionPath, token: token, parent: getpid())

        var ends: [Int32] = [-1, -1]
        // A pair of sockets serves as a pipe that is closed on exec from its first moment.
        guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0, &ends) == 0 else {
            throw .notStarted("cannot open a pair of sockets: \(SystemError.last)", outputTail: "")
        }
        self.output = OutputTail(OwnedDescriptor(ends[0]))
        self.interrupt = interrupt
        self.launcher = try command.spawn(output: OwnedDescriptor(ends[1]))
        do {
            try gather(listener, token: token, configuration)
        } catch {
            kill()
            throw error
        }
    }

    deinit { kill() }

    /// Whether mpirun and all ranks live, as far as a look at their sockets tells.
    var isAlive: Bool { !isReaped && !output.isClosed && !ranks.contains { $0.isHungUp } }

    /// Sends `order` to the ranks it is for.
    func send(_ order: RankOrder, until deadline: ContinuousClock.Instant) throws(WorldError) {
        let bytes: [UInt8]
        do {
            bytes = try RankFrame.encode(order)
        } catch {
            throw .lost("the order cannot be sent: \(error.description)", outputTail: "")
        }
        for (rank, connection) in ranks.enumerated() where rank == 0 || order.isForEveryRank {
            var rest = bytes[...]
            while true {
                switch connection.send(&rest) {
                case .done: break
                case .closed: throw lost("rank \(rank) is gone")
                case .wouldBlock:
                    // The rank has stopped reading.
                    var poll = pollfd(fd: connection.descriptor.number, events: Int16(POLLOUT), revents: 0)
                    guard Glibc.poll(&poll, 1, milliseconds(until: deadline)) != 0 else {
                        throw .hung("rank \(rank) does not take an order", outputTail: outputTail)
                    }
                    continue
                }
                break
            }
        }
    }

    /// Waits for rank 0's next reply, an interrupt, or the deadline, whichever is first.
    ///
    /// - Throws: `.lost` when mpirun or any rank ends or breaks the protocol.
    func next(until deadline: ContinuousClock.Instant) throws(WorldError) -> Event {
        while true {
            for (rank, connection) in ranks.enumerated() {
                do {
                    if let reply = try connection.nextReply() {
                        guard rank == 0 else { throw lost("rank \(rank) spoke out of turn: \(reply)") }
                        return .reply(reply)
                    }
                } catch let error as BinaryCodingError {
                    throw lost("rank \(rank) sent something that is not a reply: \(error.description)")
                } catch let error as WorldError {
                    throw error
                } catch {
                    throw lost("\(error)")
                }
            }
            var polls = ranks.map { pollfd(fd: $0.descriptor.number, events: Int16(POLLIN), revents: 0) }
            polls.append(pollfd(fd: output.descriptor.number, events: Int16(POLLIN), revents: 0))
            polls.append(pollfd(fd: interrupt.descriptor, events: Int16(POLLIN), revents: 0))
            let ready = poll(&polls, nfds_t(polls.count), milliseconds(until: deadline))
            if ready < 0 && errno == EINTR { continue }
            if ready == 0 { return .timedOut }
            if polls[ranks.count].revents != 0 { output.drain() }
            // Replies first: a reply that a rank sent before its end counts.
            for (rank, connection) in ranks.enumerated() where polls[rank].revents != 0 {
                if connection.fill() == .closed {
                    if rank == 0, let last = try? connection.nextReply() { return .reply(last) }
                    throw lost("rank \(rank) (process \(connection.process)) ended")
                }
            }
            if polls[ranks.count + 1].revents != 0 {
                interrupt.clear()
                return .interrupted
            }
            if output.isClosed { throw lost("mpirun ended") }
        }
    }

    /// Asks the ranks to finish, and kills the processes that are left at the deadline.
    func shutdown(until deadline: ContinuousClock.Instant) {
        if isAlive, (try? send(.shutdown, until: deadline)) != nil { output.waitUntilClosed(deadline) }
        kill()
    }

    /// Kills mpirun and every rank, and returns when they are gone.
    func kill() {
        guard !isReaped else { return }
        isReaped = true
        Glibc.kill(-launcher, SIGKILL)
        // Ranks lead process groups of their own. One whose socket is open lives, so its number cannot be another's.
        for connection in ranks where !connection.isHungUp { Glibc.kill(connection.process, SIGKILL) }
        if launcherStatus == nil { while waitpid(launcher, nil, 0) < 0 && errno == EINTR {} }
        let deadline = ContinuousClock.now + .seconds(5)
        for connection in ranks { waitForHangUp(connection.descriptor.number, deadline) }
        output.drain()
    }

    /// A loss, with what the ranks and mpirun had to say about it.
    private func lost(_ reason: String) -> WorldError {
        // mpirun reports a rank's death on its error stream just after the socket has told us.
        output.waitUntilClosed(ContinuousClock.now + .milliseconds(500))
        return .lost(reason, outputTail: outputTail)
    }

    /// Whether mpirun has ended by itself, rather than by a signal.
    private func hasLauncherExited(until deadline: ContinuousClock.Instant) -> Bool {
        var status: CInt = 0
        while launcherStatus == nil {
            if waitpid(launcher, &status, WNOHANG) == launcher { launcherStatus = status }
            if launcherStatus == nil {
                guard ContinuousClock.now < deadline else { return false }
                // Its output was closed a moment ago.
                usleep(5000)
            }
        }
        return launcherStatus.map { $0 & 0x7f == 0 } ?? false
    }

    private func gather(
        _ listener: borrowing OwnedDescriptor, token: String, _ configuration: WorldConfiguration
    ) throws(WorldError) {
        let deadline = ContinuousClock.now + configuration.startTimeout
        var strangers: [RankConnection] = []
        var byRank = [RankConnection?](repeating: nil, count: configuration.rankCount)
        while byRank.contains(where: { $0 == nil }) {
            var polls = [listener.number, output.descriptor.number, interrupt.descriptor].map {
                pollfd(fd: $0, events: Int16(POLLIN), revents: 0)
            }
            polls += strangers.map { pollfd(fd: $0.descriptor.number, events: Int16(POLLIN), revents: 0) }
            let ready = poll(&polls, nfds_t(polls.count), milliseconds(until: deadline))
            if ready < 0 && errno == EINTR { continue }
            guard ready > 0 else {
                let missing = byRank.count { $0 == nil }
                throw .notStarted(
                    "\(missing) of \(configuration.rankCount) ranks did not come up within \(configuration.startTimeout)",
                    outputTail: outputTail)
            }
            if polls[1].revents != 0 { output.drain() }
            if polls[2].revents != 0 {
                interrupt.clear()
                if interrupt.isStopRequested { throw .stopped }
            }
            for (index, stranger) in strangers.enumerated().reversed() where polls[3 + index].revents != 0 {
                let state = stranger.fill()
                if let reply = try? stranger.nextReply(), case .hello(let rank, token) = reply,
                    Int(rank) < byRank.count, byRank[Int(rank)] == nil
                {
                    byRank[Int(rank)] = stranger
                    strangers.remove(at: index)
                } else if state == .closed {
                    strangers.remove(at: index)
                }
            }
            if polls[0].revents != 0, let stranger = RankConnection.accept(from: listener) {
                strangers.append(stranger)
            }
            if output.isClosed {
                if !configuration.isNamedAsLauncher, outputTail.isEmpty,
                    hasLauncherExited(until: min(deadline, ContinuousClock.now + .seconds(1)))
                {
                    throw .notLauncher(
                        "\(configuration.mpirun) ended at once, without a word, instead of starting ranks")
                }
                throw .notStarted("mpirun ended before all ranks were up", outputTail: outputTail)
            }
        }
        ranks = byRank.compactMap { $0 }
        try send(.ready, until: deadline)
    }
}

/// The time left in a form that `poll` takes.
private func milliseconds(until deadline: ContinuousClock.Instant) -> Int32 {
    Int32(clamping: max(0, (deadline - ContinuousClock.now).milliseconds + 1))
}

private func waitForHangUp(_ descriptor: Int32, _ deadline: ContinuousClock.Instant) {
    while ContinuousClock.now < deadline {
        // Asked for nothing, poll reports the hang-up alone.
        var poll = pollfd(fd: descriptor, events: 0, revents: 0)
        if Glibc.poll(&poll, 1, milliseconds(until: deadline)) > 0 { return }
    }
}

/// The last 4 KiB of what mpirun and the ranks print.
final class OutputTail {
    private static let limit = 4096

    let descriptor: OwnedDescriptor
    private(set) var isClosed = false
    private var bytes: [UInt8] = []

    init(_ descriptor: consuming OwnedDescriptor) {
        self.descriptor = descriptor
        _ = fcntl(self.descriptor.number, F_SETFL, O_NONBLOCK)
    }

    var text: String { String(decoding: bytes, as: UTF8.self) }

    /// Reads what is there.
    func drain() {
        var chunk = [UInt8](repeating: 0, count: Self.limit)
        while !isClosed {
            let count = read(descriptor.number, &chunk, chunk.count)
            if count > 0 {
                bytes = (bytes + chunk[..<count]).suffix(Self.limit)
            } else if count == 0 {
                isClosed = true
            } else if errno != EINTR {
                return
            }
        }
    }

    /// Reads until the last writer has closed, or the deadline.
    func waitUntilClosed(_ deadline: ContinuousClock.Instant) {
        while !isClosed && ContinuousClock.now < deadline {
            var poll = pollfd(fd: descriptor.number, events: Int16(POLLIN), revents: 0)
            if Glibc.poll(&poll, 1, milliseconds(until: deadline)) > 0 { drain() }
        }
    }
}
