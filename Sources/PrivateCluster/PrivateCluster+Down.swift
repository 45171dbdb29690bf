import Glibc
import SystemCalls

extension PrivateCluster {
    /// What `tessera down` has done.
    package struct DownReport: Hashable, Sendable {
        /// Whether the cluster was meant to be up.
        package var wasUp = false
        /// The daemons that were running, and have ended.
        package var ended: [DaemonRole] = []
        /// Those of them that were killed, since they did not end in time.
        package var killed: [DaemonRole] = []
        /// Whether the state was deleted.
        package var isPurged = false
    }

    /// Ends the cluster, the master last, and forgets its secret and addresses. Blocks.
    ///
    /// The worker hands back what it cannot finish soon; jobs continue after the next `up`.
    /// - Parameter purging: whether jobs, results and logs are deleted, too.
    package func down(purging: Bool) throws(PrivateClusterError) -> DownReport {
        var report = DownReport()
        guard Self.exists(places.directory) else { return report }
        let lock = try ClusterLock(places)
        defer { withExtendedLifetime(lock) {} }
        ReadinessSockets.removeLeftovers(of: places)
        if let record = try record() {
            report.wasUp = true
            let running = running(record)
            func processes(_ roles: [DaemonRole]) -> [(DaemonRole, ProcessHandle)] {
                roles.compactMap { role in running[role].map { (role, $0) } }
            }
            for group in [processes([.web, .worker]), processes([.master])] {
                report.killed += try end(group)
                report.ended += group.map(\.0)
            }
            forget()
        }
        if purging {
            removeTree(places.directory)
            report.isPurged = !Self.exists(places.directory)
            guard report.isPurged else { throw .files(places.directory, "cannot be deleted") }
        }
        return report
    }

    /// Removes what only a cluster that is up needs.
    func forget() {
        for path in [places.secret, places.link] + DaemonRole.allCases.map(places.address) { unlink(path) }
        // Last: as long as it is there, `down` does it again.
        unlink(places.record)
    }

    /// How long a daemon may take to end when it is told to: more than its own limit.
    private static func patience(_ role: DaemonRole) -> Duration {
        switch role {
        case .master: .seconds(15)
        case .web: .seconds(25)
        // Twenty seconds for tasks, eight to report what is handed back.
        case .worker: .seconds(35)
        }
    }

    /// Tells daemons to end, all at once, and waits until they have.
    /// - Returns: those that were killed, since they took too long.
    @discardableResult
    func end(_ daemons: [(DaemonRole, ProcessHandle)]) throws(PrivateClusterError) -> [DaemonRole] {
        let start = ContinuousClock.now
        for (role, process) in daemons { try send(SIGTERM, to: process, role) }
        var killed: [DaemonRole] = []
        for (role, process) in daemons {
            if waitForEnd(of: [process], until: start + Self.patience(role)) { continue }
            killed.append(role)
            try send(SIGKILL, to: process, role)
            guard waitForEnd(of: [process], until: .now + .seconds(10)) else {
                throw PrivateClusterError(
                    .notEnded, "\(role.program) (process \(process.identity.pid)) does not end, although it was killed")
            }
        }
        return killed
    }

    private func send(_ signal: CInt, to process: ProcessHandle, _ role: DaemonRole) throws(PrivateClusterError) {
        do throws(SystemError) {
            try process.send(signal)
        } catch {
            throw PrivateClusterError(
                .notEnded, "\(role.program) (process \(process.identity.pid)) cannot be told to end: \(error)")
        }
    }

    /// - Returns: whether all have ended by then.
    @discardableResult
    func waitForEnd(of processes: [ProcessHandle], until deadline: ContinuousClock.Instant) -> Bool {
        for process in processes {
            var query = pollfd(fd: process.descriptor, events: Int16(POLLIN), revents: 0)
            while poll(&query, 1, Launcher.milliseconds(until: deadline)) <= 0 {
                if ContinuousClock.now >= deadline { return !process.isRunning }
            }
        }
        return true
    }
}
