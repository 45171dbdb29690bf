import ByteCoding

// The binary form of the messages between a worker and its ranks: u8 kind, then the fields in the order of their
// declaration, in the forms of BinaryCoding and TaskSpecCoding. Counts and byte counts are unsigned LEB128.

extension RankOrder: BinaryCodable {
    private enum Kind: UInt8 {
        case ready = 1
        case decode, bandTaken, findPieces, inputArrived, compute, computeWhole, reduce, cancel, shutdown
    }

    public func encode(into writer: inout BinaryWriter) {
        switch self {
        case .ready:
            writer.write(Kind.ready.rawValue)
        case .decode(let spec, let input, let directory):
            writer.write(Kind.decode.rawValue)
            writer.write(spec)
            writer.write(input)
            writer.write(directory)
        case .bandTaken:
            writer.write(Kind.bandTaken.rawValue)
        case .findPieces(let spec, let input, let payload, let metadata):
            writer.write(Kind.findPieces.rawValue)
            writer.write(spec)
            writer.write(input)
            writer.write(payload)
            writer.write(metadata)
        case .inputArrived:
            writer.write(Kind.inputArrived.rawValue)
        case .compute(let spec, let input, let value, let payload, let summary, let rows):
            writer.write(Kind.compute.rawValue)
            writer.write(spec)
            writer.write(input)
            writer.write(value != nil)
            if let value { writer.write(value) }
            writer.write(payload)
            writer.write(summary)
            writer.write(rows)
        case .computeWhole(let spec, let input, let metadata, let payload):
            writer.write(Kind.computeWhole.rawValue)
            writer.write(spec)
            writer.write(input)
            writer.write(metadata)
            writer.write(payload)
        case .reduce(let spec, let summaries, let byteCounts, let payload):
            writer.write(Kind.reduce.rawValue)
            writer.write(spec)
            writer.write(summaries)
            writer.writeVariables(byteCounts)
            writer.write(payload)
        case .cancel:
            writer.write(Kind.cancel.rawValue)
        case .shutdown:
            writer.write(Kind.shutdown.rawValue)
        }
    }

    public init(from reader: inout BinaryReader) throws(BinaryCodingError) {
        let number = try reader.read(UInt8.self)
        guard let kind = Kind(rawValue: number) else { throw BinaryCodingError("\(number) is not an order to a rank") }
        self =
            switch kind {
            case .ready: .ready
            case .decode:
                .decode(try reader.read(), input: try reader.readString(), directory: try reader.readString())
            case .bandTaken: .bandTaken
            case .findPieces:
                .findPieces(
                    try reader.read(), input: try reader.readString(), payload: try reader.readString(),
                    metadata: try reader.readString())
            case .inputArrived: .inputArrived
            case .compute:
                .compute(
                    try reader.read(), input: try reader.readString(),
                    value: try reader.readBool() ? try reader.readString() : nil, payload: try reader.readString(),
                    summary: try reader.readString(), rows: try reader.readString())
            case .computeWhole:
                .computeWhole(
                    try reader.read(), input: try reader.readString(), metadata: try reader.readString(),
                    payload: try reader.readString())
            case .reduce:
                .reduce(
                    try reader.read(), summaries: try reader.readString(), byteCounts: try reader.readVariables(),
                    payload: try reader.readString())
            case .cancel: .cancel
            case .shutdown: .shutdown
            }
    }
}

extension RankReply: BinaryCodable {
    private enum Kind: UInt8 {
        case hello = 1
        case band, decoded, needs, found, progress, finished, failed
    }

    public func encode(into writer: inout BinaryWriter) {
        switch self {
        case .hello(let rank, let token):
            writer.write(Kind.hello.rawValue)
            writer.write(rank)
            writer.write(token)
        case .band(let index, let path, let byteCount):
            writer.write(Kind.band.rawValue)
            writer.write(index)
            writer.write(path)
            writer.writeVariable(byteCount)
        case .decoded(let metadata, let byteCount, let remarks):
            writer.write(Kind.decoded.rawValue)
            writer.write(metadata)
            writer.writeVariable(byteCount)
            writer.write(remarks)
        case .needs(let offset, let byteCount):
            writer.write(Kind.needs.rawValue)
            writer.writeVariable(offset)
            writer.writeVariable(byteCount)
        case .found(let output, let metadataByteCount, let remarks):
            writer.write(Kind.found.rawValue)
            writer.write(output)
            writer.writeVariable(metadataByteCount)
            writer.write(remarks)
        case .progress(let done, let total):
            writer.write(Kind.progress.rawValue)
            writer.writeVariable(done)
            writer.writeVariable(total)
        case .finished(let output):
            writer.write(Kind.finished.rawValue)
            writer.write(output)
        case .failed(let cause, let reason):
            writer.write(Kind.failed.rawValue)
            writer.write(cause.rawValue)
            writer.write(reason)
        }
    }

    public init(from reader: inout BinaryReader) throws(BinaryCodingError) {
        let number = try reader.read(UInt8.self)
        guard let kind = Kind(rawValue: number) else { throw BinaryCodingError("\(number) is not a reply of a rank") }
        switch kind {
        case .hello:
            self = .hello(rank: try reader.read(), token: try reader.readString())
        case .band:
            self = .band(
                index: try reader.read(), path: try reader.readString(), byteCount: try reader.readVariable())
        case .decoded:
            self = .decoded(
                metadata: try reader.readString(), byteCount: try reader.readVariable(),
                remarks: try reader.readArray())
        case .needs:
            self = .needs(offset: try reader.readVariable(), byteCount: try reader.readVariable())
        case .found:
            self = .found(
                try reader.read(), metadataByteCount: try reader.readVariable(), remarks: try reader.readArray())
        case .progress:
            self = .progress(done: try reader.readVariable(), total: try reader.readVariable())
        case .finished:
            self = .finished(try reader.read())
        case .failed:
            let code = try reader.read(UInt8.self)
            guard let cause = FailureCause(rawValue: code) else {
                throw BinaryCodingError("\(code) is not a cause of a failure")
            }
            self = .failed(cause, reason: try reader.readString())
        }
    }
}

extension RankOutput: BinaryCodable {
    public func encode(into writer: inout BinaryWriter) {
        writer.writeVariable(payloadByteCount)
        writer.write(summaryByteCount != nil)
        if let summaryByteCount { writer.writeVariable(summaryByteCount) }
        writer.write(checksum)
        writer.writeVariables(valueOffsets)
    }

    public init(from reader: inout BinaryReader) throws(BinaryCodingError) {
        self.init(
            payloadByteCount: try reader.readVariable(),
            summaryByteCount: try reader.readBool() ? try reader.readVariable() : nil,
            checksum: try reader.readOptional(), valueOffsets: try reader.readVariables())
    }
}

extension BinaryWriter {
    fileprivate mutating func writeVariables(_ values: [UInt64]) {
        writeVariable(UInt64(values.count))
        for value in values { writeVariable(value) }
    }
}

extension BinaryReader {
    fileprivate mutating func readVariables() throws(BinaryCodingError) -> [UInt64] {
        let count = try readElementCount()
        var values: [UInt64] = []
        values.reserveCapacity(count)
        for _ in 0..<count { values.append(try readVariable()) }
        return values
    }
}
