import JobModel
import Pipelines

extension TIFFFormat: OutputFormat {
    public var options: EncodingOptions {
        var options = EncodingOptions()
        options.compression = compression
        options.isPyramid = isPyramid
        return options
    }

    public func configured(_ options: EncodingOptions) -> TIFFFormat {
        TIFFFormat(compression: options.compression ?? .deflate, isPyramid: options.isPyramid)
    }

    public func objection(to output: ImageShape) -> CodecError? { nil }

    /// Whole rows of pieces.
    public var segmentGrid: SegmentGrid {
        SegmentGrid(byteCount: SegmentGrid.standard.byteCount, rowsPerBlock: TIFFOutput.pieceSide)
    }

    /// Levels of a pyramid depend on the height of the whole image.
    public var decodesBySegments: Bool { !isPyramid }

    package func output(_ shape: ImageShape) -> TIFFOutput {
        TIFFOutput(shape, isCompressed: compression == .deflate, isPyramid: isPyramid)
    }

    public func merge(_ checksums: some Sequence<SegmentChecksum>) throws(CodecError) -> SegmentChecksum {
        var merged = FilteredChecksum()
        for checksum in checksums { merged.append(try FilteredChecksum(checksum)) }
        return merged.opaque
    }

    public func check(
        fileOf output: ImageShape, byteCount: UInt64, read: @escaping (_ offset: UInt64, _ count: Int) throws -> [UInt8]
    ) throws {
        var check = TIFFCheck(self.output(output), byteCount: byteCount, read: read)
        try check.checkFile()
    }

    public func check(
        segmentsOf rowCount: Int, in output: ImageShape, checksum: SegmentChecksum, byteCount: UInt64,
        read: @escaping (_ offset: UInt64, _ count: Int) throws -> [UInt8]
    ) throws {
        var check = TIFFCheck(self.output(output), byteCount: byteCount, read: read)
        try check.checkSegments(ofRows: rowCount, try FilteredChecksum(checksum))
    }

    public func check(metadata: [UInt8]) throws(CodecError) { _ = try TIFFOutputMetadata(framed: metadata) }

    public func frame(
        of output: ImageShape, metadata: [UInt8], checksum: SegmentChecksum, segments: SegmentBytes
    ) throws -> FileFrame {
        try frame(of: self.output(output), metadata: metadata, checksum: checksum, segments: segments)
    }

    public func frame(
        ofRows rowCount: Int, in output: ImageShape, checksum: SegmentChecksum, segments: SegmentBytes
    ) throws -> FileFrame {
        try frame(
            of: self.output(output).alone(rowCount: rowCount), metadata: [], checksum: checksum, segments: segments)
    }

    private func frame(
        of layout: TIFFOutput, metadata: [UInt8], checksum: SegmentChecksum, segments: SegmentBytes
    ) throws -> FileFrame {
        let fields = try TIFFOutputMetadata(framed: metadata)
        let announced = try FilteredChecksum(checksum).byteCount
        guard announced == segments.byteCount else {
            throw CodecError.corrupt("The segments have \(segments.byteCount) bytes; \(announced) were announced.")
        }
        var places = layout.levels.map { _ in TIFFOutput.Places() }
        var position: UInt64 = 0
        for row in 0..<layout.rowCount {
            for (index, level) in layout.levels.enumerated() {
                guard UInt64(level.tableByteCount) <= segments.byteCount - position else {
                    throw CodecError.corrupt(
                        "The segments end at byte \(segments.byteCount), before row \(row) of their pieces.")
                }
                let table = try segments.read(position, level.tableByteCount)
                position += UInt64(level.tableByteCount)
                let rows = level.rowCount(ofImageRows: layout.imageRowCount(ofRow: row))
                let allowed = layout.allowedByteCounts(of: level.pieceByteCount(ofRows: rows))
                for column in 0..<level.columnCount {
                    let byteCount = TIFFByteOrder.littleEndian.number(table[4 * column..<4 * column + 4])
                    guard allowed.contains(Int(byteCount)),
                        byteCount + byteCount % 2 <= segments.byteCount - position
                    else {
                        throw CodecError.corrupt(
                            "The segments have a piece of \(byteCount) bytes at byte \(position).")
                    }
                    places[index].append(UInt64(layout.headerByteCount) + position, byteCount)
                    position += byteCount + byteCount % 2
                }
            }
        }
        guard position == segments.byteCount else {
            throw CodecError.corrupt(
                "The segments have \(segments.byteCount) bytes; their pieces end at byte \(position).")
        }
        let end = UInt64(layout.headerByteCount) + position
        return FileFrame(
            prefix: layout.form.header(firstDirectory: end),
            suffix: layout.suffix(places, metadata: fields, at: end))
    }
}
