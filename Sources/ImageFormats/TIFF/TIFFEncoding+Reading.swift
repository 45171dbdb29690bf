import Pipelines

extension TIFFEncoding {
    private static let maximumTablesByteCount: UInt64 = 64 << 10

    /// What the output is made of is here; what to do with a file that is not is said in one way.
    private static let wayOut = "Save it as 8 or 16 bits, gray, RGB or RGBA, for example by ImageMagick."

    /// Reads the fields of a directory that say how samples are stored.
    ///
    /// - Parameter page: the directory of the page, which may be of another of its levels.
    /// - Throws: `CodecError` for what is damaged, or not read.
    init(_ directory: TIFFDirectory, ofPage page: TIFFDirectory, in source: TIFFSource, limits: DecodingLimits) throws {
        let compressionNumber = try directory.number(.compression, in: source) ?? 1
        guard let compression = TIFFCompression(rawValue: UInt16(clamping: compressionNumber)) else {
            throw CodecError.unsupported(
                "The TIFF file is compressed by \(TIFFCompression.name(of: compressionNumber)) (method "
                    + "\(compressionNumber)), which is not read: none, LZW, deflate, ZSTD, PackBits and JPEG are. "
                    + "Save it with one of these.")
        }
        let sampleCount = Int(min(try directory.number(.samplesPerPixel, in: source) ?? 1, 0x7fff_ffff))
        guard (1...4).contains(sampleCount) else {
            throw sampleCount == 0
                ? CodecError.corrupt("The TIFF file is damaged: its pixels have no samples.")
                : CodecError.unsupported(
                    "The TIFF file has \(sampleCount) samples in a pixel; at most 4 are read: gray, gray and alpha, RGB, RGBA. "
                        + "Save fewer channels.")
        }
        let bitDepth = try Self.bitDepth(directory, source, sampleCount)
        let isPlanar = try Self.isPlanar(directory, source) && sampleCount > 1
        let (photometric, extra) = try Self.colors(directory, source, sampleCount: sampleCount, compression)
        self.init(
            order: source.order, compression: compression, photometric: photometric, bitDepth: bitDepth,
            sampleCount: sampleCount, extra: extra, isPlanar: isPlanar,
            isPredicted: try Self.isPredicted(directory, source, compression, bitDepth),
            hasReversedBits: try directory.number(.fillOrder, in: source) == 2)
        if photometric == .palette { try readPalette(directory, source) }
        if compression == .jpeg { try readJPEG(directory, source) }
        if photometric == .separated { try readInks(directory, page, source, limits) }
    }

    private static func bitDepth(_ directory: TIFFDirectory, _ source: TIFFSource, _ sampleCount: Int) throws -> Int {
        // One number for all samples, as some write it, is enough.
        let depths =
            try directory.numbers(.bitsPerSample, count: sampleCount, in: source) ?? [
                try directory.number(.bitsPerSample, in: source) ?? 1
            ]
        let formats =
            try directory.numbers(.sampleFormat, count: sampleCount, in: source) ?? [
                try directory.number(.sampleFormat, in: source) ?? 1
            ]
        let depth = depths[0]
        for format in formats where format != 1 && format != 4 {
            let name = [2: "signed whole numbers", 3: "floating-point numbers"][format] ?? "numbers of kind \(format)"
            throw CodecError.unsupported(
                "The TIFF file has samples that are \(name) of \(depth) bits; whole numbers from 0 of 1, 2, 4, 8 or 16 bits "
                    + "are read. \(wayOut)")
        }
        guard depths.allSatisfy({ $0 == depth }), [1, 2, 4, 8, 16].contains(depth) else {
            let text = Set(depths).sorted().map(String.init).joined(separator: " and ")
            throw CodecError.unsupported(
                "The TIFF file has samples of \(text) bits; all of 1, 2, 4, 8 or 16 bits are read. \(wayOut)")
        }
        return Int(depth)
    }

    private static func isPlanar(_ directory: TIFFDirectory, _ source: TIFFSource) throws -> Bool {
        let number = try directory.number(.planarConfiguration, in: source) ?? 1
        guard number == 1 || number == 2 else {
            throw CodecError.corrupt(
                "The TIFF file is damaged: its planar configuration is \(number); there are 1 and 2.")
        }
        return number == 2
    }

    private static func isPredicted(
        _ directory: TIFFDirectory, _ source: TIFFSource, _ compression: TIFFCompression, _ bitDepth: Int
    ) throws -> Bool {
        // The others have no predictor, whatever the field says.
        guard [.lzw, .deflate, .oldDeflate, .zstd].contains(compression) else { return false }
        let number = try directory.number(.predictor, in: source) ?? 1
        guard number == 1 || (number == 2 && bitDepth >= 8) else {
            throw CodecError.unsupported(
                "The TIFF file uses predictor \(number) on samples of \(bitDepth) bits; none (1), and horizontal differences (2) "
                    + "of 8 or 16 bits, are read. Save it without a predictor.")
        }
        return number == 2
    }

    /// What the samples of a pixel are.
    private static func colors(
        _ directory: TIFFDirectory, _ source: TIFFSource, sampleCount: Int, _ compression: TIFFCompression
    ) throws -> (TIFFEncoding.Photometric, TIFFEncoding.Extra) {
        // As libtiff has it where the field is missing.
        let number = try directory.number(.photometric, in: source) ?? (sampleCount < 3 ? 1 : 2)
        guard let photometric = TIFFEncoding.Photometric(rawValue: UInt8(clamping: number)),
            photometric != .yCbCr || compression == .jpeg
        else {
            let name =
                [
                    4: "a mask of transparency", 6: "YCbCr that is not JPEG", 8: "CIE Lab", 9: "ICC Lab", 10: "ITU Lab",
                    32803: "a camera's raw samples (CFA)", 32844: "LogL", 32845: "LogLuv",
                    34892: "a camera's raw samples",
                ][number] ?? "colours of kind \(number)"
            throw CodecError.unsupported(
                "The TIFF file has \(name); gray, RGB, palettes, CMYK, and YCbCr inside JPEG are read. "
                    + "Convert its colours to RGB.")
        }
        let colorCount: Int
        switch photometric {
        case .whiteIsZero, .blackIsZero, .palette: colorCount = 1
        case .rgb, .yCbCr: colorCount = 3
        case .separated: colorCount = 4
        }
        let extraCount = sampleCount - colorCount
        guard extraCount >= 0 else {
            throw CodecError.corrupt(
                "The TIFF file is damaged: its pixels have \(sampleCount) samples; their colours alone are \(colorCount)."
            )
        }
        if extraCount == 0 { return (photometric, .none) }
        guard extraCount == 1, photometric != .palette, photometric != .yCbCr else {
            throw CodecError.unsupported(
                "The TIFF file has \(extraCount) samples in a pixel besides its colours; one, with gray or RGB, is read, as alpha. "
                    + "Save fewer channels.")
        }
        let kind: TIFFEncoding.Extra =
            switch try directory.number(.extraSamples, in: source) {
            case 0: .dropped
            case 1: .associatedAlpha
            default: .alpha
            }
        return (photometric, kind)
    }

    /// The colours of ColorMap: all reds, all greens, all blues, of 16 bits; of 8 in files of writers that misread that.
    private mutating func readPalette(_ directory: TIFFDirectory, _ source: TIFFSource) throws {
        guard bitDepth <= 8, compression != .jpeg else {
            throw CodecError.unsupported(
                "The TIFF file has a palette for samples of \(bitDepth) bits that are "
                    + "\(compression == .jpeg ? "" : "not ")JPEG; palettes of 1, 2, 4 and 8 bits without are read. "
                    + Self.wayOut)
        }
        let colorCount = 1 << bitDepth
        guard let map = try directory.numbers(.colorMap, count: 3 * colorCount, in: source) else {
            throw CodecError.corrupt(
                "The TIFF file is damaged: it has colours by palette, and no palette of \(colorCount) colours (ColorMap)."
            )
        }
        let shift: UInt64 = map.contains { $0 > 255 } ? 8 : 0
        palette = (0..<colorCount).flatMap { color in
            (0..<3).map { UInt8(truncatingIfNeeded: map[$0 * colorCount + color] >> shift) }
        }
    }

    private mutating func readJPEG(_ directory: TIFFDirectory, _ source: TIFFSource) throws {
        guard bitDepth == 8 else {
            throw CodecError.unsupported(
                "The TIFF file has JPEG of \(bitDepth) bits inside; 8 are read. Save it with another compression.")
        }
        if photometric == .yCbCr, isPlanar {
            throw CodecError.unsupported(
                "The TIFF file has JPEG with a plane for each of Y, Cb and Cr; interleaved ones are read. "
                    + "Save it with another compression.")
        }
        if let subsampling = try directory.numbers(.yCbCrSubsampling, count: 2, in: source) {
            guard subsampling.allSatisfy({ [1, 2, 4].contains($0) }) else {
                throw CodecError.corrupt(
                    "The TIFF file is damaged: its colours are subsampled by \(subsampling[0]) x \(subsampling[1]); "
                        + "there are 1, 2 and 4.")
            }
            self.subsampling = subsampling.map { UInt8($0) }
        }
        if let tables = directory[.jpegTables] {
            guard tables.byteCount <= Self.maximumTablesByteCount else {
                throw CodecError.corrupt(
                    "The TIFF file is damaged: its JPEG tables have \(tables.byteCount) bytes; at most "
                        + "\(Self.maximumTablesByteCount) are read.")
            }
            jpegTables = try directory.bytes(.jpegTables, in: source) ?? []
        }
    }

    /// The profile that says what the inks look like.
    private mutating func readInks(
        _ directory: TIFFDirectory, _ page: TIFFDirectory, _ source: TIFFSource, _ limits: DecodingLimits
    ) throws {
        let inkSet = try directory.number(.inkSet, in: source) ?? 1
        guard inkSet == 1, bitDepth >= 8 else {
            throw CodecError.unsupported(
                inkSet == 1
                    ? "The TIFF file has inks (CMYK) of \(bitDepth) bits; 8 and 16 are read. \(Self.wayOut)"
                    : "The TIFF file has four inks that are not cyan, magenta, yellow and black. Convert its colours to RGB."
            )
        }
        let owner = directory[.profile] == nil ? page : directory
        guard let field = owner[.profile] else { throw Self.inksWithoutProfile("no colour profile") }
        guard field.byteCount <= limits.maximumMetadataByteCount else {
            throw Self.inksWithoutProfile(
                "a colour profile of \(field.byteCount) bytes, more than max-metadata-bytes allows, and so none")
        }
        inkProfile = try owner.bytes(.profile, in: source) ?? []
        guard ICCProfile.colorSpace(of: inkProfile) == "CMYK" else {
            throw Self.inksWithoutProfile("a colour profile for other colours, and so none")
        }
    }

    private static func inksWithoutProfile(_ what: String) -> CodecError {
        .unsupported(
            "The TIFF file has four inks for printing (CMYK) and \(what) that says what they look like. Put the printer's "
                + "profile into it, for example by exiftool: exiftool '-icc_profile<=printer.icc' in.tif")
    }
}
