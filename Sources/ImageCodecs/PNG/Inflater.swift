import CISAL
import ImageFormats

/// Inflates the zlib stream in a PNG file's image data by ISA-L, and checks its Adler-32.
final class Inflater {
    private let state: UnsafeMutablePointer<inflate_state>
    private var input: ImageDataStream
    private var hasBegun = false
    /// Whether all that the image needs has been inflated.
    private var hasEveryRow = false
    /// Why the stream cannot be read any further.
    private var end: BrokenEnd?

    private enum BrokenEnd {
        case rule(Int32)
        case missing
    }

    /// More inflated bytes than this behind the last row are refused: somebody would have us work for nothing.
    static let maximumSurplusByteCount: UInt64 = 64 << 20

    init(_ input: ImageDataStream) {
        self.input = input
        state = .allocate(capacity: 1)
        isal_inflate_init(state)
        state.pointee.crc_flag = UInt32(ISAL_ZLIB)
        state.pointee.next_in = nil
        state.pointee.avail_in = 0
    }

    deinit { state.deallocate() }

    /// Writes the next bytes to `output` until it is full.
    ///
    /// More may be asked for than the rows need, so a break in the stream is told only when there is nothing before it.
    ///
    /// - Returns: bytes written; fewer than `output.count` when the stream ended and its checksum is right, or when it breaks
    ///   there, which the next call throws.
    /// - Throws: `CodecError` (corrupt) when the stream breaks deflate's rules, or ends before its end.
    func inflate(to output: UnsafeMutableRawBufferPointer) throws(CodecError) -> Int {
        var written = 0
        while written < output.count {
            if let end {
                guard written == 0 else { break }
                throw error(end)
            }
            guard state.pointee.block_state != ISAL_BLOCK_FINISH else { break }
            let room = UInt32(min(output.count - written, Int(UInt32.max)))
            state.pointee.next_out = (output.baseAddress.map { $0 + written })?.assumingMemoryBound(to: UInt8.self)
            state.pointee.avail_out = room
            let unread = state.pointee.avail_in
            if hasBegun {
                let result = isal_inflate(state)
                if result != ISAL_DECOMP_OK { end = .rule(result) }
            }
            let count = Int(room - state.pointee.avail_out)
            written += count
            // Without progress, and not at the end: it wants more input.
            let isStuck = count == 0 && state.pointee.avail_in == unread
            if end == nil, isStuck, state.pointee.avail_in == 0, state.pointee.block_state != ISAL_BLOCK_FINISH {
                if !(try feed()) { end = .missing }
            }
        }
        return written
    }

    /// Reads on to the end of the stream behind the last row: its checksum has to be right.
    ///
    /// - Parameter readAhead: bytes behind the last row that were inflated already.
    /// - Returns: bytes that no row needs: inflated ones, and those behind the stream. Decoders pass over them.
    func finish(readAhead: Int) throws(CodecError) -> UInt64 {
        hasEveryRow = true
        let spare = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 * 1024, alignment: 64)
        defer { spare.deallocate() }
        var surplus = UInt64(readAhead)
        while true {
            let count = try inflate(to: spare)
            surplus += UInt64(count)
            guard surplus <= Self.maximumSurplusByteCount else {
                throw .corrupt(
                    "The PNG file is damaged: it has more than \(Self.maximumSurplusByteCount) bytes of image data (IDAT) beyond "
                        + "those that its rows need. Send an intact copy.")
            }
            if count == 0 { break }
        }
        // Bytes that were read ahead, and those that were not read at all, whose chunks' checksums are still compared.
        surplus += UInt64(state.pointee.avail_in) + UInt64(max(0, state.pointee.read_in_length) / 8)
        while let piece = try input.next() { surplus += UInt64(piece.count) }
        return surplus
    }

    private func feed() throws(CodecError) -> Bool {
        guard let piece = try input.next() else { return false }
        if !hasBegun {
            // ISA-L does not look at the window size, which is at most 2^(7 + 8), and takes distances beyond it: there are
            // files whose header names too small a window, and they show what their makers meant.
            guard piece[0] >> 4 <= 7 else { throw error(.rule(ISAL_INVALID_WRAPPER)) }
            hasBegun = true
        }
        state.pointee.next_in = UnsafeMutablePointer(mutating: bytePointer(piece))
        state.pointee.avail_in = UInt32(piece.count)
        return true
    }

    private func error(_ end: BrokenEnd) -> CodecError {
        guard case .rule(let result) = end else {
            let hasAllData = hasEveryRow || state.pointee.block_state == ISAL_CHECKSUM_CHECK
            return .corrupt(
                "The PNG file is damaged: its image data (IDAT) ends "
                    + (hasAllData ? "without its checksum (Adler-32)" : "in the middle") + ". Send an intact copy.")
        }
        let what =
            switch result {
            case ISAL_INVALID_BLOCK: "a block of an unknown kind"
            case ISAL_INVALID_SYMBOL: "a code that stands for nothing"
            case ISAL_INVALID_LOOKBACK: "a reference to before its start"
            case ISAL_INVALID_WRAPPER, ISAL_UNSUPPORTED_METHOD, ISAL_NEED_DICT: "a wrong zlib header"
            case ISAL_INCORRECT_CHECKSUM: "a wrong checksum (zlib's header or Adler-32)"
            default: "an error (\(result))"
            }
        let place = hasEveryRow ? " behind its last row" : ""
        return .corrupt("The PNG file is damaged: its image data (IDAT) has \(what)\(place). Send an intact copy.")
    }
}
