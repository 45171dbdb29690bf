import CJPEG
import Checksums
import ImageFormats
import JobModel
import Kernels
import Pipelines

/// Encodes rows of an output image to segments of a JPEG file: restart intervals of a baseline file, or all of a progressive
/// one.
///
/// A restart interval begins afresh, so that libjpeg is given its rows as an image of their own, whose entropy-coded data are
/// cut out.
///
///     rows 0 ..< n      entropy-coded data | RST0
///     rows n ..< 2n     entropy-coded data | RST1
///     ...               entropy-coded data
///
/// Belongs to one thread at a time.
final class JPEGSegmentEncoder: SegmentEncoder {
    private let format: JPEGFormat
    private let shape: ImageShape
    private let segments: RowPartition
    /// libjpeg's encoder with these settings.
    private let writer: OpaquePointer

    /// - Precondition: the format has no objection to the shape.
    init(_ format: JPEGFormat, shape: ImageShape) {
        if let objection = format.objection(to: shape) { preconditionFailure("\(objection)") }
        self.format = format
        self.shape = shape
        segments = format.segmentGrid.segments(of: shape)
        writer = Self.writer(format, channelCount: shape.format.channelCount, isWholeFile: false, restartInterval: 0)
    }

    deinit { tsr_jpeg_writer_destroy(writer) }

    func encode(_ view: RowsView, emit: (UnsafeRawBufferPointer) throws -> Void) rethrows -> SegmentChecksum {
        precondition(view.shape == shape, "rows of \(view.shape) for an encoder of \(shape)")
        let indices = segments.indices(overlapping: view.rows)
        precondition(
            indices.isEmpty
                || segments[indices.lowerBound].lowerBound == view.rows.lowerBound
                    && segments[indices.upperBound - 1].upperBound == view.rows.upperBound,
            "rows \(view.rows) are not whole segments of \(segments.rowsPerPart) rows")
        // libjpeg is reached by a pointer, which does not keep its owner: an encoder may be a temporary value.
        defer { withExtendedLifetime(self) {} }
        var run = JPEGSegmentRun()
        for index in indices {
            let rows = segments[index]
            let file = Self.encode(
                view.row(rows.lowerBound, as: UInt8.self), width: shape.width, height: rows.count, by: writer)
            let data = format.isProgressive ? 2 : start(of: file)
            // Behind the data is the end mark, whose place the mark between two segments takes.
            let isLast = index == segments.count - 1
            if !isLast { file[file.count - 1] = JPEGMarker.restart(index).code }
            let bytes = UnsafeRawBufferPointer(rebasing: file[data..<(isLast ? file.count - 2 : file.count)])
            do { try run.append(JPEGSegmentRun(segment: index, bytes: bytes)) } catch {
                preconditionFailure("\(error)")
            }
            try emit(bytes)
        }
        return run.opaque
    }

    /// Where the entropy-coded data begin, behind the start mark and the headers of the frame and of the scan.
    private func start(of file: UnsafeMutableRawBufferPointer) -> Int {
        let count = shape.format.channelCount
        let scan = 12 + 3 * count
        precondition(
            file[scan] == 0xff && file[scan + 1] == JPEGMarker.startOfScan.code,
            "libjpeg writes another header than it did")
        return scan + 8 + 2 * count
    }

    // MARK: libjpeg

    private static func writer(
        _ format: JPEGFormat, channelCount: Int, isWholeFile: Bool, restartInterval: Int
    ) -> OpaquePointer {
        var settings = tsr_jpeg_settings(
            channel_count: UInt8(channelCount), quality: UInt8(format.quality),
            horizontal_sampling: UInt8(format.sampling.horizontal), vertical_sampling: UInt8(format.sampling.vertical),
            is_progressive: format.isProgressive, is_whole_file: isWholeFile, restart_interval: UInt32(restartInterval))
        guard let writer = tsr_jpeg_writer_create(&settings) else {
            preconditionFailure("out of memory for a JPEG encoder")
        }
        return writer
    }

    /// - Returns: bytes that belong to the writer until its next use.
    private static func encode(
        _ rows: UnsafePointer<UInt8>, width: Int, height: Int, by writer: OpaquePointer
    ) -> UnsafeMutableRawBufferPointer {
        var bytes: UnsafeMutablePointer<UInt8>?
        var count = 0
        guard tsr_jpeg_write(writer, rows, UInt32(width), UInt32(height), &bytes, &count) else {
            preconditionFailure("a JPEG encoder fails: \(String(cString: tsr_jpeg_writer_message(writer)))")
        }
        return UnsafeMutableRawBufferPointer(start: bytes, count: count)
    }

    /// The file that libjpeg writes by itself, for comparisons.
    package static func libjpegFile(
        shape: ImageShape, pixels: [UInt8], format: JPEGFormat, restartInterval: Int
    ) -> [UInt8] {
        let writer = writer(
            format, channelCount: shape.format.channelCount, isWholeFile: true, restartInterval: restartInterval)
        defer { tsr_jpeg_writer_destroy(writer) }
        return pixels.withUnsafeBufferPointer { rows in
            [UInt8](encode(rows.baseAddress.unsafelyUnwrapped, width: shape.width, height: shape.height, by: writer))
        }
    }

    /// Whether this machine's libjpeg makes the bytes that libjpeg-turbo makes, on any processor: another library, which
    /// rounds or scales otherwise, does not.
    static let isReproducible: Bool = {
        let shape = ImageShape(width: 37, height: 29, format: PixelFormat(.rgb, .eight))
        // Slopes of three steepnesses, which wrap around: smooth parts and edges in each component.
        let pixels = (0..<shape.byteCount).map { index in
            let (x, y) = (index % shape.bytesPerRow / 3, index / shape.bytesPerRow)
            return UInt8(truncatingIfNeeded: [x * 7 + y * 3, x * y, x * 2 + y * 11][index % 3])
        }
        let checksums = EncodingOptions.ChromaSubsampling.allCases.map { subsampling in
            CRC32.checksum(
                libjpegFile(
                    shape: shape, pixels: pixels, format: JPEGFormat(quality: 85, subsampling: subsampling),
                    restartInterval: 0))
        }
        return checksums == knownChecksums
    }()

    private static let knownChecksums: [UInt32] = [0x69c7_afff, 0x49af_2cfe, 0xa966_cee2]
}
