import Foundation
import JobModel
import Pipelines
import Testing

@testable import ImageCodecs
@testable import ImageFormats

/// JPEG and TIFF files of four inks.
@Suite struct InkTests {
    /// The file without the segment of a kind.
    private static func without(_ marker: UInt8, _ file: [UInt8]) -> [UInt8] {
        var kept = Array(file[..<2])
        var offset = 2
        while file[offset + 1] != 0xda {
            let end = offset + 2 + Int(bigEndianInteger(file[offset + 2..<offset + 4]))
            if file[offset + 1] != marker { kept += file[offset..<end] }
            offset = end
        }
        return kept + file[offset...]
    }

    @Test(
        .enabled(if: ForeignPrograms.areExpected, ForeignPrograms.advice),
        arguments: [("cmyk.jpg", true), ("ycck.jpg", true), ("cmyk.jpg", false)])
    func `inks have the colours that Pillow's ImageCms gives them`(_ name: String, _ hasAdobesMark: Bool) throws {
        #expect(ForeignPrograms.missing.isEmpty, ForeignPrograms.advice)
        let fixture = FixtureFiles.jpeg.read(name)
        let file = hasAdobesMark ? fixture : Self.without(0xee, fixture)
        let place = URL(filePath: NSTemporaryDirectory()).appending(path: "inks-\(UUID().uuidString).jpg")
        try Data(file).write(to: place)
        defer { try? FileManager.default.removeItem(at: place) }
        // Pillow takes all files as inverted; without Adobe's mark, ours are not.
        let script = """
            import io, sys
            from PIL import Image, ImageCms, ImageChops
            image = Image.open(sys.argv[1])
            profile = ImageCms.ImageCmsProfile(io.BytesIO(image.info["icc_profile"]))
            inks = image if sys.argv[2] == "true" else ImageChops.invert(image)
            result = ImageCms.profileToProfile(inks, profile, ImageCms.createProfile("sRGB"), outputMode="RGB", renderingIntent=0)
            print(" ".join(map(str, result.tobytes())))
            """
        let text = try ForeignPrograms.run(ForeignPrograms.python, ["-c", script, place.path, "\(hasAdobesMark)"])
        let expected = text.split(separator: " ").compactMap { Int($0.trimmingCharacters(in: .whitespacesAndNewlines)) }
        let image = try decoded(file, rowsAtATime: 7)
        #expect(image.header.shape == ImageShape(width: 61, height: 47, format: PixelFormat(.rgb, .eight)))
        #expect(image.remarks.isEmpty && expected.count == image.pixels.count)
        let difference = zip(image.pixels, expected).map { abs(Int($0) - $1) }.max()
        // Two profiles of sRGB, rounded on their own.
        #expect(difference.map { $0 <= 1 } == true, "\(difference ?? -1)")
        #expect(try decoded(file).pixels == image.pixels)
    }

    @Test func `the result says that it is sRGB`() throws {
        let file = FixtureFiles.jpeg.read("cmyk.jpg")
        let image = try ImageFile.decode(file, metadataFor: JPEGFormat(), effect: []) { $0 }
        #expect(image.metadata.contains(ICCProfile.sRGB) && !image.metadata.contains(Array("CMYK".utf8)))
    }

    @Test func `inks without a whole profile of inks are refused, with the way out`() throws {
        let file = FixtureFiles.jpeg.read("cmyk.jpg")
        for plain in [Self.without(0xe2, file), FixtureFiles.jpeg.read("x-cmyk.jpg")] {
            let error = try #require(codecError { _ = try probe(plain) })
            #expect(error.kind == .unsupported && error.reason.contains("exiftool '-icc_profile<=printer.icc'"))
            #expect(codecError { _ = try decoded(plain) } == error)
        }
        // The probe sees the start of a profile; the decoder needs all of it.
        let letters = try #require(file.firstRange(of: Array("A2B0".utf8)))
        var damaged = file
        damaged[letters.lowerBound] ^= 1
        var incomplete = file
        let mark = try #require(file.firstRange(of: Array("ICC_PROFILE\0".utf8)))
        incomplete[mark.upperBound + 1] = 2
        var limits = DecodingLimits()
        for (wrong, limit) in [(damaged, 1 << 20), (incomplete, 1 << 20), (file, 4_000)] {
            limits.maximumMetadataByteCount = UInt64(limit)
            #expect(try probe(wrong, limits: limits).shape.width == 61)
            #expect(codecError { _ = try decoded(wrong, limits: limits) }?.kind == .unsupported)
        }
    }

    // MARK: TIFF

    /// The profile of the JPEG file.
    private static func profile() throws -> [UInt8] {
        let file = FixtureFiles.jpeg.read("cmyk.jpg")
        let mark = try #require(file.firstRange(of: Array("ICC_PROFILE\0".utf8)))
        let start = mark.upperBound + 2
        return Array(file[start..<start + Int(bigEndianInteger(file[start..<start + 4]) as UInt32)])
    }

    private static func sample(_ change: (inout SampleTIFF) -> Void = { _ in }) throws -> SampleTIFF {
        var image = SampleTIFF(width: 37, height: 29, photometric: 5, sampleCount: 4)
        image.fields = [TIFFFieldBytes(.profile, .undefined, bytes: try profile())]
        change(&image)
        return image
    }

    /// One of each way to store the same inks.
    private static func samples() throws -> [SampleTIFF] {
        [
            try sample(), try sample { ($0.compression, $0.isPredicted, $0.tile) = (.lzw, true, (16, 16)) },
            try sample { ($0.compression, $0.isPlanar) = (.deflate, true) },
            try sample { ($0.isPlanar, $0.tile, $0.form) = (true, (16, 32), TIFFForm(order: .bigEndian, isBig: true)) },
            try sample { ($0.bits, $0.compression, $0.form.order) = (16, .zstd, .bigEndian) },
            try sample { ($0.bits, $0.isPlanar) = (16, true) },
        ]
    }

    /// 0 means that there is none of an ink.
    private static func inks() throws -> [UInt16] { try sample().samples() }

    private static func converted(_ inks: [UInt16], _ depth: SampleDepth) throws -> [UInt8] {
        let stored = inks.flatMap { ink in
            depth == .eight ? [UInt8(ink)] : TIFFByteOrder.littleEndian.bytes(UInt64(ink) * 257, count: 2)
        }
        let conversion = try InkConversion(profile: profile(), isInverted: false, depth: depth, kind: "TIFF")
        var colors = [UInt8](repeating: 0, count: stored.count / 4 * 3)
        stored.withUnsafeBytes { inks in
            colors.withUnsafeMutableBytes { colors in
                guard let from = inks.baseAddress, let to = colors.baseAddress else { return }
                conversion.convert(from, count: inks.count / (depth == .eight ? 4 : 8), to: to)
            }
        }
        return colors
    }

    @Test func `inks in a TIFF file become colours, however they are stored`() throws {
        let inks = try Self.inks()
        let (eight, sixteen) = (try Self.converted(inks, .eight), try Self.converted(inks, .sixteen))
        for image in try Self.samples() {
            let file = image.file(image.bits == 8 ? inks : inks.map { $0 * 257 })
            let expected = image.bits == 8 ? eight : sixteen
            let decoded = try ImageFile.decode(file)
            #expect(decoded.shape.format == PixelFormat(.rgb, image.bits == 8 ? .eight : .sixteen), "\(image)")
            #expect(decoded.pixels == expected, "\(image)")
            let bytesPerRow = decoded.shape.bytesPerRow
            #expect(
                try decodeByPieces(file, 7..<23) == Array(expected[7 * bytesPerRow..<23 * bytesPerRow]), "\(image)")
        }
        // Of 16 bits, the higher eight are those of 8, but for rounding.
        let difference = zip(eight, stride(from: 1, to: sixteen.count, by: 2)).map { abs(Int($0) - Int(sixteen[$1])) }
            .max()
        #expect(difference.map { $0 <= 1 } == true, "\(difference ?? -1)")
    }

    @Test(.enabled(if: ForeignPrograms.areExpected, ForeignPrograms.advice))
    func `inks in a TIFF file have the colours that Pillow's ImageCms gives them`() throws {
        #expect(ForeignPrograms.missing.isEmpty, ForeignPrograms.advice)
        let place = URL(filePath: NSTemporaryDirectory()).appending(path: "inks-\(UUID().uuidString).tif")
        let file = try Self.sample { $0.compression = .lzw }.file(Self.inks())
        try Data(file).write(to: place)
        defer { try? FileManager.default.removeItem(at: place) }
        let script = """
            import io, sys
            from PIL import Image, ImageCms
            image = Image.open(sys.argv[1])
            profile = ImageCms.ImageCmsProfile(io.BytesIO(image.info["icc_profile"]))
            result = ImageCms.profileToProfile(image, profile, ImageCms.createProfile("sRGB"), outputMode="RGB", renderingIntent=0)
            print(" ".join(map(str, result.tobytes())))
            """
        let text = try ForeignPrograms.run(ForeignPrograms.python, ["-c", script, place.path])
        let expected = text.split(separator: " ").compactMap { Int($0.trimmingCharacters(in: .whitespacesAndNewlines)) }
        let pixels = try ImageFile.decode(file).pixels
        #expect(expected.count == pixels.count)
        let difference = zip(pixels, expected).map { abs(Int($0) - $1) }.max()
        #expect(difference.map { $0 <= 1 } == true, "\(difference ?? -1)")
    }

    @Test func `a result of inks in a TIFF file says that it is sRGB`() throws {
        let file = try Self.sample().file()
        for format in [TIFFFormat(), PNGFormat(), JPEGFormat()] as [any ImageEncoding] {
            let image = try ImageFile.decode(file, metadataFor: format, effect: []) { $0 }
            #expect(!image.metadata.contains(Array("CMYK".utf8)), "\(format.name)")
            // PNG compresses it.
            #expect(format is PNGFormat || image.metadata.contains(ICCProfile.sRGB), "\(format.name)")
        }
    }

    @Test func `inks in a TIFF file without a profile of inks are refused, with the way out`() throws {
        func error(_ limit: UInt64 = 1 << 20, _ change: (inout SampleTIFF) -> Void) throws -> CodecError? {
            let file = try Self.sample(change).file()
            var limits = DecodingLimits()
            limits.maximumMetadataByteCount = limit
            let error = codecError { _ = try probe(file, limits: limits) }
            #expect(codecError { _ = try ImageFile.decode(file, limits: limits) } == error)
            return error
        }
        let wayOut = "exiftool '-icc_profile<=printer.icc'"
        for (what, limit, change) in [
            ("no colour profile", 1 << 20, { $0.fields = [] }),
            (
                "for other colours", 1 << 20,
                { $0.fields = [TIFFFieldBytes(.profile, .undefined, bytes: ICCProfile.sRGB)] }
            ),
            ("max-metadata-bytes", 4_000, { _ in }),
        ] as [(String, UInt64, (inout SampleTIFF) -> Void)] {
            let error = try #require(try error(limit, change), "\(what)")
            #expect(
                error.kind == .unsupported && error.reason.contains(wayOut) && error.reason.contains(what), "\(error)")
        }
        let other = try error { $0.fields.append(TIFFFieldBytes(.inkSet, .short, [2])) }
        #expect(other?.reason.contains("not cyan, magenta, yellow and black") == true)
        #expect(try error { $0.bits = 4 }?.reason.contains("4 bits; 8 and 16 are read") == true)
        // The probe sees the start of a profile; the decoder needs all of it.
        var damaged = try Self.sample().file()
        damaged[try #require(damaged.firstRange(of: Array("A2B0".utf8))).lowerBound] ^= 1
        #expect(try probe(damaged).shape.width == 37)
        #expect(codecError { _ = try ImageFile.decode(damaged) }?.kind == .unsupported)
    }
}
