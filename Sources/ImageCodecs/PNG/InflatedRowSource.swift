import ImageFormats
import Pipelines

/// Rows of an image that is not interlaced, decoded by ISA-L's inflate and our own filters: several times as fast as libpng.
///
/// The inflated bytes pass through a window; rows are unfiltered from it straight to the destination, or by way of a row of
/// scratch when they have to be expanded.
///
///     window   ... | filter, row | filter, row | filter, r          capacity: two rows, at least 256 KiB
///                    ^ consumed                  filled ^
final class InflatedRowSource: PNGRowSource {
    private static let leastWindowByteCount = 256 * 1024

    private let inflater: Inflater
    private let expansion: PNGExpansion
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

    init(_ file: UnsafeRawBufferPointer, _ contents: PNGContents) throws(CodecError) {
        let header = contents.header
        precondition(!header.isInterlaced, "rows of an interlaced image do not come in order")
        inflater = Inflater(try ImageDataStream(file, at: contents.imageDataOffset))
        expansion = PNGExpansion(header)
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
    }

    func readRows(into destination: UnsafeMutableRawPointer, count: Int) throws(CodecError) {
        var previous = UnsafePointer(above)
        for index in 0..<count {
            let (filter, filtered) = try nextFilteredRow()
            let output = destination + index * decodedBytesPerRow
            if expansion.isIdentity {
                let row = output.assumingMemoryBound(to: UInt8.self)
                filter.undo(filtered, above: previous, count: storedBytesPerRow, distance: distance, to: row)
                previous = UnsafePointer(row)
            } else {
                filter.undo(filtered, above: above, count: storedBytesPerRow, distance: distance, to: scratch)
                expansion.expand(scratch, to: output)
                swap(&above, &scratch)
            }
            nextRow += 1
        }
        // The destination may be gone when the next rows are asked for.
        if expansion.isIdentity { above.update(from: previous, count: storedBytesPerRow) }
    }

    func finish() throws(CodecError) {
        guard consumed == filled else {
            throw .corrupt("The PNG file is damaged: it has more image data (IDAT) than its rows need.")
        }
        try inflater.finish()
    }

    private func nextFilteredRow() throws(CodecError) -> (PNGFilter, UnsafePointer<UInt8>) {
        if filled - consumed < storedBytesPerRow + 1 { try refill() }
        guard let filter = PNGFilter(rawValue: window[consumed]) else {
            throw .corrupt(
                "The PNG file is damaged: row \(nextRow) has filter \(window[consumed]); there are 0 to 4. Send an intact copy."
            )
        }
        let row = bytePointer(UnsafeRawBufferPointer(rebasing: window[(consumed + 1)...]))
        consumed += storedBytesPerRow + 1
        return (filter, row)
    }

    /// Moves what is left of the window to its front and inflates behind it.
    private func refill() throws(CodecError) {
        let rest = UnsafeRawBufferPointer(rebasing: window[consumed..<filled])
        window.copyMemory(from: rest)
        consumed = 0
        filled = rest.count
        filled += try inflater.inflate(to: UnsafeMutableRawBufferPointer(rebasing: window[filled...]))
        guard filled > storedBytesPerRow else {
            throw .corrupt(
                "The PNG file is damaged: its image data (IDAT) ends at row \(nextRow). Send an intact copy.")
        }
    }
}
