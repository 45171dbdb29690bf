/// A door through which bytes come in that anybody may have made, and what must hold whatever they are.
///
/// The same targets are run by libFuzzer with sanitizers (`make fuzz`) and over the committed corpus by the ordinary tests.
public struct FuzzTarget: Sendable {
    /// Names the target on the command line, and its directory in the corpus.
    public let name: String
    /// The largest input that is tried, in bytes.
    public let maximumByteCount: Int
    private let check: @Sendable (UnsafeRawBufferPointer) throws -> Void

    init(
        _ name: String, maximumByteCount: Int = 4096,
        _ check: @escaping @Sendable (UnsafeRawBufferPointer) throws -> Void
    ) {
        self.name = name
        self.maximumByteCount = maximumByteCount
        self.check = check
    }

    /// Feeds `bytes` to the code behind the door.
    /// - Throws: `FuzzFinding` when a property does not hold. Refusing the bytes is not a finding; reading beyond them is one
    ///   that only a sanitizer sees, if there is nothing allocated behind them.
    public func run(_ bytes: UnsafeRawBufferPointer) throws { try check(bytes) }

    public static let all: [FuzzTarget] = [
        frames, messages, tlsHello, records, rankMessages, pipelines, pixels, summaries, png, pngRepaired, pngRows,
        pngChunks, pngSegment,
        results, jpegHeader, jpegRows, tiffHeader, tiffRows, chunkPieces, webpHeader, webpRows, json, scrape, iiif,
        backupManifest,
    ]
}

/// A property that does not hold for some input.
public struct FuzzFinding: Error, CustomStringConvertible {
    public let description: String

    /// - Throws: itself, unless `isTrue`.
    static func unless(_ isTrue: Bool, _ description: @autoclosure () -> String) throws(FuzzFinding) {
        if !isTrue { throw FuzzFinding(description: description()) }
    }
}

/// Spends an input from its front: a few bytes decide the circumstances, the rest is what is read under them.
struct InputBytes {
    private(set) var rest: ArraySlice<UInt8>

    init(_ bytes: UnsafeRawBufferPointer) { rest = Array(bytes)[...] }
    init(_ bytes: [UInt8]) { rest = bytes[...] }

    /// The next byte; 0 when there is none.
    mutating func byte() -> UInt8 { rest.popFirst() ?? 0 }

    /// The next byte folded into `range`.
    mutating func number(in range: ClosedRange<Int>) -> Int { range.lowerBound + Int(byte()) % range.count }

    /// The next `count` bytes, filled up with zeros.
    mutating func bytes(_ count: Int) -> [UInt8] {
        let taken = Array(rest.prefix(count))
        rest = rest.dropFirst(count)
        return taken + [UInt8](repeating: 0, count: count - taken.count)
    }

    /// The bytes up to the next zero, which is dropped, as text.
    mutating func text() -> String {
        let end = rest.firstIndex(of: 0) ?? rest.endIndex
        defer { rest = rest[min(end + 1, rest.endIndex)...] }
        return String(decoding: rest[..<end], as: UTF8.self)
    }
}

/// Cuts the bytes of a stream into reads of uneven sizes, which follow from `seed`.
func cut(_ stream: [UInt8], seed: UInt8) -> [ArraySlice<UInt8>] {
    var pieces: [ArraySlice<UInt8>] = []
    var rest = stream[...]
    // Knuth's multiplier; all pieces are of one byte when the seed is 0.
    var state = UInt64(seed)
    while !rest.isEmpty {
        state = state &* 6_364_136_223_846_793_005
        pieces.append(rest.prefix(1 + Int(state >> 56) % 61))
        rest = rest.dropFirst(pieces[pieces.count - 1].count)
    }
    return pieces
}
