import CISAL
import ImageFormats
import Checksums

/// Compresses runs of bytes by ISA-L at level 2, each by itself, to raw deflate blocks that end on a byte boundary.
///
/// **The same bytes on every worker.** ISA-L picks its code by the processor, and not all of its code makes the same
/// choices. Compared for this level (ISA-L 2.30; emulated Nehalem, Sandy Bridge and Haswell, and a real processor with
/// AVX-512): the same bytes on all of them. A processor without SSE4.2 hashes otherwise and makes other bytes. (Level 3 is
/// out of the question: SSE, AVX2 and AVX-512 differ.) `isReproducible` finds out at run time.
///
/// **The same bytes wherever the state is in memory.** When a run begins in its loop for long input, ISA-L takes the hash of the
/// third byte from the address of the stream (2.30 and later: `.write_first_byte` in igzip_icf_body_h1_gr_bt.asm uses a
/// register that it has not loaded), and finds that byte's repetitions or not, as chance has it. Its loop for last bytes
/// is right, and gets all of a call of at most 16 bytes: so a run's first 16 bytes are a call, and a block, of their own.
/// The rest is one call: the blocks also depend on how the input is cut into calls.
final class Deflater {
    private let stream: UnsafeMutablePointer<isal_zstream>
    private let levelBuffer: UnsafeMutablePointer<UInt8>
    private static let level: UInt32 = 2
    /// ISAL_DEF_LVL2_LARGE: hash tables, and tokens for blocks of 64 Ki symbols.
    private static let levelBufferByteCount = 4 * 1024 + 2 * 32 * 1024 + 4 * 64 * 1024

    init() {
        stream = .allocate(capacity: 1)
        levelBuffer = .allocate(capacity: Deflater.levelBufferByteCount)
        isal_deflate_init(stream)
    }

    deinit {
        stream.deallocate()
        levelBuffer.deallocate()
    }

    /// More bytes than `byteCount` bytes can become: data that does not compress is stored in blocks of up to 64 KiB with
    /// five bytes of overhead, or coded with a code made for it, which is shorter but for its table.
    static func maximumByteCount(_ byteCount: Int) -> Int { byteCount + byteCount / 8 + 1024 }

    /// How far back matches may reach.
    private enum Window: UInt16 {
        /// 256 bytes. On noise, which photographs have, far matches cost more than the bytes they stand for: measured on
        /// a photograph, a tenth fewer bytes in two thirds of the time.
        case near = 8
        /// 32 KiB. On drawings and screenshots, rows repeat.
        case far = 15
    }

    /// The most bytes that one call compresses without ISA-L's loop for long input.
    private static let leadByteCount = 16

    /// Bytes of a run that both windows are tried on.
    private static let sampleByteCount = 32 * 1024

    /// Compresses `input` and returns the number of bytes written to `output`.
    ///
    /// Uses the window that makes fewer bytes of a sample from the middle, so that the result depends on `input` alone.
    /// The last block is an empty stored one (a full flush), not the final one of a stream.
    ///
    /// - Parameter output: room for `maximumByteCount(input.count)`.
    func deflate(_ input: UnsafeRawBufferPointer, to output: UnsafeMutableRawBufferPointer) -> Int {
        let sampleCount = min(input.count, Deflater.sampleByteCount)
        let start = (input.count - sampleCount) / 2
        let sample = UnsafeRawBufferPointer(rebasing: input[start..<start + sampleCount])
        let farCount = deflate(sample, .far, to: output)
        let nearCount = deflate(sample, .near, to: output)
        if nearCount < farCount { return sampleCount == input.count ? nearCount : deflate(input, .near, to: output) }
        return deflate(input, .far, to: output)
    }

    private func deflate(
        _ input: UnsafeRawBufferPointer, _ window: Window, to output: UnsafeMutableRawBufferPointer
    ) -> Int {
        precondition(input.count <= Int(UInt32.max / 2), "a run of \(input.count) bytes is too long to be one segment")
        // ISA-L works in buffers that it knows by pointers only.
        defer { withExtendedLifetime(self) {} }
        isal_deflate_reset(stream)
        stream.pointee.level = Deflater.level
        stream.pointee.hist_bits = window.rawValue
        stream.pointee.level_buf = levelBuffer
        stream.pointee.level_buf_size = UInt32(Deflater.levelBufferByteCount)
        stream.pointee.gzip_flag = UInt16(IGZIP_DEFLATE)
        stream.pointee.next_out = output.baseAddress?.assumingMemoryBound(to: UInt8.self)
        stream.pointee.avail_out = UInt32(min(output.count, Int(UInt32.max)))
        if input.count > Deflater.leadByteCount {
            compress(input[..<Deflater.leadByteCount], flush: SYNC_FLUSH)
            compress(input[Deflater.leadByteCount...], flush: FULL_FLUSH)
        } else {
            compress(input[...], flush: FULL_FLUSH)
        }
        return Int(stream.pointee.total_out)
    }

    private func compress(_ part: Slice<UnsafeRawBufferPointer>, flush: Int32) {
        let bytes = UnsafeRawBufferPointer(rebasing: part)
        stream.pointee.flush = UInt16(flush)
        stream.pointee.next_in = UnsafeMutablePointer(
            mutating: bytes.baseAddress?.assumingMemoryBound(to: UInt8.self))
        stream.pointee.avail_in = UInt32(bytes.count)
        let result = isal_deflate(stream)
        // Room was left, so that nothing is held back; anything else is a mistake of ours.
        precondition(
            result == COMP_OK && stream.pointee.avail_in == 0 && stream.pointee.avail_out > 0,
            "deflating \(bytes.count) bytes ended with \(result), \(stream.pointee.avail_in) bytes unread")
    }

    /// Whether this machine's compressed bytes are those that every other worker would make. False on processors without
    /// SSE4.2 and where ISA-L's version compresses otherwise: such a worker's segments would be right, but not the same.
    static let isReproducible = checksumOfDeflatedSample() == 0x3efd_b49a

    /// CRC-32 of what a sample deflates to, with either window.
    static func checksumOfDeflatedSample() -> UInt32 {
        // Noise, then a slope with little of it, then rows that repeat: something for both windows, and for many matches.
        var state: UInt32 = 1
        let sample = (0..<200_000).map { index -> UInt8 in
            state = state &* 1_664_525 &+ 1_013_904_223
            let noise = UInt8(state >> 29)
            switch index {
            case ..<60_000: return noise
            case ..<120_000: return UInt8(truncatingIfNeeded: index >> 9) &+ noise >> 2
            default: return UInt8(truncatingIfNeeded: (index % 3_001) &* 2_654_435 >> 8) & 0xfc
            }
        }
        let deflater = Deflater()
        var crc = CRC32()
        for window in [Window.near, .far] {
            let compressed = [UInt8](unsafeUninitializedCapacity: maximumByteCount(sample.count)) { buffer, count in
                count = sample.withUnsafeBytes {
                    deflater.deflate($0, window, to: UnsafeMutableRawBufferPointer(buffer))
                }
            }
            crc.update(compressed)
        }
        return crc.value
    }
}
