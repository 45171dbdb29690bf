import Pipelines

/// What a JPEG file says before its image data.
package struct JPEGHeader: Hashable, Sendable {
    package let width: Int
    package let height: Int
    let isProgressive: Bool
    let components: [Component]
    /// Components of the first scan.
    private(set) var scannedComponentCount = 0
    private(set) var orientation: UInt8 = 1

    struct Component: Hashable, Sendable {
        let identifier: UInt8
        let horizontalSampling: Int
        let verticalSampling: Int
    }

    /// libjpeg, and with it nearly every program, neither reads nor writes longer sides, though the format has numbers up to
    /// 65,535.
    static let maximumSide = 65_500

    /// Whether the samples are of four inks (CMYK, or YCCK made of it), which a profile makes colours of.
    package var isOfInks: Bool { components.count == 4 }

    /// The image as it decodes: gray, or RGB.
    package var shape: ImageShape {
        ImageShape(width: width, height: height, format: PixelFormat(components.count == 1 ? .gray : .rgb, .eight))
    }

    /// Whether all coefficients are held in memory before a row is decoded: those of a block come in several scans, or the
    /// components one after the other.
    package var order: DecodingOrder { isProgressive || scannedComponentCount < components.count ? .whole : .rows }

    /// Reads a file up to its image data.
    ///
    /// - Parameter visit: is shown every segment: metadata (APP0 to APP15, COM), tables, the frame's header and, last, the scan's,
    ///   with the place of its data and a way to read them.
    package init(
        byteCount: UInt64, limits: DecodingLimits, read: (_ offset: UInt64, _ count: Int) throws -> [UInt8],
        visit: (_ marker: JPEGMarker, _ place: Range<Int>, _ data: () throws -> [UInt8]) throws -> Void = { _, _, _ in }
    ) throws {
        var segments = JPEGSegments(byteCount: byteCount, isLenient: limits.options.isLenient)
        func show(_ segment: JPEGSegments.Segment) throws {
            try withoutActuallyEscaping(read) { read in
                try visit(segment.marker, segment.place) { try segments.data(of: segment, read) }
            }
        }
        guard try segments.next(read).marker == .startOfImage else {
            throw CodecError.corrupt("The JPEG file is damaged: it does not begin with its start mark.")
        }
        var header: JPEGHeader?
        var orientation: UInt8?
        var hasProfileOfInks = false
        while true {
            let segment = try segments.next(read)
            let marker = segment.marker
            if marker == .startOfScan {
                guard var header else {
                    throw CodecError.corrupt(
                        "The JPEG file is damaged: it has image data before its size. Send an intact copy.")
                }
                try header.takeScan(try segments.data(of: segment, read))
                try show(segment)
                if header.isOfInks, !hasProfileOfInks { throw Self.inksWithoutProfile() }
                header.orientation = orientation ?? 1
                try header.check(fileByteCount: byteCount, limits)
                self = header
                return
            } else if marker.isFrame {
                guard header == nil else {
                    throw CodecError.corrupt("The JPEG file is damaged: it has two headers. Send an intact copy.")
                }
                header = try JPEGHeader(marker, try segments.data(of: segment, read))
                try show(segment)
            } else if marker.isAlone {
                continue
            } else if marker == .endOfImage {
                throw CodecError.corrupt("The JPEG file has no image data: it ends at byte \(segment.offset + 2).")
            } else if marker.isTableOrMiscellaneous {
                if marker == .application(1), orientation == nil {
                    orientation = JPEGMetadata.exif(in: try segments.data(of: segment, read))?.orientation
                }
                if marker == .application(2), !hasProfileOfInks {
                    hasProfileOfInks = JPEGMetadata.beginsProfileOfInks(
                        try segments.data(of: segment, upTo: JPEGMetadata.profileStartByteCount, read))
                }
                try show(segment)
            } else {
                try Self.refuse(marker, at: segment.offset)
            }
        }
    }

    /// A marker that decoders end at.
    private static func refuse(_ marker: JPEGMarker, at offset: UInt64) throws(CodecError) {
        // DHP, EXP.
        if [0xde, 0xdf].contains(marker.code) { throw unsupported("hierarchical") }
        throw .corrupt(
            "The JPEG file is damaged: there is \(marker) at byte \(offset), which JPEG does not define there. Send an intact "
                + "copy.")
    }

    private static func unsupported(_ process: String) -> CodecError {
        .unsupported(
            "The JPEG file is \(process), which is not read. Save it as baseline or progressive JPEG of 8 bits, or as PNG."
        )
    }

    /// Reads the data of SOFn.
    ///
    ///     u8 bits | u16 height | u16 width | u8 components | component ...
    ///     component:  u8 identifier | u4 horizontal, u4 vertical sampling | u8 quantization table
    private init(_ marker: JPEGMarker, _ data: [UInt8]) throws(CodecError) {
        switch marker.code {
        case 0xc0, 0xc1, 0xc2: break
        case 0xc3: throw Self.unsupported("lossless")
        case 0xc9, 0xca: throw Self.unsupported("compressed arithmetically")
        case 0xcb: throw Self.unsupported("lossless and compressed arithmetically")
        default: throw Self.unsupported("hierarchical")
        }
        guard data.count >= 6, data.count == 6 + 3 * Int(data[5]), data[5] > 0 else {
            throw .corrupt("The JPEG file is damaged: its header has \(data.count) bytes. Send an intact copy.")
        }
        guard data[0] == 8 else { throw Self.unsupported("of \(data[0]) bits per sample") }
        height = Int(bigEndianInteger(data[1..<3]))
        width = Int(bigEndianInteger(data[3..<5]))
        guard width > 0 else {
            throw .corrupt("The JPEG file is damaged: its header says a width of 0. Send an intact copy.")
        }
        guard height > 0 else {
            throw .unsupported(
                "The JPEG file says its height behind its image data (DNL), which is not read. Save it again, or as PNG."
            )
        }
        guard max(width, height) <= Self.maximumSide else {
            throw .unsupported(
                "The JPEG file is \(width) x \(height) pixels; a side may have at most \(Self.maximumSide) where libjpeg reads it. "
                    + "Save it as PNG or TIFF.")
        }
        isProgressive = marker == .progressiveFrame
        components = stride(from: 6, to: data.count, by: 3).map { index in
            Component(
                identifier: data[index], horizontalSampling: Int(data[index + 1] >> 4),
                verticalSampling: Int(data[index + 1] & 15))
        }
        guard [1, 3, 4].contains(components.count) else {
            throw Self.unsupported("of \(components.count) components")
        }
        for component in components {
            guard (1...4).contains(component.horizontalSampling), (1...4).contains(component.verticalSampling) else {
                throw .corrupt(
                    "The JPEG file is damaged: its header says a sampling of \(component.horizontalSampling) x "
                        + "\(component.verticalSampling); 1 to 4 each are allowed. Send an intact copy.")
            }
            guard largestSampling.horizontal % component.horizontalSampling == 0,
                largestSampling.vertical % component.verticalSampling == 0
            else { throw Self.unsupported("subsampled by a fraction") }
        }
    }

    private static func inksWithoutProfile() -> CodecError {
        .unsupported(
            "The JPEG file has four inks for printing (CMYK or YCCK) and no colour profile that says what they look like. Put the "
                + "printer's profile into it, for example by exiftool: exiftool '-icc_profile<=printer.icc' in.jpg")
    }

    /// Reads the first scan's header as far as the order of decoding depends on it.
    private mutating func takeScan(_ data: [UInt8]) throws(CodecError) {
        guard let count = data.first, (1...components.count).contains(Int(count)), data.count == 4 + 2 * Int(count)
        else {
            throw .corrupt(
                "The JPEG file is damaged: the header of its image data has \(data.count) bytes. Send an intact copy.")
        }
        scannedComponentCount = Int(count)
    }

    private var largestSampling: (horizontal: Int, vertical: Int) {
        (components.map(\.horizontalSampling).max() ?? 1, components.map(\.verticalSampling).max() ?? 1)
    }

    /// Blocks of 8 x 8 samples of all components.
    private var blockCount: UInt64 {
        let (horizontal, vertical) = largestSampling
        func blocks(_ side: Int, _ sampling: Int, _ largest: Int) -> UInt64 {
            UInt64((side * sampling + 8 * largest - 1) / (8 * largest))
        }
        return components.reduce(0) { sum, component in
            sum + blocks(width, component.horizontalSampling, horizontal)
                * blocks(height, component.verticalSampling, vertical)
        }
    }

    private func check(fileByteCount: UInt64, _ limits: DecodingLimits) throws(CodecError) {
        try limits.check(width: width, height: height)
        let byteCount = UInt64(shape.byteCount)
        // A block takes a bit for its mean and, in a sequential file, one for the end of its other coefficients: no Huffman
        // code is shorter.
        let least = blockCount * (isProgressive ? 1 : 2) / 8
        if byteCount > DecodingLimits.unquestionedByteCount, least > fileByteCount {
            throw .corrupt(
                "The JPEG file is damaged: it claims \(width) x \(height) pixels, which need at least \(least) bytes, and has "
                    + "\(fileByteCount). Send an intact copy.")
        }
        try limits.check(unpackedByteCount: byteCount, ofFileOf: fileByteCount)
        if order == .whole, byteCount > limits.maximumInterlacedByteCount {
            throw .overLimit(
                "The image is stored in several scans (progressive JPEG) and decodes to \(byteCount) bytes; such an image is held "
                    + "in memory as a whole and may have at most \(limits.maximumInterlacedByteCount). Save it as baseline JPEG "
                    + "(jpegtran in.jpg > out.jpg), or raise max-interlaced-bytes of the master.")
        }
    }
}
