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
        guard let frame = try Self.frame(bytes) else { return nil }
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

    /// What the stream's header says of the intervals, with the slide's name for what is wrong.
    private static func frame(_ header: [UInt8]) throws -> JPEGRestartFrame? {
        do {
            return try JPEGRestartFrame(header: header)
        } catch let problem as JPEGRestartFrame.Problem {
            switch problem {
            case .noStart: throw damaged("its picture is not a JPEG stream")
            case .sampling: throw damaged("its JPEG header has a sampling of 0")
            case .end(let offset):
                throw damaged("its JPEG header ends at byte \(offset), and McuStarts begins at \(header.count)")
            case .frame(let bits, let byteCount):
                throw CodecError.unsupported(
                    "The slide (NDPI) has a JPEG picture of \(bits) bits and \(byteCount) bytes in its header; gray "
                        + "and colours of 8 bits are read. Convert the slide to a tiled TIFF.")
            case .process(let marker):
                throw CodecError.unsupported(
                    "The slide (NDPI) has a JPEG picture (\(marker)) that is not baseline, which is not read. "
                        + "Convert the slide to a tiled TIFF.")
            }
        }
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
