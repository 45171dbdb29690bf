import ImageCodecs
import ImageFormats
import JobModel
import Kernels
import Pipelines

extension FuzzTarget {
    /// A file as it is: the probe of the master, and the decoder of a rank, strict and lenient.
    static let jpegHeader = FuzzTarget("jpeg-header") { try EncodedFiles.checkDecoding(Array($0)) }

    /// A file that our encoder made of the input's pixels, and the same file with some bytes changed.
    ///
    ///     width | height | layout | subsampling, progressive | quality | changes | place, value ... | pixels ...
    static let jpegRows = FuzzTarget("jpeg-rows", maximumByteCount: 1024) { bytes in
        var input = InputBytes(bytes)
        let shape = ImageShape(
            width: input.number(in: 1...40), height: input.number(in: 1...40),
            format: PixelFormat(input.byte() & 1 == 0 ? .gray : .rgb, .eight))
        let choice = input.byte()
        let samplings = EncodingOptions.ChromaSubsampling.allCases
        let format = JPEGFormat(
            quality: input.number(in: 1...100), subsampling: samplings[Int(choice) % samplings.count],
            isProgressive: choice & 0x80 != 0)
        try EncodedFiles.checkRoundTrip(shape, to: format, &input)
    }
}

/// What must hold of files of formats that have no second decoder here.
enum EncodedFiles {
    /// Small enough that no input takes seconds.
    private static let limits = DecodingLimits(maximumPixelCount: 1 << 16, maximumSide: 1 << 12)

    struct Decoded: Equatable {
        let header: ImageHeader
        let pixels: [UInt8]
        let remarks: [ImageRemark]
    }

    /// Probe and decoder agree; what is decoded strictly is decoded leniently to the same; the image's metadata can be
    /// written to every format, and the file that it is written to is read without a remark.
    static func checkDecoding(_ file: [UInt8]) throws {
        let probed = Result {
            try ImageFormats.probe(byteCount: UInt64(file.count), limits: limits) { offset, count in
                try FuzzFinding.unless(
                    count >= 0 && offset <= file.count && UInt64(count) <= UInt64(file.count) - offset,
                    "the probe reads \(count) bytes at \(offset) of \(file.count)")
                return Array(file[Int(offset)..<Int(offset) + count])
            }
        }
        if case .failure(let error) = probed, !(error is CodecError) { throw error }
        let strict = try decoded(file, isLenient: false)
        let lenient = try decoded(file, isLenient: true)
        guard let strict else {
            try FuzzFinding.unless(
                lenient == nil || lenient?.remarks.contains { $0.code == .damagedImageData } == true,
                "a file that is refused is decoded leniently without a remark")
            return
        }
        try FuzzFinding.unless((try? probed.get()) == strict.header, "the probe says \(probed), not \(strict.header)")
        try FuzzFinding.unless(lenient == strict, "the file decodes otherwise when decoded leniently")
        try checkPieces(file, strict)
    }

    /// A JPEG file with restart intervals gives the same rows by these, of memory that has what they need, and nothing more.
    private static func checkPieces(_ file: [UInt8], _ whole: Decoded) throws {
        let format = JPEGFormat()
        guard format.recognizes(file),
            let layout = try format.pieces(
                byteCount: UInt64(file.count), limits: limits, read: { Array(file[Int($0)..<Int($0) + $1]) })
        else { return }
        let height = whole.header.shape.height
        let bytesPerRow = whole.header.shape.bytesPerRow
        let rows = height / 3..<height / 3 + max(1, height / 2)
        let part = try JPEGLayout(encoded: layout.limited(to: rows).encoded)
        let fetched = part.byteRanges(for: rows)[0]
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: fetched.count, alignment: 1)
        defer { memory.deallocate() }
        memory.copyBytes(from: file[Int(fetched.lowerBound)..<Int(fetched.upperBound)])
        let output = UnsafeMutableRawBufferPointer.allocate(byteCount: rows.count * bytesPerRow, alignment: 16)
        defer { output.deallocate() }
        guard let start = output.baseAddress else { return }
        let ranges = FetchedRanges([fetched], in: UnsafeRawBufferPointer(memory))
        try format.pieceDecoder(of: part).decode(rows, to: start) { range throws(CodecError) in
            try ranges.bytes(range)
        }
        try FuzzFinding.unless(
            Array(output) == Array(whole.pixels[rows.lowerBound * bytesPerRow..<rows.upperBound * bytesPerRow]),
            "rows \(rows) by restart intervals are others than those of the whole image")
    }

    /// - Returns: `nil` for a file that is refused.
    private static func decoded(_ file: [UInt8], isLenient: Bool) throws -> Decoded? {
        var limits = limits
        limits.options.isLenient = isLenient
        return try file.withUnsafeBytes { bytes in
            do {
                let decoder = try ImageFile.decoder(of: bytes, limits: limits)
                let shape = decoder.header.shape
                let rows = UnsafeMutableRawBufferPointer.allocate(byteCount: shape.byteCount, alignment: 16)
                defer { rows.deallocate() }
                guard let base = rows.baseAddress else { return nil }
                while decoder.nextRow < shape.height {
                    try decoder.readRows(
                        into: base + decoder.nextRow * shape.bytesPerRow, count: min(7, shape.height - decoder.nextRow))
                }
                try checkMetadata(of: decoder)
                return Decoded(header: decoder.header, pixels: [UInt8](rows), remarks: decoder.remarks)
            } catch let error as CodecError {
                try FuzzFinding.unless(!error.reason.isEmpty, "a file is refused without a reason")
                return nil
            }
        }
    }

    private static func checkMetadata(of decoder: any ImageDecoder) throws {
        let all: MetadataEffect = [.exchangesAxes, .setsOrientation, .changesPixels]
        let shape = ImageShape(width: 70_000, height: 1, format: decoder.header.shape.format)
        for effect in [[], all] {
            for format in ImageFormats.outputs.compactMap({ $0 as? any ImageEncoding }) {
                for stripping in MetadataStripping.allCases {
                    let metadata = decoder.metadata(
                        for: format, stripping: stripping, output: shape, effect: effect)
                    do {
                        try format.check(metadata: metadata)
                    } catch {
                        throw FuzzFinding(description: "metadata for \(format.name) are refused: \(error)")
                    }
                }
            }
        }
    }

    /// Encodes pixels of the input, checks the file as the master does, decodes it, and the same file with changes.
    static func checkRoundTrip(_ shape: ImageShape, to format: any ImageEncoding, _ input: inout InputBytes) throws {
        let changes = (0..<input.number(in: 0...8)).map { _ in
            (place: Int(input.byte()) << 8 | Int(input.byte()), value: input.byte())
        }
        let pixels = input.bytes(shape.byteCount)
        let file = try pixels.withUnsafeBytes { bytes in
            guard let base = bytes.baseAddress else { throw FuzzFinding(description: "no pixels") }
            return try ImageFile.encode(RowsView(shape: shape, rows: 0..<shape.height, base: base), to: format)
        }
        do {
            try format.check(fileOf: shape, byteCount: UInt64(file.count)) { offset, count in
                Array(file[Int(offset)..<Int(offset) + count])
            }
        } catch {
            throw FuzzFinding(description: "a file that we wrote is not ours: \(error)")
        }
        let image = try decoded(file, isLenient: false)
        try FuzzFinding.unless(
            image?.header.shape.width == shape.width && image?.header.shape.height == shape.height
                && image?.remarks.isEmpty == true,
            "a file that we wrote of \(shape) decodes to \(String(describing: image?.header))")
        var changed = file
        for change in changes { changed[change.place % file.count] ^= change.value }
        try checkDecoding(changed)
        // As a worker could report it: taken or refused, and nothing else.
        _ = try? format.check(fileOf: shape, byteCount: UInt64(changed.count)) { offset, count in
            Array(changed[Int(offset)..<Int(offset) + count])
        }
    }
}
