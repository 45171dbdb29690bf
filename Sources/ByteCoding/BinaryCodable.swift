/// A value with one binary form: what `encode(into:)` writes, `init(from:)` reads back as an equal value.
///
/// The forms carry neither tags nor lengths of their own; the code that sends or stores them says what follows, and which
/// version of the form. Reading never traps, whatever the bytes: everything that comes out satisfies the type's documented
/// ranges, and anything else is a `BinaryCodingError`.
public protocol BinaryCodable {
    func encode(into writer: inout BinaryWriter)
    init(from reader: inout BinaryReader) throws(BinaryCodingError)
}

extension BinaryCodable {
    /// The value's binary form, by itself.
    public func encoded() -> [UInt8] {
        var writer = BinaryWriter()
        encode(into: &writer)
        return writer.bytes
    }

    /// Reads a value from exactly these bytes; bytes that are left over are an error.
    public init(decoding bytes: [UInt8]) throws(BinaryCodingError) {
        var reader = BinaryReader(bytes)
        try self.init(from: &reader)
        try reader.finish()
    }
}

extension BinaryWriter {
    public mutating func write(_ value: some BinaryCodable) {
        value.encode(into: &self)
    }

    /// A truth value that says whether there is one, then the value.
    public mutating func write(_ value: (some BinaryCodable)?) {
        write(value != nil)
        if let value { write(value) }
    }

    /// A count, then the values.
    public mutating func write(_ values: [some BinaryCodable]) {
        writeVariable(UInt64(values.count))
        for value in values { write(value) }
    }
}

extension BinaryReader {
    public mutating func read<Value: BinaryCodable>(
        _: Value.Type = Value.self
    ) throws(BinaryCodingError) -> Value {
        try Value(from: &self)
    }

    public mutating func readOptional<Value: BinaryCodable>(
        _: Value.Type = Value.self
    ) throws(BinaryCodingError) -> Value? {
        try readBool() ? try Value(from: &self) : nil
    }

    public mutating func readArray<Value: BinaryCodable>(
        of _: Value.Type = Value.self
    ) throws(BinaryCodingError) -> [Value] {
        let count = try readElementCount()
        var values: [Value] = []
        values.reserveCapacity(count)
        for _ in 0..<count { values.append(try Value(from: &self)) }
        return values
    }

    /// A count of elements that take at least one byte each: never more than the bytes that are left, so that a count alone
    /// cannot make the reader reserve memory.
    public mutating func readElementCount() throws(BinaryCodingError) -> Int {
        let count = try readVariable()
        guard count <= UInt64(remainingByteCount) else {
            throw BinaryCodingError("\(count) elements do not fit the \(remainingByteCount) bytes that are left")
        }
        return Int(count)
    }

    /// An unsigned LEB128 number that must be in the range of `Value`.
    public mutating func readVariable<Value: FixedWidthInteger & UnsignedInteger>(
        as _: Value.Type
    ) throws(BinaryCodingError) -> Value {
        let wide = try readVariable()
        guard let value = Value(exactly: wide) else {
            throw BinaryCodingError("\(wide) is above the limit of \(Value.max)")
        }
        return value
    }
}
