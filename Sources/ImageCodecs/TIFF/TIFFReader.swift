import ImageFormats
import JobModel
import Kernels
import Pipelines

extension TIFFFormat: PieceDecoding {
    public func decoder(
        of file: UnsafeRawBufferPointer, limits: DecodingLimits
    ) throws(CodecError) -> any ImageDecoder {
        try TIFFReader(file, limits: limits)
    }

    public func pieceSource(
        byteCount: UInt64, limits: DecodingLimits, read: (_ offset: UInt64, _ count: Int) throws -> [UInt8]
    ) throws -> any PieceSource {
        try withoutActuallyEscaping(read) { read in
            let source = try TIFFSource(byteCount: byteCount, read: read)
            return TIFFPieceSource(
                image: try TIFFImage(source, limits: limits, isComplete: true), options: limits.options)
        }
    }

    public func pieceDecoder(of layout: TIFFLayout) -> any PieceDecoder {
        TIFFPieceDecoder(layout, isLenient: false)
    }

    /// A decoder that decodes damaged pieces as far as they go.
    public func lenientPieceDecoder(of layout: TIFFLayout) -> any PieceDecoder {
        TIFFPieceDecoder(layout, isLenient: true)
    }
}

/// What a TIFF file says of an image.
struct TIFFPieceSource: PieceSource {
    let image: TIFFImage
    let options: DecodingOptions

    var header: ImageHeader { image.header }
    var layout: any PieceLayout { image.layout }
    var remarks: [ImageRemark] { image.remarks(options) }

    func metadata(
        for format: any ImageEncoding, stripping: MetadataStripping, output: ImageShape, effect: MetadataEffect
    ) -> [UInt8] {
        format.framed(
            image.metadata.stripped(stripping).adapted(to: output, from: header.shape.format, effect: effect))
    }
}

/// Decodes a TIFF file that is in memory, from top to bottom.
///
/// Memory is the pixels of one row of tiles, or of one strip, and one piece.
final class TIFFReader: ImageDecoder {
    let header: ImageHeader
    private(set) var nextRow = 0
    private let file: UnsafeRawBufferPointer
    private let source: TIFFPieceSource
    private let decoder: TIFFPieceDecoder
    /// The rows of the band that was begun; its room is taken when it is needed first.
    private var band: (rows: Range<Int>, buffer: RowBuffer)?

    /// - Parameter file: the whole file; it must stay, unchanged, as long as the reader is used.
    init(_ file: UnsafeRawBufferPointer, limits: DecodingLimits) throws(CodecError) {
        self.file = file
        do {
            let source = try TIFFSource(byteCount: UInt64(file.count)) { offset, count in
                Array(file[Int(offset)..<Int(offset) + count])
            }
            self.source = TIFFPieceSource(
                image: try TIFFImage(source, limits: limits, isComplete: true), options: limits.options)
        } catch let error as CodecError {
            throw error
        } catch {
            throw .corrupt("The TIFF file cannot be read: \(error).")
        }
        header = source.header
        decoder = TIFFPieceDecoder(source.image.layout, isLenient: limits.options.isLenient)
    }

    func readRows(into destination: UnsafeMutableRawPointer, count: Int) throws(CodecError) {
        let shape = header.shape
        precondition(
            count >= 0 && count <= shape.height - nextRow, "\(count) rows from row \(nextRow) of \(shape.height)")
        let end = nextRow + count
        var output = destination
        while nextRow < end {
            let rows = source.image.layout.band(ofRow: nextRow)
            let part = nextRow..<min(end, rows.upperBound)
            if part == rows {
                try decode(rows, to: output)
            } else {
                let buffer = try bufferedBand(rows)
                let source = UnsafeRawBufferPointer(
                    rebasing: buffer.mutableView.readable.bytes[
                        ((part.lowerBound - rows.lowerBound) * shape.bytesPerRow)...])
                output.copyMemory(from: bytePointer(source), byteCount: part.count * shape.bytesPerRow)
            }
            output += part.count * shape.bytesPerRow
            nextRow = part.upperBound
        }
        if nextRow == shape.height { band = nil }
    }

    private func bufferedBand(_ rows: Range<Int>) throws(CodecError) -> RowBuffer {
        if let band, band.rows == rows { return band.buffer }
        var shape = header.shape
        shape.height = source.image.layout.rowsPerBand
        let buffer = band?.buffer ?? RowBuffer(shape: shape, rows: 0..<shape.height)
        guard let start = buffer.mutableView.bytes.baseAddress else {
            preconditionFailure("a band has at least one row")
        }
        band = (rows, buffer)
        try decode(rows, to: start)
        return buffer
    }

    private func decode(_ rows: Range<Int>, to destination: UnsafeMutableRawPointer) throws(CodecError) {
        let file = file
        try decoder.decode(rows, to: destination) { range in
            // The layout is within the file.
            UnsafeRawBufferPointer(rebasing: file[Int(range.lowerBound)..<Int(range.upperBound)])
        }
    }

    func metadata(
        for format: any ImageEncoding, stripping: MetadataStripping, output: ImageShape, effect: MetadataEffect
    ) -> [UInt8] {
        source.metadata(for: format, stripping: stripping, output: output, effect: effect)
    }

    var remarks: [ImageRemark] {
        let damaged =
            decoder.damagedPieceCount == 0
            ? []
            : [
                ImageRemark(
                    .damagedImageData, count: decoder.damagedPieceCount, byteCount: decoder.damagedByteCount)
            ]
        return source.remarks + damaged
    }
}
