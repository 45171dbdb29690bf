/// The bytes of a file, read from its beginning to its end in pieces. Memory does not depend on the file's size.
struct BytesInOrder {
    /// Returns `count` bytes from `offset`; both are within the file. What it throws is passed on.
    typealias Read = (_ offset: UInt64, _ count: Int) throws -> [UInt8]

    private static var pieceByteCount: UInt64 { 1 << 20 }

    /// Bytes in the file.
    let byteCount: UInt64
    /// The place of the next byte.
    private(set) var offset: UInt64 = 0
    private let read: Read
    private var piece: [UInt8] = []
    private var position = 0

    init(byteCount: UInt64, read: @escaping Read) {
        self.byteCount = byteCount
        self.read = read
    }

    /// Bytes that are left.
    var restByteCount: UInt64 { byteCount - offset }

    /// Takes the next `count` bytes, for parts that are small; `nil` when fewer are left.
    mutating func take(_ count: Int) throws -> [UInt8]? {
        guard UInt64(count) <= restByteCount else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count)
        try pass(UInt64(count)) { bytes.append(contentsOf: $0) }
        return bytes
    }

    /// Passes the next `count` bytes to `body`, piece by piece.
    ///
    /// - Precondition: that many are left.
    mutating func pass(_ count: UInt64, to body: (UnsafeRawBufferPointer) throws -> Void) throws {
        var rest = count
        while rest > 0 {
            if position == piece.count {
                piece = try read(offset, Int(min(Self.pieceByteCount, restByteCount)))
                position = 0
            }
            let part = min(Int(clamping: rest), piece.count - position)
            try piece.withUnsafeBytes { try body(UnsafeRawBufferPointer(rebasing: $0[position..<position + part])) }
            position += part
            offset += UInt64(part)
            rest -= UInt64(part)
        }
    }
}
