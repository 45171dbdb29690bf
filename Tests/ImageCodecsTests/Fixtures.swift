import Checksums
import Foundation
import JobModel
import Pipelines
import SeededRandom
import Testing

@testable import ImageCodecs
@testable import ImageFormats

/// Every pixel format there is.
let allFormats: [PixelFormat] = ChannelLayout.allCases.flatMap { layout in
    SampleDepth.allCases.map { PixelFormat(layout, $0) }
}

/// An image that has something for each filter: slopes, edges, flat parts and noise.
func sampleImage(_ shape: ImageShape, seed: UInt64 = 1) -> [UInt8] {
    var random = SeededGenerator(seed: seed)
    var pixels: [UInt8] = []
    pixels.reserveCapacity(shape.byteCount)
    for y in 0..<shape.height {
        for x in 0..<shape.samplesPerRow {
            let noise = Int(random.next() % 5)
            let value: Int
            switch (x / 40 + y / 25) % 4 {
            case 0: value = x * 300 + y * 70
            case 1: value = 40_000
            case 2: value = y * 500 + noise * 200
            default: value = x * y * 31 + noise * 257
            }
            let low = UInt8(truncatingIfNeeded: value)
            let high = UInt8(truncatingIfNeeded: value >> 8)
            pixels.append(contentsOf: shape.format.depth == .eight ? [high] : [low, high])
        }
    }
    return pixels
}

/// The files of PngSuite that are beside the tests.
enum PngSuite {
    /// What a good file decodes to, as `make_digests.py` found.
    struct Digest: Sendable, CustomTestStringConvertible {
        let file: String
        let width, height, channelCount, bitsPerSample: Int
        /// CRC-32 and Adler-32 of the rows with 16-bit samples big-endian, in hexadecimal.
        let checksums: [String]

        var testDescription: String { file }
    }

    static let digests: [Digest] = {
        let text = String(decoding: read("digests.txt"), as: UTF8.self)
        return text.split(separator: "\n").map { line in
            let words = line.split(separator: " ").map(String.init)
            let numbers = words[1..<5].map { Int($0) ?? 0 }
            return Digest(
                file: words[0], width: numbers[0], height: numbers[1], channelCount: numbers[2],
                bitsPerSample: numbers[3],
                checksums: Array(words[5...]))
        }
    }()

    static var goodFiles: [String] { digests.map(\.file) }

    static func read(_ file: String) -> [UInt8] {
        guard let url = Bundle.module.url(forResource: file, withExtension: nil, subdirectory: "PngSuite"),
            let data = try? Data(contentsOf: url)
        else { preconditionFailure("PngSuite/\(file) is not among the tests' resources") }
        return [UInt8](data)
    }
}

/// One chunk of a PNG file, to take files apart and put them together otherwise.
struct Chunk {
    var name: String
    var data: [UInt8]

    var framed: [UInt8] {
        PNGLayout.chunk(PNGChunkType(code: bigEndianInteger(Array(name.utf8))), data)
    }

    /// The chunk with a wrong CRC.
    var damaged: [UInt8] { framed.dropLast() + [framed[framed.count - 1] ^ 1] }

    static func all(of file: [UInt8]) -> [Chunk] {
        var chunks: [Chunk] = []
        var offset = 8
        while offset < file.count {
            let count = Int(bigEndianInteger(file[offset..<offset + 4]))
            chunks.append(
                Chunk(
                    name: String(decoding: file[offset + 4..<offset + 8], as: UTF8.self),
                    data: Array(file[offset + 8..<offset + 8 + count])))
            offset += count + 12
        }
        return chunks
    }

    static func file(_ chunks: [Chunk]) -> [UInt8] { PNGLayout.signature + chunks.flatMap(\.framed) }

    /// IHDR.
    static func header(
        width: Int, height: Int, bitDepth: Int, colorType: Int, interlace: UInt8 = 0
    ) -> Chunk {
        Chunk(
            name: "IHDR",
            data: bigEndianBytes(UInt32(width)) + bigEndianBytes(UInt32(height))
                + [UInt8(bitDepth), UInt8(colorType), 0, 0, interlace])
    }

    static let end = Chunk(name: "IEND", data: [])

    /// Width and height of the passes of an interlaced image that have pixels.
    static func interlacedPasses(width: Int, height: Int) -> [(Int, Int)] {
        [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
            .map { x, y, stepX, stepY in ((width - x + stepX - 1) / stepX, (height - y + stepY - 1) / stepY) }
            .filter { $0 > 0 && $1 > 0 }
    }

    /// IDAT with a zlib stream that stores `bytes` uncompressed.
    static func stored(_ bytes: [UInt8]) -> Chunk {
        var stream: [UInt8] = [0x78, 0x01]
        var rest = bytes[...]
        repeat {
            let block = rest.prefix(0xffff)
            rest = rest.dropFirst(0xffff)
            let count = UInt16(block.count)
            stream.append(rest.isEmpty ? 1 : 0)
            for half in [count, ~count] { stream += [UInt8(half & 0xff), UInt8(half >> 8)] }
            stream += block
        } while !rest.isEmpty
        return Chunk(name: "IDAT", data: stream + bigEndianBytes(Adler32.checksum(bytes)))
    }
}

/// The decoder of the product, and libpng's, which is what its users know.
enum Decoder: CaseIterable {
    case own, libpng

    func decode(
        _ file: [UInt8], limits: DecodingLimits = DecodingLimits()
    ) throws(CodecError) -> (shape: ImageShape, pixels: [UInt8]) {
        switch self {
        case .own: try PNGFile.decode(file, limits: limits)
        case .libpng: try LibPNGDecoder.decode(file, maximumByteCount: 1 << 30)
        }
    }
}

/// Probes a file that is in memory.
func probe(_ file: [UInt8], limits: DecodingLimits = DecodingLimits()) throws -> ImageHeader {
    try ImageFormats.probe(byteCount: UInt64(file.count), limits: limits) { offset, count in
        precondition(
            offset <= UInt64(file.count) && UInt64(count) <= UInt64(file.count) - offset,
            "the probe asks for \(count) bytes from \(offset) of \(file.count)")
        return Array(file[Int(offset)..<Int(offset) + count])
    }
}

/// The error that `body` throws; `nil` when it throws none.
func codecError(_ body: () throws -> Void) -> CodecError? {
    do {
        try body()
        return nil
    } catch {
        return error as? CodecError
    }
}

/// What was passed over or left out of a file, once all its rows were read.
func remarks(_ file: [UInt8], limits: DecodingLimits = DecodingLimits()) throws -> [ImageRemark] {
    try file.withUnsafeBytes { bytes in
        let reader = try PNGReader(bytes, limits: limits)
        let rows = UnsafeMutableRawBufferPointer.allocate(byteCount: reader.header.shape.byteCount, alignment: 16)
        defer { rows.deallocate() }
        try reader.readRows(into: #require(rows.baseAddress), count: reader.header.shape.height)
        return reader.remarks
    }
}
