import Foundation
import ImageCodecs
import Kernels
import Pipelines
import SeededRandom
import TestSupport
import Testing

@testable import ImageFormats
@testable import Rank

/// Files of every format to files of every format and option: any number of ranks and any chunks make the file that one process
/// makes.
@Suite struct FormatTests {
    /// Wide enough for two tiles of a TIFF file, and higher than its rows of tiles and than JPEG's restart intervals; small enough
    /// for many draws.
    private static let picture = TestImage(width: 290, height: 560, seed: 13)

    /// How results are written.
    static let encodings = [
        "png", "jpeg", "jpeg quality=60 subsampling=4:4:4", "jpeg subsampling=4:2:2", "jpeg progressive", "tiff",
        "tiff compression=none", "tiff pyramid", "tiff compression=none pyramid", "webp", "webp lossless",
    ]

    /// An image file, and how its first stage reads it.
    struct Input: Sendable {
        let encoding: String
        let readsPieces: Bool
        let file: [UInt8]
        let pixels: [UInt8]
        let shape: ImageShape
    }

    /// The picture as a file of each format, decoded first; and read by its pieces, too, where it has some.
    private static let inputs = Result {
        try encodings.flatMap { encoding in
            let format = try encoder(encoding)
            let file = try picture.withBand { try ImageFile.encode($0, to: format) }
            let decoded = try ImageFile.decode(file)
            let hasPieces =
                encoding.hasPrefix("tiff") || encoding.hasPrefix("jpeg") && !encoding.contains("progressive")
            return (hasPieces ? [false, true] : [false]).map {
                Input(
                    encoding: encoding, readsPieces: $0, file: file, pixels: decoded.pixels, shape: decoded.shape)
            }
        }
    }

    private static func encoder(_ encoding: String) throws -> any ImageEncoding {
        try #require(try OutputEncoding(parsing: encoding).format as? any ImageEncoding)
    }

    /// What one undisturbed process makes of an input, in one strip.
    private static func expected(_ pipeline: String, _ input: Input, as encoding: String) throws -> [UInt8] {
        let format = try encoder(encoding)
        return try input.pixels.withUnsafeBytes { bytes in
            let view = RowsView(
                shape: input.shape, rows: 0..<input.shape.height, base: try #require(bytes.baseAddress))
            let result = try SerialExecutor.run(try Pipeline(parsing: pipeline), on: view)
            return try withExtendedLifetime(result) { try ImageFile.encode(result.view, to: format) }
        }
    }

    private static func run(
        _ pipeline: String, _ input: Input, as encoding: String, rankCount: Int, chunkByteCount: Int
    ) async throws -> [UInt8] {
        try await withTemporaryFolder { folder in
            var runner = PlanRunner(folder: folder) { order, takeBand in
                try await carryOut(order, rankCount, takeBand)
            }
            runner.encoding = encoding
            return try await runner.runInChunks(
                pipeline, input.file, input.shape, chunkByteCount: chunkByteCount, readsPieces: input.readsPieces)
        }
    }

    /// A halo, rows that become columns, a whole-image operation, other rows than the input's, and nothing at all.
    private static let pipelines = [
        "gaussian-blur sigma=2", "median size=3 | rotate", "otsu | box-blur size=3", "crop y=101 height=400 | invert",
        "resize height=300", "",
    ]

    @Test(arguments: encodings)
    func `files of any format become the same file in any number of ranks and chunks`(_ encoding: String) async throws {
        let inputs = try Self.inputs.get()
        var random = SeededGenerator(seed: encoding.utf8.reduce(7) { $0 &* 31 &+ UInt64($1) })
        for input in inputs.shuffled(using: &random).prefix(4) {
            let pipeline = try #require(Self.pipelines.randomElement(using: &random))
            let expected = try Self.expected(pipeline, input, as: encoding)
            // From some forty rows to everything in one.
            let chunkByteCount =
                Int(1 << Int.random(in: 15...19, using: &random)) + Int.random(in: 0..<999, using: &random)
            let rankCount = Int.random(in: 1...8, using: &random)
            let found = try await Self.run(
                pipeline, input, as: encoding, rankCount: rankCount, chunkByteCount: chunkByteCount)
            #expect(
                found == expected,
                """
                \(input.encoding)\(input.readsPieces ? " by its pieces" : ""), '\(pipeline)', to \(encoding), \
                \(rankCount) ranks, chunks of \(chunkByteCount)
                """)
        }
    }

    /// Whatever the pixels were stored as, without loss, and whatever they are stored as again.
    @Test(arguments: pipelines.prefix(3)) func `the same pixels of any lossless format give the same pixels out`(
        _ pipeline: String
    )
        async throws
    {
        let lossless = ["png", "tiff", "tiff compression=none", "tiff pyramid", "webp lossless"]
        let inputs = try Self.inputs.get().filter { lossless.contains($0.encoding) }
        #expect(inputs.count == 8 && inputs.allSatisfy { $0.pixels == Self.picture.pixels })
        let expected = try Self.expected(pipeline, inputs[0], as: "png")
        let pixels = try ImageFile.decode(expected).pixels
        // WebP has no gray: a gray result is RGB.
        let isGray = try ImageFile.decode(expected).shape.format.channelCount == 1
        for (index, input) in inputs.enumerated() {
            let png = try await Self.run(
                pipeline, input, as: "png", rankCount: 1 + index % 3, chunkByteCount: 190_000)
            #expect(png == expected, "\(input.encoding) to PNG")
            guard index % 2 == 0 else { continue }
            let encoding = lossless[index % lossless.count]
            let other = try await Self.run(
                pipeline, input, as: encoding, rankCount: 1 + index % 2, chunkByteCount: 170_000)
            let found = try ImageFile.decode(other).pixels
            let wanted = isGray && encoding.hasPrefix("webp") ? pixels.flatMap { [$0, $0, $0] } : pixels
            #expect(found == wanted, "\(input.encoding) to \(encoding)")
        }
    }
}
