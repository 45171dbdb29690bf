import Foundation

/// What the kernel tells about processes, from proc(5).
public enum ProcessTable {
    /// One line of `/proc/PID/stat`, as far as it is needed.
    public struct Entry: Sendable, Hashable {
        public let pid: pid_t
        /// The program's name, at most 15 bytes.
        public let name: String
        /// R, S, D, T (stopped), Z (ended, not collected) ...
        public let state: Character
        public let parent: pid_t
        /// User and system time used so far.
        public let processorTime: Duration
        /// In clock ticks since the system's start: with `pid`, it names a process for ever.
        public let startTime: UInt64

        /// Sends a signal, unless the process has ended: its number may be another's by then.
        public func send(_ signal: Int32) {
            if ProcessTable.isRunning(self) { kill(pid, signal) }
        }
    }

    /// `nil` when there is no such process.
    public static func entry(_ pid: pid_t) -> Entry? {
        guard let text = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8),
            // pid (name) state ...: the name may have spaces and parentheses of its own.
            let open = text.firstIndex(of: "("), let close = text.lastIndex(of: ")")
        else { return nil }
        let fields = text[text.index(after: close)...].split(separator: " ")
        guard fields.count > 19, let state = fields[0].first, let parent = pid_t(fields[1]),
            let user = Int64(fields[11]), let system = Int64(fields[12]), let start = UInt64(fields[19])
        else { return nil }
        let ticksPerSecond = Int64(sysconf(Int32(_SC_CLK_TCK)))
        return Entry(
            pid: pid, name: String(text[text.index(after: open)..<close]), state: state, parent: parent,
            processorTime: .milliseconds((user + system) * 1000 / ticksPerSecond), startTime: start)
    }

    /// All processes that descend from `ancestor`, itself left out.
    public static func descendants(of ancestor: pid_t) -> [Entry] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        let byParent = Dictionary(grouping: names.compactMap { pid_t($0).flatMap(entry) }, by: \.parent)
        var found: [Entry] = []
        var open = [ancestor]
        while let next = open.popLast() {
            let children = byParent[next] ?? []
            found += children
            open += children.map(\.pid)
        }
        return found
    }

    /// Whether the very process of `entry` lives on, corpses that nobody has collected left out.
    public static func isRunning(_ entry: Entry) -> Bool {
        guard let now = Self.entry(entry.pid), now.startTime == entry.startTime else { return false }
        return now.state != "Z" && now.state != "X"
    }

    /// The most memory that the process ever had resident; `nil` when there is no such process.
    public static func peakResidentByteCount(_ pid: pid_t) -> Int? {
        guard let text = try? String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8) else { return nil }
        // VmHWM:      1234 kB
        let line = text.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
        return line?.split(separator: " ").dropFirst().first.flatMap { Int($0) }.map { $0 * 1024 }
    }

    /// The memory that the process has resident now; `nil` when there is no such process.
    public static func residentByteCount(of pid: pid_t) -> Int? {
        guard let text = try? String(contentsOfFile: "/proc/\(pid)/statm", encoding: .utf8),
            let pages = text.split(separator: " ").dropFirst().first.flatMap({ Int($0) })
        else { return nil }
        return pages * Int(sysconf(Int32(_SC_PAGESIZE)))
    }
}

/// What the kernel tells about this host's TCP connections over IPv4, from `/proc/net/tcp`.
public enum ConnectionTable {
    public struct Entry: Sendable, Hashable {
        /// Bytes that arrived and that the local process has not read.
        public let unreadByteCount: Int
    }

    /// The established connections whose local port is `port`, accepted or not.
    public static func connections(toLocalPort port: Int) -> [Entry] {
        let text = contents(of: "/proc/net/tcp")
        // sl  local_address rem_address st tx_queue:rx_queue ...; all in hexadecimal
        return text.split(separator: "\n").dropFirst().compactMap { line in
            let fields = line.split(separator: " ")
            guard fields.count > 4, fields[3] == "01",
                let local = fields[1].split(separator: ":").last, Int(local, radix: 16) == port,
                let unread = fields[4].split(separator: ":").last.flatMap({ Int($0, radix: 16) })
            else { return nil }
            return Entry(unreadByteCount: unread)
        }
    }

    /// The kernel gives a long table a page at a time, which Foundation takes for its end.
    private static func contents(of path: String) -> String {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return "" }
        defer { close(file) }
        var bytes: [UInt8] = []
        var page = [UInt8](repeating: 0, count: 64 << 10)
        while case let count = page.withUnsafeMutableBytes({ read(file, $0.baseAddress, $0.count) }), count > 0 {
            bytes += page[..<count]
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
