/// What the header of a sequential JPEG stream says of its restart intervals: runs of blocks (MCUs) of which each decodes
/// without those before it.
package struct JPEGRestartFrame: Hashable, Sendable {
    /// The picture's sides, as the header says them; 0 where it says nothing.
    let width: Int
    let height: Int
    /// Blocks (MCUs) in an interval, and pixels of a block.
    let interval: Int
    let blockWidth: Int
    let blockHeight: Int
    /// Whether rows share a colour: then those at the edge of an interval are smoothed over the next one's.
    let sharesColorsOfRows: Bool
    var componentCount: Int { Int(frame.data[5]) }
    /// The segments that a decoder of some intervals needs, with SOF's data apart.
    private let tables: [UInt8]
    private let frame: Frame
    private let scan: [UInt8]

    private struct Frame: Hashable {
        let marker: JPEGMarker
        let data: [UInt8]
    }

    /// A header that has no picture of intervals, or none that is read.
    package enum Problem: Error {
        case noStart
        case frame(bits: UInt8, byteCount: Int)
        case sampling
        /// The scan's header ends there, and not where the bytes do.
        case end(offset: UInt64)
        /// A frame that is not sequential, or is coded arithmetically.
        case process(JPEGMarker)
    }

    /// Bytes of JFIF's and Adobe's segments that decoders look at: those say what the colours are.
    private static let colorMarkByteCount = 14

    /// - Parameters:
    ///   - header: all bytes before the image data.
    ///   - keepsColorMarks: whether the stream itself says what its colours are, by JFIF's and Adobe's segments.
    /// - Returns: `nil` for a stream without restart intervals.
    /// - Throws: `Problem`; `CodecError` for bytes that are not segments.
    init?(header: [UInt8], keepsColorMarks: Bool = false) throws {
        var segments = JPEGSegments(byteCount: UInt64(header.count), isLenient: false)
        let read = { (offset: UInt64, count: Int) in Array(header[Int(offset)..<Int(offset) + count]) }
        var tables = JPEGMarker.startOfImage.bytes
        var frame: Frame?
        var interval = 0
        guard try segments.next(read).marker == .startOfImage else { throw Problem.noStart }
        while true {
            let segment = try segments.next(read)
            let data = try segments.data(of: segment, read)
            switch segment.marker {
            case .quantizationTables, .huffmanTables: tables += segment.marker.segment(data)
            case .application(0), .application(14):
                guard keepsColorMarks else { continue }
                tables += segment.marker.segment(Array(data.prefix(Self.colorMarkByteCount)))
            case .restartInterval where data.count == 2: interval = Int(data[0]) << 8 | Int(data[1])
            case .baselineFrame, .extendedFrame:
                guard data.count >= 6, data[0] == 8, data.count == 6 + 3 * Int(data[5]), [1, 3].contains(data[5]) else {
                    throw Problem.frame(bits: data.first ?? 0, byteCount: data.count)
                }
                guard Self.samplings(data).allSatisfy({ (1...4).contains($0 >> 4) && (1...4).contains($0 & 15) }) else {
                    throw Problem.sampling
                }
                frame = Frame(marker: segment.marker, data: data)
            case .startOfScan:
                guard segments.offset == UInt64(header.count) else { throw Problem.end(offset: segments.offset) }
                // Components in scans of their own have no rectangles.
                guard let frame, interval > 0, data.first == frame.data[5] else { return nil }
                self.init(tables: tables, frame: frame, interval: interval, scan: data)
                return
            default: if segment.marker.isFrame { throw Problem.process(segment.marker) }
            }
        }
    }

    private init(tables: [UInt8], frame: Frame, interval: Int, scan: [UInt8]) {
        self.tables = tables
        self.frame = frame
        self.interval = interval
        self.scan = scan
        height = Int(frame.data[1]) << 8 | Int(frame.data[2])
        width = Int(frame.data[3]) << 8 | Int(frame.data[4])
        // A scan of one component has blocks of 8 x 8, whatever its sampling.
        let factors = frame.data[5] == 1 ? [0x11] : Self.samplings(frame.data)
        let rows = factors.map { Int($0 & 15) }
        blockWidth = 8 * Int(factors.map { $0 >> 4 }.max() ?? 1)
        blockHeight = 8 * (rows.max() ?? 1)
        sharesColorsOfRows = rows.max() != rows.min()
    }

    /// Horizontal and vertical sampling of each component, four bits each.
    private static func samplings(_ frame: [UInt8]) -> [UInt8] {
        stride(from: 7, to: frame.count, by: 3).map { frame[$0] }
    }

    /// The start of a file of other sides, up to its image data.
    ///
    /// - Parameter hasIntervals: whether the image data have marks; otherwise they are one interval.
    func header(width: Int, height: Int, hasIntervals: Bool = false) -> [UInt8] {
        let sides = [UInt8(height >> 8), UInt8(height & 255), UInt8(width >> 8), UInt8(width & 255)]
        let data = Array(frame.data[..<1]) + sides + frame.data[5...]
        let intervals =
            hasIntervals ? JPEGMarker.restartInterval.segment([UInt8(interval >> 8), UInt8(interval & 255)]) : []
        return tables + intervals + frame.marker.segment(data) + JPEGMarker.startOfScan.segment(scan)
    }
}

// Units: the fewest rows of blocks that intervals begin and end with.
extension JPEGRestartFrame {
    var blocksPerRow: Int { (width + blockWidth - 1) / blockWidth }
    var rowsOfBlocks: Int { (height + blockHeight - 1) / blockHeight }
    /// Rows of blocks after which an interval begins with a row again.
    private var rowsOfBlocksPerUnit: Int { interval / greatestCommonDivisor(interval, blocksPerRow) }

    var rowsPerUnit: Int { rowsOfBlocksPerUnit * blockHeight }
    var unitCount: Int { (rowsOfBlocks + rowsOfBlocksPerUnit - 1) / rowsOfBlocksPerUnit }
    var intervalsPerUnit: Int { blocksPerRow / greatestCommonDivisor(interval, blocksPerRow) }
    var intervalCount: Int { (blocksPerRow * rowsOfBlocks + interval - 1) / interval }

    /// Whether it has an image that is in units.
    var hasUnits: Bool {
        let sides = 1...JPEGHeader.maximumSide
        return sides.contains(width) && sides.contains(height) && unitCount > 1
    }
}

private func greatestCommonDivisor(_ first: Int, _ second: Int) -> Int {
    var (first, second) = (first, second)
    while second != 0 { (first, second) = (second, first % second) }
    return first
}
