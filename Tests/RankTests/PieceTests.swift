import Foundation
import JobModel
import Pipelines
import TestSupport
import Testing

@testable import ImageCodecs
@testable import ImageFormats
@testable import Rank

/// Chunks that read a file by its pieces: the same file as with a decode step, whatever the pieces are.
@Suite struct PieceTests {
    private static let color = SampleTIFF(height: 61, photometric: 2, sampleCount: 3)

    /// One of each way to arrange pieces and to store samples.
    static let files: [SampleTIFF] = {
        func variant(_ from: SampleTIFF = color, _ change: (inout SampleTIFF) -> Void) -> SampleTIFF {
            var changed = from
            change(&changed)
            return changed
        }
        let big = TIFFForm(order: .bigEndian, isBig: true)
        return [
            variant { $0.compression = .deflate },
            variant { ($0.compression, $0.isPredicted, $0.tile) = (.lzw, true, (16, 16)) },
            variant { ($0.isPlanar, $0.tile, $0.form) = (true, (16, 32), big) },
            variant { ($0.isPlanar, $0.compression) = (true, .packBits) },
            variant { ($0.rowsPerStrip, $0.form.order) = (1_000, .bigEndian) },
            variant { ($0.sampleCount, $0.extra, $0.tile) = (4, 1, (16, 16)) },
            variant { ($0.sampleCount, $0.extra, $0.isPlanar, $0.tile) = (4, 1, true, (16, 16)) },
            variant { ($0.bits, $0.compression, $0.form) = (16, .zstd, big) },
            variant(SampleTIFF(height: 61)) { ($0.bits, $0.photometric, $0.hasReversedBits) = (1, 0, true) },
            variant(SampleTIFF(height: 61)) {
                ($0.photometric, $0.palette, $0.compression) = (3, SampleTIFF.palette(bits: 8), .deflate)
            },
        ]
    }()

    /// Each row an orientation, a halo, a whole-image operation, or other rows than those of the chunk.
    static let pipelines = [
        "gaussian-blur sigma=3", "auto-orient orientation=3 | median size=3", "auto-orient orientation=6 | sobel",
        "otsu | box-blur size=3", "crop y=23 height=11 | invert", "resize height=30",
        "butterworth-lowpass cutoff=4 | invert",
    ]

    @Test(arguments: files) func `chunks read any file by its pieces, with the same result`(_ image: SampleTIFF)
        async throws
    {
        for (index, pipeline) in Self.pipelines.enumerated() {
            try await Self.compare(image.file(), pipeline, rankCount: [1, 2, 3, 8][index % 4], "\(image)")
        }
    }

    @Test(arguments: ["jpeg-tiles.tif", "jpeg-planar.tif", "jpeg-strips.tif", "deflate-bigtiff.tif", "lzw-tiles.tif"])
    func `chunks read other programs' files by their pieces`(_ name: String) async throws {
        let files = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("../ImageCodecsTests/TIFFFiles")
        let file = [UInt8](try Data(contentsOf: files.appendingPathComponent(name)))
        for rankCount in [1, 3] { try await Self.compare(file, "gaussian-blur sigma=2", rankCount: rankCount, name) }
    }

    @Test func `chunks read slides by their tiles and restart intervals`() async throws {
        let slides = [
            ("SVS", try SVSSlide.small(subsampling: .both).file()),
            ("NDPI", try NDPISlide.small(subsampling: .horizontal).file().bytes),
        ]
        for (name, file) in slides {
            try await Self.compare(
                file, "gaussian-blur sigma=2", rankCount: 3, name, chunkByteCounts: [7_000, 50_000, 1 << 20])
        }
    }

    /// Restart intervals of rows, of parts of rows, and of more than a row; colours shared by rows, and not.
    static let jpegFiles: [(format: JPEGFormat, layout: ChannelLayout, interval: Int)] = [
        (JPEGFormat(), .rgb, 4), (JPEGFormat(), .rgb, 3), (JPEGFormat(subsampling: .none), .rgb, 14),
        (JPEGFormat(quality: 60, subsampling: .horizontal), .rgb, 6), (JPEGFormat(), .gray, 2),
    ]

    @Test(arguments: jpegFiles.indices) func `chunks read JPEG files by their restart intervals`(_ index: Int)
        async throws
    {
        let (format, layout, interval) = Self.jpegFiles[index]
        let image = TestImage(width: 53, height: 141, layout, seed: UInt64(index))
        let file = JPEGSegmentEncoder.libjpegFile(
            shape: image.shape, pixels: image.pixels, format: format, restartInterval: interval)
        for (number, pipeline) in Self.pipelines.enumerated() {
            try await Self.compare(
                file, pipeline, rankCount: [1, 3, 2, 8][(index + number) % 4], "\(format), intervals of \(interval)",
                chunkByteCounts: [1, 1_500, 7_000])
        }
    }

    private static func compare(
        _ file: [UInt8], _ pipeline: String, rankCount: Int, _ name: String,
        chunkByteCounts: [Int] = [1, 300, 1_500, 1 << 20]
    ) async throws {
        let shape = try ImageFormats.probe(byteCount: UInt64(file.count)) { Array(file[Int($0)..<Int($0) + $1]) }.shape
        try await withTemporaryFolder { folder in
            let runner = PlanRunner(folder: folder) { order, takeBand in
                try await carryOut(order, rankCount, takeBand)
            }
            for chunkByteCount in chunkByteCounts {
                func run(readsPieces: Bool) async throws -> [UInt8] {
                    try await runner.runInChunks(
                        pipeline, file, shape, chunkByteCount: chunkByteCount, readsPieces: readsPieces)
                }
                let (expected, found) = (try await run(readsPieces: false), try await run(readsPieces: true))
                #expect(found == expected, "\(pipeline), \(rankCount) ranks, chunks of \(chunkByteCount), \(name)")
            }
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == [], "the ranks' files are removed")
        }
    }

    // MARK: What is wrong

    private static let tiled = SampleTIFF(
        height: 64, photometric: 2, sampleCount: 3, compression: .deflate, tile: (16, 16))

    private static func run(
        _ file: [UInt8], _ pipeline: String = "invert", rankCount: Int = 2
    ) async throws -> [UInt8] {
        let shape = ImageShape(width: 21, height: 64, format: PixelFormat(.rgb, .eight))
        return try await withTemporaryFolder { folder in
            try await PlanRunner(folder: folder) { order, takeBand in try await carryOut(order, rankCount, takeBand) }
                .runInChunks(pipeline, file, shape, chunkByteCount: 800, readsPieces: true)
        }
    }

    @Test func `a damaged tile is named, and harms only the rows that need it`() async throws {
        var file = Self.tiled.file()
        let layout = try TIFFFormat().layout(byteCount: UInt64(file.count), limits: DecodingLimits()) {
            Array(file[Int($0)..<Int($0) + $1])
        }
        // The last but one: rows 48 to 63.
        file[Int(layout.offsets[6]) + 8] ^= 0xff
        let refusal = await #expect(throws: PlanRunner.Refusal.self) { try await Self.run(file) }
        #expect(refusal?.cause == .corruptInput)
        #expect(refusal?.reason.contains("tile 6") == true, "\(refusal?.reason ?? "")")
        #expect(try await Self.run(file, "crop height=40") == Self.run(Self.tiled.file(), "crop height=40"))
    }

    @Test func `pieces of other rows, or bytes that are not those of the pieces, are this worker's fault`() async throws
    {
        let file = Self.tiled.file()
        let layout = try TIFFFormat().layout(byteCount: UInt64(file.count), limits: DecodingLimits()) {
            Array(file[Int($0)..<Int($0) + $1])
        }
        let good = layout.chunkPieces(for: 0..<16, format: "tiff")
        let others = layout.chunkPieces(for: 32..<64, format: "tiff")
        let wrong: [ChunkPieces] = [
            others, ChunkPieces(format: "png", ranges: good.ranges, layout: good.layout),
            ChunkPieces(format: "tiff", ranges: good.ranges, layout: [9]),
        ]
        for pieces in wrong {
            let spec = TaskSpec(
                task: TaskID(image: ImageID(job: JobID(1), index: 0), step: .chunk(stage: 0, index: 0)),
                pipeline: "invert",
                geometry: ImageGeometry(width: 21, height: 64, channelCount: 3, bitsPerSample: 8),
                chunkByteCount: 63 * 16, maximumPixelCount: 1 << 20, isInPieces: true, inputs: [],
                progressTimeoutMilliseconds: 1_000)
            let bytes = pieces.ranges.flatMap { file[Int($0.lowerBound)..<Int($0.upperBound)] }
            let refusal = await #expect(throws: PlanRunner.Refusal.self) {
                try await withTemporaryFolder { folder in
                    let runner = PlanRunner(folder: folder) { order, takeBand in
                        try await carryOut(order, 2, takeBand)
                    }
                    return try await runner.compute(spec, bytes, value: pieces.encoded()).payload
                }
            }
            #expect(refusal?.cause == .workerError)
        }
    }

    @Test func `ranges are found in what was fetched, and nothing else is`() throws {
        let memory = (0..<30).map { UInt8($0) }
        try memory.withUnsafeBytes { bytes in
            let fetched = FetchedRanges([100..<110, 200..<220], in: bytes)
            let (first, part) = (try fetched.bytes(100..<110), try fetched.bytes(205..<220))
            #expect(Array(first) == Array(0..<10) && Array(part) == Array(15..<30))
            for missing: Range<UInt64> in [99..<101, 109..<111, 110..<112, 219..<221, 0..<300] {
                #expect(throws: CodecError.self) { try fetched.bytes(missing) }
            }
        }
    }
}
