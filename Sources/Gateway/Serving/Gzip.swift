import CISAL

/// Whole texts as gzip files (RFC 1952), by ISA-L at its highest level.
enum Gzip {
    private static let level: UInt32 = 3
    /// ISAL_DEF_LVL3_LARGE, which C computes by a macro that Swift does not see: hash tables, and tokens for blocks of
    /// 64 Ki symbols.
    private static let levelBufferByteCount = 4 * 1024 + 4 * 4 * 1024 + 2 * 32 * 1024 + 4 * 64 * 1024

    /// The compressed text; `nil` when that is not shorter.
    static func compressed(_ text: [UInt8]) -> [UInt8]? {
        let stream = UnsafeMutablePointer<isal_zstream>.allocate(capacity: 1)
        let buffer = UnsafeMutablePointer<UInt8>.allocate(capacity: levelBufferByteCount)
        defer {
            stream.deallocate()
            buffer.deallocate()
        }
        isal_deflate_stateless_init(stream)
        stream.pointee.level = level
        stream.pointee.level_buf = buffer
        stream.pointee.level_buf_size = UInt32(levelBufferByteCount)
        stream.pointee.gzip_flag = UInt16(IGZIP_GZIP)
        stream.pointee.end_of_stream = 1
        stream.pointee.flush = UInt16(NO_FLUSH)
        let short = [UInt8](unsafeUninitializedCapacity: text.count) { output, count in
            text.withUnsafeBufferPointer { input in
                stream.pointee.next_in = UnsafeMutablePointer(mutating: input.baseAddress)
                stream.pointee.avail_in = UInt32(input.count)
                stream.pointee.next_out = output.baseAddress
                stream.pointee.avail_out = UInt32(output.count)
                // Any other result means that the room, which is that of the text, was not enough.
                count = isal_deflate_stateless(stream) == COMP_OK ? Int(stream.pointee.total_out) : 0
            }
        }
        return short.isEmpty ? nil : short
    }
}
