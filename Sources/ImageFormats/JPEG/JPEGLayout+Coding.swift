import ByteCoding

// The form in which a layout, or a part of it, is sent:
//
//     u8 version | header, as of a file of the whole image | first unit | number of units | where the first one begins
//     for each unit: its bytes
//
// Numbers without a size are unsigned LEB128. What the decoder relies on is checked again: the bytes may come from anybody.
extension JPEGLayout {
    private static let version: UInt8 = 1

    public var encoded: [UInt8] {
        var writer = BinaryWriter(capacity: 1_024 + 4 * starts.count)
        writer.write(Self.version)
        writer.write(frame.header(width: shape.width, height: shape.height, hasIntervals: true))
        writer.writeVariable(UInt64(units.lowerBound))
        writer.writeVariable(UInt64(units.count))
        writer.writeVariable(starts[0])
        for (start, end) in zip(starts, starts.dropFirst()) { writer.writeVariable(end - start) }
        return writer.bytes
    }

    public init(encoded: [UInt8]) throws(CodecError) {
        do {
            self = try Self.read(encoded)
        } catch {
            throw .corrupt("The description of a JPEG file's restart intervals is malformed: \(error.description).")
        }
    }

    private static func read(_ bytes: [UInt8]) throws(BinaryCodingError) -> JPEGLayout {
        var reader = BinaryReader(bytes)
        let version: UInt8 = try reader.read()
        guard version == Self.version else { throw BinaryCodingError("version \(version)") }
        let header = Array(try reader.readBlock())
        guard header.count <= 2 * maximumHeaderByteCount,
            let frame = try? JPEGRestartFrame(header: header, keepsColorMarks: true), frame.hasUnits,
            frame.header(width: frame.width, height: frame.height, hasIntervals: true) == header
        else { throw BinaryCodingError("a header without restart intervals of whole rows") }
        let first = try reader.readVariable()
        let count = try reader.readVariable()
        let all = UInt64(frame.unitCount)
        // Each takes a byte or more.
        guard count > 0, first < all, count <= all - first, count <= UInt64(reader.remainingByteCount) else {
            throw BinaryCodingError("\(count) units from \(first) of \(all)")
        }
        var starts = [try reader.readVariable()]
        starts.reserveCapacity(Int(count) + 1)
        for index in 0..<Int(count) {
            let (end, overflows) = starts[index].addingReportingOverflow(try reader.readVariable())
            guard !overflows, end < 1 << 62, end - starts[index] >= 2 else {
                throw BinaryCodingError("a unit at byte \(starts[index])")
            }
            starts.append(end)
        }
        try reader.finish()
        return JPEGLayout(frame, units: Int(first)..<Int(first + count), starts: starts)
    }
}
