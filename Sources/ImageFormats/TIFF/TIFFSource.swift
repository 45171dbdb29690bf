/// The order of the bytes of a number.
package enum TIFFByteOrder: UInt8, Hashable, Sendable {
    case littleEndian = 0
    case bigEndian = 1

    /// The two letters that a file of this order begins with.
    package var letters: [UInt8] { self == .littleEndian ? [0x49, 0x49] : [0x4d, 0x4d] }

    /// The value of up to eight bytes.
    package func number(_ bytes: some BidirectionalCollection<UInt8>) -> UInt64 {
        self == .bigEndian
            ? bytes.reduce(0) { $0 << 8 | UInt64($1) } : bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }

    /// The last `count` bytes of a number.
    package func bytes(_ value: UInt64, count: Int) -> [UInt8] {
        let littleEndian = (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * UInt64($0))) }
        return self == .littleEndian ? littleEndian : littleEndian.reversed()
    }
}

/// The bytes of a TIFF file, wherever its fields are: read by pieces, of which the last is kept.
///
///     classic:  "II" 2a 00 | u32 offset of the first directory           "MM" 00 2a: big-endian
///     BigTIFF:  "II" 2b 00 | u16 8 | u16 0 | u64 offset of the first directory
///     NDPI:     "II" 2a 00 | u64 offset of the first directory, which has Hamamatsu's mark
package final class TIFFSource {
    /// How wide offsets are.
    package enum Form: Hashable, Sendable {
        case classic
        case big
        /// Hamamatsu's slides: directories of classic files, with the higher 32 bits of each offset behind them.
        case hamamatsu
    }

    package typealias Read = (_ offset: UInt64, _ count: Int) throws -> [UInt8]

    /// Small fields are near each other; arrays are read forwards.
    private static let windowByteCount: UInt64 = 4_096

    /// Bytes in the file.
    package let byteCount: UInt64
    package let order: TIFFByteOrder
    package private(set) var form: Form
    package private(set) var firstDirectory: UInt64
    private let read: Read
    private var windowStart: UInt64 = 0
    private var window: [UInt8] = []

    /// - Throws: `CodecError` (corrupt) for a file without a whole header; what reading throws is passed on.
    package init(byteCount: UInt64, read: @escaping Read) throws {
        self.byteCount = byteCount
        self.read = read
        let start = try read(0, Int(min(byteCount, Self.windowByteCount)))
        window = start
        guard let isBig = Self.isBig(start) else { throw CodecError.corrupt("The file is not a TIFF file.") }
        order = start[0] == 0x49 ? .littleEndian : .bigEndian
        form = isBig ? .big : .classic
        guard start.count >= (isBig ? 16 : 8) else {
            throw CodecError.corrupt(
                "The TIFF file is truncated: it has \(byteCount) bytes, not even a header. Send it again in full.")
        }
        guard !isBig || order.number(start[4..<6]) == 8 && order.number(start[6..<8]) == 0 else {
            throw CodecError.corrupt(
                "The TIFF file is damaged: its header says offsets of \(order.number(start[4..<6])) bytes; BigTIFF has 8."
            )
        }
        firstDirectory = isBig ? order.number(start[8..<16]) : order.number(start[4..<8])
        guard form == .classic, order == .littleEndian, start.count >= 12 else { return }
        let wide = order.number(start[4..<12])
        if try hasHamamatsusMark(at: wide) {
            form = .hamamatsu
            firstDirectory = wide
        }
    }

    /// Whether there is a directory of Hamamatsu's: other files have anything where the higher half of the offset would be.
    private func hasHamamatsusMark(at offset: UInt64) throws -> Bool {
        guard offset >= 12, offset < byteCount, byteCount - offset >= 2 else { return false }
        let count = try number(at: offset, byteCount: 2, "a directory")
        guard count <= TIFFDirectory.maximumFieldCount, byteCount - offset - 2 >= count * 12 else { return false }
        let entries = try bytes(at: offset + 2, count: Int(count) * 12, "a directory")
        return stride(from: entries.startIndex, to: entries.endIndex, by: 12).contains {
            order.number(entries[$0..<$0 + 2]) == UInt64(TIFFTag.hamamatsuFormat.number)
        }
    }

    /// Whether the file is a BigTIFF; `nil` when it is not a TIFF file.
    package static func isBig(_ start: [UInt8]) -> Bool? {
        if start.starts(with: [0x49, 0x49, 0x2a, 0]) || start.starts(with: [0x4d, 0x4d, 0, 0x2a]) { return false }
        if start.starts(with: [0x49, 0x49, 0x2b, 0]) || start.starts(with: [0x4d, 0x4d, 0, 0x2b]) { return true }
        return nil
    }

    /// Bytes of the values, or of their offset, in an entry of a directory.
    package var entryValueByteCount: Int { form == .big ? 8 : 4 }

    /// Bytes of the offset of the next directory.
    package var offsetByteCount: Int { form == .classic ? 4 : 8 }

    /// The `count` bytes at `offset`.
    ///
    /// - Parameter what: what they are, for the error.
    /// - Throws: `CodecError` (corrupt) when the file ends before them.
    package func bytes(at offset: UInt64, count: Int, _ what: @autoclosure () -> String) throws -> ArraySlice<UInt8> {
        guard offset <= byteCount, UInt64(count) <= byteCount - offset else {
            throw CodecError.corrupt(
                "The TIFF file is truncated or damaged: \(what()) is at bytes \(offset) to \(offset &+ UInt64(count)) of a "
                    + "file of \(byteCount). Send it again in full.")
        }
        if offset < windowStart || offset + UInt64(count) > windowStart + UInt64(window.count) {
            window = try read(offset, max(count, Int(min(Self.windowByteCount, byteCount - offset))))
            windowStart = offset
        }
        let first = Int(offset - windowStart)
        return window[first..<first + count]
    }

    package func number(at offset: UInt64, byteCount: Int, _ what: @autoclosure () -> String) throws -> UInt64 {
        order.number(try bytes(at: offset, count: byteCount, what()))
    }
}
