import ImageCodecs
import ImageFormats
import JobModel
import Pipelines

extension FuzzTarget {
    /// A file as it is: header, directories, fields, and whatever pieces they lead to.
    static let tiffHeader = FuzzTarget("tiff-header") { bytes in
        for options in TIFFForge.options { try TIFFForge.check(Array(bytes), options) }
    }

    /// The pieces of a file whose directory is in order: every compression, depth and layout.
    static let tiffRows = FuzzTarget("tiff-rows", maximumByteCount: 2048) { bytes in
        var input = InputBytes(bytes)
        let file = TIFFForge.file(from: &input)
        try TIFFForge.check(file, DecodingOptions())
        var lenient = DecodingOptions()
        lenient.isLenient = true
        try TIFFForge.check(file, lenient)
    }
}

/// TIFF files made of a fuzzer's bytes, and what must hold for all files.
enum TIFFForge {
    static let options: [DecodingOptions] = {
        var page = DecodingOptions()
        page.page = 2
        var level = DecodingOptions()
        level.level = 1
        level.isLenient = true
        return [DecodingOptions(), page, level]
    }()

    private static let compressions: [UInt64] = [1, 5, 7, 8, 32773, 50000]
    private static let depths: [UInt64] = [1, 2, 4, 8, 16]

    /// A file with a directory that is in order and two pieces of what is left of the input.
    static func file(from input: inout InputBytes) -> [UInt8] {
        let form = TIFFForm(order: input.byte() & 1 == 0 ? .littleEndian : .bigEndian, isBig: input.byte() & 1 == 1)
        let compression = compressions[input.number(in: 0...compressions.count - 1)]
        let depth = compression == 7 ? 8 : depths[input.number(in: 0...depths.count - 1)]
        let sampleCount = input.number(in: 1...4)
        let flags = input.byte()
        let isTiled = flags & 1 != 0
        let isPlanar = flags & 2 != 0 && sampleCount > 1
        let side = UInt64(input.number(in: 1...40))
        let photometric: UInt64 =
            switch sampleCount {
            case 1: flags & 4 == 0 ? 1 : depth < 16 && compression != 7 && flags & 8 != 0 ? 3 : 0
            case 2: 1
            default: compression == 7 && sampleCount == 3 && !isPlanar && flags & 4 != 0 ? 6 : 2
            }
        let pieceCount = (isPlanar ? sampleCount : 1) * 2
        let start = form.isBig ? 16 : 8
        let cut = min(input.rest.count, Int(input.byte()))
        let data = Array(input.rest)
        let order = form.order
        func field(_ tag: TIFFTag, _ type: TIFFType, _ numbers: [UInt64]) -> TIFFFieldBytes {
            TIFFFieldBytes(tag, type, numbers, order)
        }
        let places = (0..<pieceCount).map { $0 % 2 == 0 ? (0, cut) : (cut, data.count - min(cut, data.count)) }
        let offsets = places.map { UInt64(start + min($0.0, data.count)) }
        let byteCounts = places.map { UInt64($0.1) }
        var fields = [
            field(.imageWidth, .short, [side]), field(.imageLength, .short, [isTiled ? 32 : 2 * side - side / 2]),
            field(.bitsPerSample, .short, [depth]), field(.compression, .short, [compression]),
            field(.photometric, .short, [photometric]), field(.samplesPerPixel, .short, [UInt64(sampleCount)]),
            field(.planarConfiguration, .short, [isPlanar ? 2 : 1]),
            field(isTiled ? .tileOffsets : .stripOffsets, .long, offsets),
            field(isTiled ? .tileByteCounts : .stripByteCounts, .long, byteCounts),
            field(.predictor, .short, [flags & 16 != 0 && depth >= 8 ? 2 : 1]),
            field(.fillOrder, .short, [flags & 32 != 0 ? 2 : 1]),
            field(.extraSamples, .short, [UInt64(flags >> 6) % 3]),
            field(.colorMap, .short, (0..<3 << min(depth, 8)).map { UInt64($0) * 77 & 0xffff }),
        ]
        fields +=
            isTiled
            ? [field(.tileWidth, .short, [48]), field(.tileLength, .short, [16])]
            : [field(.rowsPerStrip, .short, [side])]
        let directory = UInt64(start + data.count + data.count % 2)
        return form.header(firstDirectory: directory) + data + [UInt8](repeating: 0, count: data.count % 2)
            + form.directory(fields, at: directory)
    }

    /// Decodes a file as a whole and by pieces, from memory that has the file, or the pieces, and nothing more.
    static func check(_ file: [UInt8], _ options: DecodingOptions) throws {
        var limits = DecodingLimits(maximumPixelCount: 1 << 16, maximumSide: 1 << 12)
        limits.options = options
        let format = TIFFFormat()
        guard format.recognizes(file) else { return }
        let read = { (offset: UInt64, count: Int) throws -> [UInt8] in
            try FuzzFinding.unless(
                count >= 0 && offset <= file.count && UInt64(count) <= UInt64(file.count) - offset,
                "the probe reads \(count) bytes at \(offset) of \(file.count)")
            return Array(file[Int(offset)..<Int(offset) + count])
        }
        let probed = Result { try format.probe(byteCount: UInt64(file.count), limits: limits, read: read) }
        if case .failure(let error) = probed, !(error is CodecError) { throw error }
        let decoded = Result { try decode(file, limits) }
        if case .failure(let error) = decoded, !(error is CodecError) { throw error }
        guard case .success(let image) = decoded else { return }
        try FuzzFinding.unless(
            (try? probed.get()) == image.header, "the probe says \(probed), the decoder \(image.header)")
        let whole = try format.layout(byteCount: UInt64(file.count), limits: limits, read: read)
        let height = image.header.shape.height
        let rows = height / 3..<height / 3 + max(1, height / 2)
        let pixels = try decode(rows, try TIFFLayout(encoded: whole.limited(to: rows).encoded), file, limits)
        let bytesPerRow = image.header.shape.bytesPerRow
        try FuzzFinding.unless(
            pixels == Array(image.pixels[rows.lowerBound * bytesPerRow..<rows.upperBound * bytesPerRow]),
            "rows \(rows) by their pieces are others than those of the whole image")
    }

    private static func decode(_ file: [UInt8], _ limits: DecodingLimits) throws -> (
        header: ImageHeader, pixels: [UInt8]
    ) {
        let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: file.count, alignment: 1)
        defer { bytes.deallocate() }
        bytes.copyBytes(from: file)
        let reader = try TIFFFormat().decoder(of: UnsafeRawBufferPointer(bytes), limits: limits)
        let shape = reader.header.shape
        var pixels: [UInt8] = []
        while reader.nextRow < shape.height {
            let count = min(3, shape.height - reader.nextRow)
            let rows = UnsafeMutableRawBufferPointer.allocate(byteCount: count * shape.bytesPerRow, alignment: 16)
            defer { rows.deallocate() }
            if let start = rows.baseAddress { try reader.readRows(into: start, count: count) }
            pixels += rows
        }
        return (reader.header, pixels)
    }

    private static func decode(
        _ rows: Range<Int>, _ layout: TIFFLayout, _ file: [UInt8], _ limits: DecodingLimits
    ) throws -> [UInt8] {
        let output = UnsafeMutableRawBufferPointer.allocate(
            byteCount: rows.count * layout.shape.bytesPerRow, alignment: 16)
        defer { output.deallocate() }
        let ranges = layout.byteRanges(for: rows)
        var part = UnsafeMutableRawBufferPointer.allocate(byteCount: 0, alignment: 1)
        defer { part.deallocate() }
        let decoder =
            limits.options.isLenient
            ? TIFFFormat().lenientPieceDecoder(of: layout) : TIFFFormat().pieceDecoder(of: layout)
        guard let start = output.baseAddress else { return [] }
        try decoder.decode(rows, to: start) { range throws(CodecError) in
            guard ranges.contains(where: { $0.lowerBound <= range.lowerBound && range.upperBound <= $0.upperBound })
            else {
                throw .corrupt("bytes \(range) were not announced")
            }
            part.deallocate()
            part = .allocate(byteCount: range.count, alignment: 1)
            part.copyBytes(from: file[Int(range.lowerBound)..<Int(range.upperBound)])
            return UnsafeRawBufferPointer(part)
        }
        return [UInt8](output)
    }
}
