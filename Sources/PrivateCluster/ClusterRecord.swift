import JSONText
import SystemCalls

/// What `tessera up` has started, written before each daemon runs.
package struct ClusterRecord: Hashable, Sendable {
    /// The time since the system's start in which the processes mean something.
    package var bootID: String
    package var processes: [DaemonRole: ProcessIdentity]
    /// The processes that have said that they serve. Another one may be half-way, since its `tessera up` was killed.
    package var serving: Set<DaemonRole>
    /// `host:port` of the daemons that serve; kept when they have ended, so that they come back at the same place.
    package var addresses: [DaemonRole: String]

    package init(
        bootID: String, processes: [DaemonRole: ProcessIdentity] = [:], serving: Set<DaemonRole> = [],
        addresses: [DaemonRole: String] = [:]
    ) {
        self.bootID = bootID
        self.processes = processes
        self.serving = serving
        self.addresses = addresses
    }

    /// Raised when the form changes so that an older release would misread it.
    private static let version = 1

    package var text: String {
        let daemons = DaemonRole.allCases.map { role in
            JSON.Member(
                name: role.rawValue,
                value: [
                    "pid": processes[role].map { .integer(Int($0.pid)) },
                    "start_time": processes[role].map { .integer($0.startTime) },
                    "serves": processes[role].map { _ in .bool(serving.contains(role)) },
                    "address": addresses[role].map { .string($0) },
                ])
        }
        let record: JSON = [
            "version": .integer(Self.version), "boot_id": .string(bootID), "daemons": .object(daemons),
        ]
        return record.text + "\n"
    }

    /// Reads what `text` gave.
    /// - Returns: `nil` for anything else, and for the form of another release.
    package init?(parsing bytes: [UInt8]) {
        guard let record = try? JSON(parsing: bytes), record.member("version") == .integer(Self.version),
            case .string(let bootID)? = record.member("boot_id"), let daemons = record.member("daemons")
        else { return nil }
        self.init(bootID: bootID)
        for role in DaemonRole.allCases {
            guard let daemon = daemons.member(role.rawValue) else { return nil }
            if case .string(let address)? = daemon.member("address") { addresses[role] = address }
            guard let pid = daemon.member("pid") else { continue }
            guard case .integer(let number) = pid, let pid = Int32(exactly: number), pid > 0,
                case .integer(let start)? = daemon.member("start_time"), let startTime = UInt64(exactly: start),
                case .bool(let serves)? = daemon.member("serves")
            else { return nil }
            processes[role] = ProcessIdentity(pid: pid, startTime: startTime)
            if serves { serving.insert(role) }
        }
    }
}
