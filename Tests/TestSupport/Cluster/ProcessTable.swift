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
}
