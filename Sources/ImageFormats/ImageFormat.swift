import JobModel
import Pipelines

/// A file format: all that is done to files of it without touching a pixel.
///
/// Plain Swift, compiled with checks: fit for the master, which takes files from anybody. What decodes and encodes rows is an
/// extension of the same type in the module `ImageCodecs`, which only programs that compute link.
///
///     sniff      `recognizes`: the first bytes
///     probe      `probe`: the size, the layout, and how the file is to be decoded
///     decode     ImageCodecs: row by row, or as a whole where rows do not come in order
///     encode     ImageCodecs: segments of rows, independently of each other
///     check      `check`: whether what another machine made is what it has to be, as far as can be seen without decoding
///     assemble   `frame`: what comes before and after all segments, the metadata included
///
/// A new format is a directory here, one in `ImageCodecs`, and a line in `ImageFormats.all`.
public protocol ImageFormat: Sendable {
    /// How jobs, records and messages name the format: lower case. It never changes.
    var name: String { get }

    /// The ends of file names without the dot, in lower case; the first is the one that is given.
    var fileExtensions: [String] { get }

    var mediaType: String { get }

    /// Whether a file may hold several images: pages, and reduced levels of each. `DecodingOptions` chooses.
    var holdsSeveralImages: Bool { get }

    /// Whether a file that begins with these bytes is of this format.
    ///
    /// - Parameter start: the first `ImageFormats.sniffedByteCount` bytes, or all bytes of a shorter file.
    func recognizes(_ start: [UInt8]) -> Bool

    /// Reads the file up to its image data.
    ///
    /// - Parameters:
    ///   - byteCount: bytes in the file.
    ///   - read: returns `count` bytes from `offset`; both are within the file. What it throws is passed on.
    /// - Throws: `CodecError` for a file that is damaged or above a limit.
    func probe(
        byteCount: UInt64, limits: DecodingLimits, read: (_ offset: UInt64, _ count: Int) throws -> [UInt8]
    ) throws -> ImageHeader
}

extension ImageFormat {
    public var holdsSeveralImages: Bool { false }

    /// The end of file names, without the dot.
    public var fileExtension: String { fileExtensions[0] }
}

/// A format that results are written in.
public protocol OutputFormat: ImageFormat {
    /// What of the options it heeds, with its defaults: with the name, it says which bytes come of given pixels.
    var options: EncodingOptions { get }

    /// The format with options.
    func configured(_ options: EncodingOptions) -> Self

    /// Why the format cannot hold an image of that shape, with the way out; `nil` where it can.
    func objection(to output: ImageShape) -> CodecError?

    /// The rows that are encoded together.
    var segmentGrid: SegmentGrid { get }

    /// The checksum of neighbouring runs of segments seen as one, in order. Associative; of nothing, it is that of no rows.
    ///
    /// - Throws: `CodecError` (corrupt) for bytes that are not a checksum of this format: they come from other machines.
    func merge(_ checksums: some Sequence<SegmentChecksum>) throws(CodecError) -> SegmentChecksum

    /// Checks that a file is one of this format as we write it, whole, and holds an image of shape `output`: signature, header,
    /// structure and every checksum that can be computed without decoding.
    ///
    /// - Parameters:
    ///   - byteCount: bytes in the file.
    ///   - read: returns `count` bytes from `offset`; both are within the file. What it throws is passed on. It is asked
    ///     for at most 1 MiB at a time.
    /// - Throws: `CodecError` that says what is wrong.
    func check(
        fileOf output: ImageShape, byteCount: UInt64, read: @escaping (_ offset: UInt64, _ count: Int) throws -> [UInt8]
    ) throws

    /// Checks the same of the encoded segments of `rowCount` rows that begin and end on the grid of segments, and that the
    /// checksum is of that many rows.
    func check(
        segmentsOf rowCount: Int, in output: ImageShape, checksum: SegmentChecksum, byteCount: UInt64,
        read: @escaping (_ offset: UInt64, _ count: Int) throws -> [UInt8]
    ) throws

    /// Checks that `frame` will take the metadata.
    func check(metadata: [UInt8]) throws(CodecError)

    /// Whether segments decode without the others to what the file has in their rows. Otherwise nothing of a result can be shown
    /// before all of it is there.
    var decodesBySegments: Bool { get }

    /// The bytes before and after the segments of a file.
    ///
    /// - Parameters:
    ///   - output: the whole image.
    ///   - metadata: what `ImageDecoder.metadata` gave for this format. It comes from another machine.
    ///   - checksum: of all segments, merged.
    ///   - segments: all segments, one after the other, for formats that list where each part of the image begins.
    /// - Throws: `CodecError` for metadata or a checksum that is malformed, or a shape that the format cannot hold; what reading
    ///   throws is passed on.
    func frame(
        of output: ImageShape, metadata: [UInt8], checksum: SegmentChecksum, segments: SegmentBytes
    ) throws -> FileFrame

    /// The bytes before and after the segments of a file that has some rows of the image only, and no metadata.
    ///
    /// - Parameter output: the whole image.
    /// - Throws: as the other one.
    func frame(
        ofRows rowCount: Int, in output: ImageShape, checksum: SegmentChecksum, segments: SegmentBytes
    ) throws -> FileFrame
}

extension OutputFormat {
    public func frame(
        ofRows rowCount: Int, in output: ImageShape, checksum: SegmentChecksum, segments: SegmentBytes
    ) throws -> FileFrame {
        var part = output
        part.height = rowCount
        return try frame(of: part, metadata: [], checksum: checksum, segments: segments)
    }

    /// A file of some rows of a result, made of their segments alone. It decodes to what the result's file has in these rows.
    ///
    /// - Parameters:
    ///   - rows: from a segment's first row to a segment's last.
    ///   - output: the whole result.
    ///   - checksum: of these segments.
    /// - Precondition: `decodesBySegments`.
    /// - Throws: `CodecError` for segments that are damaged, as far as can be seen without decoding.
    public func file(
        ofRows rows: Range<Int>, in output: ImageShape, segments: [UInt8], checksum: SegmentChecksum
    ) throws -> [UInt8] {
        precondition(decodesBySegments, "segments of \(name) do not decode by themselves")
        let frame = try frame(
            ofRows: rows.count, in: output, checksum: checksum, segments: SegmentBytes([segments]))
        return frame.prefix + segments + frame.suffix
    }
}

/// The encoded segments of an image, one after the other.
public struct SegmentBytes {
    public let byteCount: UInt64
    /// Returns `count` bytes from `offset`; both are within the segments.
    public let read: (_ offset: UInt64, _ count: Int) throws -> [UInt8]

    public init(byteCount: UInt64, read: @escaping (_ offset: UInt64, _ count: Int) throws -> [UInt8]) {
        self.byteCount = byteCount
        self.read = read
    }

    /// Parts, one after the other.
    ///
    /// - Parameter read: returns `count` bytes from `offset` of a part; both are within the part.
    public init(
        partByteCounts: [UInt64], read: @escaping (_ part: Int, _ offset: UInt64, _ count: Int) throws -> [UInt8]
    ) {
        let ends = partByteCounts.reduce(into: []) { $0.append(($0.last ?? 0) + $1) }
        self.init(byteCount: ends.last ?? 0) { offset, count in
            var bytes: [UInt8] = []
            bytes.reserveCapacity(count)
            var part = Self.part(of: offset, endingAt: ends)
            while bytes.count < count, part < ends.count {
                let position = offset + UInt64(bytes.count)
                let inPart = Int(min(ends[part] - position, UInt64(count - bytes.count)))
                if inPart > 0 { bytes += try read(part, position - (ends[part] - partByteCounts[part]), inPart) }
                part += 1
            }
            return bytes
        }
    }

    /// Segments in memory.
    public init(_ parts: [[UInt8]]) {
        self.init(partByteCounts: parts.map { UInt64($0.count) }) { part, offset, count in
            Array(parts[part][Int(offset)..<Int(offset) + count])
        }
    }

    /// The part that the byte at `offset` is in. There may be very many parts, and very many questions.
    private static func part(of offset: UInt64, endingAt ends: [UInt64]) -> Int {
        var (first, last) = (0, ends.count)
        while first < last {
            let middle = (first + last) / 2
            if ends[middle] > offset { last = middle } else { first = middle + 1 }
        }
        return first
    }
}

/// The bytes before and after the segments of a file.
public struct FileFrame: Hashable, Sendable {
    public let prefix: [UInt8]
    public let suffix: [UInt8]
}

/// The order in which the pixels of a file can be decoded.
public enum DecodingOrder: Hashable, Sendable {
    /// Row by row, from top to bottom, in little memory.
    case rows
    /// All at once: the whole decoded image is held in memory.
    case whole
}

/// What the first bytes of an image file say.
public struct ImageHeader: Hashable, Sendable {
    /// The image as it decodes: palettes are RGB, 1, 2 and 4 bits are 8, and a transparent colour is an alpha channel.
    public let shape: ImageShape
    public let order: DecodingOrder
    /// How the picture is to be shown, as EXIF's Orientation says: 1 as it is stored, 2 to 8 mirrored or turned.
    public let orientation: UInt8
    /// Whether a result in the file's own format is to be without loss unless something else is asked for: the file is, in a
    /// format that has both.
    public let isLossless: Bool

    public init(shape: ImageShape, order: DecodingOrder, orientation: UInt8 = 1, isLossless: Bool = false) {
        self.shape = shape
        self.order = order
        self.orientation = orientation
        self.isLossless = isLossless
    }

    /// Whether decoding takes memory for the whole image.
    public var needsWholeImage: Bool { order == .whole }
}

/// The document of a feature operation, as a file.
public enum DocumentFormat {
    /// Checks that the bytes are one JSON document, or one table of comma-separated values, and nothing else; see `OutputFormat.check(fileOf:byteCount:read:)`.
    public static func check(
        byteCount: UInt64, read: @escaping (_ offset: UInt64, _ count: Int) throws -> [UInt8]
    ) throws {
        var bytes = BytesInOrder(byteCount: byteCount, read: read)
        var json = DocumentCheck()
        var table = TableCheck()
        // JSON begins with a bracket or a brace, a table with the name of its first column.
        var isTable: Bool?
        try bytes.pass(byteCount) { part in
            guard let first = part.first else { return }
            let isLetter = isTable ?? (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(first)
            isTable = isLetter
            if isLetter { try table.update(part) } else { try json.update(part) }
        }
        if isTable == true { try table.finish() } else { try json.finish() }
    }
}

/// The file formats that there are.
public enum ImageFormats {
    /// Every format that is read, each once.
    public static let all: [any ImageFormat] = [PNGFormat(), JPEGFormat(), TIFFFormat(), WebPFormat()]

    /// The format of results where a job names none.
    public static let standardOutput: any OutputFormat = PNGFormat()

    /// Bytes that tell one format from another: the mark of a DICOM file is behind 128 others.
    public static let sniffedByteCount = 132

    /// The formats that results are written in, with their defaults.
    public static var outputs: [any OutputFormat] { all.compactMap { $0 as? any OutputFormat } }

    /// The output format of that name; `nil` for a name that is unknown, or that of a format that is read only.
    public static func output(named name: String) -> (any OutputFormat)? { outputs.first { $0.name == name } }

    /// The output format of files whose names end so, whatever the case.
    public static func output(ofFileExtension ending: String) -> (any OutputFormat)? {
        outputs.first { $0.fileExtensions.contains(ending.lowercased()) }
    }

    /// `PNG, JPEG or TIFF`, for messages.
    package static func choice(of formats: [any ImageFormat]) -> String {
        let names = formats.map { $0.name.uppercased() }
        guard let last = names.last, names.count > 1 else { return names.joined() }
        return names.dropLast().joined(separator: ", ") + " or \(last)"
    }

    /// The format of a file that begins with these bytes.
    ///
    /// - Throws: `CodecError` that says what the file is instead.
    public static func format(ofFileBeginning start: [UInt8]) throws(CodecError) -> any ImageFormat {
        guard let format = all.first(where: { $0.recognizes(start) }) else { throw UnknownFile.error(start) }
        return format
    }

    /// Reads a file up to its image data, whatever its format: see `ImageFormat.probe`. Of most files, some hundred bytes.
    public static func probe(
        byteCount: UInt64, limits: DecodingLimits = DecodingLimits(),
        read: (_ offset: UInt64, _ count: Int) throws -> [UInt8]
    ) throws -> ImageHeader {
        try identify(byteCount: byteCount, limits: limits, read: read).header
    }

    /// The header of a file, as `probe` reads it, with the format that the file has.
    public static func identify(
        byteCount: UInt64, limits: DecodingLimits = DecodingLimits(),
        read: (_ offset: UInt64, _ count: Int) throws -> [UInt8]
    ) throws -> (format: any ImageFormat, header: ImageHeader) {
        let start = try read(0, Int(min(byteCount, UInt64(sniffedByteCount))))
        let format = try format(ofFileBeginning: start)
        if !format.holdsSeveralImages { try refuseOtherImages(limits.options, of: format) }
        return (format, try format.probe(byteCount: byteCount, limits: limits, read: read))
    }

    private static func refuseOtherImages(
        _ options: DecodingOptions, of format: any ImageFormat
    ) throws(CodecError) {
        let name = format.name.uppercased()
        if let page = options.page, page > 1 {
            throw .unsupported("A file of the format \(name) has one page, and page \(page) was asked for.")
        }
        if options.level > 0 {
            throw .unsupported(
                "A file of the format \(name) has no reduced levels, and level \(options.level) was asked for.")
        }
    }
}
