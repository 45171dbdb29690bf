import ByteCoding

/// What planning knows of the pieces (strips, tiles) of an image file, which decode independently of each other.
///
/// Read from the file when the image is admitted; see decision 55.
public struct PieceFacts: Hashable, Sendable {
    /// Pieces of the image, at least 1.
    public var count: UInt32
    /// Rows of the image that are decoded together: those of a tile, or of a strip. At least 1.
    public var rowsPerBand: UInt32
    /// The most bytes of the file that as many rows have.
    public var largestBandByteCount: UInt64

    public init(count: UInt32, rowsPerBand: UInt32, largestBandByteCount: UInt64) {
        self.count = count
        self.rowsPerBand = rowsPerBand
        self.largestBandByteCount = largestBandByteCount
    }
}

/// The pieces that one chunk reads: which bytes of the file they are, and how they decode.
///
///     name of the file's format | ranges: count, then offset | byte count of each, in ascending order, apart from each other
///     | bytes of the layout
///
/// The worker fetches the ranges and puts them into one file, one after the other; its ranks decode that by the layout, whose form
/// is the image format's own (`PieceLayout.encoded`).
public struct ChunkPieces: Hashable, Sendable {
    public let format: String
    public let ranges: [Range<UInt64>]
    public let layout: [UInt8]

    public init(format: String, ranges: [Range<UInt64>], layout: [UInt8]) {
        self.format = format
        self.ranges = ranges
        self.layout = layout
    }

    /// Bytes of all ranges.
    public var byteCount: UInt64 { ranges.reduce(0) { $0 + UInt64($1.count) } }
}

extension ChunkPieces: BinaryCodable {
    public func encode(into writer: inout BinaryWriter) {
        writer.write(format)
        writer.writeVariable(UInt64(ranges.count))
        for range in ranges {
            writer.writeVariable(range.lowerBound)
            writer.writeVariable(UInt64(range.count))
        }
        writer.write(layout)
    }

    public init(from reader: inout BinaryReader) throws(BinaryCodingError) {
        let format = try reader.readString()
        let count = try reader.readElementCount()
        var ranges: [Range<UInt64>] = []
        ranges.reserveCapacity(count)
        for _ in 0..<count {
            let offset = try reader.readVariable()
            let (end, overflows) = offset.addingReportingOverflow(try reader.readVariable())
            guard !overflows, end <= UInt64(Int64.max), offset < end, offset >= ranges.last?.upperBound ?? 0 else {
                throw BinaryCodingError("bytes \(offset) to \(end) of a file are not behind those before them")
            }
            ranges.append(offset..<end)
        }
        self.init(format: format, ranges: ranges, layout: Array(try reader.readBlock()))
    }
}

extension PieceFacts: BinaryCodable {
    public func encode(into writer: inout BinaryWriter) {
        writer.writeVariable(UInt64(count))
        writer.writeVariable(UInt64(rowsPerBand))
        writer.writeVariable(largestBandByteCount)
    }

    public init(from reader: inout BinaryReader) throws(BinaryCodingError) {
        self.init(
            count: try reader.readVariable(as: UInt32.self), rowsPerBand: try reader.readVariable(as: UInt32.self),
            largestBandByteCount: try reader.readVariable())
        // A plan computes with them.
        guard count > 0, rowsPerBand > 0, largestBandByteCount < 1 << 48 else {
            throw BinaryCodingError(
                "\(count) pieces of \(rowsPerBand) rows with up to \(largestBandByteCount) bytes are not an image's")
        }
    }
}
