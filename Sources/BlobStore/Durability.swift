/// What a put promises about loss of power. Both survive the end of the process.
public enum Durability: Hashable, Sendable {
    /// On disk, under its name, before the put returns.
    case durable
    /// May be lost when the power fails, and can be computed again.
    case recomputable
}

/// A buffer for copying from file to file.
struct CopyBuffer: ~Copyable {
    let bytes: UnsafeMutableRawBufferPointer

    init(byteCount: Int) {
        bytes = .allocate(byteCount: byteCount, alignment: 4096)
    }

    deinit { bytes.deallocate() }
}
