/// Reads a file forwards in pieces that grow: few bytes of a usual file, few reads of one with very many small parts.
struct ReadingWindow {
    private static let firstByteCount = 384
    private static let largestByteCount = 64 * 1024

    let byteCount: UInt64
    private var start: UInt64 = 0
    private var content: [UInt8] = []
    private var nextByteCount = ReadingWindow.firstByteCount

    init(byteCount: UInt64) { self.byteCount = byteCount }

    /// The `count` bytes at `offset`, which are within the file.
    mutating func bytes(
        at offset: UInt64, count: Int, _ read: (_ offset: UInt64, _ count: Int) throws -> [UInt8]
    ) throws -> ArraySlice<UInt8> {
        if offset < start || offset + UInt64(count) > start + UInt64(content.count) {
            content = try read(offset, max(count, Int(min(UInt64(nextByteCount), byteCount - offset))))
            start = offset
            nextByteCount = min(2 * nextByteCount, Self.largestByteCount)
        }
        let first = Int(offset - start)
        return content[first..<first + count]
    }
}
