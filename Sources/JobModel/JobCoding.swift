import ByteCoding

// The binary form of what records say of jobs and images; see RecordCoding.swift for the notation and the rules of change.

extension JobDescription {
    func encode(into writer: inout BinaryWriter, version: UInt8) {
        writer.write(id)
        writer.write(token)
        writer.write(submitter)
        writer.write(priority)
        writer.write(pipeline)
        options.encode(into: &writer, version: version)
        writer.writeVariable(submittedAt)
    }

    init(from reader: inout BinaryReader, version: UInt8) throws(BinaryCodingError) {
        self.init(
            id: try reader.read(), token: try reader.readString(), submitter: try reader.readString(),
            priority: try reader.read(), pipeline: try reader.readString(),
            options: try JobOptions(from: &reader, version: version), submittedAt: try reader.readVariable())
    }
}

/// By itself, in the newest form.
extension JobDescription: BinaryCodable {
    public func encode(into writer: inout BinaryWriter) { encode(into: &writer, version: Record.codingVersion) }

    public init(from reader: inout BinaryReader) throws(BinaryCodingError) {
        try self.init(from: &reader, version: Record.codingVersion)
    }
}

extension JobOptions {
    /// Whether records before version 5 can hold the options.
    var hasFirstForm: Bool { maximumMetadataByteCount == JobOptions.standardMetadataByteCount }

    func encode(into writer: inout BinaryWriter, version: UInt8) {
        writer.writeVariable(chunkByteCount)
        writer.writeVariable(maximumPixelCount)
        writer.write(mayUseCache)
        writer.writeVariable(UInt64(maximumAttempts))
        writer.writeVariable(UInt64(resultRevision))
        if version >= 5 { writer.writeVariable(maximumMetadataByteCount) }
        if version >= 6 {
            writer.write(encoding)
            writer.write(decoding)
        }
    }

    init(from reader: inout BinaryReader, version: UInt8) throws(BinaryCodingError) {
        self.init(
            chunkByteCount: try reader.readVariable(), maximumPixelCount: try reader.readVariable(),
            mayUseCache: try reader.readBool(), maximumAttempts: try reader.readVariable(as: UInt32.self),
            resultRevision: try reader.readVariable(as: UInt32.self),
            maximumMetadataByteCount: version < 5
                ? JobOptions.standardMetadataByteCount : try reader.readVariable(),
            encoding: version < 6 ? "" : try reader.readString(), decoding: version < 6 ? "" : try reader.readString())
    }
}

/// By itself, in the newest form.
extension JobOptions: BinaryCodable {
    public func encode(into writer: inout BinaryWriter) { encode(into: &writer, version: Record.codingVersion) }

    public init(from reader: inout BinaryReader) throws(BinaryCodingError) {
        try self.init(from: &reader, version: Record.codingVersion)
    }
}

extension ImageDescription: BinaryCodable {
    public func encode(into writer: inout BinaryWriter) {
        writer.writeVariable(UInt64(index))
        writer.write(name)
        writer.write(input)
        switch admission {
        case .accepted(let image):
            // Reading refuses an impossible geometry: written, it would make the journal unreadable.
            precondition(image.geometry.isValid, "image \(index) was accepted with \(image.geometry)")
            let isStandard = image.coding == .standard
            let form: UInt8 = image.pieces != nil ? 4 : !isStandard ? 3 : image.needsWholeImage ? 2 : 0
            writer.write(form)
            writer.write(image.geometry)
            if let pieces = image.pieces {
                precondition(!image.needsWholeImage, "image \(index) is decoded as a whole, and by its pieces")
                writer.write(image.coding)
                writer.write(pieces)
            } else if !isStandard {
                writer.write(image.needsWholeImage)
                writer.write(image.coding)
            }
        case .refused(let failure):
            writer.write(UInt8(1))
            writer.write(failure)
        }
    }

    public init(from reader: inout BinaryReader) throws(BinaryCodingError) {
        self.init(
            index: try reader.readVariable(as: UInt32.self), name: try reader.readString(), input: try reader.read(),
            admission: try Admission(from: &reader))
    }
}

extension ImageDescription {
    /// The first version of records that has the admission's form.
    var firstVersion: UInt8 {
        guard case .accepted(let image) = admission else { return 1 }
        return image.pieces != nil ? 7 : image.coding != .standard ? 6 : image.needsWholeImage ? 4 : 1
    }
}

extension ImageCoding: BinaryCodable {
    public func encode(into writer: inout BinaryWriter) {
        writer.write(decoding)
        writer.write(encoding)
        writer.writeVariable(segmentByteCount)
        writer.writeVariable(UInt64(rowsPerBlock))
        writer.write(orientation)
    }

    public init(from reader: inout BinaryReader) throws(BinaryCodingError) {
        self.init(
            decoding: try reader.readString(), encoding: try reader.readString(),
            segmentByteCount: try reader.readVariable(), rowsPerBlock: try reader.readVariable(as: UInt32.self),
            orientation: try reader.read())
        // A plan computes with them.
        guard (1...UInt64(Int64.max)).contains(segmentByteCount), rowsPerBlock > 0, (1...8).contains(orientation) else {
            throw BinaryCodingError(
                "segments of \(segmentByteCount) bytes in blocks of \(rowsPerBlock) rows, orientation \(orientation)")
        }
    }
}

extension ImageDescription.Admission {
    fileprivate init(from reader: inout BinaryReader) throws(BinaryCodingError) {
        switch try reader.read(UInt8.self) {
        case 0: self = .accepted(try reader.read())
        case 1: self = .refused(try reader.read())
        case 2: self = .accepted(try reader.read(), needsWholeImage: true)
        case 3:
            self = .accepted(try reader.read(), needsWholeImage: try reader.readBool(), coding: try reader.read())
        case 4: self = .accepted(try reader.read(), coding: try reader.read(), pieces: try reader.read())
        case let other: throw BinaryCodingError("\(other) is not an admission of an image")
        }
    }
}

extension Failure: BinaryCodable {
    public func encode(into writer: inout BinaryWriter) {
        writer.write(cause.rawValue)
        writer.write(reason)
        writer.write(outputTail)
    }

    public init(from reader: inout BinaryReader) throws(BinaryCodingError) {
        let number: UInt8 = try reader.read()
        guard let cause = FailureCause(rawValue: number) else {
            throw BinaryCodingError("\(number) is not a cause of a failure")
        }
        self.init(cause, try reader.readString(), outputTail: try reader.readString())
    }
}
