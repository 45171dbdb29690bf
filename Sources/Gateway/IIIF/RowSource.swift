import ImageCodecs
import ImageFormats
import Kernels
import Pipelines

/// The rows of an image, for pictures that are made of parts of it.
protocol RowSource: Sendable {
    /// The image as it is shown: upright.
    var shape: ImageShape { get }

    /// Calls `body` with a function that gives rows, each run of them at or below the one before.
    func withRows<Value>(_ body: ((Range<Int>) throws -> RowBuffer) throws -> Value) throws -> Value
}

extension PreviewSource: RowSource {}

/// The rows that are decoded together, and the latest of them.
final class BandCache: Sendable {
    struct Key: Hashable, Sendable {
        /// Names the file, and the level of it.
        let image: String
        /// The first row.
        let row: Int
    }

    private let cache: RecentValues<Key, [UInt8]>

    init(limit: Int) { cache = RecentValues(limit: limit) { $0.count } }

    subscript(_ key: Key) -> [UInt8]? { cache[key] }
    func keep(_ pixels: [UInt8], as key: Key) { cache.keep(pixels, as: key) }
}

/// An image whose file is read in bands of rows, each of which decodes by itself.
struct BandSource: RowSource {
    /// Gives the pixels of bands. Belongs to one thread.
    protocol Reader {
        /// The band that a row is in.
        func band(of row: Int) -> Range<Int>
        func pixels(of band: Range<Int>) throws -> [UInt8]
    }

    /// Names the file, and the level of it.
    let name: String
    let shape: ImageShape
    let cache: BandCache
    let reader: @Sendable () throws -> any Reader

    func withRows<Value>(_ body: ((Range<Int>) throws -> RowBuffer) throws -> Value) throws -> Value {
        let reader = try reader()
        return try body { try rows($0, reader) }
    }

    private func rows(_ wanted: Range<Int>, _ reader: any Reader) throws -> RowBuffer {
        let result = RowBuffer(shape: shape, rows: wanted)
        var next = wanted.lowerBound
        while next < wanted.upperBound {
            let band = reader.band(of: next)
            let key = BandCache.Key(image: name, row: band.lowerBound)
            let pixels: [UInt8]
            if let kept = cache[key] {
                pixels = kept
            } else {
                pixels = try reader.pixels(of: band)
                cache.keep(pixels, as: key)
            }
            let common = next..<min(band.upperBound, wanted.upperBound)
            let start = (next - band.lowerBound) * shape.bytesPerRow
            pixels.withUnsafeBytes { bytes in
                result.mutableView.slice(common).bytes.copyMemory(
                    from: UnsafeRawBufferPointer(rebasing: bytes[start..<start + common.count * shape.bytesPerRow]))
            }
            next = common.upperBound
        }
        return result
    }
}
