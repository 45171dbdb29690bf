import ImageCodecs
import Kernels
import Pipelines

@testable import ImageFormats

/// A picture as JPEG tiles, each of which is encoded by itself: what slides are made of.
struct JPEGTiles {
    let shape: ImageShape
    let tileWidth: Int
    let tileHeight: Int
    let subsampling: EncodingOptions.ChromaSubsampling
    /// Each tile as a JPEG file of its own; those at the edges go beyond the picture.
    let files: [[UInt8]]

    init(
        width: Int, height: Int, tileWidth: Int, tileHeight: Int, isGray: Bool = false,
        subsampling: EncodingOptions.ChromaSubsampling = .none, seed: Int = 1
    ) throws {
        shape = ImageShape(width: width, height: height, format: PixelFormat(isGray ? .gray : .rgb, .eight))
        self.tileWidth = tileWidth
        self.tileHeight = tileHeight
        self.subsampling = subsampling
        let channelCount = shape.format.channelCount
        let tile = ImageShape(width: tileWidth, height: tileHeight, format: shape.format)
        let format = JPEGFormat(quality: 88, subsampling: subsampling)
        var files: [[UInt8]] = []
        for top in stride(from: 0, to: height, by: tileHeight) {
            let rows = (top..<top + tileHeight).map { Self.row($0, channelCount: channelCount, seed: seed) }
            for left in stride(from: 0, to: width, by: tileWidth) {
                let samples = rows.flatMap { row in
                    let start = left % Self.period * channelCount
                    let count = tileWidth * channelCount
                    let copies = (start + count) / row.count + 1
                    return (0..<copies).reduce(into: [UInt8]()) { samples, _ in samples += row }[start..<start + count]
                }
                files.append(
                    try samples.withUnsafeBytes { bytes in
                        guard let base = bytes.baseAddress else { preconditionFailure("a tile has pixels") }
                        let rows = RowsView(shape: tile, rows: 0..<tileHeight, base: base)
                        return try ImageFile.encode(rows, to: format)
                    })
            }
        }
        self.files = files
    }

    /// Columns after which a row of the picture begins again.
    private static let period = 640

    private static func row(_ y: Int, channelCount: Int, seed: Int) -> [UInt8] {
        (0..<period).flatMap { x in
            (0..<channelCount).map { channel in
                let wave = (x * (channel + 1) + y * 3 + seed * 7) % 128
                return UInt8(wave + ((x / 5 + y / 3 + seed) % 4 == channel ? 100 : 0))
            }
        }
    }

    /// The picture, as libjpeg decodes each tile's file.
    func pixels() throws -> [UInt8] {
        let columnCount = (shape.width + tileWidth - 1) / tileWidth
        var pixels = [UInt8](repeating: 0, count: shape.byteCount)
        let bytesPerPixel = shape.format.bytesPerPixel
        for (index, file) in files.enumerated() {
            let decoded = try ImageFile.decode(file).pixels
            let (top, left) = (index / columnCount * tileHeight, index % columnCount * tileWidth)
            let count = min(tileWidth, shape.width - left) * bytesPerPixel
            for y in top..<min(shape.height, top + tileHeight) {
                let source = (y - top) * tileWidth * bytesPerPixel
                let place = y * shape.bytesPerRow + left * bytesPerPixel
                pixels.replaceSubrange(place..<place + count, with: decoded[source..<source + count])
            }
        }
        return pixels
    }

    /// A JPEG file taken apart. The tables are those of all tiles.
    struct Parts {
        var tables: [UInt8] = []
        /// The data of SOF0 and SOS.
        var frame: [UInt8] = []
        var scan: [UInt8] = []
        /// Entropy-coded data.
        var data: [UInt8] = []

        init(_ file: [UInt8]) {
            var offset = 2
            while offset < file.count {
                let (marker, count) = (file[offset + 1], Int(file[offset + 2]) << 8 | Int(file[offset + 3]))
                let segment = file[offset..<offset + 2 + count]
                offset += 2 + count
                switch marker {
                case 0xdb, 0xc4: tables += segment
                case 0xc0: frame = Array(segment.dropFirst(4))
                case 0xda:
                    scan = Array(segment.dropFirst(4))
                    data = Array(file[offset...].dropLast(2))
                    return
                default: break
                }
            }
        }

        static func segment(_ marker: UInt8, _ data: [UInt8]) -> [UInt8] {
            [0xff, marker, UInt8((data.count + 2) >> 8), UInt8((data.count + 2) & 255)] + data
        }

        /// The data of SOF0 with other sides.
        func frame(width: Int, height: Int) -> [UInt8] {
            [8, UInt8(height >> 8), UInt8(height & 255), UInt8(width >> 8), UInt8(width & 255)] + frame[5...]
        }
    }
}

/// A file of which a part, that nobody is to read, is not in memory.
struct SparseFile {
    var head: [UInt8]
    var gap: UInt64 = 0
    var tail: [UInt8]

    var byteCount: UInt64 { UInt64(head.count) + gap + UInt64(tail.count) }
    /// All of a file without a gap.
    var bytes: [UInt8] { head + tail }

    /// Bytes of the gap, and behind the end, are anything.
    func read(_ offset: UInt64, _ count: Int) throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0xee, count: count)
        for (part, start) in [(head, 0), (tail, UInt64(head.count) + gap)] {
            let first = max(offset, start)
            let end = min(offset + UInt64(count), start + UInt64(part.count))
            guard first < end else { continue }
            bytes.replaceSubrange(
                Int(first - offset)..<Int(end - offset), with: part[Int(first - start)..<Int(end - start)])
        }
        return bytes
    }
}

/// A slide of Hamamatsu's (NDPI), of the structure that OpenSlide's documentation and tifffile describe: a level is one JPEG stream,
/// whose restart intervals are its tiles.
///
///     "II" 2a 00 | u64 first directory | streams, and values of fields | directory ...
///     directory:  u16 count | entries of 12 bytes | u64 next directory | u32 for each entry: the higher bits
struct NDPISlide {
    struct Level {
        var tiles: JPEGTiles
        var lens: Float = 20
        var focalPlane: Int32 = 0
        /// Whether the file says where the restart intervals begin.
        var hasStarts = true
        var hasHighStarts = false
        /// Changes what McuStarts says.
        var change: (inout [UInt64]) -> Void = { _ in }
    }

    var levels: [Level]
    /// The picture of the whole glass, and the map of where there is tissue.
    var macro: JPEGTiles?
    var hasMap = false
    /// Bytes before the pictures that no test has in memory.
    var gap: UInt64 = 0

    private struct Entry {
        let tag: UInt16
        let type: TIFFType
        let count: Int
        let bytes: [UInt8]
        /// The higher bits of a single number.
        var high: UInt32 = 0
    }

    private static func number(_ value: UInt64, _ count: Int) -> [UInt8] {
        TIFFByteOrder.littleEndian.bytes(value, count: count)
    }

    private static func long(_ tag: UInt16, _ value: UInt64) -> Entry {
        Entry(tag: tag, type: .long, count: 1, bytes: number(value, 4), high: UInt32(value >> 32))
    }

    private static func short(_ tag: UInt16, _ values: [UInt64]) -> Entry {
        Entry(tag: tag, type: .short, count: values.count, bytes: values.flatMap { number($0, 2) })
    }

    private static func text(_ tag: UInt16, _ text: String) -> Entry {
        Entry(tag: tag, type: .ascii, count: text.utf8.count + 1, bytes: Array(text.utf8) + [0])
    }

    /// The JPEG stream of a level, and where its intervals begin; one tile is a stream without intervals.
    static func stream(_ tiles: JPEGTiles) -> (bytes: [UInt8], starts: [UInt64]) {
        if tiles.files.count == 1 { return (tiles.files[0], []) }
        let first = JPEGTiles.Parts(tiles.files[0])
        let (width, height) = (tiles.shape.width, tiles.shape.height)
        let unit = tiles.shape.format.layout == .gray || tiles.subsampling == .none ? 8 : 16
        let interval = tiles.tileWidth / unit
        let fits = max(width, height) <= 65_535
        var bytes: [UInt8] =
            [0xff, 0xd8] + JPEGTiles.Parts.segment(0xe0, Array("JFIF\0".utf8) + [1, 1, 0, 0, 1, 0, 1, 0, 0])
        bytes += first.tables
        // JPEG has 16 bits for a side.
        bytes += JPEGTiles.Parts.segment(0xc0, first.frame(width: fits ? width : 0, height: fits ? height : 0))
        bytes += JPEGTiles.Parts.segment(0xdd, [UInt8(interval >> 8), UInt8(interval & 255)])
        bytes += JPEGTiles.Parts.segment(0xda, first.scan)
        var starts: [UInt64] = []
        for (index, file) in tiles.files.enumerated() {
            starts.append(UInt64(bytes.count))
            bytes += JPEGTiles.Parts(file).data
            bytes += [0xff, index == tiles.files.count - 1 ? 0xd9 : 0xd0 + UInt8(index % 8)]
        }
        return (bytes, starts)
    }

    func file() -> SparseFile {
        let headByteCount = 12
        var tail: [UInt8] = []
        func offset() -> UInt64 { UInt64(headByteCount) + gap + UInt64(tail.count) }
        func put(_ bytes: [UInt8]) -> UInt64 {
            if tail.count % 2 == 1 { tail.append(0) }
            defer { tail += bytes }
            return offset()
        }
        var directories: [[Entry]] = []
        func add(_ shape: ImageShape, _ stream: [UInt8], lens: Float, focalPlane: Int32 = 0, more: [Entry] = []) {
            let isColor = shape.format.layout == .rgb
            // Not in the order of their tags.
            directories.append(
                [
                    Self.text(305, "NDP.scan"), Self.long(256, UInt64(shape.width)),
                    Self.long(257, UInt64(shape.height)), Self.short(258, isColor ? [8, 8, 8] : [8]),
                    Self.short(259, [7]), Self.short(262, [isColor ? 6 : 1]), Self.text(271, "Hamamatsu"),
                    Self.text(272, "NanoZoomer"), Self.long(273, put(stream)), Self.short(277, [isColor ? 3 : 1]),
                    Self.long(278, UInt64(shape.height)), Self.long(279, UInt64(stream.count)), Self.long(65420, 1),
                    Entry(tag: 65421, type: .float, count: 1, bytes: Self.number(UInt64(lens.bitPattern), 4)),
                    Entry(
                        tag: 65424, type: .signedLong, count: 1,
                        bytes: Self.number(UInt64(UInt32(bitPattern: focalPlane)), 4)),
                ] + more)
        }
        for level in levels {
            var (stream, starts) = Self.stream(level.tiles)
            level.change(&starts)
            var more: [Entry] = []
            if level.hasStarts {
                more.append(
                    Entry(tag: 65426, type: .long, count: starts.count, bytes: starts.flatMap { Self.number($0, 4) }))
            }
            if level.hasHighStarts {
                more.append(
                    Entry(
                        tag: 65432, type: .long, count: starts.count, bytes: starts.flatMap { Self.number($0 >> 32, 4) }
                    ))
            }
            add(level.tiles.shape, stream, lens: level.lens, focalPlane: level.focalPlane, more: more)
        }
        // One tile each: a JPEG file.
        if let macro { add(macro.shape, macro.files[0], lens: -1) }
        if hasMap {
            let map = [UInt8](repeating: 0x55, count: 12 * 5)
            add(ImageShape(width: 12, height: 5, format: PixelFormat(.gray, .eight)), map, lens: -2)
            directories[directories.count - 1][4] = Self.short(259, [1])
        }
        // Values that do not fit an entry are before the directories; they may have an odd number of bytes.
        let values = directories.map { $0.map { $0.bytes.count > 4 ? put($0.bytes) : 0 } }
        if tail.count % 2 == 1 { tail.append(0) }
        let first = offset()
        for (index, entries) in directories.enumerated() {
            let byteCount = UInt64(2 + 16 * entries.count + 8)
            let next = index == directories.count - 1 ? 0 : offset() + byteCount
            var high: [UInt8] = []
            tail += Self.number(UInt64(entries.count), 2)
            for (entry, place) in zip(entries, values[index]) {
                tail += Self.number(UInt64(entry.tag), 2) + Self.number(UInt64(entry.type.rawValue), 2)
                tail += Self.number(UInt64(entry.count), 4)
                let isInside = entry.bytes.count <= 4
                tail += isInside ? (entry.bytes + [0, 0, 0, 0]).prefix(4) : Self.number(place, 4)[...]
                high += Self.number(isInside ? UInt64(entry.high) : place >> 32, 4)
            }
            tail += Self.number(next, 8) + high
        }
        return SparseFile(head: [0x49, 0x49, 0x2a, 0] + Self.number(first, 8), gap: gap, tail: tail)
    }
}

/// A slide of Aperio's (SVS), of the structure that OpenSlide's documentation describes: levels in tiles of JPEG without tables, a
/// thumbnail behind the first, label and macro picture at the end.
struct SVSSlide {
    var levels: [JPEGTiles]
    var thumbnail: JPEGTiles
    var macro: JPEGTiles
    var label: (width: Int, height: Int, samples: [UInt8])
    var form = TIFFForm()
    /// Another number for the compression of the levels.
    var compression: UInt64 = 7

    func file() -> [UInt8] {
        let order = form.order
        var file = form.header(firstDirectory: 0)
        var places: [(start: Int, fieldCount: Int)] = []
        func field(_ tag: TIFFTag, _ type: TIFFType, _ numbers: [UInt64]) -> TIFFFieldBytes {
            TIFFFieldBytes(tag, type, numbers, order)
        }
        func add(_ pieces: [[UInt8]], _ fields: [TIFFFieldBytes], isTiled: Bool) {
            var offsets: [UInt64] = []
            for piece in pieces {
                offsets.append(UInt64(file.count))
                file += piece + [UInt8](repeating: 0, count: piece.count % 2)
            }
            let type: TIFFType = form.isBig ? .long8 : .long
            let all =
                fields + [
                    field(isTiled ? .tileOffsets : .stripOffsets, type, offsets),
                    field(isTiled ? .tileByteCounts : .stripByteCounts, type, pieces.map { UInt64($0.count) }),
                ]
            places.append((file.count, all.count))
            file += form.directory(all, at: UInt64(file.count))
            file += [UInt8](repeating: 0, count: file.count % 2)
        }
        func add(_ tiles: JPEGTiles, _ description: String, isTiled: Bool, kind: UInt64, compression: UInt64 = 7) {
            let shape = tiles.shape
            let parts = tiles.files.map { JPEGTiles.Parts($0) }
            var fields = [
                field(.newSubfileType, .long, [kind]), field(.imageWidth, .long, [UInt64(shape.width)]),
                field(.imageLength, .long, [UInt64(shape.height)]), field(.bitsPerSample, .short, [8, 8, 8]),
                field(.compression, .short, [compression]), field(.photometric, .short, [6]),
                field(.samplesPerPixel, .short, [3]), field(.planarConfiguration, .short, [1]),
                TIFFFieldBytes(.imageDescription, text: Array("Aperio Image Library v11.2.1\r\n\(description)".utf8)),
                TIFFFieldBytes(.jpegTables, .undefined, bytes: [0xff, 0xd8] + parts[0].tables + [0xff, 0xd9]),
                field(
                    .yCbCrSubsampling, .short,
                    tiles.subsampling == .none ? [1, 1] : tiles.subsampling == .horizontal ? [2, 1] : [2, 2]),
            ]
            fields +=
                isTiled
                ? [
                    field(.tileWidth, .long, [UInt64(tiles.tileWidth)]),
                    field(.tileLength, .long, [UInt64(tiles.tileHeight)]),
                ] : [field(.rowsPerStrip, .long, [UInt64(tiles.tileHeight)])]
            let pieces = parts.map { part in
                [0xff, 0xd8] + JPEGTiles.Parts.segment(0xc0, part.frame) + JPEGTiles.Parts.segment(0xda, part.scan)
                    + part.data + [0xff, 0xd9]
            }
            add(pieces, fields, isTiled: isTiled)
        }
        for (index, level) in levels.enumerated() {
            let text =
                "\(level.shape.width)x\(level.shape.height) (\(level.tileWidth)x\(level.tileHeight)) JPEG/RGB Q=88"
            let scale = index == 0 ? "|AppMag = 20|MPP = 0.4990" : ""
            add(level, text + scale, isTiled: true, kind: 0, compression: compression)
            if index == 0 { add(thumbnail, "thumbnail", isTiled: false, kind: 0) }
        }
        add(
            [label.samples],
            [
                field(.newSubfileType, .long, [1]), field(.imageWidth, .long, [UInt64(label.width)]),
                field(.imageLength, .long, [UInt64(label.height)]), field(.bitsPerSample, .short, [8, 8, 8]),
                field(.compression, .short, [1]), field(.photometric, .short, [2]),
                field(.samplesPerPixel, .short, [3]), field(.rowsPerStrip, .long, [UInt64(label.height)]),
                TIFFFieldBytes(.imageDescription, text: Array("Aperio Image Library v11.2.1\r\nlabel".utf8)),
            ], isTiled: false)
        add(macro, "macro", isTiled: false, kind: 9)
        let offsetByteCount = form.isBig ? 8 : 4
        for (index, place) in places.enumerated() {
            let next = index == places.count - 1 ? 0 : places[index + 1].start
            let end = place.start + (form.isBig ? 8 + 20 * place.fieldCount : 2 + 12 * place.fieldCount)
            file.replaceSubrange(end..<end + offsetByteCount, with: order.bytes(UInt64(next), count: offsetByteCount))
        }
        file.replaceSubrange(0..<(form.isBig ? 16 : 8), with: form.header(firstDirectory: UInt64(places[0].start)))
        return file
    }

    /// Three levels of a little tissue, with all that a slide has besides.
    static func small(subsampling: EncodingOptions.ChromaSubsampling = .none, form: TIFFForm = TIFFForm()) throws
        -> SVSSlide
    {
        SVSSlide(
            levels: try [(500, 370), (125, 93), (63, 47)].enumerated().map { index, size in
                try JPEGTiles(
                    width: size.0, height: size.1, tileWidth: 80, tileHeight: 48, subsampling: subsampling, seed: index)
            }, thumbnail: try JPEGTiles(width: 96, height: 64, tileWidth: 96, tileHeight: 16, seed: 5),
            macro: try JPEGTiles(width: 112, height: 48, tileWidth: 112, tileHeight: 16, seed: 6),
            label: (20, 10, (0..<600).map { UInt8($0 % 251) }), form: form)
    }
}

extension NDPISlide {
    /// Three levels, the smallest without restart intervals, and the other pictures of a slide.
    static func small(subsampling: EncodingOptions.ChromaSubsampling = .none) throws -> NDPISlide {
        let unit = (width: subsampling == .none ? 8 : 16, height: subsampling == .both ? 16 : 8)
        func level(_ blocks: Int, _ height: Int, _ interval: Int, lens: Float, seed: Int) throws -> Level {
            Level(
                tiles: try JPEGTiles(
                    width: blocks * unit.width - 3, height: height, tileWidth: interval * unit.width,
                    tileHeight: unit.height, subsampling: subsampling, seed: seed), lens: lens)
        }
        let smallest = try JPEGTiles(
            width: 40, height: 30, tileWidth: 40, tileHeight: 30, subsampling: subsampling, seed: 9)
        return NDPISlide(
            levels: [
                try level(40, 203, 10, lens: 20, seed: 1), try level(20, 101, 20, lens: 10, seed: 2),
                Level(tiles: smallest, lens: 5, hasStarts: false),
            ], macro: try JPEGTiles(width: 72, height: 24, tileWidth: 72, tileHeight: 24, seed: 4), hasMap: true)
    }
}
