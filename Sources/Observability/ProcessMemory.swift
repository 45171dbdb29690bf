import CProcess
import Glibc

/// The memory of this process.
public enum ProcessMemory {
    /// Bytes of it that are in physical memory, by /proc/self/statm; 0 where there is no such file.
    public static var residentByteCount: UInt64 {
        let descriptor = open("/proc/self/statm", O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return 0 }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 128)
        let count = read(descriptor, &bytes, bytes.count)
        // "size resident shared ...", in pages.
        let fields = bytes[..<max(0, count)].split(separator: UInt8(ascii: " "))
        guard fields.count > 1, let pages = UInt64(String(decoding: fields[1], as: UTF8.self)) else { return 0 }
        return pages * UInt64(sysconf(CInt(_SC_PAGESIZE)))
    }

    /// Bounds what the allocator keeps for threads that no longer need it: with an arena for each thread, what each of many
    /// threads once used stays resident. To be called before other threads allocate.
    public static func limitArenas(to count: Int32) { _ = tsr_process_limit_arenas(count) }
}
