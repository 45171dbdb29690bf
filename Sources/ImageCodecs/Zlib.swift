import CISAL
import Checksums
import ImageFormats

/// zlib streams (RFC 1950) in memory: compressed metadata.
enum Zlib {
    /// - Returns: `nil` for bytes that are not a whole stream, or one of more than `limit` bytes.
    static func inflated(_ stream: [UInt8], limit: Int) -> [UInt8]? {
        let state = UnsafeMutablePointer<inflate_state>.allocate(capacity: 1)
        defer { state.deallocate() }
        isal_inflate_init(state)
        state.pointee.crc_flag = UInt32(ISAL_ZLIB)
        var inflated: [UInt8] = []
        return stream.withUnsafeBytes { bytes -> [UInt8]? in
            state.pointee.next_in = UnsafeMutablePointer(
                mutating: bytes.baseAddress?.assumingMemoryBound(to: UInt8.self))
            state.pointee.avail_in = UInt32(clamping: bytes.count)
            while state.pointee.block_state != ISAL_BLOCK_FINISH {
                let before = inflated.count
                var result = ISAL_DECOMP_OK
                inflated += [UInt8](unsafeUninitializedCapacity: 64 << 10) { buffer, count in
                    state.pointee.next_out = buffer.baseAddress
                    state.pointee.avail_out = UInt32(buffer.count)
                    result = isal_inflate(state)
                    count = buffer.count - Int(state.pointee.avail_out)
                }
                let isStuck = inflated.count == before && state.pointee.block_state != ISAL_BLOCK_FINISH
                guard result == ISAL_DECOMP_OK, !isStuck, inflated.count <= limit else { return nil }
            }
            return inflated
        }
    }

    /// A whole stream, equal on every machine whose `Deflater` is reproducible.
    static func deflated(_ bytes: [UInt8]) -> [UInt8] {
        let deflater = Deflater()
        let blocks = [UInt8](unsafeUninitializedCapacity: Deflater.maximumByteCount(bytes.count)) { buffer, count in
            count = bytes.withUnsafeBytes { deflater.deflate($0, to: UnsafeMutableRawBufferPointer(buffer)) }
        }
        return ZlibFraming.start + blocks + ZlibFraming.end + bigEndianBytes(Adler32.checksum(bytes))
    }
}
