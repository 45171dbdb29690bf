import ByteCoding
import Checksums
import JobModel
import Pipelines

/// Puts a baseline JPEG file together from segments that were encoded elsewhere. Plain Swift, and touches no pixel.
///
///     prefix:     SOI | APP0 | metadata | DQT, DQT | SOF0 | DHT, DHT, DHT, DHT | DRI | SOS
///     segments:   entropy-coded data, RST0 | entropy-coded data, RST1 | ... | entropy-coded data
///     suffix:     EOI
///
/// These are the bytes that libjpeg writes with the same quality, subsampling and restart interval. A progressive file is one
/// segment: all from the tables to the end of the last scan.
struct JPEGAssembly {
    let format: JPEGFormat
    let output: ImageShape

    init(_ format: JPEGFormat, _ output: ImageShape) throws(CodecError) {
        if let objection = format.objection(to: output) { throw objection }
        self.format = format
        self.output = output
    }

    private var isColor: Bool { output.format.layout.isColor }

    /// Rows and columns of pixels in a unit of blocks that are encoded together (MCU).
    var unit: (width: Int, height: Int) {
        isColor ? (8 * format.sampling.horizontal, 8 * format.sampling.vertical) : (8, 8)
    }

    private var unitsPerRow: Int { (output.width + unit.width - 1) / unit.width }

    /// Units in a segment, the last one's apart.
    var restartInterval: Int { format.segmentGrid.rowsPerSegment(of: output) / unit.height * unitsPerRow }

    /// The fewest bytes of a segment of `rowCount` rows.
    func leastByteCount(ofRows rowCount: Int) -> Int {
        let units = (rowCount + unit.height - 1) / unit.height * unitsPerRow
        let luminance = isColor ? format.sampling.horizontal * format.sampling.vertical : 1
        let bitCount = luminance * JPEGTables.leastBitCount(0) + (isColor ? 2 * JPEGTables.leastBitCount(1) : 0)
        return (units * bitCount + 7) / 8
    }

    /// The first bytes of a file, up to its other metadata.
    static func start(density: [UInt8]) -> [UInt8] { JPEGMarker.startOfImage.bytes + density }

    var quantization: [UInt8] {
        JPEGTables.quantizationSegment(0, quality: format.quality)
            + (isColor ? JPEGTables.quantizationSegment(1, quality: format.quality) : [])
    }

    /// The segment with the size and the components.
    var frame: [UInt8] {
        let marker: JPEGMarker = format.options.isProgressive ? .progressiveFrame : .baselineFrame
        let sides = [output.height, output.width].flatMap { bigEndianBytes(UInt32($0)).suffix(2) }
        let sampling = isColor ? UInt8(format.sampling.horizontal << 4 | format.sampling.vertical) : 0x11
        return marker.segment(
            [8] + sides + (isColor ? [3, 1, sampling, 0, 2, 0x11, 1, 3, 0x11, 1] : [1, 1, sampling, 0]))
    }

    /// What is between the metadata and the segments of a baseline file.
    var tables: [UInt8] {
        var bytes = quantization + frame + JPEGTables.huffmanSegments(0)
        if isColor { bytes += JPEGTables.huffmanSegments(1) }
        if format.segmentGrid.segments(of: output).count > 1 {
            bytes += JPEGMarker.restartInterval.segment(bigEndianBytes(UInt32(restartInterval)).suffix(2))
        }
        return bytes
            + JPEGMarker.startOfScan.segment((isColor ? [3, 1, 0, 2, 0x11, 3, 0x11] : [1, 1, 0]) + [0, 63, 0])
    }

    func prefix(metadata: [UInt8]) throws(CodecError) -> [UInt8] {
        let (density, others) = try JPEGMetadata.split(framed: metadata)
        return Self.start(density: density) + others + (format.options.isProgressive ? [] : tables)
    }

    static let suffix = JPEGMarker.endOfImage.bytes
}

/// Neighbouring encoded segments seen as one: what their bytes have to be.
///
/// Its opaque form is the checksum as four bytes, little-endian, and three numbers as unsigned LEB128.
package struct JPEGSegmentRun: Hashable, Sendable {
    /// The Adler-32 of the segments' bytes.
    package var adler32 = Adler32.empty
    /// The index of the first segment in the image; 0 of an empty run.
    package var firstSegment = 0
    package var segmentCount = 0
    package var byteCount: UInt64 = 0

    package init() {}

    /// One segment.
    package init(segment: Int, bytes: UnsafeRawBufferPointer) {
        adler32 = Adler32.checksum(bytes)
        firstSegment = segment
        segmentCount = 1
        byteCount = UInt64(bytes.count)
    }

    /// Reads the opaque form.
    package init(_ checksum: SegmentChecksum) throws(CodecError) {
        var reader = BinaryReader(checksum.bytes)
        do {
            adler32 = try reader.read()
            firstSegment = Int(clamping: try reader.readVariable())
            segmentCount = Int(clamping: try reader.readVariable())
            byteCount = try reader.readVariable()
            try reader.finish()
        } catch {
            throw .corrupt("The checksum of a segment is malformed: \(error.description).")
        }
    }

    package var opaque: SegmentChecksum {
        var writer = BinaryWriter()
        writer.write(adler32)
        for number in [UInt64(firstSegment), UInt64(segmentCount), byteCount] { writer.writeVariable(number) }
        return SegmentChecksum(writer.bytes)
    }

    /// Adds the run that follows this one.
    ///
    /// - Throws: `CodecError` (corrupt) if it does not.
    package mutating func append(_ next: JPEGSegmentRun) throws(CodecError) {
        guard next.segmentCount > 0 else { return }
        guard segmentCount > 0 else {
            self = next
            return
        }
        let (end, overflows) = firstSegment.addingReportingOverflow(segmentCount)
        guard !overflows, next.firstSegment == end, next.segmentCount <= Int.max - segmentCount,
            next.byteCount <= UInt64.max - byteCount
        else {
            throw .corrupt(
                "The segments from \(next.firstSegment) do not follow \(segmentCount) segments from \(firstSegment).")
        }
        adler32 = Adler32.combine(adler32, next.adler32, secondByteCount: next.byteCount)
        segmentCount += next.segmentCount
        byteCount += next.byteCount
    }
}
