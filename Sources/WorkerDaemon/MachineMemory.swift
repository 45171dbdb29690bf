import Glibc

/// The memory that this process may use: the machine's, or less where a control group limits it.
enum MachineMemory {
    static var byteCount: UInt64 {
        let pages = UInt64(max(1, sysconf(Int32(_SC_PHYS_PAGES))))
        let machine = pages * UInt64(max(1, sysconf(Int32(_SC_PAGESIZE))))
        return min(machine, limit(ofGroups: contents("/proc/self/cgroup") ?? "", reading: contents) ?? .max)
    }

    /// The least limit of the process's memory groups and the groups above them; `nil` when none has one.
    ///
    /// - Parameters:
    ///   - groups: the text of `/proc/self/cgroup`: lines of `number:controllers:path`, where version 2 has no controllers.
    ///   - read: the contents of a file; `nil` when it is not there.
    static func limit(ofGroups groups: String, reading read: (String) -> String?) -> UInt64? {
        var limits: [UInt64] = []
        for line in groups.split(separator: "\n") {
            let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard fields.count == 3 else { continue }
            let (root, file): (String, String)
            if fields[1].isEmpty {
                (root, file) = ("/sys/fs/cgroup", "memory.max")
            } else if fields[1].split(separator: ",").contains("memory") {
                (root, file) = ("/sys/fs/cgroup/memory", "memory.limit_in_bytes")
            } else {
                continue
            }
            var path = fields[2].split(separator: "/")
            while true {
                let folder = ([Substring(root)] + path).joined(separator: "/")
                // Version 2 says "max", version 1 a number near 2^63, where there is no limit.
                if let text = read("\(folder)/\(file)"), let value = UInt64(text.prefix { $0.isNumber }) {
                    limits.append(value)
                }
                if path.popLast() == nil { break }
            }
        }
        return limits.min()
    }

    private static func contents(_ path: String) -> String? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        // More than a process in every group that the kernel knows has to say.
        var bytes = [UInt8](repeating: 0, count: 16384)
        let count = Glibc.read(descriptor, &bytes, bytes.count)
        return count < 0 ? nil : String(decoding: bytes[..<count], as: UTF8.self)
    }
}
