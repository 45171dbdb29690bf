#if canImport(Glibc)
    import Glibc
#endif

extension UnsafeMutableRawBufferPointer {
    /// Memory for samples, aligned for every vector; large ones in huge pages where the system has them: a processor that
    /// walks through tens of megabytes else waits for its tables of pages. To be deallocated by the caller.
    static func rows(byteCount: Int) -> UnsafeMutableRawBufferPointer {
        guard byteCount >= 2 * hugePage else { return .allocate(byteCount: byteCount, alignment: 64) }
        let memory = allocate(byteCount: byteCount, alignment: hugePage)
        #if canImport(Glibc)
            // Advice: what is refused is harmless.
            _ = madvise(memory.baseAddress, byteCount & ~(hugePage - 1), MADV_HUGEPAGE)
        #endif
        return memory
    }

    /// Bytes of a huge page on x86-64 and, with pages of 4 KiB, on arm64.
    private static let hugePage = 2 << 20
}
