/// Writes values into bytes: fixed-width integers little-endian, counts as unsigned LEB128, strings and bytes by length.
public struct BinaryWriter: Sendable {
    @usableFromInline var storage: [UInt8] = []

    /// - Parameter capacity: bytes that are going to be written; a hint.
    public init(capacity: Int = 0) { storage.reserveCapacity(capacity) }

    @inlinable public var bytes: [UInt8] { storage }

    @inlinable public mutating func write<Value: FixedWidthInteger>(_ value: Value) {
        withUnsafeBytes(of: value.littleEndian) { storage.append(contentsOf: $0) }
    }

    /// Appends bytes as they are, without their count.
    @inlinable public mutating func append(_ block: some Sequence<UInt8>) { storage.append(contentsOf: block) }

    /// Unsigned LEB128: 7 bits a byte, least significant first.
    public mutating func writeVariable(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            storage.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        storage.append(UInt8(rest))
    }

    public mutating func write(_ value: Bool) { storage.append(value ? 1 : 0) }

    public mutating func write(_ text: String) {
        writeVariable(UInt64(text.utf8.count))
        storage.append(contentsOf: text.utf8)
    }

    public mutating func write(_ block: [UInt8]) {
        writeVariable(UInt64(block.count))
        storage.append(contentsOf: block)
    }
}

/// What a `BinaryReader` refuses.
public struct BinaryCodingError: Error, Hashable, CustomStringConvertible {
    public let description: String
    public init(_ description: String) { self.description = description }
}

/// Reads what `BinaryWriter` wrote; every read is checked against the bytes that are there.
public struct BinaryReader: Sendable {
    @usableFromInline let bytes: ArraySlice<UInt8>
    @usableFromInline var position: Int

    public init(_ bytes: [UInt8]) { self.init(bytes[...]) }

    public init(_ bytes: ArraySlice<UInt8>) {
        self.bytes = bytes
        position = bytes.startIndex
    }

    @inlinable public var remainingByteCount: Int { bytes.endIndex - position }

    @inlinable public mutating func read<Value: FixedWidthInteger>(_: Value.Type = Value.self) throws(BinaryCodingError)
        -> Value
    {
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
        case let other: throw BinaryCodingError("\(other) is not a truth value")
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

    /// Reads `count` bytes that were appended as they are.
    public mutating func readBytes(_ count: Int) throws(BinaryCodingError) -> ArraySlice<UInt8> {
        guard count >= 0, count <= remainingByteCount else {
            throw BinaryCodingError("a block of \(count) bytes does not fit the \(remainingByteCount) that are left")
        }
        defer { position += count }
        return bytes[position..<position + count]
    }

    /// Ends the reading; bytes that nobody read are an error.
    public func finish() throws(BinaryCodingError) {
        guard remainingByteCount == 0 else { throw BinaryCodingError("\(remainingByteCount) bytes too many") }
    }
}
