import Foundation
import TestBasics
import Testing

@testable import SystemCalls

/// Machines as their `/proc` and `/sys` describe them.
@Suite struct ControlGroupsTests {
    private static let unifiedMount = "29 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate"
    private static let legacyMounts = """
        31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755
        32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw shared:9 - cgroup cgroup rw,cpu,cpuacct
        34 31 0:31 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset
        35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
        """

    /// Calls `body` with the groups of a machine that has these files.
    private func withGroups<Result>(
        _ groups: String, mounts: String, _ files: [String: String] = [:], _ body: (ControlGroups) throws -> Result
    ) throws -> Result {
        try withTemporaryDirectory { root in
            let all = files.merging(["/proc/self/cgroup": groups, "/proc/self/mountinfo": mounts]) { $1 }
            for (path, text) in all {
                let file = URL(fileURLWithPath: root + path)
                try FileManager.default.createDirectory(
                    at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
                try Data((text + "\n").utf8).write(to: file)
            }
            return try body(ControlGroups(root: root))
        }
    }

    @Test func `a service of version 2 has the least of its own limits and of those above it`() throws {
        let files = [
            "/sys/fs/cgroup/a.slice/cpu.max": "300000 100000", "/sys/fs/cgroup/a.slice/b.service/cpu.max": "max 100000",
            "/sys/fs/cgroup/cpuset.cpus.effective": "0-7",
            "/sys/fs/cgroup/a.slice/b.service/cpuset.cpus.effective": "0-3,6",
            "/sys/fs/cgroup/a.slice/memory.max": "3000000000", "/sys/fs/cgroup/a.slice/b.service/memory.max": "max",
            "/sys/fs/cgroup/a.slice/b.service/memory.high": "2000000000",
        ]
        try withGroups("0::/a.slice/b.service", mounts: Self.unifiedMount, files) { groups in
            #expect(groups.processorQuota == 3)
            #expect(groups.processorSetCount == 5)
            #expect(groups.memoryByteCount == 2_000_000_000)
            #expect(Machine.processorCount(allowed: 8, by: groups) == 3)
            #expect(Machine.processorCount(allowed: 1, by: groups) == 1, "the affinity mask counts too")
        }
    }

    @Test func `version 1 has a hierarchy for each controller, and a number where there is no limit`() throws {
        let files = [
            "/sys/fs/cgroup/cpu,cpuacct/x/cpu.cfs_quota_us": "150000",
            "/sys/fs/cgroup/cpu,cpuacct/x/cpu.cfs_period_us": "100000",
            "/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "-1",
            "/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000",
            "/sys/fs/cgroup/cpuset/y/cpuset.cpus": "2-3",
            "/sys/fs/cgroup/memory/x/memory.limit_in_bytes": "9223372036854771712",
            "/sys/fs/cgroup/memory/memory.limit_in_bytes": "5000000000",
        ]
        try withGroups(
            "8:cpu,cpuacct:/x\n7:cpuset:/y\n4:memory:/x\n1:name=systemd:/x", mounts: Self.legacyMounts, files
        ) {
            #expect($0.processorQuota == 1.5)
            #expect($0.processorSetCount == 2)
            #expect($0.memoryByteCount == 5_000_000_000)
            #expect(Machine.processorCount(allowed: 8, by: $0) == 2, "one and a half is worth two processes")
        }
    }

    @Test func `both versions may be there, and version 2 anywhere`() throws {
        let mounts =
            "35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
            + #"41 31 0:38 / /sys/fs/with\040blank rw - cgroup2 cgroup2 rw"#
        let files = [
            "/sys/fs/with blank/j/cpu.max": "50000 100000",
            "/sys/fs/cgroup/memory/j/memory.limit_in_bytes": "700000000",
        ]
        try withGroups("4:memory:/j\n0::/j", mounts: mounts, files) { groups in
            #expect(groups.processorQuota == 0.5)
            #expect(Machine.processorCount(allowed: 8, by: groups) == 1)
            #expect(groups.memoryByteCount == 700_000_000)
        }
    }

    /// Containers: of version 1 the lower part of the tree is mounted, under the machine's path or another's; of version 2 the
    /// container's own group is the root.
    @Test(arguments: [
        ("/docker/abc", "/docker/abc"), ("/docker/abc", "/"), ("/docker/abc/sub", "/docker/abc"), ("/", "/../.."),
        ("/kube/other", "/docker/abc"),
    ]) func `a container sees the limits that are mounted in it`(path: String, root: String) throws {
        let mounts = "35 31 0:32 \(root) /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory"
        let files = ["/sys/fs/cgroup/memory/memory.limit_in_bytes": "64000000"]
        try withGroups("4:memory:\(path)", mounts: mounts, files) { #expect($0.memoryByteCount == 64_000_000) }
    }

    @Test func `a group of another name space, and files that say something else, limit nothing`() throws {
        let files = [
            "/sys/fs/cgroup/cpu.max": "much 100000", "/sys/fs/cgroup/memory.max": "",
            "/sys/fs/cgroup/cpuset.cpus.effective": "",
        ]
        try withGroups("0::/../../other", mounts: Self.unifiedMount, files) { groups in
            #expect(groups.processorQuota == nil)
            #expect(groups.memoryByteCount == nil)
            #expect(groups.processorSetCount == nil)
            #expect(Machine.processorCount(allowed: 4, by: groups) == 4)
        }
        try withGroups("garbage\n::\n0::/x", mounts: "garbage\n - \n1 2 3 4 5 6 - cgroup2", [:]) { groups in
            #expect(groups.memoryByteCount == nil)
        }
        #expect(ControlGroups(root: "/nowhere").processorQuota == nil)
    }

    @Test func `this process may use at least one processor, some memory, and no more than the machine has`() {
        #expect((1...ProcessInfo.processInfo.processorCount).contains(Machine.processorCount))
        #expect(Machine.memoryByteCount > 64 << 20)
        #expect(Machine.memoryByteCount <= ProcessInfo.processInfo.physicalMemory)
    }
}
