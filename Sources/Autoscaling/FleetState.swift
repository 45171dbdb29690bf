import JobModel

/// What a fleet has to remember beyond the end of its process: the workers for which a command was called.
package struct FleetState: Hashable, Sendable {
    package struct Member: Hashable, Sendable {
        package enum Phase: String, Hashable, Sendable, CaseIterable {
            case awaited, serving, draining, stopping, stopped
        }

        package var name: String
        package var phase: Phase
        /// Why it is being stopped; `nil` while it is not.
        package var reason: FleetOrder.StopReason?
        /// How long it has been in the phase.
        package var age: Duration
        package var worker: WorkerID?
        package var address: String

        package init(
            name: String, phase: Phase, reason: FleetOrder.StopReason? = nil, age: Duration, worker: WorkerID? = nil,
            address: String = ""
        ) {
            self.name = name
            self.phase = phase
            self.reason = reason
            self.age = age
            self.worker = worker
            self.address = address
        }
    }

    package var slotsPerWorker: Int?
    package var members: [Member]
    /// Starts in a row that failed, or whose worker never registered.
    package var failures: Int
    /// The time until the next start may be tried.
    package var startPause: Duration

    package init(
        slotsPerWorker: Int? = nil, members: [Member], failures: Int = 0, startPause: Duration = .zero
    ) {
        self.slotsPerWorker = slotsPerWorker
        self.members = members
        self.failures = failures
        self.startPause = startPause
    }

    /// The state when it is read, that much later than it was saved.
    package func aged(by duration: Duration) -> FleetState {
        var state = self
        for index in state.members.indices { state.members[index].age += max(.zero, duration) }
        state.startPause = max(.zero, startPause - max(.zero, duration))
        return state
    }
}

extension FleetState.Member {
    init(_ member: FleetMember, at now: Instant) {
        let phase: Phase
        var reason: FleetOrder.StopReason?
        switch member.phase {
        // Nobody will hear how the command ended.
        case .starting, .awaited: phase = .awaited
        case .serving: phase = .serving
        case .draining: phase = .draining
        case .stopping(let why), .paused(let why, _): (phase, reason) = (.stopping, why)
        case .stopped: phase = .stopped
        }
        self.init(
            name: member.name, phase: phase, reason: reason, age: max(.zero, now - member.since), worker: member.worker,
            address: member.address)
    }
}

extension FleetMember {
    init(_ member: FleetState.Member, at now: Instant) {
        let since = Instant(nanoseconds: now.nanoseconds - min(now.nanoseconds, UInt64(member.age.nanoseconds)))
        let phase: Phase
        switch member.phase {
        case .awaited: phase = .awaited
        case .serving: phase = .serving
        case .draining: phase = .draining
        // The command may have ended before anybody noted it: it is called once more.
        case .stopping: phase = .paused(member.reason ?? .lost, until: now)
        case .stopped: phase = .stopped
        }
        self.init(name: member.name, phase: phase, since: since)
        worker = member.worker
        address = member.address
    }
}
