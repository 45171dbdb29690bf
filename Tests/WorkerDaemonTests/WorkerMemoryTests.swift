import Settings
import Testing

@testable import WorkerDaemon

@Suite struct WorkerMemoryTests {
    private func slotMemory(_ arguments: String..., machine: UInt64 = 16 << 30) throws -> UInt64 {
        let settings = try Settings(
            program: "tessera-worker", version: "0", summary: "", settings: WorkerSettings.table,
            arguments: arguments, environment: [:])
        return try WorkerSettings(settings, coreCount: 8, machineMemoryByteCount: machine).slotMemoryByteCount
    }

    @Test func `slots share what was given, or three quarters of the machine`() throws {
        #expect(try slotMemory("--slots", "3") == 4 << 30)
        #expect(try slotMemory("--slots", "4", "--memory", "2G") == 512 << 20)
        let error = #expect(throws: SettingsError.self) {
            try slotMemory("--slots", "4", "--memory", "500M")
        }
        #expect(error?.description.contains("'500M': must be a whole number from 512M") == true)
    }

    @Test func `the least limit of the control groups counts, of either version and on any level`() {
        let files = [
            "/sys/fs/cgroup/memory.max": "max\n", "/sys/fs/cgroup/a/memory.max": "3000000000\n",
            "/sys/fs/cgroup/a/b/memory.max": "max\n",
            "/sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
            "/sys/fs/cgroup/memory/x/memory.limit_in_bytes": "5000\n",
        ]
        func limit(_ groups: String) -> UInt64? { MachineMemory.limit(ofGroups: groups) { files[$0] } }
        #expect(limit("0::/a/b\n") == 3_000_000_000)
        #expect(limit("0::/\n") == nil)
        #expect(limit("8:cpu,cpuacct:/x\n4:hugetlb,memory:/x\n") == 5_000)
        #expect(limit("8:cpu:/x\n4:memory:/\n") == 9_223_372_036_854_771_712, "no limit, in the words of version 1")
        #expect(limit("garbage\n::\n") == nil)
    }

    @Test func `this machine has some memory`() {
        #expect(MachineMemory.byteCount > 64 << 20)
    }
}
