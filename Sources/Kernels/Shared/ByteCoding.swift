/// Writes the partial results of whole-image kernels: little-endian integers.
struct ByteWriter {
    private(set) var bytes: [UInt8] = []

    init(capacity: Int = 0) { bytes.reserveCapacity(capacity) }

    mutating func write<Value: FixedWidthInteger>(_ value: Value) {
        withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
    }

    mutating func write(_ block: some Sequence<UInt8>) { bytes.append(contentsOf: block) }
}

/// Reads what `ByteWriter` wrote, trusting nothing: partial results travel between machines.
struct ByteReader {
    private let bytes: [UInt8]
    private var position = 0
    /// What is read, for messages: `a summary of canny`.
    private let name: String

    init(_ bytes: [UInt8], name: String) {
        self.bytes = bytes
        self.name = name
    }

    mutating func read<Value: FixedWidthInteger>(_: Value.Type = Value.self) throws(PipelineError) -> Value {
        let size = Value.bitWidth / 8
        guard bytes.count - position >= size else { throw refused("it ends after \(bytes.count) bytes") }
        var value: Value = 0
        for index in (0..<size).reversed() { value = value << 8 | Value(truncatingIfNeeded: bytes[position + index]) }
        position += size
        return value
    }

    mutating func readBlock(_ count: Int) throws(PipelineError) -> ArraySlice<UInt8> {
        guard count >= 0, bytes.count - position >= count else { throw refused("it ends after \(bytes.count) bytes") }
        defer { position += count }
        return bytes[position..<position + count]
    }

    var remainingByteCount: Int { bytes.count - position }

    /// Ends the reading; bytes that nobody read are an error.
    func finish() throws(PipelineError) {
        guard position == bytes.count else { throw refused("\(bytes.count - position) bytes are too many") }
    }

    func refused(_ reason: String) -> PipelineError {
        PipelineError(.badPartialResult, "\(name) is malformed: \(reason); compute the chunk again")
    }
}
