import Glibc
import SystemCalls
import Transport

extension PrivateCluster {
    /// What a person asks of `tessera up`.
    package struct UpRequest: Hashable, Sendable {
        /// Whether the page is wanted.
        package var hasPage: Bool
        /// Ports that are asked for.
        package var ports: [DaemonRole: Int]
        /// How long the daemons may take until they serve. A master with a long journal takes longest.
        package var limit: Duration

        package init(hasPage: Bool = true, ports: [DaemonRole: Int] = [:], limit: Duration = .seconds(120)) {
            self.hasPage = hasPage
            self.ports = ports
            self.limit = limit
        }
    }

    /// What is up.
    package struct Report: Hashable, Sendable {
        package struct Daemon: Hashable, Sendable {
            package let role: DaemonRole
            package let pid: Int32
            /// `nil` for a daemon that does not serve.
            package let address: String?
            /// Whether this `tessera up` has started it.
            package let isNew: Bool

            package init(role: DaemonRole, pid: Int32, address: String?, isNew: Bool) {
                self.role = role
                self.pid = pid
                self.address = address
                self.isNew = isNew
            }
        }

        package var daemons: [Daemon]
        /// The link that signs one browser in, once.
        package var link: String?
        /// Why there is no page, or no link to it.
        package var remark: String?

        package init(daemons: [Daemon] = [], link: String? = nil, remark: String? = nil) {
            self.daemons = daemons
            self.link = link
            self.remark = remark
        }
    }

    /// Starts what is not running, and returns when all of it serves. Blocks.
    ///
    /// - Throws: `PrivateClusterError`; then nothing that this call has started is running.
    package func up(_ request: UpRequest, _ interruption: Interruption) throws(PrivateClusterError) -> Report {
        try makeDirectories()
        let lock = try ClusterLock(places)
        defer { withExtendedLifetime(lock) {} }
        var new: Set<DaemonRole> = []
        // What runs at the beginning may have ended when the rest serves: then there is more to start.
        for _ in 1...Self.roundLimit {
            let (started, remark) = try start(request, interruption)
            new.formUnion(started)
            guard let record = try record() else { continue }
            if Set(running(record).keys) == Set(record.processes.keys) {
                return try report(record, new: new, remark: remark)
            }
        }
        throw PrivateClusterError(
            .notStarted, "the daemons end as soon as they serve; their logs are in \(ClusterPlaces.shown(places.logs))")
    }

    private static let roundLimit = 3

    /// Starts what is not running.
    /// - Returns: what was started, and why there is no page.
    private func start(
        _ request: UpRequest, _ interruption: Interruption
    ) throws(PrivateClusterError) -> (started: Set<DaemonRole>, remark: String?) {
        let before = try record()
        var running = before.map(running) ?? [:]
        // Its start was cut short: nobody knows how far it has come.
        let halfway = running.filter { before?.serving.contains($0.key) != true }
        try end(halfway.map { ($0.key, $0.value) })
        for role in halfway.keys { running[role] = nil }
        let (wanted, remark) = try wanted(request, running: Set(running.keys))
        let plan = try StartPlan(
            wanted: wanted, running: Set(running.keys),
            recorded: (before?.addresses ?? [:]).compactMapValues(Self.port), demanded: request.ports,
            isFree: LoopbackPort.isFree)
        try makeSecret(isKept: before != nil)

        var record = before ?? ClusterRecord(bootID: "")
        record.bootID = Machine.bootID
        record.processes = record.processes.filter { running[$0.key] != nil }
        for role in plan.ending {
            if let process = running[role] { try end([(role, process)]) }
            record.processes[role] = nil
        }
        record.serving.formIntersection(record.processes.keys)
        if let before, record != before { try write(record) }
        let launcher = try Launcher(cluster: self, plan: plan, record: record, isRestart: before != nil)
        try launcher.run(limit: request.limit, interruption)
        return (Set(plan.starting), remark)
    }

    /// The daemons that are wanted and whose programs are there.
    private func wanted(
        _ request: UpRequest, running: Set<DaemonRole>
    ) throws(PrivateClusterError) -> (Set<DaemonRole>, remark: String?) {
        for role in [DaemonRole.master, .worker] where access(program(role), X_OK) != 0 {
            throw .init(
                .noProgram,
                "\(program(role)) cannot be run: \(SystemError.last); install all programs of one release in one directory"
            )
        }
        guard request.hasPage || running.contains(.web) else { return ([.master, .worker], nil) }
        guard access(program(.web), X_OK) == 0 else {
            return (
                [.master, .worker],
                "there is no page, since \(program(.web)) is not there: 'make web' builds it"
            )
        }
        return ([.master, .worker, .web], nil)
    }

    /// The port of `host:port`.
    static func port(_ address: String) -> Int? { address.split(separator: ":").last.flatMap { Int($0) } }

    /// Makes the secret of a cluster that begins. One that comes back keeps its secret: commands that wait for it have that one.
    private func makeSecret(isKept: Bool) throws(PrivateClusterError) {
        if !isKept { unlink(places.secret) }
        do {
            _ = try SharedSecret.make(at: places.secret)
        } catch {
            throw PrivateClusterError(.files, error.message)
        }
    }

    // MARK: What is said

    private func report(
        _ record: ClusterRecord, new: Set<DaemonRole>, remark: String?
    ) throws(PrivateClusterError) -> Report {
        var report = Report(remark: remark)
        report.daemons = DaemonRole.allCases.compactMap { role in
            record.processes[role].map {
                Report.Daemon(role: role, pid: $0.pid, address: record.addresses[role], isNew: new.contains(role))
            }
        }
        if new.contains(.web) {
            report.link = line(at: places.link)
            unlink(places.link)
        } else if record.processes[.web] != nil {
            let answer = try freshLink()
            if answer.hasPrefix("http://") { report.link = answer } else { report.remark = answer }
        }
        return report
    }

    /// A link of the gateway that runs, or why it gives none.
    private func freshLink() throws(PrivateClusterError) -> String {
        let ends = SocketPair()
        guard let ends else { throw .files(program(.web), "cannot be asked for a link") }
        let reading = OwnedDescriptor(ends.first)
        do throws(SystemError) {
            let writing = OwnedDescriptor(ends.second)
            let asking = try HeldProcess(
                path: program(.web), arguments: ["tessera-web", "link", "--state-dir", places.state(of: .web)],
                environment: DaemonLaunch.environment(environment), output: writing)
            let handle = asking.handle
            try asking.release()
            _ = consume writing
            var text: [UInt8] = []
            while text.count < 1 << 16, let part = reading.read(upTo: 4096), !part.isEmpty { text += part }
            waitForEnd(of: [handle], until: .now + .seconds(10))
            _ = handle.collect()
            return String(
                String(decoding: text, as: UTF8.self).split(separator: "\n").last ?? "the gateway gave no link")
        } catch {
            return "no link: \(program(.web)) cannot be run: \(error)"
        }
    }
}

extension PrivateCluster {
    /// A wish of another thread that `up` ends. It can be waited for beside other descriptors.
    package final class Interruption: Sendable {
        private let waiting: OwnedDescriptor
        private let giving: OwnedDescriptor

        package init() throws(PrivateClusterError) {
            guard let ends = SocketPair() else { throw .files("a pair of sockets", "cannot be made") }
            waiting = OwnedDescriptor(ends.first)
            giving = OwnedDescriptor(ends.second)
        }

        /// Readable once it was given. Borrowed.
        var descriptor: CInt { waiting.number }

        package func give() { shutdown(giving.number, CInt(SHUT_WR)) }
    }
}

/// Two connected sockets, which their user closes.
private struct SocketPair {
    let first: CInt
    let second: CInt

    init?() {
        var ends: [CInt] = [-1, -1]
        guard socketpair(AF_UNIX, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0, &ends) == 0 else { return nil }
        (first, second) = (ends[0], ends[1])
    }
}

/// Ports of the loopback address.
enum LoopbackPort {
    /// Whether a daemon could listen on the port now.
    static func isFree(_ port: Int) -> Bool {
        guard (1...65535).contains(port),
            let socket = OwnedDescriptor(
                result: socket(AF_INET, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0))
        else { return false }
        var isOn: CInt = 1
        setsockopt(socket.number, SOL_SOCKET, SO_REUSEADDR, &isOn, socklen_t(MemoryLayout<CInt>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = in_addr_t(0x7f00_0001).bigEndian
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(socket.number, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0 && listen(socket.number, 1) == 0
            }
        }
    }
}
