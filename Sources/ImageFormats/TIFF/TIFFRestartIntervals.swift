/// The restart intervals of a picture that is one JPEG stream, as tiles: how slides of Hamamatsu's (NDPI) store a level.
///
///     strip:      JPEG header | interval 0 | RST0 | interval 1 | RST1 | ... | interval n | EOI
///     McuStarts:                ^            ^                   ...        in bytes from the strip's start
///
///     +----------+----------+----------+      A restart interval is some blocks (MCUs) of a row of blocks, or some rows of
///     | 0        | 1        | 2        |      blocks: a tile as high as a block, of 8 or 16 rows. Nothing before it is needed
///     +----------+----------+----------+      to decode it but the header, in which the sides are made those of a tile: those
///     | 3        | 4        | 5        |      of the picture may be 0, since JPEG cannot say more than 65,535.
///
/// Sources: OpenSlide's description of the format, and what tifffile reads. Both decode an interval by itself, as is done here: at
/// its edges colours are not smoothed over those of its neighbours.
struct TIFFRestartIntervals {
    /// Pixels of a tile.
    let width: Int
    let height: Int
    /// A JPEG file's start, up to its image data, for one tile.
    let header: [UInt8]
    /// Where each tile is in the file: the marker behind the tile before it (of the first, the header's last two bytes), and its
    /// data.
    let offsets: [UInt64]
    private(set) var byteCounts: [UInt64]

    private static let markerByteCount: UInt64 = 2

    /// More bytes before the image data are not a header of ours.
    private static let maximumHeaderByteCount: UInt64 = 64 << 10

    /// - Parameters:
    ///   - strip: the strip that has the whole picture, within the file.
    ///   - shape: the picture.
    /// - Returns: `nil` for a picture that has no restart intervals, or says nothing of where they are.
    /// - Throws: `CodecError` when what the file says of them does not agree.
    init?(
        _ directory: TIFFDirectory, in source: TIFFSource, strip: Range<UInt64>, width: Int, height: Int,
        maximumCount: Int
    ) throws {
        guard let starts = try Self.starts(directory, in: source, maximumCount: maximumCount) else { return nil }
        let first = starts[0]
        guard first <= min(Self.maximumHeaderByteCount, UInt64(strip.count)) else {
            throw Self.damaged("its JPEG header has \(first) bytes")
        }
        let bytes = Array(try source.bytes(at: strip.lowerBound, count: Int(first), "a JPEG header"))
        guard let frame = try RestartFrame(header: bytes) else { return nil }
        guard frame.width == width || frame.width == 0, frame.height == height || frame.height == 0 else {
            throw Self.damaged(
                "its directory says \(width) x \(height) pixels, its JPEG header \(frame.width) x \(frame.height)")
        }
        let blocksPerRow = (width + frame.blockWidth - 1) / frame.blockWidth
        let (perRow, rest) = blocksPerRow.quotientAndRemainder(dividingBy: frame.interval)
        if rest == 0 {
            (self.width, self.height) = (frame.interval * frame.blockWidth, frame.blockHeight)
        } else if frame.interval % blocksPerRow == 0 {
            (self.width, self.height) = (width, frame.interval / blocksPerRow * frame.blockHeight)
        } else {
            // An interval ends in the midst of a row: it is not a rectangle.
            return nil
        }
        let count = max(1, perRow) * ((height + self.height - 1) / self.height)
        guard starts.count == count else {
            throw Self.damaged("it has \(count) restart intervals, and McuStarts says where \(starts.count) are")
        }
        let ends = starts.dropFirst() + [UInt64(strip.count)]
        guard zip(starts, ends).allSatisfy({ $0 < $1 }), starts[count - 1] < UInt64(strip.count) else {
            throw Self.damaged("McuStarts does not ascend within the \(strip.count) bytes of its picture")
        }
        guard max(self.width, self.height) <= JPEGHeader.maximumSide else { return nil }
        header = frame.header(width: self.width, height: self.height)
        offsets = starts.map { strip.lowerBound + $0 - Self.markerByteCount }
        byteCounts = zip(starts, ends).map { $1 - $0 }
        byteCounts[count - 1] += Self.markerByteCount
    }

    private static func damaged(_ what: String) -> CodecError {
        .corrupt("The slide (NDPI) is damaged: \(what). Send an intact copy.")
    }

    /// Where the intervals begin: the low halves in one field, and the high ones, where there are any, in another.
    private static func starts(_ directory: TIFFDirectory, in source: TIFFSource, maximumCount: Int) throws -> [UInt64]?
    {
        guard let field = directory[.mcuStarts], field.count > 0 else { return nil }
        guard field.count <= UInt64(maximumCount) else {
            throw CodecError.overLimit(
                "The slide (NDPI) has \(field.count) restart intervals; at most \(maximumCount) are read. "
                    + "Choose a reduced level of it (--level).")
        }
        let count = Int(field.count)
        guard var starts = try directory.numbers(.mcuStarts, count: count, in: source) else { return nil }
        if directory[.mcuStartsHigh] != nil {
            guard let high = try directory.numbers(.mcuStartsHigh, count: count, in: source) else {
                throw damaged("McuStarts has \(count) numbers, and their high halves are fewer")
            }
            for index in 0..<count { starts[index] |= high[index] << 32 }
        }
        return starts
    }
}

/// What the header of a JPEG stream says of its restart intervals.
private struct RestartFrame {
    /// The picture's sides, as the header says them; 0 where it says nothing.
    let width: Int
    let height: Int
    /// Blocks (MCUs) in an interval, and pixels of a block.
    let interval: Int
    let blockWidth: Int
    let blockHeight: Int
    /// The segments that a decoder of one interval needs, with SOF's data apart.
    private let tables: [UInt8]
    private let frame: (marker: JPEGMarker, data: [UInt8])
    private let scan: [UInt8]

    /// - Parameter header: all bytes before the image data.
    /// - Returns: `nil` for a stream without restart intervals.
    init?(header: [UInt8]) throws {
        var segments = JPEGSegments(byteCount: UInt64(header.count), isLenient: false)
        let read = { (offset: UInt64, count: Int) in Array(header[Int(offset)..<Int(offset) + count]) }
        var tables = JPEGMarker.startOfImage.bytes
        var frame: (marker: JPEGMarker, data: [UInt8])?
        var interval = 0
        guard try segments.next(read).marker == .startOfImage else {
            throw CodecError.corrupt("The slide (NDPI) is damaged: its picture is not a JPEG stream.")
        }
        while true {
            let segment = try segments.next(read)
            let data = try segments.data(of: segment, read)
            switch segment.marker {
            case .quantizationTables, .huffmanTables: tables += segment.marker.segment(data)
            case .restartInterval where data.count == 2: interval = Int(data[0]) << 8 | Int(data[1])
            case .baselineFrame, .extendedFrame:
                guard data.count >= 6, data[0] == 8, data.count == 6 + 3 * Int(data[5]), [1, 3].contains(data[5]) else {
                    throw CodecError.unsupported(
                        "The slide (NDPI) has a JPEG picture of \(data.first ?? 0) bits and \(data.count) bytes in its header; gray "
                            + "and colours of 8 bits are read. Convert the slide to a tiled TIFF.")
                }
                guard Self.samplings(data).allSatisfy({ (1...4).contains($0 >> 4) && (1...4).contains($0 & 15) }) else {
                    throw CodecError.corrupt("The slide (NDPI) is damaged: its JPEG header has a sampling of 0.")
                }
                frame = (segment.marker, data)
            case .startOfScan:
                guard segments.offset == UInt64(header.count) else {
                    throw CodecError.corrupt(
                        "The slide (NDPI) is damaged: its JPEG header ends at byte \(segments.offset), and McuStarts begins at "
                            + "\(header.count).")
                }
                // Components in scans of their own have no tiles.
                guard let frame, interval > 0, data.first == frame.data[5] else { return nil }
                self.init(tables: tables, frame: frame, interval: interval, scan: data)
                return
            default:
                if segment.marker.isFrame {
                    throw CodecError.unsupported(
                        "The slide (NDPI) has a JPEG picture (\(segment.marker)) that is not baseline, which is not read. "
                            + "Convert the slide to a tiled TIFF.")
                }
            }
        }
    }

    private init(tables: [UInt8], frame: (marker: JPEGMarker, data: [UInt8]), interval: Int, scan: [UInt8]) {
        self.tables = tables
        self.frame = frame
        self.interval = interval
        self.scan = scan
        height = Int(frame.data[1]) << 8 | Int(frame.data[2])
        width = Int(frame.data[3]) << 8 | Int(frame.data[4])
        // A scan of one component has blocks of 8 x 8, whatever its sampling.
        let factors = frame.data[5] == 1 ? [0x11] : Self.samplings(frame.data)
        blockWidth = 8 * Int(factors.map { $0 >> 4 }.max() ?? 1)
        blockHeight = 8 * Int(factors.map { $0 & 15 }.max() ?? 1)
    }

    /// Horizontal and vertical sampling of each component, four bits each.
    private static func samplings(_ frame: [UInt8]) -> [UInt8] {
        stride(from: 7, to: frame.count, by: 3).map { frame[$0] }
    }

    /// The start of a file of one interval.
    func header(width: Int, height: Int) -> [UInt8] {
        let sides = [UInt8(height >> 8), UInt8(height & 255), UInt8(width >> 8), UInt8(width & 255)]
        let data = Array(frame.data[..<1]) + sides + frame.data[5...]
        return tables + frame.marker.segment(data) + JPEGMarker.startOfScan.segment(scan)
    }
}
