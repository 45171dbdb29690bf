import JobModel

/// The workers that somebody's commands start and stop, as many as the work needs. Pure: events in, orders out; time is an
/// argument. `FleetMember` has the life of each.
///
/// The shell saves `state` after each event, before it carries the orders out. Whatever was being done when the process ended
/// is then found again: a machine that was started is waited for, and one that was to be stopped is stopped.
package struct Fleet: Sendable {
    package let policy: FleetPolicy
    private(set) var members: [String: FleetMember] = [:]
    /// What was wanted lately, oldest first: the fleet shrinks to the most of it.
    private var wishes: [(at: Instant, count: Int)] = []
    private let began: Instant
    /// Slots of a worker, as far as known.
    private(set) var slotsPerWorker: Int?
    /// Starts in a row that failed, or whose worker never registered.
    private(set) var failures: Int
    private var nextStart: Instant
    /// An earlier run left a pause of which this run has said nothing yet.
    private var hasInheritedPause: Bool
    private var isFull = false
    /// Makes the part of a name behind the fleet's.
    private let suffix: @Sendable () -> String

    /// - Parameters:
    ///   - state: what an earlier run saved.
    ///   - suffix: makes a new end of a name at each call.
    package init(
        _ policy: FleetPolicy, continuing state: FleetState? = nil, at now: Instant,
        suffix: @escaping @Sendable () -> String
    ) {
        precondition(policy.least >= 0 && policy.most >= max(1, policy.least), "\(policy)")
        self.policy = policy
        self.suffix = suffix
        began = now
        failures = state?.failures ?? 0
        // A clock that was set back does not make the pause longer than it may be.
        nextStart = now + min(policy.longestPause, max(.zero, state?.startPause ?? .zero))
        hasInheritedPause = nextStart > now
        slotsPerWorker = policy.slotsPerWorker ?? state?.slotsPerWorker
        for member in state?.members ?? [] { members[member.name] = FleetMember(member, at: now) }
    }

    /// What is to be saved.
    package func state(at now: Instant) -> FleetState {
        FleetState(
            slotsPerWorker: slotsPerWorker,
            members: members.values.map { FleetState.Member($0, at: now) }.sorted { $0.name < $1.name },
            failures: failures, startPause: max(.zero, nextStart - now))
    }

    package var memberCount: Int { members.count }

    // MARK: Events

    /// The master was asked.
    package mutating func observed(_ report: FleetReport, at now: Instant) -> [FleetOrder] {
        var orders: [FleetOrder] = []
        var views: [String: Namesakes] = [:]
        for worker in report.workers { views[worker.name, default: Namesakes()].add(worker) }
        adopt(views, at: now, into: &orders)
        for name in members.keys.sorted() {
            observe(name, views[name] ?? Namesakes(), at: now, into: &orders)
        }
        learnSlots(views)
        size(report, views, at: now, into: &orders)
        return orders
    }

    /// A start command ended.
    package mutating func startEnded(_ name: String, _ end: CommandEnd, at now: Instant) -> [FleetOrder] {
        // A race: its worker has registered already.
        guard members[name]?.phase == .starting else { return [] }
        switch end {
        case .succeeded:
            members[name]?.enter(.awaited, at: now)
            return []
        case .failed(let reason):
            members[name] = nil
            return [.tell(startFailed(name, reason, at: now))]
        case .killed(let reason):
            // Whether its worker is there, the next look tells.
            members[name]?.enter(.paused(.startKilled, until: now), at: now)
            return [.tell(startFailed(name, reason, at: now))]
        }
    }

    /// A stop command ended.
    package mutating func stopEnded(_ name: String, _ end: CommandEnd, at now: Instant) -> [FleetOrder] {
        guard case .stopping(let reason)? = members[name]?.phase else { return [] }
        switch end {
        case .succeeded:
            members[name]?.enter(.stopped, at: now)
            return [.tell(FleetNews(.stopped, "\(name) is stopped"))]
        case .failed(let text), .killed(let text):
            members[name]?.failures += 1
            let failures = members[name]?.failures ?? 1
            let pause = policy.pause(after: failures)
            members[name]?.enter(.paused(reason, until: now + pause), at: now)
            return [
                .tell(
                    FleetNews(
                        .stopFailed,
                        "the stop command of \(name) \(text); it is called again in \(FleetNews.text(pause))"
                            + Self.inARow(failures)))
            ]
        }
    }

    // MARK: One member

    /// Workers of the fleet's name that no earlier run has left a word about.
    private mutating func adopt(_ views: [String: Namesakes], at now: Instant, into orders: inout [FleetOrder]) {
        for (name, view) in views.sorted(by: { $0.key < $1.key })
        where members[name] == nil && policy.owns(name) && view.isConnected {
            members[name] = FleetMember(name: name, phase: view.undrained.isEmpty ? .draining : .serving, since: now)
            orders.append(.tell(FleetNews(.found, "\(name) has the fleet's name, and belongs to it from now on")))
        }
    }

    private mutating func observe(
        _ name: String, _ view: Namesakes, at now: Instant, into orders: inout [FleetOrder]
    ) {
        guard let member = members[name] else { return }
        if let worker = view.connected.max() {
            members[name]?.worker = worker
            members[name]?.address = view.address
            members[name]?.missingSince = nil
        } else if member.missingSince == nil {
            members[name]?.missingSince = now
        }
        let isUnable = view.isConnected && view.takingCount == 0
        members[name]?.unableSince = isUnable ? member.unableSince ?? now : nil
        let awayFor = members[name]?.missingSince.map { now - $0 } ?? .zero
        switch member.phase {
        case .starting, .awaited:
            // One that came and went between two looks has registered, too.
            if view.isKnown {
                failures = 0
                nextStart = now
                orders.append(
                    .tell(
                        FleetNews(
                            .registered, "\(name) has registered, \(FleetNews.text(now - member.since)) after its start"
                        )
                    ))
                members[name]?.enter(.serving, at: now)
            } else if member.phase == .awaited, now - member.since >= policy.registerTimeout {
                orders.append(.tell(neverRegistered(name, at: now)))
                orders.append(stop(name, .neverRegistered, at: now))
            }
        case .serving:
            guard awayFor >= policy.lostAfter else { return }
            orders.append(
                .tell(FleetNews(.lost, "\(name) has been away for \(FleetNews.text(awayFor)), and is given up")))
            orders.append(stop(name, .lost, at: now))
        case .draining:
            if !view.isConnected {
                guard awayFor >= policy.lostAfter else { return }
                orders.append(stop(name, .lost, at: now))
            } else if view.isEmpty {
                orders.append(stop(name, .idle, at: now))
            } else {
                // The order may have been lost with its connection.
                orders += view.undrained.map { .drain(name: name, $0) }
            }
        case .stopping: break
        case .paused(let reason, let due):
            if view.isConnected, !view.isEmpty {
                // It came back, and may be at work.
                members[name]?.enter(reason == .idle ? .draining : .serving, at: now)
            } else if now >= due {
                orders.append(stop(name, reason, at: now))
            }
        case .stopped:
            if !view.isConnected {
                members[name] = nil
            } else if now - member.since >= policy.lostAfter {
                drain(name, view, at: now, into: &orders)
            }
        }
    }

    private mutating func drain(_ name: String, _ view: Namesakes, at now: Instant, into orders: inout [FleetOrder]) {
        members[name]?.enter(.draining, at: now)
        orders += view.undrained.map { .drain(name: name, $0) }
    }

    private mutating func stop(_ name: String, _ reason: FleetOrder.StopReason, at now: Instant) -> FleetOrder {
        members[name]?.enter(.stopping(reason), at: now)
        return .stop(
            name: name, reason, worker: members[name]?.worker, address: members[name]?.address ?? "")
    }

    // MARK: Starts that failed

    private static func inARow(_ count: Int) -> String { count > 1 ? " (\(count) in a row have failed)" : "" }

    /// Commands that fail together are one failure.
    private mutating func noteFailure(at now: Instant) {
        guard now >= nextStart || failures == 0 else { return }
        failures += 1
        nextStart = now + policy.pause(after: failures)
    }

    private mutating func startFailed(_ name: String, _ text: String, at now: Instant) -> FleetNews {
        noteFailure(at: now)
        return FleetNews(
            .startFailed,
            "the start command of \(name) \(text); the next one is called in \(FleetNews.text(nextStart - now))"
                + Self.inARow(failures))
    }

    private mutating func neverRegistered(_ name: String, at now: Instant) -> FleetNews {
        noteFailure(at: now)
        return FleetNews(
            .neverRegistered,
            "\(name) has not registered within \(FleetNews.text(policy.registerTimeout)) of its start, and is given up"
                + Self.inARow(failures)
                + "; does the start command start tessera-worker with this master, its secret and the name in TESSERA_NAME?"
        )
    }

    // MARK: The fleet's size

    private mutating func learnSlots(_ views: [String: Namesakes]) {
        let fleet = members.values.compactMap { views[$0.name] }.filter(\.isConnected)
        let slots = fleet.reduce(0) { $0 + $1.slotCount }
        if slots > 0 { slotsPerWorker = max(1, (slots + fleet.count / 2) / fleet.count) }
    }

    /// The workers that the work needs, within the bounds.
    private func wanted(_ report: FleetReport, _ views: [String: Namesakes]) -> Int {
        let others = report.workers.filter { $0.state == .taking && !policy.owns($0.name) }
        let slots = max(0, report.slotsWanted - others.reduce(0) { $0 + $1.slotCount })
        // One worker tells how many slots the others are going to have.
        let count = slotsPerWorker.map { (slots + $0 - 1) / $0 } ?? min(1, slots)
        return min(policy.most, max(policy.least, count))
    }

    private mutating func size(
        _ report: FleetReport, _ views: [String: Namesakes], at now: Instant, into orders: inout [FleetOrder]
    ) {
        let wanted = wanted(report, views)
        wishes.append((now, wanted))
        // The latest one that is too old says what was wanted when the span began.
        while wishes.count > 1, now - wishes[1].at >= policy.shrinkAfter { wishes.removeFirst() }
        let employed = members.values.filter(\.isCapacity)
        let capacity = employed.filter { isUseful($0, at: now) }
        if capacity.count < wanted { grow(by: wanted - capacity.count, views, at: now, into: &orders) }
        if members.count < policy.most || capacity.count >= wanted { isFull = false }

        let isKnownLongEnough = now - began >= policy.shrinkAfter
        let needed = isKnownLongEnough ? wishes.reduce(wanted) { max($0, $1.count) } : policy.most
        if employed.count > needed { shrink(to: needed, views, at: now, into: &orders) }
    }

    /// Whether it works or will. A worker that cannot run tasks, or that somebody else drains, may come back to it at first.
    private func isUseful(_ member: FleetMember, at now: Instant) -> Bool {
        member.unableSince.map { now - $0 < policy.lostAfter } ?? true
    }

    private mutating func grow(
        by count: Int, _ views: [String: Namesakes], at now: Instant, into orders: inout [FleetOrder]
    ) {
        var rest = count
        // One that is about to leave is there at once.
        for name in members.keys.sorted() where rest > 0 && members[name]?.phase == .draining {
            guard let view = views[name], view.isConnected else { continue }
            members[name]?.enter(.serving, at: now)
            orders.append(.tell(FleetNews(.resumes, "\(name) takes tasks again")))
            orders += view.connected.map { .resume(name: name, $0) }
            rest -= 1
        }
        while rest > 0 {
            guard members.count < policy.most else { return tellFull(at: now, into: &orders) }
            guard now >= nextStart else { return tellPause(at: now, into: &orders) }
            // After a failure, and before a worker's size is known, one is tried at a time.
            if failures > 0 || slotsPerWorker == nil && members.count >= policy.least,
                members.values.contains(where: \.isPending)
            {
                return
            }
            let name = newName()
            members[name] = FleetMember(name: name, phase: .starting, since: now)
            orders.append(
                .tell(FleetNews(.starts, "\(name) is started; the fleet is \(members.count) of \(policy.most)")))
            orders.append(.start(name: name))
            rest -= 1
        }
    }

    /// Said once, by the run after the one whose starts failed: its user may wonder why nothing is started.
    private mutating func tellPause(at now: Instant, into orders: inout [FleetOrder]) {
        guard hasInheritedPause else { return }
        hasInheritedPause = false
        orders.append(
            .tell(
                FleetNews(
                    .startFailed,
                    "the start command failed before this run began; the next one is called in "
                        + FleetNews.text(nextStart - now) + Self.inARow(failures))))
    }

    /// Said once, when workers that are wanted would be too many only because of those that are still to be stopped.
    private mutating func tellFull(at now: Instant, into orders: inout [FleetOrder]) {
        guard !isFull else { return }
        isFull = true
        let idle = members.values.count { !$0.isCapacity }
        guard idle > 0 else { return }
        orders.append(
            .tell(
                FleetNews(
                    .full,
                    "more workers are wanted, but the fleet has \(members.count), as many as --max allows; \(idle) of them are "
                        + "being drained or stopped")))
    }

    private mutating func shrink(
        to needed: Int, _ views: [String: Namesakes], at now: Instant, into orders: inout [FleetOrder]
    ) {
        // One that has not registered yet, or is away, replaces nobody.
        let candidates = members.values.filter { $0.phase == .serving && views[$0.name]?.isConnected == true }
        // Those that are of no use, then those with the least to finish, and of these the newest.
        let order = candidates.sorted { left, right in
            let (usefulLeft, usefulRight) = (isUseful(left, at: now), isUseful(right, at: now))
            if usefulLeft != usefulRight { return usefulRight }
            let (a, b) = (views[left.name]?.leaseCount ?? 0, views[right.name]?.leaseCount ?? 0)
            return a != b ? a < b : (right.since, right.name) < (left.since, left.name)
        }
        for member in order.prefix(max(0, candidates.count - needed)) {
            guard let view = views[member.name] else { continue }
            orders.append(.tell(FleetNews(.drains, "\(member.name) is not needed, and drains")))
            drain(member.name, view, at: now, into: &orders)
        }
    }

    private func newName() -> String {
        while true {
            let name = "\(policy.name)-\(suffix())"
            if members[name] == nil { return name }
        }
    }
}
