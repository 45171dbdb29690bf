import ByteCoding

// The binary form of a task, and of the identifiers and references it is made of. Numbers are unsigned LEB128 unless it
// says otherwise; `?` is a truth value followed by the value if there is one; `[]` is a count followed by the values.
//
//     JobID            number
//     WorkerID         number
//     ImageID          JobID | index
//     TaskStep         u8 kind: 0 whole | 1 decode | 2 chunk: stage, index | 3 reduce: stage
//     TaskID           ImageID | TaskStep
//     LeaseID          TaskID | attempt
//     BlobDigest       32 bytes
//     BlobReference    BlobDigest | byte count
//     BlobSlice        BlobReference | offset | byte count
//     ImageGeometry    width | height | u8 channels | u8 bits per sample
//     SegmentChecksum  bytes, at most 256; before version 4: u32 little-endian | number, which is what PNG's consists of
//     ImageRemark      u8 code | count | bytes
//     TaskSpec         TaskID | pipeline | ImageGeometry | chunk bytes | maximum pixels | maximum metadata bytes | ImageCoding
//                      | u8 in pieces | BlobSlice[] inputs | BlobSlice? value | BlobReference[] attachments
//                      | progress timeout in ms
//     TaskOutput       BlobReference? payload | BlobReference? summary | SegmentChecksum? | BlobReference? metadata
//                      | number[] value offsets | ImageRemark[] (since version 5)

extension JobID: BinaryCodable {
    public func encode(into writer: inout BinaryWriter) { writer.writeVariable(rawValue) }
    public init(from reader: inout BinaryReader) throws(BinaryCodingError) { self.init(try reader.readVariable()) }
}

extension WorkerID: BinaryCodable {
    public func encode(into writer: inout BinaryWriter) { writer.writeVariable(rawValue) }
    public init(from reader: inout BinaryReader) throws(BinaryCodingError) { self.init(try reader.readVariable()) }
}

extension ImageID: BinaryCodable {
    public func encode(into writer: inout BinaryWriter) {
        writer.write(job)
        writer.writeVariable(UInt64(index))
    }

    public init(from reader: inout BinaryReader) throws(BinaryCodingError) {
        self.init(job: try reader.read(), index: try reader.readVariable(as: UInt32.self))
    }
}

extension TaskStep: BinaryCodable {
    public func encode(into writer: inout BinaryWriter) {
        switch self {
        case .whole:
            writer.write(UInt8(0))
        case .decode:
            writer.write(UInt8(1))
        case .chunk(let stage, let index):
            writer.write(UInt8(2))
            writer.writeVariable(UInt64(stage))
            writer.writeVariable(UInt64(index))
        case .reduce(let stage):
            writer.write(UInt8(3))
            writer.writeVariable(UInt64(stage))
        }
    }

    public init(from reader: inout BinaryReader) throws(BinaryCodingError) {
        switch try reader.read(UInt8.self) {
        case 0:
            self = .whole
        case 1:
            self = .decode
        case 2:
            self = .chunk(
                stage: try reader.readVariable(as: UInt16.self), index: try reader.readVariable(as: UInt32.self))
        case 3:
            self = .reduce(stage: try reader.readVariable(as: UInt16.self))
        case let other:
            throw BinaryCodingError("\(other) is not a task step")
        }
    }
}

extension TaskID: BinaryCodable {
    public func encode(into writer: inout BinaryWriter) {
        writer.write(image)
        writer.write(step)
    }

    public init(from reader: inout BinaryReader) throws(BinaryCodingError) {
        self.init(image: try reader.read(), step: try reader.read())
    }
}

extension LeaseID: BinaryCodable {
    public func encode(into writer: inout BinaryWriter) {
        writer.write(task)
        writer.writeVariable(UInt64(attempt))
    }

    public init(from reader: inout BinaryReader) throws(BinaryCodingError) {
        self.init(task: try reader.read(), attempt: try reader.readVariable(as: AttemptNumber.self))
    }
}

extension BlobDigest: BinaryCodable {
    public func encode(into writer: inout BinaryWriter) {
        // The writer is little-endian, SHA-256 defines big-endian words.
        writer.write(words.0.byteSwapped)
        writer.write(words.1.byteSwapped)
        writer.write(words.2.byteSwapped)
        writer.write(words.3.byteSwapped)
    }

    public init(from reader: inout BinaryReader) throws(BinaryCodingError) {
        self.init(
            words: (
                try reader.read(UInt64.self).byteSwapped, try reader.read(UInt64.self).byteSwapped,
                try reader.read(UInt64.self).byteSwapped, try reader.read(UInt64.self).byteSwapped
            ))
    }
}

extension BlobReference: BinaryCodable {
    public func encode(into writer: inout BinaryWriter) {
        writer.write(digest)
        writer.writeVariable(byteCount)
    }

    public init(from reader: inout BinaryReader) throws(BinaryCodingError) {
        self.init(digest: try reader.read(), byteCount: try reader.readVariable())
    }
}

extension BlobSlice: BinaryCodable {
    public func encode(into writer: inout BinaryWriter) {
        writer.write(blob)
        writer.writeVariable(offset)
        writer.writeVariable(byteCount)
    }

    public init(from reader: inout BinaryReader) throws(BinaryCodingError) {
        self.init(blob: try reader.read(), offset: try reader.readVariable(), byteCount: try reader.readVariable())
        guard isWithinBlob else {
            throw BinaryCodingError("bytes \(offset)+\(byteCount) are not within a blob of \(blob.byteCount)")
        }
    }

    private var isWithinBlob: Bool { offset <= blob.byteCount && byteCount <= blob.byteCount - offset }
}

extension ImageGeometry: BinaryCodable {
    public func encode(into writer: inout BinaryWriter) {
        writer.writeVariable(UInt64(width))
        writer.writeVariable(UInt64(height))
        writer.write(channelCount)
        writer.write(bitsPerSample)
    }

    public init(from reader: inout BinaryReader) throws(BinaryCodingError) {
        self.init(
            width: try reader.readVariable(as: UInt32.self), height: try reader.readVariable(as: UInt32.self),
            channelCount: try reader.read(), bitsPerSample: try reader.read())
        guard isValid else {
            throw BinaryCodingError(
                "\(width) x \(height) pixels of \(channelCount) channels at \(bitsPerSample) bits are not a geometry")
        }
    }

    /// The reader of a geometry computes with it: an impossible one is refused here, before it divides by zero there.
    var isValid: Bool {
        width > 0 && height > 0 && (1...4).contains(channelCount) && (bitsPerSample == 8 || bitsPerSample == 16)
    }
}

extension SegmentChecksum: BinaryCodable {
    public func encode(into writer: inout BinaryWriter) { writer.write(bytes) }

    public init(from reader: inout BinaryReader) throws(BinaryCodingError) {
        let block = try reader.readBlock()
        guard block.count <= Self.maximumByteCount else {
            throw BinaryCodingError("a checksum of \(block.count) bytes; at most \(Self.maximumByteCount) are allowed")
        }
        self.init(Array(block))
    }
}

extension SegmentChecksum {
    /// Whether the bytes are a `u32` and a number in its shortest form: what a checksum was before version 4 of records. Such
    /// a checksum is still written so.
    var isOfFirstForm: Bool {
        guard let first = try? FirstForm(bytes) else { return false }
        return first.bytes == bytes
    }

    /// The checksum of the first form that has these two numbers.
    public init(first: UInt32, second: UInt64) {
        var writer = BinaryWriter()
        writer.write(first)
        writer.writeVariable(second)
        self.init(writer.bytes)
    }

    /// The two numbers that a checksum of the first form consists of; `nil` for any other.
    public var numbers: (first: UInt32, second: UInt64)? {
        var reader = BinaryReader(bytes)
        guard isOfFirstForm, let first = try? reader.read(UInt32.self), let second = try? reader.readVariable() else {
            return nil
        }
        return (first, second)
    }

    /// A `u32` and a number, read as they are.
    struct FirstForm {
        let bytes: [UInt8]

        init(from reader: inout BinaryReader) throws(BinaryCodingError) {
            var writer = BinaryWriter()
            writer.write(try reader.read(UInt32.self))
            writer.writeVariable(try reader.readVariable())
            bytes = writer.bytes
        }

        init(_ bytes: [UInt8]) throws(BinaryCodingError) {
            var reader = BinaryReader(bytes)
            try self.init(from: &reader)
            try reader.finish()
        }
    }
}

extension TaskSpec: BinaryCodable {
    public func encode(into writer: inout BinaryWriter) {
        writer.write(task)
        writer.write(pipeline)
        writer.write(geometry)
        writer.writeVariable(chunkByteCount)
        writer.writeVariable(maximumPixelCount)
        writer.writeVariable(maximumMetadataByteCount)
        writer.write(coding)
        writer.write(isInPieces)
        writer.write(inputs)
        writer.write(value)
        writer.write(attachments)
        writer.writeVariable(progressTimeoutMilliseconds)
    }

    public init(from reader: inout BinaryReader) throws(BinaryCodingError) {
        self.init(
            task: try reader.read(), pipeline: try reader.readString(), geometry: try reader.read(),
            chunkByteCount: try reader.readVariable(), maximumPixelCount: try reader.readVariable(),
            maximumMetadataByteCount: try reader.readVariable(), coding: try reader.read(),
            isInPieces: try reader.readBool(), inputs: try reader.readArray(), value: try reader.readOptional(),
            attachments: try reader.readArray(),
            progressTimeoutMilliseconds: try reader.readVariable())
    }
}

extension ImageRemark: BinaryCodable {
    public func encode(into writer: inout BinaryWriter) {
        writer.write(code.rawValue)
        writer.writeVariable(UInt64(count))
        writer.writeVariable(byteCount)
    }

    public init(from reader: inout BinaryReader) throws(BinaryCodingError) {
        let number: UInt8 = try reader.read()
        guard let code = Code(rawValue: number) else { throw BinaryCodingError("\(number) is not a code of a remark") }
        self.init(code, count: try reader.readVariable(as: UInt32.self), byteCount: try reader.readVariable())
    }
}

extension TaskOutput {
    /// The first version of records that has this output's form.
    var firstVersion: UInt8 {
        guard remarks.isEmpty else { return 5 }
        return checksum.map(\.isOfFirstForm) ?? true ? 1 : 4
    }

    func encode(into writer: inout BinaryWriter, version: UInt8) {
        writer.write(payload)
        writer.write(summary)
        if version < 4 {
            writer.write(checksum != nil)
            if let checksum { writer.append(checksum.bytes) }
        } else {
            writer.write(checksum)
        }
        writer.write(metadata)
        writer.writeVariable(UInt64(valueOffsets.count))
        for offset in valueOffsets { writer.writeVariable(offset) }
        if version >= 5 { writer.write(remarks) }
    }

    init(from reader: inout BinaryReader, version: UInt8) throws(BinaryCodingError) {
        let payload: BlobReference? = try reader.readOptional()
        let summary: BlobReference? = try reader.readOptional()
        let checksum: SegmentChecksum? =
            version < 4
            ? try reader.readBool() ? SegmentChecksum(try SegmentChecksum.FirstForm(from: &reader).bytes) : nil
            : try reader.readOptional()
        let metadata: BlobReference? = try reader.readOptional()
        let offsetCount = try reader.readElementCount()
        var valueOffsets: [UInt64] = []
        valueOffsets.reserveCapacity(offsetCount)
        for _ in 0..<offsetCount { valueOffsets.append(try reader.readVariable()) }
        self.init(
            payload: payload, summary: summary, checksum: checksum, metadata: metadata, valueOffsets: valueOffsets,
            remarks: version < 5 ? [] : try reader.readArray())
    }
}

/// By itself, in the newest form.
extension TaskOutput: BinaryCodable {
    public func encode(into writer: inout BinaryWriter) { encode(into: &writer, version: Record.codingVersion) }

    public init(from reader: inout BinaryReader) throws(BinaryCodingError) {
        try self.init(from: &reader, version: Record.codingVersion)
    }
}
