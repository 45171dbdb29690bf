import ImageFormats
import JobModel
import Pipelines
import SeededRandom

@testable import ImageCodecs
@testable import ImageFormats

/// A way to store samples in a TIFF file, with a writer of its own: what is written here is not read by the code that wrote it.
struct SampleTIFF: CustomStringConvertible {
    enum Compression: CaseIterable {
        case none, packBits, lzw, deflate, oldDeflate, zstd

        var number: UInt64 {
            switch self {
            case .none: 1
            case .packBits: 32773
            case .lzw: 5
            case .deflate: 8
            case .oldDeflate: 32946
            case .zstd: 50000
            }
        }
    }

    var width = 21
    var height = 13
    var bits = 8
    var photometric: UInt64 = 1
    var sampleCount = 1
    /// `nil`: the field is not there.
    var extra: UInt64?
    var compression = Compression.none
    var isPredicted = false
    var isPlanar = false
    /// Sides of tiles; else there are strips.
    var tile: (width: Int, height: Int)?
    var rowsPerStrip = 5
    var form = TIFFForm()
    var hasReversedBits = false
    var palette: [UInt64] = []
    /// Fields that are added, or replace those of the same tag.
    var fields: [TIFFFieldBytes] = []
    var dropped: [TIFFTag] = []

    var description: String {
        "\(width) x \(height) \(bits) bits, \(sampleCount) samples, photometric \(photometric), extra \(extra ?? 9), "
            + "\(compression)\(isPredicted ? " predicted" : "")\(isPlanar ? " planar" : "") "
            + "\(tile.map { "tiles \($0.width) x \($0.height)" } ?? "strips of \(rowsPerStrip)") \(form.order)"
            + (form.isBig ? " big" : "") + (hasReversedBits ? " reversed bits" : "")
    }

    func samples(seed: UInt64 = 1) -> [UInt16] {
        var random = SeededGenerator(seed: seed)
        let mask = UInt16((1 << bits) - 1)
        return (0..<width * height * sampleCount).map { index in
            // Slopes, flat parts and noise: something for each compressor.
            let x = index / sampleCount % width
            let value = x < 9 ? UInt16(truncatingIfNeeded: random.next()) : UInt16(truncatingIfNeeded: index / 40 * 271)
            return value & mask
        }
    }

    /// The pieces in the order in which the file lists them.
    func pieces(_ samples: [UInt16]) -> [[UInt8]] {
        let size = tile ?? (width, min(rowsPerStrip, height))
        var pieces: [[UInt8]] = []
        for plane in 0..<(isPlanar ? sampleCount : 1) {
            for top in stride(from: 0, to: height, by: size.height) {
                for left in stride(from: 0, to: width, by: size.width) {
                    let rows = tile == nil ? min(size.height, height - top) : size.height
                    var bytes: [UInt8] = []
                    for y in top..<top + rows {
                        var row: [UInt16] = []
                        for x in left..<left + size.width {
                            for sample in isPlanar ? plane..<plane + 1 : 0..<sampleCount {
                                let isInside = x < width && y < height
                                row.append(isInside ? samples[(y * width + x) * sampleCount + sample] : 0)
                            }
                        }
                        bytes += packed(row)
                    }
                    if hasReversedBits, compression == .none { bytes = bytes.map(Self.reversed) }
                    let compressed = compress(bytes)
                    pieces.append(hasReversedBits && compression != .none ? compressed.map(Self.reversed) : compressed)
                }
            }
        }
        return pieces
    }

    private static func reversed(_ byte: UInt8) -> UInt8 {
        (0..<8).reduce(0) { $0 | (byte >> UInt8($1) & 1) << UInt8(7 - $1) }
    }

    private func packed(_ row: [UInt16]) -> [UInt8] {
        var row = row
        if isPredicted {
            let distance = isPlanar ? 1 : sampleCount
            for index in stride(from: row.count - 1, through: distance, by: -1) { row[index] &-= row[index - distance] }
        }
        if bits == 16 { return row.flatMap { form.order.bytes(UInt64($0), count: 2) } }
        var bytes: [UInt8] = []
        var filled = 0
        for sample in row {
            if filled % 8 == 0 { bytes.append(0) }
            bytes[bytes.count - 1] |=
                UInt8(truncatingIfNeeded: sample & UInt16((1 << bits) - 1)) << UInt8(8 - bits - filled % 8)
            filled += bits
        }
        return bytes
    }

    private func compress(_ bytes: [UInt8]) -> [UInt8] {
        switch compression {
        case .none: bytes
        case .packBits: Self.packBits(bytes)
        case .lzw: Self.lzw(bytes)
        case .deflate, .oldDeflate: Zlib.deflated(bytes)
        case .zstd: Self.zstd(bytes)
        }
    }

    static func packBits(_ bytes: [UInt8]) -> [UInt8] {
        var packed: [UInt8] = []
        var index = 0
        while index < bytes.count {
            let run = bytes[index...].prefix(128).prefix { $0 == bytes[index] }.count
            if run > 1 {
                packed += [UInt8(bitPattern: Int8(1 - run)), bytes[index]]
                index += run
            } else {
                let count = min(3, bytes.count - index)
                packed += [UInt8(count - 1)] + bytes[index..<index + count]
                index += count
            }
        }
        return packed
    }

    static func lzw(_ bytes: [UInt8]) -> [UInt8] {
        var output: [UInt8] = []
        var pending = 0
        var pendingBits = 0
        var width = 9
        var table: [[UInt8]: Int] = [:]
        var next = 258
        func code(_ string: ArraySlice<UInt8>) -> Int? {
            string.count == 1 ? Int(string.first ?? 0) : table[Array(string)]
        }
        func put(_ code: Int) {
            pending = pending << width | code
            pendingBits += width
            while pendingBits >= 8 {
                output.append(UInt8(truncatingIfNeeded: pending >> (pendingBits - 8)))
                pendingBits -= 8
                pending &= (1 << pendingBits) - 1
            }
        }
        func grow() {
            next += 1
            if next == 4_094 {
                put(256)
                table = [:]
                (next, width) = (258, 9)
            } else if next > (1 << width) - 1 {
                width += 1
            }
        }
        put(256)
        var start = 0
        for index in bytes.indices where index > start && code(bytes[start...index]) == nil {
            put(code(bytes[start..<index]) ?? 0)
            table[Array(bytes[start...index])] = next
            grow()
            start = index
        }
        if start < bytes.count {
            put(code(bytes[start...]) ?? 0)
            grow()
        }
        put(257)
        if pendingBits > 0 { output.append(UInt8(truncatingIfNeeded: pending << (8 - pendingBits))) }
        return output
    }

    /// A frame of blocks that are stored (RFC 8878).
    static func zstd(_ bytes: [UInt8]) -> [UInt8] {
        var frame: [UInt8] =
            [0x28, 0xb5, 0x2f, 0xfd, 0xa0] + TIFFByteOrder.littleEndian.bytes(UInt64(bytes.count), count: 4)
        var rest = bytes[...]
        repeat {
            let block = rest.prefix(100)
            rest = rest.dropFirst(100)
            frame +=
                TIFFByteOrder.littleEndian.bytes(UInt64(block.count << 3 | (rest.isEmpty ? 1 : 0)), count: 3) + block
        } while !rest.isEmpty
        return frame
    }

    /// The fields of the directory, for pieces at these places.
    func directoryFields(offsets: [UInt64], byteCounts: [UInt64]) -> [TIFFFieldBytes] {
        let order = form.order
        func field(_ tag: TIFFTag, _ type: TIFFType, _ numbers: [UInt64]) -> TIFFFieldBytes {
            TIFFFieldBytes(tag, type, numbers, order)
        }
        let offsetType: TIFFType = form.isBig ? .long8 : .long
        var all = [
            field(.imageWidth, .short, [UInt64(width)]), field(.imageLength, .long, [UInt64(height)]),
            field(.bitsPerSample, .short, [UInt64](repeating: UInt64(bits), count: sampleCount)),
            field(.compression, .short, [compression.number]), field(.photometric, .short, [photometric]),
            field(.samplesPerPixel, .short, [UInt64(sampleCount)]),
            field(.planarConfiguration, .short, [isPlanar ? 2 : 1]),
            field(tile == nil ? .stripOffsets : .tileOffsets, offsetType, offsets),
            field(tile == nil ? .stripByteCounts : .tileByteCounts, offsetType, byteCounts),
        ]
        if let tile {
            all += [field(.tileWidth, .short, [UInt64(tile.width)]), field(.tileLength, .short, [UInt64(tile.height)])]
        } else {
            all.append(field(.rowsPerStrip, .short, [UInt64(rowsPerStrip)]))
        }
        if let extra { all.append(field(.extraSamples, .short, [extra])) }
        if isPredicted { all.append(field(.predictor, .short, [2])) }
        if hasReversedBits { all.append(field(.fillOrder, .short, [2])) }
        if !palette.isEmpty { all.append(field(.colorMap, .short, palette)) }
        let replaced = Set(fields.map(\.tag)).union(dropped)
        return all.filter { !replaced.contains($0.tag) } + fields
    }

    func file(_ samples: [UInt16]? = nil) -> [UInt8] { SampleTIFF.file([(self, samples ?? self.samples())]) }

    /// A file of several images in a chain; the directories are at the end.
    static func file(_ images: [(SampleTIFF, [UInt16])]) -> [UInt8] {
        let form = images[0].0.form
        let headerByteCount = form.isBig ? 16 : 8
        var body: [UInt8] = []
        func offset() -> UInt64 { UInt64(headerByteCount + body.count) }
        func align() { if body.count % 2 == 1 { body.append(0) } }
        var directories: [(start: UInt64, fieldCount: Int)] = []
        for (image, samples) in images {
            var offsets: [UInt64] = []
            var byteCounts: [UInt64] = []
            for piece in image.pieces(samples) {
                align()
                offsets.append(offset())
                byteCounts.append(UInt64(piece.count))
                body += piece
            }
            align()
            let fields = image.directoryFields(offsets: offsets, byteCounts: byteCounts)
            directories.append((offset(), fields.count))
            body += form.directory(fields, at: offset())
        }
        var file = form.header(firstDirectory: directories[0].start) + body
        for (index, directory) in directories.dropLast().enumerated() {
            setNext(
                in: &file, form, directory.start, fieldCount: directory.fieldCount, to: directories[index + 1].start)
        }
        return file
    }

    /// Sets the offset of the directory behind another.
    static func setNext(in file: inout [UInt8], _ form: TIFFForm, _ start: UInt64, fieldCount: Int, to next: UInt64) {
        let place = Int(start) + (form.isBig ? 8 + 20 * fieldCount : 2 + 12 * fieldCount)
        file.replaceSubrange(
            place..<place + (form.isBig ? 8 : 4), with: form.order.bytes(next, count: form.isBig ? 8 : 4))
    }

    /// The pixels that the samples stand for, in the machine's byte order.
    func pixels(_ samples: [UInt16]) -> [UInt8] {
        let maximum = UInt32((1 << bits) - 1)
        let colorCount = photometric == 2 ? 3 : 1
        var pixels: [UInt8] = []
        for start in stride(from: 0, to: samples.count, by: sampleCount) {
            var pixel = samples[start..<start + sampleCount].map { UInt32($0) }
            if photometric == 0 { pixel[0] = maximum - pixel[0] }
            if photometric == 3 {
                let colors = 1 << bits
                pixels += (0..<3).map { UInt8(palette[$0 * colors + Int(pixel[0])] >> 8) }
                continue
            }
            if sampleCount > colorCount {
                let alpha = pixel[colorCount]
                if extra == 0 { pixel.removeLast() }
                if extra == 1 {
                    for color in 0..<colorCount {
                        pixel[color] = alpha == 0 ? 0 : min(maximum, pixel[color] * maximum / alpha)
                    }
                }
            }
            for sample in pixel {
                if bits == 16 {
                    pixels += [UInt8(sample & 255), UInt8(sample >> 8)]
                } else {
                    pixels.append(UInt8(sample * 255 / maximum))
                }
            }
        }
        return pixels
    }

    static func palette(bits: Int) -> [UInt64] {
        var random = SeededGenerator(seed: UInt64(bits))
        return (0..<3 << bits).map { _ in random.next() >> 48 }
    }
}

/// Decodes some rows of a file by its pieces, from the bytes that the layout says it needs, and from nothing else; by three decoders
/// that have a share each.
func decodeByPieces<Format: PieceDecoding>(
    _ file: [UInt8], _ rows: Range<Int>, of format: Format = TIFFFormat(), limits: DecodingLimits = DecodingLimits()
) throws -> [UInt8] {
    func decoder(of layout: Format.Layout) -> any PieceDecoder {
        guard limits.options.isLenient, let layout = layout as? TIFFLayout else {
            return format.pieceDecoder(of: layout)
        }
        return TIFFFormat().lenientPieceDecoder(of: layout)
    }
    let pieces = try format.pieces(byteCount: UInt64(file.count), limits: limits) { offset, count in
        Array(file[Int(offset)..<Int(offset) + count])
    }
    guard let whole = pieces else { throw CodecError.corrupt("The image is not in pieces.") }
    // As it arrives on another machine.
    let layout = try Format.Layout(encoded: whole.limited(to: rows).encoded)
    let parts = layout.byteRanges(for: rows).map {
        (range: $0, bytes: Array(file[Int($0.lowerBound)..<Int($0.upperBound)]))
    }
    let decoders = (0..<3).map { _ in decoder(of: layout) }
    var current: [UInt8] = []
    let output = UnsafeMutableRawBufferPointer.allocate(byteCount: rows.count * layout.shape.bytesPerRow, alignment: 16)
    defer { output.deallocate() }
    guard let start = output.baseAddress else { return [] }
    let kept = UnsafeMutableRawBufferPointer.allocate(byteCount: file.count, alignment: 16)
    defer { kept.deallocate() }
    for (index, decoder) in decoders.enumerated() {
        let share = PieceShare(index: index, count: decoders.count)
        try decoder.decode(rows, share: share, to: start) { range throws(CodecError) in
            guard
                let part = parts.first(where: {
                    $0.range.lowerBound <= range.lowerBound && range.upperBound <= $0.range.upperBound
                })
            else { throw .corrupt("bytes \(range) were not announced") }
            let first = Int(range.lowerBound - part.range.lowerBound)
            current = Array(part.bytes[first..<first + range.count])
            kept.copyBytes(from: current)
            return UnsafeRawBufferPointer(rebasing: kept[..<current.count])
        }
    }
    return [UInt8](output)
}
