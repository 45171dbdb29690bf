import CSystemCalls
import Glibc

/// What this process may use of its machine.
package enum Machine {
    /// Memory in bytes: the machine's, or less where a control group limits it.
    package static var memoryByteCount: UInt64 {
        let pages = UInt64(max(1, sysconf(Int32(_SC_PHYS_PAGES))))
        let machine = pages * UInt64(max(1, sysconf(Int32(_SC_PAGESIZE))))
        return min(machine, ControlGroups().memoryByteCount ?? .max)
    }

    /// Processors: those of its affinity mask, or less where a control group limits it.
    package static var processorCount: Int {
        let allowed = Int(tsr_system_allowed_processors())
        let count = allowed > 0 ? allowed : max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))))
        return processorCount(allowed: count, by: ControlGroups())
    }

    /// - Parameter allowed: processors of the affinity mask.
    static func processorCount(allowed: Int, by groups: ControlGroups) -> Int {
        // A part of a processor is worth a process: with 1.5 processors, two get more done than one.
        let quota = groups.processorQuota.map { Int($0.rounded(.up)) } ?? .max
        return max(1, min(allowed, quota, groups.processorSetCount ?? .max))
    }
}
