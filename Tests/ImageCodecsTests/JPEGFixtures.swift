import Checksums
import Foundation
import JobModel
import Kernels
import Pipelines
import Testing

@testable import ImageCodecs
@testable import ImageFormats

/// The files of a format that are beside the tests; `make_fixtures.py` in their directory makes them.
struct FixtureFiles: Sendable {
    static let jpeg = FixtureFiles("JPEG")
    static let webp = FixtureFiles("WebP")

    /// The directory of the tests' resources.
    private let directory: String
    let digests: [Digest]

    private init(_ directory: String) {
        self.directory = directory
        digests = Self.digests(directory)
    }

    /// What a file decodes to, as other programs say.
    struct Digest: Sendable, CustomTestStringConvertible {
        let file: String
        let header: ImageHeader
        /// CRC-32 and Adler-32 of the rows, in hexadecimal.
        let checksums: [String]

        var testDescription: String { file }
        /// Whether it is damaged in its image data.
        var isDamaged: Bool { file.hasPrefix("y-") }
    }

    private static func digests(_ directory: String) -> [Digest] {
        String(decoding: read("digests.txt", in: directory), as: UTF8.self).split(separator: "\n").map { line in
            let words = line.split(separator: " ").map(String.init)
            let numbers = words[1..<4].map { Int($0) ?? 0 }
            guard let layout = ChannelLayout(rawValue: UInt8(numbers[2])) else { preconditionFailure("\(line)") }
            let shape = ImageShape(width: numbers[0], height: numbers[1], format: PixelFormat(layout, .eight))
            return Digest(
                file: words[0],
                header: ImageHeader(
                    shape: shape, order: words[6] == "rows" ? .rows : .whole, orientation: UInt8(words[7]) ?? 0,
                    isLossless: read(words[0], in: directory).contains(Array("VP8L".utf8))),
                checksums: Array(words[4..<6]))
        }
    }

    func read(_ file: String) -> [UInt8] { Self.read(file, in: directory) }

    private static func read(_ file: String, in directory: String) -> [UInt8] {
        guard let url = Bundle.module.url(forResource: file, withExtension: nil, subdirectory: directory),
            let data = try? Data(contentsOf: url)
        else { preconditionFailure("\(directory)/\(file) is not among the tests' resources") }
        return [UInt8](data)
    }
}

/// A decoded image with what its decoder says of it.
struct DecodedFile {
    let header: ImageHeader
    let pixels: [UInt8]
    let remarks: [ImageRemark]

    /// CRC-32 and Adler-32 of the rows, in hexadecimal of eight digits.
    var checksums: [String] {
        [CRC32.checksum(pixels), Adler32.checksum(pixels)].map { value in
            let digits = String(value, radix: 16)
            return String(repeating: "0", count: 8 - digits.count) + digits
        }
    }
}

/// Decodes a whole file, a number of rows at a time.
func decoded(
    _ file: [UInt8], isLenient: Bool = false, rowsAtATime: Int = .max, limits: DecodingLimits = DecodingLimits()
) throws -> DecodedFile {
    var limits = limits
    limits.options.isLenient = isLenient
    return try file.withUnsafeBytes { bytes in
        let decoder = try ImageFile.decoder(of: bytes, limits: limits)
        let shape = decoder.header.shape
        let rows = UnsafeMutableRawBufferPointer.allocate(byteCount: shape.byteCount, alignment: 16)
        defer { rows.deallocate() }
        while decoder.nextRow < shape.height {
            try decoder.readRows(
                into: try #require(rows.baseAddress) + decoder.nextRow * shape.bytesPerRow,
                count: min(rowsAtATime, shape.height - decoder.nextRow))
        }
        return DecodedFile(header: decoder.header, pixels: [UInt8](rows), remarks: decoder.remarks)
    }
}

/// Encodes a whole image, cut in runs of segments that `cuts` says: the last segment of each run.
func encoded(
    _ shape: ImageShape, _ pixels: [UInt8], to format: any ImageEncoding, metadata: [UInt8] = [],
    segmentsAtATime: Int = .max
) throws -> [UInt8] {
    let grid = format.segmentGrid.segments(of: shape)
    var parts: [[UInt8]] = []
    var checksums: [SegmentChecksum] = []
    for first in stride(from: 0, to: grid.count, by: min(segmentsAtATime, grid.count)) {
        let last = min(first + min(segmentsAtATime, grid.count), grid.count) - 1
        let rows = grid[first].lowerBound..<grid[last].upperBound
        // An encoder of its own, and memory of its own, as on another rank.
        let own = Array(pixels[rows.lowerBound * shape.bytesPerRow..<rows.upperBound * shape.bytesPerRow])
        try own.withUnsafeBytes { bytes in
            let view = RowsView(shape: shape, rows: rows, base: try #require(bytes.baseAddress))
            checksums.append(format.encoder(of: shape).encode(view) { parts.append([UInt8]($0)) })
        }
    }
    let frame = try format.frame(
        of: shape, metadata: metadata, checksum: try format.merge(checksums), segments: SegmentBytes(parts))
    return frame.prefix + parts.joined() + frame.suffix
}

/// A picture like a photograph: soft shapes, some edges, a little noise.
func photograph(_ shape: ImageShape, seed: Int = 1) -> [UInt8] {
    let channels = shape.format.channelCount
    return [UInt8](unsafeUninitializedCapacity: shape.byteCount) { pixels, count in
        var noise = UInt32(truncatingIfNeeded: seed)
        for y in 0..<shape.height {
            for x in 0..<shape.width {
                let (dx, dy) = (x % 160 - 80, y % 120 - 60)
                let distance = dx * dx + dy * dy
                for channel in 0..<channels {
                    noise = noise &* 1_664_525 &+ 1_013_904_223
                    let slope = 30 + (x + 2 * y) * (channel + 2) / 12 % 130
                    pixels[count] = UInt8(slope + (distance < 1_600 + 700 * channel ? 60 : 0) + Int(noise >> 29))
                    count += 1
                }
            }
        }
    }
}
