import CJPEG
import ImageFormats
import JobModel
import Pipelines

/// All of a JPEG file but its image data, and where its restart intervals are.
struct JPEGPieceSource: PieceSource {
    let header: ImageHeader
    let layout: any PieceLayout
    let remarks: [ImageRemark]
    private let metadata: ImageMetadata

    /// - Throws: `CodecError` (corrupt) for a file without restart intervals that can be read by themselves.
    init(
        byteCount: UInt64, limits: DecodingLimits, read: (_ offset: UInt64, _ count: Int) throws -> [UInt8]
    ) throws {
        var head = JPEGLayout.Head()
        var collector = JPEGMetadata.Collector(limits: limits)
        let file = try JPEGHeader(byteCount: byteCount, limits: limits, read: read) { marker, place, data in
            try head.take(marker, place, data)
            if JPEGMetadata.Collector.takes(marker) { collector.take(marker, try data()) }
        }
        guard let layout = try JPEGLayout(file, head, byteCount: byteCount, read: read) else {
            throw CodecError.corrupt("The JPEG file has no restart intervals that decode by themselves.")
        }
        header = ImageHeader(file)
        (metadata, remarks) = collector.finish()
        self.layout = layout
    }

    func metadata(
        for format: any ImageEncoding, stripping: MetadataStripping, output: ImageShape, effect: MetadataEffect
    ) -> [UInt8] {
        format.framed(metadata.stripped(stripping).adapted(to: output, from: header.shape.format, effect: effect))
    }
}

/// Decodes rows of a JPEG image from the bytes of their restart intervals: by libjpeg, which is given a file of those, with
/// marks from RST0 on. A share is a run of units; neighbours that colours are smoothed with are decoded besides.
///
/// Memory: the bytes of the share once more, and some rows.
final class JPEGPieceDecoder: PieceDecoder {
    private let layout: JPEGLayout
    /// Room for rows that are dropped.
    private let dropped: UnsafeMutableRawPointer
    private static let droppedRowCount = 16

    init(_ layout: JPEGLayout) {
        self.layout = layout
        dropped = .allocate(byteCount: Self.droppedRowCount * layout.shape.bytesPerRow, alignment: 64)
    }

    deinit { dropped.deallocate() }

    func decode(
        _ rows: Range<Int>, share: PieceShare, to destination: UnsafeMutableRawPointer,
        bytes: (Range<UInt64>) throws(CodecError) -> UnsafeRawBufferPointer
    ) throws(CodecError) {
        let all = layout.units(of: rows)
        let part = share.pieces(of: all.count)
        let own = all.lowerBound + part.lowerBound..<all.lowerBound + part.upperBound
        guard !own.isEmpty else { return }
        let units = layout.decodedUnits(for: own)
        let wanted = layout.rows(of: own).clamped(to: rows)
        let file = try file(of: units, try bytes(layout.bytes(of: units)))
        let start = destination + (wanted.lowerBound - rows.lowerBound) * layout.shape.bytesPerRow
        let isWhole = own.upperBound == units.upperBound && wanted.upperBound == layout.rows(of: own).upperBound
        try file.withUnsafeBytes { file in
            Result { () throws(CodecError) in
                try decode(file, from: layout.rows(of: units).lowerBound, wanted, isWhole: isWhole, to: start)
            }
        }.get()
    }

    /// A JPEG file of the units: their bytes, with marks from RST0 on.
    ///
    /// - Throws: `CodecError` (corrupt) when the marks between them are others than the layout says.
    private func file(of units: Range<Int>, _ data: UnsafeRawBufferPointer) throws(CodecError) -> [UInt8] {
        let header = layout.header(of: units)
        var file = header + data
        let intervals = layout.intervals(of: units)
        var count = 0
        var isIntact = true
        file.withUnsafeMutableBufferPointer { file in
            var index = header.count
            while index < file.count - 1 {
                let code = file[index + 1]
                guard file[index] == 0xff, code != 0 else {
                    index += 1
                    continue
                }
                // Before a marker's code there may be more of them.
                if code != 0xff {
                    isIntact = isIntact && code == layout.mark(behind: intervals.lowerBound + count).code
                    file[index + 1] = JPEGMarker.restart(count).code
                    count += 1
                }
                index += 1
            }
        }
        let end = file.count - 2
        guard isIntact, end >= header.count, count == intervals.count, file[end] == 0xff else {
            throw damaged(": restart markers are missing, or are not in their order")
        }
        file[end + 1] = JPEGMarker.endOfImage.code
        return file
    }

    /// - Parameters:
    ///   - first: the row of the image that the file begins with.
    ///   - isWhole: whether nothing follows the wanted rows in the file: then its end is looked at.
    private func decode(
        _ file: UnsafeRawBufferPointer, from first: Int, _ wanted: Range<Int>, isWhole: Bool,
        to destination: UnsafeMutableRawPointer
    ) throws(CodecError) {
        guard let reader = tsr_jpeg_open(file.baseAddress, file.count, false) else {
            preconditionFailure("out of memory for a JPEG decoder")
        }
        defer { tsr_jpeg_close(reader) }
        let place = ", in rows \(wanted.lowerBound) to \(wanted.upperBound - 1)"
        func check(_ isDone: Bool) throws(CodecError) {
            if !isDone { throw .ofLibJPEG(reader, in: place) }
        }
        var theirs = tsr_jpeg_header()
        try check(tsr_jpeg_read_header(reader, &theirs))
        guard Int(theirs.width) == layout.shape.width, Int(theirs.channel_count) == layout.shape.format.channelCount,
            !theirs.has_multiple_scans
        else { throw damaged(place + ": its header can be read in two ways") }
        var rest = wanted.lowerBound - first
        while rest > 0 {
            let count = min(rest, Self.droppedRowCount)
            try check(tsr_jpeg_read_rows(reader, dropped, UInt32(count)))
            rest -= count
        }
        try check(tsr_jpeg_read_rows(reader, destination, UInt32(wanted.count)))
        if isWhole { try check(tsr_jpeg_read_end(reader)) }
    }

    private func damaged(_ what: String) -> CodecError {
        .corrupt(
            "The JPEG file is damaged\(what). Send an intact copy, or have what is there decoded with --lenient.")
    }
}
