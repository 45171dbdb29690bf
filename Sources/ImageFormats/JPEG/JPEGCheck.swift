import Checksums
import Pipelines

/// Compares JPEG files, and parts of them, that other machines made with what they have to be. Touches no pixel.
///
/// All of a baseline file of ours but its entropy-coded data is fixed by its image and its metadata: `JPEGAssembly` draws it.
/// Whether the data hold the right pixels cannot be seen without decoding them.
struct JPEGCheck {
    /// No decoder carries over more.
    private static let maximumMetadataByteCount = 64 << 20

    private let assembly: JPEGAssembly
    private var bytes: BytesInOrder
    private var segments: RowPartition { assembly.format.segmentGrid.segments(of: assembly.output) }

    init(_ assembly: JPEGAssembly, byteCount: UInt64, read: @escaping BytesInOrder.Read) {
        self.assembly = assembly
        bytes = BytesInOrder(byteCount: byteCount, read: read)
    }

    /// A whole file.
    mutating func checkFile() throws {
        let start = try bytes.take(min(2, Int(clamping: bytes.byteCount))) ?? []
        guard start == JPEGMarker.startOfImage.bytes else {
            let more = try bytes.take(min(ImageFormats.sniffedByteCount, Int(clamping: bytes.restByteCount))) ?? []
            throw UnknownFile.error(start + more)
        }
        let head = try checkMetadata()
        if assembly.format.isProgressive {
            try checkProgressive(head, behind: 2)
        } else {
            let rest = assembly.tables.dropFirst(head.count)
            guard head.elementsEqual(assembly.tables.prefix(head.count)), try bytes.take(rest.count)?[...] == rest
            else {
                throw wrongHeader()
            }
            guard bytes.restByteCount >= 2 else { throw truncated() }
            try checkEntropy(of: 0..<segments.count, byteCount: bytes.restByteCount - 2)
        }
        guard try bytes.take(2) == JPEGAssembly.suffix, bytes.restByteCount == 0 else {
            throw CodecError.corrupt("The JPEG file does not end behind its image data.")
        }
    }

    /// The encoded segments of `rowCount` rows.
    mutating func checkSegments(ofRows rowCount: Int, _ run: JPEGSegmentRun) throws {
        let count = segments.count
        guard run.segmentCount > 0, run.firstSegment < count, run.segmentCount <= count - run.firstSegment else {
            throw CodecError.corrupt(
                "The checksum is of \(run.segmentCount) segments from \(run.firstSegment); the image has \(count).")
        }
        let indices = run.firstSegment..<run.firstSegment + run.segmentCount
        let rows = segments[indices.lowerBound].lowerBound..<segments[indices.upperBound - 1].upperBound
        guard rows.count == rowCount, run.byteCount == bytes.byteCount else {
            throw CodecError.corrupt(
                "The checksum is of \(rows.count) rows in \(run.byteCount) bytes; there are \(rowCount) in \(bytes.byteCount)."
            )
        }
        if assembly.format.isProgressive {
            guard let head = try bytes.take(min(4, Int(clamping: bytes.byteCount))) else { throw truncated() }
            try checkProgressive(head, behind: 0)
        } else {
            try checkEntropy(of: indices, byteCount: bytes.byteCount)
        }
        guard adler32 == run.adler32, bytes.restByteCount == 0 else {
            throw CodecError.corrupt("The checksum of the segments of \(rowCount) rows is wrong.")
        }
    }

    /// The Adler-32 of the segments that were passed.
    private var adler32 = Adler32.empty

    // MARK: Parts

    /// The segments between the start and the tables.
    ///
    /// - Returns: the first four bytes of the tables.
    private mutating func checkMetadata() throws -> [UInt8] {
        var framed: [UInt8] = []
        while true {
            guard let head = try bytes.take(4) else { throw truncated() }
            let marker = JPEGMarker(head[1])
            guard head[0] == 0xff, marker.isTableOrMiscellaneous else { throw wrongHeader() }
            if marker == .quantizationTables {
                guard framed.starts(with: JPEGMarker.application(0).bytes) else { throw wrongHeader() }
                _ = try JPEGMetadata.split(framed: framed)
                return head
            }
            let count = Int(bigEndianInteger(head[2...])) - 2
            guard count >= 0, framed.count <= Self.maximumMetadataByteCount, let data = try bytes.take(count) else {
                throw truncated()
            }
            framed += head + data
        }
    }

    /// Entropy-coded data of some segments, with the marks between them.
    private mutating func checkEntropy(of indices: Range<Int>, byteCount: UInt64) throws {
        let marks = indices.prefix { $0 < segments.count - 1 }
        var scan = EntropyScan(marks: marks.map(JPEGMarker.restart))
        var adler32 = adler32
        try bytes.pass(byteCount) { part in
            adler32 = Adler32.combine(adler32, Adler32.checksum(part), secondByteCount: UInt64(part.count))
            try scan.take(part)
        }
        self.adler32 = adler32
        let byteCounts = try scan.finish(endsOpen: marks.count < indices.count)
        for (index, byteCount) in zip(indices, byteCounts) {
            let least = assembly.leastByteCount(ofRows: segments[index].count)
            guard byteCount >= least else {
                throw CodecError.corrupt(
                    "The data of segment \(index) have \(byteCount) bytes; \(segments[index].count) rows need at least \(least)."
                )
            }
        }
    }

    /// All of a progressive file from its tables to the end of its last scan.
    ///
    /// - Parameters:
    ///   - head: the first four bytes.
    ///   - behind: bytes that follow.
    private mutating func checkProgressive(_ head: [UInt8], behind: UInt64) throws {
        let fixed = assembly.quantization + assembly.frame
        let rest = fixed.dropFirst(head.count)
        guard head.elementsEqual(fixed.prefix(head.count)), try bytes.take(rest.count)?[...] == rest else {
            throw wrongHeader()
        }
        guard bytes.restByteCount > behind else { throw truncated() }
        var scan = ProgressiveScan()
        var adler32 = Adler32.checksum(fixed)
        try bytes.pass(bytes.restByteCount - behind) { part in
            adler32 = Adler32.combine(adler32, Adler32.checksum(part), secondByteCount: UInt64(part.count))
            try scan.take(part)
        }
        self.adler32 = adler32
        // The scans of libjpeg's script for colours and for gray.
        let expected = assembly.output.format.layout.isColor ? 10 : 6
        guard scan.endsWithData, scan.count == expected else {
            throw CodecError.corrupt("The progressive JPEG file has \(scan.count) scans; \(expected) are needed.")
        }
    }

    private func wrongHeader() -> CodecError {
        let output = assembly.output
        return .corrupt(
            "The JPEG file's header is not that of \(output.width) x \(output.height) pixels of \(output.format.channelCount) x "
                + "\(output.format.depth.rawValue) bits, of quality \(assembly.format.quality).")
    }

    private func truncated() -> CodecError {
        .corrupt("The JPEG file is truncated: it ends at byte \(bytes.byteCount).")
    }
}

/// Follows entropy-coded data, in which a zero is behind each 0xff that is not a marker's.
private struct EntropyScan {
    /// The marks that have to follow, the next one last.
    private var marks: [JPEGMarker]
    private var byteCounts: [Int] = []
    private var byteCount = 0
    private var isMarker = false

    init(marks: [JPEGMarker]) { self.marks = marks.reversed() }

    mutating func take(_ part: UnsafeRawBufferPointer) throws(CodecError) {
        for byte in part {
            if isMarker {
                isMarker = false
                if byte == 0 {
                    byteCount += 2
                } else if marks.popLast()?.code == byte {
                    byteCounts.append(byteCount)
                    byteCount = 0
                } else {
                    throw .corrupt(
                        "There is a marker \(JPEGMarker(byte)) within the data of segment \(byteCounts.count).")
                }
            } else if byte == 0xff {
                isMarker = true
            } else {
                byteCount += 1
            }
        }
    }

    /// - Parameter endsOpen: whether the last segment has no mark behind it.
    /// - Returns: bytes of each segment.
    func finish(endsOpen: Bool) throws(CodecError) -> [Int] {
        guard !isMarker, marks.isEmpty, endsOpen || byteCount == 0 else {
            throw .corrupt("The data of segments end within segment \(byteCounts.count).")
        }
        return endsOpen ? byteCounts + [byteCount] : byteCounts
    }
}

/// Follows the scans of a progressive file: tables, a header, entropy-coded data, and the same again.
private struct ProgressiveScan {
    private enum State {
        case marker
        case code
        case length(JPEGMarker)
        case lengthEnd(JPEGMarker, high: Int)
        case data(JPEGMarker, rest: Int)
        case entropy(isEmpty: Bool)
        case entropyMark
    }

    private var state = State.marker
    /// Scans that have begun.
    private(set) var count = 0

    var endsWithData: Bool { if case .entropy(isEmpty: false) = state { true } else { false } }

    mutating func take(_ part: UnsafeRawBufferPointer) throws(CodecError) {
        for byte in part {
            switch state {
            case .entropy(let isEmpty):
                if byte == 0xff {
                    state = .entropyMark
                } else if isEmpty {
                    state = .entropy(isEmpty: false)
                }
            case .entropyMark: state = byte == 0 ? .entropy(isEmpty: false) : .length(try Self.marker(byte))
            case .marker:
                guard byte == 0xff else {
                    throw .corrupt("A scan is missing in the progressive JPEG file.")
                }
                state = .code
            case .code: state = .length(try Self.marker(byte))
            case .length(let marker): state = .lengthEnd(marker, high: Int(byte))
            case .lengthEnd(let marker, let high):
                let length = high << 8 | Int(byte)
                guard length > 2 else { throw .corrupt("A segment \(marker) of a progressive JPEG file is empty.") }
                state = .data(marker, rest: length - 2)
            case .data(let marker, let rest):
                if rest > 1 {
                    state = .data(marker, rest: rest - 1)
                } else if marker == .startOfScan {
                    count += 1
                    state = .entropy(isEmpty: true)
                } else {
                    state = .marker
                }
            }
        }
    }

    private static func marker(_ code: UInt8) throws(CodecError) -> JPEGMarker {
        let marker = JPEGMarker(code)
        guard marker == .huffmanTables || marker == .startOfScan else {
            throw .corrupt("There is a marker \(marker) where a scan must be in a progressive JPEG file.")
        }
        return marker
    }
}
