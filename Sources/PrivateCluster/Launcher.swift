import Glibc
import SystemCalls

/// Starts daemons as `Startup` says, and waits for their word.
final class Launcher {
    private struct Child {
        let handle: ProcessHandle
        let socket: ReadinessSocket
    }

    private let cluster: PrivateCluster
    private let plan: StartPlan
    private let sockets: ReadinessSockets
    /// Whether there was a record before this start: it stays when the start fails.
    private let isRestart: Bool
    private(set) var record: ClusterRecord
    private var startup: Startup
    private var children: [DaemonRole: Child] = [:]
    private var ends: [DaemonRole: ProcessHandle.End] = [:]

    init(
        cluster: PrivateCluster, plan: StartPlan, record: ClusterRecord, isRestart: Bool
    ) throws(PrivateClusterError) {
        self.cluster = cluster
        self.plan = plan
        self.record = record
        self.isRestart = isRestart
        sockets = try ReadinessSockets(cluster.places, environment: cluster.environment)
        startup = Startup(starting: plan.starting)
    }

    /// Returns when all daemons of the plan serve.
    func run(limit: Duration, _ interruption: PrivateCluster.Interruption) throws(PrivateClusterError) {
        let deadline = ContinuousClock.now + limit
        do throws(PrivateClusterError) {
            var actions = startup.begin()
            while true {
                for action in actions {
                    switch action {
                    case .start(let role): try start(role)
                    case .stop: throw failure()
                    case .finish: return
                    }
                }
                actions = try wait(until: deadline, interruption)
            }
        } catch {
            stopAll()
            throw error
        }
    }

    private func start(_ role: DaemonRole) throws(PrivateClusterError) {
        let places = cluster.places
        rename(places.log(of: role), places.olderLog(of: role))
        unlink(places.address(of: role))
        let path = places.log(of: role)
        guard let log = OwnedDescriptor(result: open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)) else {
            throw .files(path, "cannot be made")
        }
        let socket = try sockets.open(for: role)
        let launch = DaemonLaunch(
            role, places: places, port: plan.ports[role] ?? 0, master: record.addresses[.master] ?? "",
            notifySocket: sockets.path(of: role), environment: cluster.environment)
        let held: HeldProcess
        do throws(SystemError) {
            held = try HeldProcess(
                path: cluster.program(role), arguments: launch.arguments, environment: launch.environment, output: log)
        } catch {
            throw PrivateClusterError(.notStarted, "\(role.program) cannot be started: \(error)")
        }
        // Written down before it runs: whatever becomes of this process, `tessera down` finds it.
        record.processes[role] = held.handle.identity
        record.serving.remove(role)
        try cluster.write(record)
        children[role] = Child(handle: held.handle, socket: socket)
        do throws(SystemError) {
            try held.release()
        } catch {
            throw PrivateClusterError(.notStarted, "\(role.program) cannot be started: \(error)")
        }
    }

    /// Waits for the next events.
    private func wait(
        until deadline: ContinuousClock.Instant, _ interruption: PrivateCluster.Interruption
    ) throws(PrivateClusterError) -> [Startup.Action] {
        let roles = DaemonRole.allCases.filter { children[$0] != nil }
        var descriptors = [pollfd(fd: interruption.descriptor, events: Int16(POLLIN), revents: 0)]
        for case let child? in roles.map({ children[$0] }) {
            descriptors.append(pollfd(fd: child.handle.descriptor, events: Int16(POLLIN), revents: 0))
            descriptors.append(pollfd(fd: child.socket.descriptor, events: Int16(POLLIN), revents: 0))
        }
        let count = poll(&descriptors, nfds_t(descriptors.count), Self.milliseconds(until: deadline))
        if count < 0, errno != EINTR { throw .files("the daemons' sockets", "cannot be waited for") }
        if count == 0 { return startup.timeIsOver() }
        var actions: [Startup.Action] = []
        if descriptors[0].revents != 0 { actions += startup.interrupted() }
        for (index, role) in roles.enumerated() {
            guard let child = children[role] else { continue }
            // Its last words come before its end.
            if descriptors[2 + 2 * index].revents != 0, child.socket.isReady() {
                try noteServing(role)
                actions += startup.ready(role)
            }
            if descriptors[1 + 2 * index].revents != 0 {
                ends[role] = child.handle.collect()
                actions += startup.ended(role)
            }
        }
        return actions
    }

    /// Notes that a daemon serves, and where.
    private func noteServing(_ role: DaemonRole) throws(PrivateClusterError) {
        if role != .worker {
            guard let address = cluster.line(at: cluster.places.address(of: role)) else {
                throw .files(cluster.places.address(of: role), "was not written by \(role.program)")
            }
            record.addresses[role] = address
        }
        record.serving.insert(role)
        try cluster.write(record)
    }

    static func milliseconds(until deadline: ContinuousClock.Instant) -> CInt {
        let rest = deadline - .now
        return rest <= .zero ? 0 : CInt(clamping: Int64(rest / .milliseconds(1)) + 1)
    }

    // MARK: Failure

    private func failure() -> PrivateClusterError {
        switch startup.failure {
        case .ended(let role):
            let how = ends[role].map { "\($0)" } ?? "has ended"
            return PrivateClusterError(
                .notStarted, "\(role.program) \(how); what was started with it is stopped again" + tail(of: role))
        case .late(let role):
            return PrivateClusterError(
                .notStarted,
                "\(role.program) did not serve in time; what was started with it is stopped again" + tail(of: role))
        case .interrupted, nil:
            return PrivateClusterError(.interrupted, "interrupted: what was started is stopped again")
        }
    }

    private func tail(of role: DaemonRole) -> String {
        let path = cluster.places.log(of: role)
        let lines = LogTail.lines(at: path, count: 10)
        guard !lines.isEmpty else { return "; its log \(ClusterPlaces.shown(path)) is empty" }
        return "; the end of \(ClusterPlaces.shown(path)):\n" + lines.map { "  \($0)" }.joined(separator: "\n")
    }

    /// Ends what this start has begun, the newest first, and forgets it.
    private func stopAll() {
        let started = plan.starting.reversed().compactMap { role in children[role].map { (role, $0.handle) } }
        // The reason of the failure is what the person is told; a daemon that resists stays in the record.
        let left = (try? cluster.end(started)) == nil
        for (role, child) in children {
            _ = child.handle.collect()
            if child.handle.isRunning { continue }
            record.processes[role] = nil
            record.serving.remove(role)
        }
        unlink(cluster.places.link)
        if isRestart || left { try? cluster.write(record) } else { cluster.forget() }
    }
}

/// The last lines of a log.
enum LogTail {
    static func lines(at path: String, count: Int) -> [String] {
        guard let file = OwnedDescriptor(result: open(path, O_RDONLY | O_CLOEXEC)) else { return [] }
        let limit = 16 << 10
        lseek(file.number, max(0, lseek(file.number, 0, SEEK_END) - limit), SEEK_SET)
        guard let bytes = file.read(upTo: limit) else { return [] }
        return String(decoding: bytes, as: UTF8.self).split(separator: "\n").suffix(count).map(String.init)
    }
}
