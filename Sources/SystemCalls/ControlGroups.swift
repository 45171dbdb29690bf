import Glibc

/// What the control groups of this process allow it, by version 1, version 2, or both beside each other (systemd's hybrid).
///
/// A limit of any group on the way to the root counts; the least one holds. A container sees its own group as the root, or the
/// machine's path of a group of which only the lower part is mounted: in both cases what can be seen is read.
package struct ControlGroups: Sendable {
    /// Directories that may have limits of one controller, in the order from the process's own group upwards.
    private struct Groups: Sendable {
        var unified: [String] = []
        /// By controller of version 1.
        var controllers: [String: [String]] = [:]
    }

    private var groups = Groups()

    /// - Parameter root: in front of `/proc` and of the paths that it names; tests give a directory.
    package init(root: String = "") {
        let mounts = Self.mounts(smallFile(at: root + "/proc/self/mountinfo", upTo: 4 << 20) ?? "")
        for line in (smallFile(at: root + "/proc/self/cgroup") ?? "").split(separator: "\n") {
            // "number:controllers:path"; version 2 has no controllers.
            let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard fields.count == 3 else { continue }
            if fields[1].isEmpty {
                guard let mount = mounts.first(where: { $0.controllers == nil }) else { continue }
                groups.unified = mount.directories(of: fields[2]).map { root + $0 }
            }
            for controller in fields[1].split(separator: ",") {
                let mount = mounts.first { $0.controllers?.contains(String(controller)) == true }
                guard let mount else { continue }
                groups.controllers[String(controller)] = mount.directories(of: fields[2]).map { root + $0 }
            }
        }
    }

    /// Bytes of memory that the process may use; `nil` when no group limits it.
    package var memoryByteCount: UInt64? {
        // Beyond `memory.high` a group is slowed down until it gives memory back: as good as a limit.
        let unified = groups.unified.flatMap { group in
            ["memory.max", "memory.high"].compactMap { Self.number(in: "\(group)/\($0)").map { UInt64($0) } }
        }
        let legacy = directories("memory").compactMap { group in
            // Version 1 has a number near 2^63 where there is no limit.
            Self.number(in: "\(group)/memory.limit_in_bytes").flatMap { $0 < 1 << 60 ? UInt64($0) : nil }
        }
        return (unified + legacy).min()
    }

    /// Processors' worth of time that the process may use per period; `nil` when no group limits it.
    package var processorQuota: Double? {
        let unified = groups.unified.compactMap { group -> Double? in
            // "150000 100000": of a period's 100 ms, 150; or "max 100000".
            let words = (smallFile(at: "\(group)/cpu.max") ?? "").split { $0 == " " || $0 == "\n" }
            guard words.count == 2, let quota = Int(words[0]), let period = Int(words[1]) else { return nil }
            return Self.share(quota, of: period)
        }
        let legacy = directories("cpu").compactMap { group -> Double? in
            guard let quota = Self.number(in: "\(group)/cpu.cfs_quota_us"),
                let period = Self.number(in: "\(group)/cpu.cfs_period_us")
            else { return nil }
            return Self.share(quota, of: period)
        }
        return (unified + legacy).min()
    }

    /// The number of processors in the process's cpuset; `nil` when it has none.
    package var processorSetCount: Int? {
        let unified = groups.unified.compactMap { Self.listCount(in: "\($0)/cpuset.cpus.effective") }
        let legacy = directories("cpuset").compactMap {
            Self.listCount(in: "\($0)/cpuset.effective_cpus") ?? Self.listCount(in: "\($0)/cpuset.cpus")
        }
        return (unified + legacy).min()
    }

    private func directories(_ controller: String) -> [String] { groups.controllers[controller] ?? [] }

    private static func share(_ quota: Int, of period: Int) -> Double? {
        quota > 0 && period > 0 ? Double(quota) / Double(period) : nil
    }

    /// The number that a file contains; `nil` for "max", and where there is no such file.
    private static func number(in path: String) -> Int? {
        smallFile(at: path).flatMap { text in Int(text.prefix { $0 != "\n" }) }
    }

    /// The number of elements of a list such as "0-3,8"; `nil` when it is empty or there is no such file.
    private static func listCount(in path: String) -> Int? {
        guard let text = smallFile(at: path) else { return nil }
        var count = 0
        for range in text.prefix(while: { $0 != "\n" }).split(separator: ",") {
            let ends = range.split(separator: "-").map { Int($0) }
            switch (ends.first ?? nil, ends.last ?? nil) {
            case (let first?, let last?) where first <= last && ends.count <= 2: count += last - first + 1
            default: return nil
            }
        }
        return count == 0 ? nil : count
    }

    // MARK: Mounts

    /// A mounted hierarchy of groups.
    private struct Mount {
        /// The controllers of a hierarchy of version 1; `nil` for version 2.
        let controllers: Set<String>?
        /// The group that is mounted.
        let root: String
        let point: String

        /// The directories of the group `path` and of those above it, as far as they are mounted.
        func directories(of path: Substring) -> [String] {
            var rest = path
            if root != "/" {
                guard path.hasPrefix(root), path.dropFirst(root.count).first ?? "/" == "/" else {
                    // The path is the machine's, or that of another name space: only the mounted group is known.
                    return [point]
                }
                rest = path.dropFirst(root.count)
            }
            var parts = rest.split(separator: "/")
            guard !parts.contains("..") else { return [point] }
            var directories: [String] = []
            while true {
                directories.append(([Substring(point)] + parts).joined(separator: "/"))
                if parts.popLast() == nil { return directories }
            }
        }
    }

    /// The hierarchies in the text of `/proc/self/mountinfo`; see proc(5) for its columns.
    private static func mounts(_ text: String) -> [Mount] {
        text.split(separator: "\n").compactMap { line in
            let columns = line.split(separator: " ", omittingEmptySubsequences: false)
            // A "-" ends the optional columns, which begin with the seventh.
            guard columns.count > 6, let dash = columns[6...].firstIndex(of: "-"), columns.count > dash + 3 else {
                return nil
            }
            switch columns[dash + 1] {
            case "cgroup2": return Mount(controllers: nil, root: unescaped(columns[3]), point: unescaped(columns[4]))
            case "cgroup":
                let options = Set(columns[dash + 3].split(separator: ",").map(String.init))
                return Mount(controllers: options, root: unescaped(columns[3]), point: unescaped(columns[4]))
            default: return nil
            }
        }
    }

    /// The kernel writes a blank in a path as `\040`.
    private static func unescaped(_ text: Substring) -> String {
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "\\"), rest.count >= 3,
                let code = UInt8(String(decoding: rest.prefix(3), as: UTF8.self), radix: 8)
            {
                bytes.append(code)
                rest = rest.dropFirst(3)
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

/// The text of a small file, such as those of `/proc`; `nil` when it cannot be read. Bytes beyond `limit` are left out.
package func smallFile(at path: String, upTo limit: Int = 64 << 10) -> String? {
    guard let file = OwnedDescriptor(result: open(path, O_RDONLY | O_CLOEXEC)) else { return nil }
    var text: [UInt8] = []
    while text.count < limit {
        guard let part = file.read(upTo: min(limit - text.count, 64 << 10)) else { return nil }
        if part.isEmpty { break }
        text += part
    }
    return String(decoding: text, as: UTF8.self)
}
