import Foundation
import JobModel
import Pipelines
import Testing

@testable import ImageCodecs
@testable import ImageFormats

/// JPEG files of four inks.
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
}
