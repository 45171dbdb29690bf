import Dispatch
import Glibc
import GatewayLogic
import ImageCodecs
import ImageFormats
import Kernels
import Pipelines
import Synchronization
import TestBasics
import Testing

@testable import Gateway

/// Pictures of images that are read by parts.
@Suite struct PictureDeskTests {
    /// A file in memory, which counts the bytes that are read.
    private final class CountedParts: FileParts {
        let bytes: [UInt8]
        private let readCount = Mutex(0)

        init(_ bytes: [UInt8]) { self.bytes = bytes }

        var byteCount: UInt64 { UInt64(bytes.count) }
        var readByteCount: Int { readCount.withLock { $0 } }

        func read(at offset: UInt64, count: Int) throws -> [UInt8] {
            readCount.withLock { $0 += count }
            return Array(bytes[Int(offset)..<Int(offset) + count])
        }
    }

    /// An image of noise, which does not get smaller by compression, with a file of it.
    private struct Sample {
        let shape: ImageShape
        let pixels: [UInt8]
        let file: CountedParts

        init(_ width: Int, _ height: Int, _ format: PixelFormat, as encoding: String) throws {
            let shape = ImageShape(width: width, height: height, format: format)
            let pixels = Noise.bytes(shape.byteCount)
            self.shape = shape
            self.pixels = pixels
            let encoder = try #require(
                try OutputEncoding(request: encoding, ofInput: PNGFormat()).format as? any ImageEncoding)
            file = CountedParts(
                try pixels.withUnsafeBytes { bytes in
                    try ImageFile.encode(
                        RowsView(shape: shape, rows: 0..<height, base: bytes.baseAddress.unsafelyUnwrapped), to: encoder
                    )
                })
        }

        /// What a pipeline makes of the whole image.
        func result(_ pipeline: String) throws -> [UInt8] {
            try pixels.withUnsafeBytes { bytes in
                try SerialExecutor.run(
                    try Pipeline(parsing: pipeline),
                    on: RowsView(shape: shape, rows: 0..<shape.height, base: bytes.baseAddress.unsafelyUnwrapped)
                ).bytes
            }
        }
    }

    private func picture(
        _ parameters: String, of file: any FileParts, named digest: String = "one", by desk: PictureDesk
    ) async throws -> [UInt8] {
        let address = try IIIFAddress(["iiif", "3", "1.0.result"] + parameters.split(separator: "/").map(String.init))
        guard case .picture(let request) = address.resource else { throw Problem.notFound(parameters) }
        let named = PictureDesk.File(digest: digest, parts: file)
        let extent = try await desk.header(of: named, PeerDeparture()).extent
        let made = try await desk.picture(try IIIFPicture(request, of: extent), of: named, PeerDeparture())
        return try ImageFile.decode(made).pixels
    }

    @Test(arguments: ["png", "tiff", "tiff compression=none"])
    func `a tile has the pixels of the image, and takes a small part of its file`(encoding: String) async throws {
        let sample = try Sample(2048, 3072, PixelFormat(.rgb, .eight), as: encoding)
        let desk = PictureDesk()
        let tile = try await picture("512,1024,512,512/max/0/default.png", of: sample.file, by: desk)
        #expect(tile == (try sample.result("crop x=512 y=1024 width=512 height=512")))
        #expect(sample.file.readByteCount < sample.file.bytes.count * 3 / 5, "\(sample.file.readByteCount) bytes")
        // The tile beside it is of the same rows, which are kept.
        let before = sample.file.readByteCount
        let next = try await picture("1024,1024,512,512/max/0/default.png", of: sample.file, by: desk)
        #expect(next == (try sample.result("crop x=1024 y=1024 width=512 height=512")))
        #expect(sample.file.readByteCount == before)
    }

    @Test(arguments: [PixelFormat(.gray, .sixteen), PixelFormat(.rgba, .eight)])
    func `turned, mirrored, gray and bitonal pictures are those of the pipeline that says so`(
        format: PixelFormat
    ) async throws {
        let sample = try Sample(61, 43, format, as: "png")
        let desk = PictureDesk()
        for (parameters, pipeline) in [
            ("full/max/0/default.png", ""), ("full/max/90/default.png", "rotate degrees=90"),
            ("full/max/!0/default.png", "flip axis=horizontal"),
            ("full/max/!270/gray.png", "flip axis=horizontal | rotate degrees=270 | grayscale"),
            (
                "3,5,40,30/20,15/180/default.png",
                "crop x=3 y=5 width=40 height=30 | resize width=20 height=15 | rotate degrees=180"
            ),
            ("full/max/0/bitonal.png", "threshold"), ("full/7,/0/default.png", "resize width=7 height=5"),
        ] {
            let made = try await picture(parameters, of: sample.file, by: desk)
            #expect(made == (try sample.result(pipeline)), "\(parameters)")
        }
    }

    private static func samples(_ pixels: [UInt8]) -> [UInt16] {
        pixels.withUnsafeBytes { Array($0.bindMemory(to: UInt16.self)) }
    }

    @Test(arguments: ["png", "tiff pyramid"])
    func `a look from afar is made of a level that is made once, or that the file has`(encoding: String) async throws {
        // 8 Mi pixels and some, and too many bytes to be decoded as a whole.
        let sample = try Sample(3008, 2912, PixelFormat(.gray, .sixteen), as: encoding)
        let desk = PictureDesk()
        let far = Self.samples(try await picture("full/376,364/0/default.png", of: sample.file, by: desk))
        // Three means, each rounded half up, and the one mean of all 64, which is rounded, too.
        let exact = Self.samples(try sample.result("resize width=376 height=364"))
        try #require(far.count == exact.count)
        let worst = zip(far, exact).reduce(0) { max($0, abs(Int($1.0) - Int($1.1))) }
        #expect(worst <= 2, "\(worst)")
        let before = sample.file.readByteCount
        let tile = Self.samples(
            try await picture("0,0,2048,2048/256,256/0/default.png", of: sample.file, by: desk))
        let inTiles = (0..<256).allSatisfy { y in
            Array(tile[y * 256..<y * 256 + 256]) == Array(far[y * 376..<y * 376 + 256])
        }
        #expect(inTiles, "a tile is a part of the whole at its scale")
        #expect(sample.file.readByteCount == before, "nothing is read again")
        if encoding == "png" {
            #expect(sample.file.readByteCount < sample.file.bytes.count * 5 / 4, "the image is read once")
        } else {
            #expect(
                sample.file.readByteCount < sample.file.bytes.count / 4,
                "the levels of the file are read, not the image")
        }
    }

    /// A file whose reads wait while it is closed.
    private final class GatedParts: FileParts {
        private let parts: CountedParts
        private let isClosed = Mutex(false)
        private let gate = DispatchSemaphore(value: 0)
        /// Has an element for each read that waits.
        let arrivals: AsyncStream<Void>
        private let arrived: AsyncStream<Void>.Continuation

        init(_ parts: CountedParts) {
            self.parts = parts
            (arrivals, arrived) = AsyncStream.makeStream()
        }

        var byteCount: UInt64 { parts.byteCount }

        func close() { isClosed.withLock { $0 = true } }

        func open() {
            isClosed.withLock { $0 = false }
            gate.signal()
        }

        func read(at offset: UInt64, count: Int) throws -> [UInt8] {
            if isClosed.withLock({ $0 }) {
                arrived.yield()
                guard gate.wait(timeout: .now() + 60) == .success else { throw Problem(500, "closed", "nobody opens") }
                gate.signal()
            }
            return try parts.read(at: offset, count: count)
        }
    }

    @Test func `while a level is made others are shown, and those that wait for it share it`() async throws {
        let (large, other) = (
            try Sample(3008, 2912, PixelFormat(.gray, .sixteen), as: "png"),
            try Sample(61, 43, PixelFormat(.rgb, .eight), as: "png")
        )
        let (file, desk) = (GatedParts(large.file), PictureDesk())
        // Its head is known; what is read from here on is its rows.
        _ = try await desk.header(of: PictureDesk.File(digest: "large", parts: file), PeerDeparture())
        let before = large.file.readByteCount
        file.close()
        // More than there are turns.
        async let first = picture("full/376,364/0/default.png", of: file, named: "large", by: desk)
        async let second = picture("full/188,182/0/default.png", of: file, named: "large", by: desk)
        async let third = picture("full/94,91/0/default.png", of: file, named: "large", by: desk)
        defer { file.open() }
        var arrivals = file.arrivals.makeAsyncIterator()
        await arrivals.next()
        let tile = try await picture("full/max/0/default.png", of: other.file, named: "other", by: desk)
        #expect(tile == other.pixels)
        file.open()
        let counts = try await [first, second, third].map(\.count)
        #expect(counts == [376 * 364 * 2, 188 * 182 * 2, 94 * 91 * 2])
        #expect(large.file.readByteCount - before < large.file.bytes.count * 5 / 4, "the image is read once")
    }

    @Test func `a picture that was made is kept`() async throws {
        let sample = try Sample(61, 43, PixelFormat(.rgb, .eight), as: "png")
        let desk = PictureDesk()
        let made = try await picture("full/30,/0/default.png", of: sample.file, by: desk)
        let before = sample.file.readByteCount
        let again = try await picture("full/pct:49.2/0/color.png", of: sample.file, by: desk)
        #expect(again == made && sample.file.readByteCount == before, "another spelling of the same picture")
        _ = try await picture("full/31,/0/default.png", of: sample.file, by: desk)
        #expect(sample.file.readByteCount > before)
    }

    @Test func `the level of a picture has all of its detail, and its edges`() throws {
        let image = IIIFExtent(width: 10_001, height: 8000)
        func level(_ parameters: String) throws -> Int {
            let address = try IIIFAddress(
                ["iiif", "3", "1.0.result"] + parameters.split(separator: "/").map(String.init))
            guard case .picture(let request) = address.resource else { throw Problem.notFound(parameters) }
            return LeveledImage.level(for: try IIIFPicture(request, of: image), of: image, upTo: 5)
        }
        #expect(try level("full/max/0/default.jpg") == 1)
        #expect(try level("0,0,4096,4096/512,512/0/default.jpg") == 3)
        #expect(try level("0,0,4096,4096/513,513/0/default.jpg") == 2)
        #expect(try level("8192,4096,1809,3904/227,488/0/default.jpg") == 3, "the last tile ends where the image ends")
        #expect(try level("4,0,4096,4096/512,512/0/default.jpg") == 2, "an edge that is on no pixel of the third level")
        #expect(try level("1,1,1024,1024/128,128/0/default.jpg") == 0, "an edge that is on no pixel of any level")
        #expect(try level("1,1,1024,1024/32,32/0/default.jpg") == 2, "8 pixels of the level to each of the picture's")
        #expect(try level("square/100,100/0/default.jpg") == 3)
        #expect(try level("full/10,8/0/default.jpg") == 5)
    }

    @Test func `a region on a level is within the level`() throws {
        let image = IIIFExtent(width: 61, height: 43)
        let last = LeveledImage.region(IIIFRectangle(x: 0, y: 0, extent: image), onLevel: 3).extent
        #expect(last == IIIFExtent(width: 8, height: 6))
        for x in 0..<61 {
            for width in 1...61 - x {
                let whole = IIIFRectangle(x: x, y: 0, extent: IIIFExtent(width: width, height: 1))
                let region = LeveledImage.region(whole, onLevel: 3)
                #expect(region.x + region.extent.width <= last.width, "\(x) and \(width)")
            }
        }
    }

    /// Against sums: with odd sides, and more rows than are read at a time.
    @Test func `a level of an image has the means of its means`() throws {
        let sample = try Sample(3001, 4501, PixelFormat(.gray, .eight), as: "tiff compression=none")
        let level = try LeveledImage.reduced(
            PreviewSource.decoded(DecodedPicture(shape: sample.shape, orientation: 1, pixels: sample.pixels)), to: 3)
        var (width, height, expected) = (sample.shape.width, sample.shape.height, sample.pixels.map(Int.init))
        for _ in 0..<3 {
            let (halfWidth, halfHeight) = ((width + 1) / 2, (height + 1) / 2)
            var half = [Int](repeating: 0, count: halfWidth * halfHeight)
            for y in 0..<halfHeight {
                let (top, bottom) = (2 * y * width, min(2 * y + 1, height - 1) * width)
                for x in 0..<halfWidth {
                    let (left, right) = (2 * x, min(2 * x + 1, width - 1))
                    half[y * halfWidth + x] =
                        (expected[top + left] + expected[top + right] + expected[bottom + left]
                            + expected[bottom + right] + 2) / 4
                }
            }
            (width, height, expected) = (halfWidth, halfHeight, half)
        }
        #expect(level.shape.width == width && level.shape.height == height)
        #expect(level.pixels.map(Int.init) == expected)
    }

    @Test func `a level that is made is bounded, however large the image is`() {
        let level = { (side: Int) in
            LeveledImage.madeLevel(of: ImageShape(width: side, height: side, format: PixelFormat(.rgb, .eight)))
        }
        #expect(level(20_000) == 3)
        #expect(level(63_000) == 4)
    }

    @Test func `a file that only begins as the cluster's do is decoded from its start`() async throws {
        let sample = try Sample(4096, 4200, PixelFormat(.gray, .eight), as: "png")
        // All image data behind the first chunk as one chunk, as other programs write it.
        var (merged, data, after, offset) = (PNGLayout.signature, [UInt8](), [UInt8](), PNGLayout.signature.count)
        var isFirst = true
        while offset < sample.file.bytes.count {
            let bytes = sample.file.bytes[offset...]
            let count = bytes.prefix(4).reduce(0) { $0 << 8 | Int($1) }
            let chunk = bytes.prefix(count + PNGLayout.chunkOverhead)
            if Array(chunk.dropFirst(4).prefix(4)) == Array("IDAT".utf8), !isFirst {
                data += chunk.dropFirst(8).dropLast(4)
            } else if data.isEmpty {
                merged += chunk
                if Array(chunk.dropFirst(4).prefix(4)) == Array("IDAT".utf8) { isFirst = false }
            } else {
                after += chunk
            }
            offset += chunk.count
        }
        let file = CountedParts(merged + PNGLayout.chunk(.imageData, data) + after)
        try #require(data.count > 1 << 20)
        let tile = try await picture("512,3600,512,512/max/0/default.png", of: file, by: PictureDesk())
        #expect(tile == (try sample.result("crop x=512 y=3600 width=512 height=512")))
    }

    @Test func `every source gives some columns as it gives whole rows`() throws {
        let sample = try Sample(1300, 900, PixelFormat(.rgb, .sixteen), as: "png")
        let decoded = PreviewSource.decoded(
            DecodedPicture(shape: sample.shape, orientation: 1, pixels: sample.pixels))
        let header = try sample.file.bytes.withUnsafeBytes {
            try ImageFile.decoder(of: $0, limits: DecodingLimits(maximumPixelCount: 1 << 30)).header
        }
        let index = try #require(try PNGSegmentIndex(sample.file, header))
        let bands = BandSource(name: "bands", shape: sample.shape, cache: BandCache(limit: 1 << 20)) {
            PNGBandReader(index, ReadAheadParts(sample.file))
        }
        let sources: [any RowSource] = [
            decoded, bands, PreviewSource.file(sample.file.bytes, header), ReducedSource(decoded, level: 2),
        ]
        for source in sources {
            let (width, height) = (source.shape.width, source.shape.height)
            for columns in [0..<width, 0..<1, 3..<width - 7, width - 1..<width] {
                // Bands have fewer rows than the second run.
                for rows in [0..<1, 2..<height - 3, height - 1..<height] {
                    let whole = try source.withRows { try $0(rows) }
                    let part = try source.withRows(of: columns) { try $0(rows) }
                    #expect(part.rows == rows && part.shape == source.shape.narrowed(to: columns))
                    let same = rows.allSatisfy { y in
                        withExtendedLifetime((whole, part)) {
                            memcmp(
                                part.view.row(y, as: UInt8.self),
                                whole.view.row(y, as: UInt8.self) + columns.lowerBound * 6, columns.count * 6) == 0
                        }
                    }
                    #expect(same, "\(source.shape) \(columns) \(rows)")
                }
            }
        }
    }

    @Test func `a picture whose rows take too many of the image's is refused`() async throws {
        // Half a gigabyte of rows for each row of the picture; nothing of them is read.
        struct Tall: RowSource {
            let shape = ImageShape(width: 1 << 16, height: 1 << 12, format: PixelFormat(.gray, .sixteen))
            func withRows<Value>(
                of columns: Range<Int>, _ body: ((Range<Int>) throws -> RowBuffer) throws -> Value
            ) throws -> Value {
                try body { _ in throw Problem(500, "read", "rows were read") }
            }
        }
        let source = Tall()
        let image = IIIFExtent(width: source.shape.width, height: source.shape.height)
        func problem(_ parameters: String) throws -> Problem? {
            let address = try IIIFAddress(
                ["iiif", "3", "1.0.result"] + parameters.split(separator: "/").map(String.init))
            guard case .picture(let request) = address.resource else { throw Problem.notFound(parameters) }
            let picture = try IIIFPicture(request, of: image)
            return #expect(throws: Problem.self) {
                try PictureMaker(stop: PreviewStop()).file(picture, picture.region, of: source)
            }
        }
        #expect(try problem("full/16384,1/0/default.png")?.status == 413)
        #expect(try problem("full/16384,1024/0/default.png")?.code == "read")
    }

    @Test func `what is used stays, and what was used longest ago goes`() {
        let values = RecentValues<Int, [UInt8]>(limit: 300) { $0.count }
        for key in 0..<3 { values.keep([UInt8](repeating: 0, count: 100), as: key) }
        for _ in 0..<1000 { _ = values[0] }
        values.keep([UInt8](repeating: 1, count: 100), as: 3)
        #expect(values[0] != nil && values[1] == nil && values[2] != nil && values[3] != nil)
        values.keep([UInt8](repeating: 2, count: 250), as: 4)
        #expect(values[4] != nil && values[0] == nil && values[3] == nil)
        values.keep([1], as: 4)
        #expect(values[4] == [1])
    }
}
