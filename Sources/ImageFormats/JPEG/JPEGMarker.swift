/// The second byte of a marker (ITU-T T.81, table B.1); the first is 0xff.
package struct JPEGMarker: Hashable, Sendable, CustomStringConvertible {
    package let code: UInt8

    init(_ code: UInt8) { self.code = code }

    package static let startOfImage = JPEGMarker(0xd8)
    package static let endOfImage = JPEGMarker(0xd9)
    package static let startOfScan = JPEGMarker(0xda)
    static let quantizationTables = JPEGMarker(0xdb)
    static let restartInterval = JPEGMarker(0xdd)
    static let huffmanTables = JPEGMarker(0xc4)
    static let baselineFrame = JPEGMarker(0xc0)
    static let extendedFrame = JPEGMarker(0xc1)
    static let progressiveFrame = JPEGMarker(0xc2)
    static let comment = JPEGMarker(0xfe)
    static func application(_ number: UInt8) -> JPEGMarker { JPEGMarker(0xe0 + number) }
    /// The mark behind restart interval `index`.
    package static func restart(_ index: Int) -> JPEGMarker { JPEGMarker(0xd0 + UInt8(index % 8)) }

    /// Whether it stands alone, without a length and data: RST0 to RST7, and TEM.
    var isAlone: Bool { (0xd0...0xd7).contains(code) || code == 0x01 }

    /// Whether it begins a frame, of any process: SOF0 to SOF15 but DHT, JPG and DAC.
    var isFrame: Bool { (0xc0...0xcf).contains(code) && ![0xc4, 0xc8, 0xcc].contains(code) }

    /// Whether its data may be passed over: DHT, DAC, DQT, DNL, DRI, APP0 to APP15, COM.
    var isTableOrMiscellaneous: Bool {
        [0xc4, 0xcc, 0xdb, 0xdc, 0xdd, 0xfe].contains(code) || (0xe0...0xef).contains(code)
    }

    package var bytes: [UInt8] { [0xff, code] }

    package var description: String { "0xff\(code < 16 ? "0" : "")\(String(code, radix: 16))" }

    /// The marker, the length of what follows, and the data.
    ///
    /// - Precondition: at most `maximumDataByteCount` bytes.
    func segment(_ data: [UInt8]) -> [UInt8] {
        precondition(data.count <= Self.maximumDataByteCount, "\(data.count) bytes in a segment")
        return bytes + bigEndianBytes(UInt32(data.count + 2)).suffix(2) + data
    }

    static let maximumDataByteCount = 0xffff - 2
}

/// Walks the segments of a JPEG file up to its image data.
struct JPEGSegments {
    private let byteCount: UInt64
    private let isLenient: Bool
    private var window: ReadingWindow
    private(set) var offset: UInt64 = 0

    /// A marker with its data.
    struct Segment {
        let marker: JPEGMarker
        /// Where the marker is.
        let offset: UInt64
        let dataOffset: UInt64
        let byteCount: Int

        /// Where its data are.
        var place: Range<Int> { Int(dataOffset)..<Int(dataOffset) + byteCount }
    }

    init(byteCount: UInt64, isLenient: Bool) {
        self.byteCount = byteCount
        self.isLenient = isLenient
        window = ReadingWindow(byteCount: byteCount)
    }

    typealias Read = (_ offset: UInt64, _ count: Int) throws -> [UInt8]

    /// The next segment.
    mutating func next(_ read: Read) throws -> Segment {
        let marker = try nextMarker(read)
        let start = offset - 2
        let isAlone = marker.isAlone || marker == .startOfImage || marker == .endOfImage
        guard !isAlone else { return Segment(marker: marker, offset: start, dataOffset: offset, byteCount: 0) }
        let length: UInt32 = bigEndianInteger(try bytes(2, read))
        guard length >= 2 else {
            throw CodecError.corrupt(
                "The JPEG file is damaged: the segment \(marker) at byte \(start) has a length of \(length); at least 2 are "
                    + "needed. Send an intact copy.")
        }
        let segment = Segment(marker: marker, offset: start, dataOffset: offset, byteCount: Int(length) - 2)
        offset += UInt64(segment.byteCount)
        guard offset <= byteCount else { throw truncated() }
        return segment
    }

    /// The data of a segment.
    mutating func data(of segment: Segment, upTo count: Int = .max, _ read: Read) throws -> [UInt8] {
        Array(try window.bytes(at: segment.dataOffset, count: min(count, segment.byteCount), read))
    }

    /// Any number of 0xff may be before a marker's code. Other bytes are damage, which decoders pass over.
    private mutating func nextMarker(_ read: Read) throws -> JPEGMarker {
        while true {
            var byte = try bytes(1, read)[0]
            if byte == 0xff {
                while byte == 0xff { byte = try bytes(1, read)[0] }
                if byte != 0 { return JPEGMarker(byte) }
            }
            guard isLenient else {
                throw CodecError.corrupt(
                    "The JPEG file is damaged: there is 0x\(String(byte, radix: 16)) at byte \(offset - 1), where a marker must "
                        + "be. Send an intact copy.")
            }
        }
    }

    private mutating func bytes(_ count: Int, _ read: Read) throws -> [UInt8] {
        guard byteCount - offset >= UInt64(count) else { throw truncated() }
        let bytes = Array(try window.bytes(at: offset, count: count, read))
        offset += UInt64(count)
        return bytes
    }

    private func truncated() -> CodecError {
        .corrupt(
            "The JPEG file is truncated: it ends at byte \(byteCount), before its image data. Send it again in full.")
    }
}
