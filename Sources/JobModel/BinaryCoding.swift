/// Writes values into bytes: fixed-width integers little-endian, counts as unsigned LEB128, strings and bytes by length.
public struct BinaryWriter: Sendable {
    public private(set) var bytes: [UInt8] = []

    public init() {}

    public mutating func write<Value: FixedWidthInteger>(_ value: Value) {
        withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
    }

    /// Unsigned LEB128: 7 bits a byte, least significant first.
    public mutating func writeVariable(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }

    public mutating func write(_ value: Bool) { bytes.append(value ? 1 : 0) }

    public mutating func write(_ text: String) {
        writeVariable(UInt64(text.utf8.count))
        bytes.append(contentsOf: text.utf8)
    }

    public mutating func write(_ block: [UInt8]) {
        writeVariable(UInt64(block.count))
        bytes.append(contentsOf: block)
    }
}

/// What a `BinaryReader` refuses.
public struct BinaryCodingError: Error, Hashable, CustomStringConvertible {
    public let description: String
    public init(_ description: String) { self.description = description }
}

/// Reads what `BinaryWriter` wrote; every read is checked against the bytes that are there.
public struct BinaryReader: Sendable {
    private let bytes: ArraySlice<UInt8>
    private var position: Int

    public init(_ bytes: [UInt8]) { self.init(bytes[...]) }

    public init(_ bytes: ArraySlice<UInt8>) {
        self.bytes = bytes
        position = bytes.startIndex
    }

    public var remainingByteCount: Int { bytes.endIndex - position }

    public mutating func read<Value: FixedWidthInteger>(_: Value.Type = Value.self) throws(BinaryCodingError) -> Value {
        let size = Value.bitWidth / 8
        guard remainingByteCount >= size else {
            throw BinaryCodingError("needs \(size) bytes for an integer, has \(remainingByteCount)")
        }
        let start = position - bytes.startIndex
        position += size
        return bytes.withUnsafeBytes {
            Value(littleEndian: $0.loadUnaligned(fromByteOffset: start, as: Value.self))
        }
    }

    public mutating func readVariable() throws(BinaryCodingError) -> UInt64 {
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 64, by: 7) {
            let byte = try read(UInt8.self)
            guard shift < 63 || byte <= 1 else { break }
            value |= UInt64(byte & 0x7f) << shift
            if byte < 0x80 { return value }
        }
        throw BinaryCodingError("a count is longer than 64 bits")
    }

    public mutating func readBool() throws(BinaryCodingError) -> Bool {
        switch try read(UInt8.self) {
        case 0: false
        case 1: true
        case let other: throw BinaryCodingError("\(other) is no truth value")
        }
    }

    public mutating func readString() throws(BinaryCodingError) -> String {
        String(decoding: try readBlock(), as: UTF8.self)
    }

    public mutating func readBlock() throws(BinaryCodingError) -> ArraySlice<UInt8> {
        let count = try readVariable()
        guard count <= UInt64(remainingByteCount) else {
            throw BinaryCodingError("a block of \(count) bytes does not fit the \(remainingByteCount) that are left")
        }
        defer { position += Int(count) }
        return bytes[position..<position + Int(count)]
    }

    /// Ends the reading; bytes that nobody read are an error.
    public func finish() throws(BinaryCodingError) {
        guard remainingByteCount == 0 else { throw BinaryCodingError("\(remainingByteCount) bytes too many") }
    }
}
