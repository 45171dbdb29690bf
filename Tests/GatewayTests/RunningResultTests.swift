import ClientKit
import GatewayLogic
import ImageCodecs
import ImageFormats
import ImagingModel
import JobModel
import Kernels
import Pipelines
import Synchronization
import TestBasics
import Testing

@testable import Gateway

/// Pictures of results that are being computed.
@Suite struct RunningResultTests {
    private static let image = ImageID(job: JobID(17), index: 3)
    /// More pixels than are needed for levels; chunks of 256 rows.
    private static let shape = ImageShape(width: 4096, height: 2_300, format: PixelFormat(.gray, .eight))
    private static let rowsPerChunk = 256

    /// The result's file, and the same as its chunks give it.
    private struct Sample {
        let encoding: String
        let file: [UInt8]
        let chunks: [(rows: FinishedRows, segments: [UInt8])]

        init(_ encoding: String) throws {
            self.encoding = encoding
            let format = try #require(try OutputEncoding(parsing: encoding).format as? any ImageEncoding)
            let (pixels, shape) = (RowBuffer(shape: shape, rows: 0..<shape.height), RunningResultTests.shape)
            Noise.fill(pixels.mutableView.bytes)
            file = try withExtendedLifetime(pixels) { try ImageFile.encode(pixels.view, to: format) }
            let parts = RowPartition(rowCount: shape.height, rowsPerPart: rowsPerChunk)
            chunks = (0..<parts.count).map { index in
                var segments: [UInt8] = []
                let rows = parts[index]
                let checksum = withExtendedLifetime(pixels) {
                    format.encoder(of: shape).encode(pixels.mutableView.slice(rows).readable) { segments += Array($0) }
                }
                let blob = Sample.blob(index, segments.count)
                return (
                    FinishedRows(
                        rows: UInt32(rows.lowerBound)..<UInt32(rows.upperBound), segments: blob, checksum: checksum),
                    segments
                )
            }
        }

        private static func blob(_ index: Int, _ byteCount: Int) -> BlobReference {
            let digest = BlobDigest((0..<32).map { UInt8($0 + index) })
            guard let digest else { preconditionFailure("32 bytes") }
            return BlobReference(digest: digest, byteCount: UInt64(byteCount))
        }

        func partial(_ finished: [Int], run: UInt32 = 0) -> PartialResult {
            PartialResult(
                state: .running, run: run, output: ImageGeometry(RunningResultTests.shape), encoding: encoding,
                finished: finished.map { chunks[$0].rows })
        }

        /// The image while these chunks are finished.
        func running(_ finished: [Int], _ fetched: FetchedBlobs) throws -> Subject {
            let result = try #require(try RunningResult(RunningResultTests.image, partial(finished)))
            return .running(result) { [chunks] blob in
                guard let chunk = chunks.first(where: { $0.rows.segments == blob }) else {
                    throw Problem(422, "blob-not-found", "there is no blob \(blob.digest)")
                }
                fetched.note(blob)
                return chunk.segments
            }
        }

        var finished: Subject { .file(PictureDesk.File(digest: "whole", parts: Parts(bytes: file))) }
    }

    private enum Subject: Sendable {
        case file(PictureDesk.File)
        case running(RunningResult, bytes: @Sendable (BlobReference) throws -> [UInt8])
    }

    private struct Parts: FileParts {
        let bytes: [UInt8]
        var byteCount: UInt64 { UInt64(bytes.count) }
        func read(at offset: UInt64, count: Int) throws -> [UInt8] { Array(bytes[Int(offset)..<Int(offset) + count]) }
    }

    private final class FetchedBlobs: Sendable {
        private let blobs = Mutex<[BlobReference]>([])
        func note(_ blob: BlobReference) { blobs.withLock { $0.append(blob) } }
        var count: Int { blobs.withLock { $0.count } }
    }

    private static func picture(
        _ parameters: String, of subject: Subject, by desk: PictureDesk
    ) async throws -> [UInt8] {
        let address = try IIIFAddress(["iiif", "3", "17.3.result"] + parameters.split(separator: "/").map(String.init))
        guard case .picture(let request) = address.resource else { throw Problem.notFound(parameters) }
        let picture = try IIIFPicture(request, of: IIIFExtent(width: shape.width, height: shape.height))
        switch subject {
        case .file(let file): return try await desk.picture(picture, of: file, PeerDeparture())
        case .running(let result, let bytes):
            return try await desk.picture(picture, of: result, PeerDeparture(), bytes: bytes)
        }
    }

    @Test(arguments: ["png", "tiff"])
    func `finished rows give the pictures that the result's file will give`(encoding: String) async throws {
        let sample = try Sample(encoding)
        let (desk, fetched) = (PictureDesk(), FetchedBlobs())
        let running = try sample.running([0, 1, 2, 3, 5, 8], fetched)
        let finished = sample.finished
        let regions = [
            "0,0,1024,1024/max", "1024,512,1024,512/max", "3072,1280,1024,256/max", "0,2048,1024,252/max",
            // The second, third and fourth level, the last rows of the image among them.
            "0,0,2048,1024/1024,512", "0,0,4096,1024/1024,256", "0,0,4096,1024/512,128", "2048,1280,2048,256/256,32",
            "0,0,4096,1024/256,64", "0,2048,4096,252/512,32",
        ]
        for region in regions {
            let now = try await Self.picture("\(region)/0/default.png", of: running, by: desk)
            let later = try await Self.picture("\(region)/0/default.png", of: finished, by: PictureDesk())
            let isEqual = now == later
            #expect(isEqual, "\(region)")
        }
        #expect(fetched.count == 6, "each chunk is fetched and decoded once")
    }

    @Test func `a part that several pictures want at once is decoded once`() async throws {
        let sample = try Sample("png")
        let (desk, fetched) = (PictureDesk(), FetchedBlobs())
        let running = try sample.running([0], fetched)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for column in 0..<8 {
                group.addTask {
                    _ = try await Self.picture("\(column * 512),0,512,256/max/0/default.png", of: running, by: desk)
                }
            }
            try await group.waitForAll()
        }
        #expect(fetched.count == 1)
    }

    @Test func `rows that are not there yet are refused, with a time to come back`() async throws {
        let sample = try Sample("png")
        let running = try sample.running([0, 1, 3], FetchedBlobs())
        let regions = ["0,511,10,2", "0,512,10,10", "0,0,4096,2300", "0,1023,1,2"]
        for region in regions {
            let problem = await #expect(throws: Problem.self) {
                try await Self.picture("\(region)/max/0/default.png", of: running, by: PictureDesk())
            }
            #expect(problem?.status == 404 && problem?.code == "not-computed-yet", "\(region)")
            #expect(problem?.headers.contains { $0 == ("Retry-After", "1") } == true)
        }
    }

    @Test func `bytes are cached by what they are, not by the number of the job`() async throws {
        let sample = try Sample("png")
        let (desk, fetched) = (PictureDesk(), FetchedBlobs())
        let running = try sample.running([0], fetched)
        let first = try await Self.picture("0,0,64,64/max/0/default.png", of: running, by: desk)
        // The same job, image and run of another master: chunk 1 of the sample is its first.
        let other = sample.chunks[1]
        var partial = sample.partial([0])
        partial.finished[0].segments = other.rows.segments
        partial.finished[0].checksum = other.rows.checksum
        let result = try #require(try RunningResult(Self.image, partial))
        let second = try await Self.picture(
            "0,0,64,64/max/0/default.png", of: .running(result) { _ in other.segments }, by: desk)
        #expect(first != second)
    }

    @Test func `segments that are gone are told as the master tells it`() async throws {
        let sample = try Sample("png")
        var partial = sample.partial([0])
        partial.finished[0].segments = BlobReference(digest: sample.chunks[1].rows.segments.digest, byteCount: 1)
        let result = try #require(try RunningResult(Self.image, partial))
        let problem = await #expect(throws: Problem.self) {
            try await Self.picture(
                "0,0,64,64/max/0/default.png",
                of: .running(result) { _ in throw Problem(422, "blob-not-found", "gone") }, by: PictureDesk())
        }
        #expect(problem?.code == "blob-not-found")
    }

    @Test func `formats whose parts cannot be shown say so`() throws {
        for (encoding, word) in [
            ("jpeg quality=90", "JPEG"), ("webp", "WEBP"), ("tiff pyramid", "TIFF with a pyramid"),
        ] {
            var partial = PartialResult(state: .running, output: ImageGeometry(Self.shape), encoding: encoding)
            partial.finished = []
            let result = try #require(try RunningResult(Self.image, partial))
            #expect(result.objection?.contains(word) == true, "\(encoding): \(result.objection ?? "")")
        }
        let png = try #require(
            try RunningResult(Self.image, PartialResult(state: .running, output: ImageGeometry(Self.shape))))
        #expect(png.objection == nil)
        let inOnePiece = try RunningResult(Self.image, PartialResult(state: .running))
        #expect(inOnePiece?.shape == nil, "it is computed in one piece")
    }

    // MARK: What viewers are told

    @Test func `what is told grows with the rows, and begins again when the image starts over`() throws {
        let sample = try Sample("png")
        var rows = RunningRows(Self.image)
        #expect(rows.firstGap == 0 && rows.run == nil)
        try rows.add(sample.partial([0, 2]))
        #expect(rows.ranges.ranges == [0..<256, 512..<768] && rows.firstGap == 256)
        // The master is asked from the first gap on.
        try rows.add(sample.partial([1, 2, 3]))
        #expect(rows.ranges.ranges == [0..<1024] && rows.firstGap == 1024)
        let text = rows.json.text
        for part in [#""rows":[[0,1024]]"#, #""width":4096"#, #""height":2300"#, #""state":"running""#, #""image":3"#] {
            #expect(text.contains(part), "\(text)")
        }
        try rows.add(sample.partial([8], run: 9))
        #expect(rows.ranges.ranges == [2048..<2300] && rows.run == 9)
        try rows.add(PartialResult(state: .done, run: 9))
        #expect(rows.json.text.contains(#""state":"done""#) && rows.ranges.ranges.isEmpty)
    }

    @Test func `a master that does not know of rows says that it does not`() throws {
        var rows = RunningRows(Self.image)
        rows.add(.running)
        #expect(rows.json.text.contains(#""state":"running""#) && rows.json.text.contains("earlier release"))
        var done = RunningRows(Self.image)
        done.add(.done)
        #expect(done.json.text.contains(#""state":"done""#) && !done.json.text.contains("earlier"))
    }
}
