import ImageFormats
import Pipelines

/// Rows decoded by ISA-L's inflate and our own filters: several times as fast as libpng.
///
/// The inflated bytes pass through a window; rows are unfiltered from it straight to the destination, or by way of a row of
/// scratch when they have to be expanded.
///
///     window   ... | filter, row | filter, row | filter, r          capacity: two rows, at least 256 KiB
///                    ^ consumed                  filled ^
///
/// The rows of an interlaced image do not come in order. It is decoded as a whole, pass by pass, when its first rows are asked
/// for.
final class InflatedRowSource {
    private static let leastWindowByteCount = 256 * 1024

    private let inflater: Inflater
    private let expansion: PNGExpansion
    private let shape: ImageShape
    private let passes: [PNGPass]
    private let isInterlaced: Bool
    private let storedBytesPerRow: Int
    private let decodedBytesPerRow: Int
    private let distance: Int
    private let window: UnsafeMutableRawBufferPointer
    private var consumed = 0
    private var filled = 0
    /// The row before the next one, unfiltered and not expanded; and room for the next one.
    private var above: UnsafeMutablePointer<UInt8>
    private var scratch: UnsafeMutablePointer<UInt8>
    private var nextRow = 0
    /// The whole image, when it is interlaced and its first rows have been asked for.
    private var image: UnsafeMutableRawBufferPointer?

    /// Bytes of image data that no row needs; known when the source is finished.
    private(set) var surplusByteCount: UInt64 = 0

    init(_ file: UnsafeRawBufferPointer, _ contents: PNGContents) throws(CodecError) {
        let header = contents.header
        inflater = Inflater(try ImageDataStream(file, at: contents.imageDataOffset))
        expansion = PNGExpansion(header)
        shape = header.shape
        passes = header.passes
        isInterlaced = header.isInterlaced
        // No pass has longer rows than the image.
        storedBytesPerRow = header.storedBytesPerRow
        decodedBytesPerRow = header.shape.bytesPerRow
        distance = header.filterDistance
        window = .allocate(
            byteCount: max(InflatedRowSource.leastWindowByteCount, 2 * (header.storedBytesPerRow + 1)), alignment: 64)
        above = .allocate(capacity: header.storedBytesPerRow)
        above.initialize(repeating: 0, count: header.storedBytesPerRow)
        scratch = .allocate(capacity: header.storedBytesPerRow)
    }

    deinit {
        window.deallocate()
        above.deallocate()
        scratch.deallocate()
        image?.deallocate()
    }

    /// Reads the next `count` rows to `destination`, one after the other without padding.
    func readRows(into destination: UnsafeMutableRawPointer, count: Int) throws(CodecError) {
        if isInterlaced {
            let rows = UnsafeRawBufferPointer(rebasing: try wholeImage()[(nextRow * decodedBytesPerRow)...])
            if let start = rows.baseAddress {
                destination.copyMemory(from: start, byteCount: count * decodedBytesPerRow)
            }
            nextRow += count
        } else {
            try readStoredRows(into: destination, count: count)
        }
    }

    /// Checks what comes after the last row, which has been read.
    func finish() throws(CodecError) {
        surplusByteCount = try inflater.finish(readAhead: filled - consumed)
    }

    private func readStoredRows(into destination: UnsafeMutableRawPointer, count: Int) throws(CodecError) {
        var previous = UnsafePointer(above)
        for index in 0..<count {
            let (filter, filtered) = try nextFilteredRow(byteCount: storedBytesPerRow, row: nextRow, pass: nil)
            let output = destination + index * decodedBytesPerRow
            if expansion.isIdentity {
                let row = output.assumingMemoryBound(to: UInt8.self)
                filter.undo(filtered, above: previous, count: storedBytesPerRow, distance: distance, to: row)
                previous = UnsafePointer(row)
            } else {
                filter.undo(filtered, above: above, count: storedBytesPerRow, distance: distance, to: scratch)
                expansion.expand(scratch, width: shape.width, to: output)
                swap(&above, &scratch)
            }
            nextRow += 1
        }
        // The destination may be gone when the next rows are asked for.
        if expansion.isIdentity { above.update(from: previous, count: storedBytesPerRow) }
    }

    private func wholeImage() throws(CodecError) -> UnsafeMutableRawBufferPointer {
        if let image { return image }
        let image = UnsafeMutableRawBufferPointer.allocate(byteCount: shape.byteCount, alignment: 16)
        self.image = image
        let decoded = UnsafeMutableRawBufferPointer.allocate(byteCount: decodedBytesPerRow, alignment: 16)
        defer { decoded.deallocate() }
        guard let base = image.baseAddress, let row = decoded.baseAddress else {
            preconditionFailure("an image has at least one pixel")
        }
        for (index, pass) in passes.enumerated() {
            above.update(repeating: 0, count: pass.storedBytesPerRow)
            for y in 0..<pass.height {
                let (filter, filtered) = try nextFilteredRow(byteCount: pass.storedBytesPerRow, row: y, pass: index + 1)
                filter.undo(filtered, above: above, count: pass.storedBytesPerRow, distance: distance, to: scratch)
                expansion.expand(scratch, width: pass.width, to: row)
                swap(&above, &scratch)
                let start = (pass.y + y * pass.rowStep) * decodedBytesPerRow + pass.x * shape.format.bytesPerPixel
                Self.spread(row, pass, pixelByteCount: shape.format.bytesPerPixel, to: base + start)
            }
        }
        return image
    }

    /// Writes the pixels of a pass's row to every `columnStep`th pixel from `destination` on.
    private static func spread(
        _ row: UnsafeMutableRawPointer, _ pass: PNGPass, pixelByteCount: Int, to destination: UnsafeMutableRawPointer
    ) {
        if pass.columnStep == 1 {
            return destination.copyMemory(from: row, byteCount: pass.width * pixelByteCount)
        }
        func spread<Unit>(_ unit: Unit.Type, count: Int) {
            let source = row.assumingMemoryBound(to: unit)
            let target = destination.assumingMemoryBound(to: unit)
            for x in 0..<pass.width {
                for part in 0..<count { target[x * pass.columnStep * count + part] = source[x * count + part] }
            }
        }
        // A pixel's address is a multiple of its size, or of the size of its samples.
        switch pixelByteCount {
        case 1: spread(UInt8.self, count: 1)
        case 2: spread(UInt16.self, count: 1)
        case 3: spread(UInt8.self, count: 3)
        case 4: spread(UInt32.self, count: 1)
        case 6: spread(UInt16.self, count: 3)
        case 8: spread(UInt64.self, count: 1)
        default: preconditionFailure("a pixel of \(pixelByteCount) bytes")
        }
    }

    /// - Parameter pass: from 1; `nil` when the image is not interlaced. Row and pass are for the error's sake.
    private func nextFilteredRow(
        byteCount: Int, row: Int, pass: Int?
    ) throws(CodecError) -> (PNGFilter, UnsafePointer<UInt8>) {
        if filled - consumed < byteCount + 1 { try refill(byteCount, row, pass) }
        guard let filter = PNGFilter(rawValue: window[consumed]) else {
            throw .corrupt(
                "The PNG file is damaged: row \(row)\(Self.of(pass)) has filter \(window[consumed]); there are 0 to 4. Send an "
                    + "intact copy.")
        }
        let filtered = bytePointer(UnsafeRawBufferPointer(rebasing: window[(consumed + 1)...]))
        consumed += byteCount + 1
        return (filter, filtered)
    }

    /// Moves what is left of the window to its front and inflates behind it.
    private func refill(_ byteCount: Int, _ row: Int, _ pass: Int?) throws(CodecError) {
        let rest = UnsafeRawBufferPointer(rebasing: window[consumed..<filled])
        window.copyMemory(from: rest)
        consumed = 0
        filled = rest.count
        while filled <= byteCount {
            let count = try inflater.inflate(to: UnsafeMutableRawBufferPointer(rebasing: window[filled...]))
            guard count > 0 else {
                throw .corrupt(
                    "The PNG file is damaged: its image data (IDAT) ends at row \(row)\(Self.of(pass)). Send an intact "
                        + "copy.")
            }
            filled += count
        }
    }

    private static func of(_ pass: Int?) -> String { pass.map { " of pass \($0)" } ?? "" }
}
