import Dispatch
import ImageCodecs
import ImageFormats
import Kernels
import Pipelines
import Synchronization

/// The rows of an image, for pictures that are made of parts of it.
protocol RowSource: Sendable {
    /// The image as it is shown: upright.
    var shape: ImageShape { get }

    /// Calls `body` with a function that gives rows, as of an image that has only these columns; each run of rows is at or below
    /// the one before.
    func withRows<Value>(
        of columns: Range<Int>, _ body: ((Range<Int>) throws -> RowBuffer) throws -> Value
    ) throws -> Value
}

extension RowSource {
    /// Calls `body` with a function that gives whole rows, each run of them at or below the one before.
    func withRows<Value>(_ body: ((Range<Int>) throws -> RowBuffer) throws -> Value) throws -> Value {
        try withRows(of: 0..<shape.width, body)
    }
}

/// The rows that are decoded together, and the latest of them.
final class BandCache: Sendable {
    struct Key: Hashable, Sendable {
        /// Names the file, and the level of it.
        let image: String
        /// The first row.
        let row: Int
    }

    private let cache: RecentValues<Key, [UInt8]>
    /// Bands that are being made, each with the threads that wait for it.
    private let making = Mutex<[Key: [DispatchSemaphore]]>([:])

    init(limit: Int) { cache = RecentValues(limit: limit) { $0.count } }

    /// The pixels of a band. Of threads that want the same one at a time, one makes it.
    func pixels(_ key: Key, make: () throws -> [UInt8]) rethrows -> [UInt8] {
        while true {
            if let kept = cache[key] { return kept }
            let made = making.withLock { making -> DispatchSemaphore? in
                guard making[key] != nil else {
                    making[key] = []
                    return nil
                }
                let made = DispatchSemaphore(value: 0)
                making[key]?.append(made)
                return made
            }
            guard let made else { break }
            made.wait()
        }
        defer { for made in making.withLock({ $0.removeValue(forKey: key) }) ?? [] { made.signal() } }
        // It may have been made since it was looked for.
        if let kept = cache[key] { return kept }
        let pixels = try make()
        cache.keep(pixels, as: key)
        return pixels
    }
}

/// An image whose file is read in bands of rows, each of which decodes by itself.
struct BandSource: RowSource {
    /// Gives the pixels of bands. Belongs to one thread.
    protocol Reader {
        /// The band that a row is in.
        func band(of row: Int) -> Range<Int>
        /// What names the bytes of a band, where the file's name does not.
        func name(of band: Range<Int>) -> String?
        func pixels(of band: Range<Int>) throws -> [UInt8]
    }

    /// Names the file, and the level of it.
    let name: String
    let shape: ImageShape
    let cache: BandCache
    let reader: @Sendable () throws -> any Reader

    func withRows<Value>(
        of columns: Range<Int>, _ body: ((Range<Int>) throws -> RowBuffer) throws -> Value
    ) throws -> Value {
        let reader = try reader()
        return try body { try rows($0, of: columns, reader) }
    }

    private func rows(_ wanted: Range<Int>, of columns: Range<Int>, _ reader: any Reader) throws -> RowBuffer {
        let result = RowBuffer(shape: shape.narrowed(to: columns), rows: wanted)
        var next = wanted.lowerBound
        while next < wanted.upperBound {
            let band = reader.band(of: next)
            let key = BandCache.Key(image: reader.name(of: band) ?? name, row: band.lowerBound)
            let pixels = try cache.pixels(key) { try reader.pixels(of: band) }
            pixels.withUnsafeBytes { bytes in
                guard let base = bytes.baseAddress else { preconditionFailure("a band has at least one pixel") }
                result.mutableView.copy(columns, of: RowsView(shape: shape, rows: band, base: base))
            }
            next = min(band.upperBound, wanted.upperBound)
        }
        return result
    }
}

extension BandSource.Reader {
    func name(of band: Range<Int>) -> String? { nil }
}
