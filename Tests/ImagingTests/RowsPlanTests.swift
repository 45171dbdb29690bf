import Kernels
import Pipelines
import SeededRandom
import Testing

/// Previews: rows of a result, computed alone.
@Suite struct RowsPlanTests {
    private func rows(
        _ range: Range<Int>, of pipeline: Pipeline, _ image: TestImage, _ sight: RowsPlan.Sight = .everything,
        threadCount: Int = 1
    ) throws -> (bytes: [UInt8], plan: RowsPlan) {
        let plan = try RowsPlan(pipeline, of: image.shape, rows: range, sight: sight)
        let made = try image.bytes.withUnsafeBytes { raw in
            let base = try #require(raw.baseAddress)
            let needed = RowsView(
                shape: image.shape, rows: plan.inputRows,
                base: base + plan.inputRows.lowerBound * image.shape.bytesPerRow)
            let executor = RowsExecutor(plan, threadCount: threadCount, pixelsAtATime: 100)
            return try executor.run(on: RowBuffer(copying: needed)).rows
        }
        #expect(made.rows == range)
        return (made.bytes, plan)
    }

    @Test func `rows of a random pipeline alone are those of the whole result`() throws {
        let operations = OperationCatalogue.all.map { $0.description }
        var random = SeededGenerator(seed: 72)
        var short = 0
        for seed in UInt64(1)...UInt64(2 * operations.count) {
            guard let drawn = try DrawnCase(seed: seed, with: operations[Int(seed) % operations.count]) else {
                continue
            }
            let pipeline = try Pipeline(parsing: drawn.pipeline).givingPicture()
            let image = drawn.image
            let expected = try image.applying(pipeline)
            let first = Int.random(in: 0..<expected.height, using: &random)
            let last = Int.random(in: first..<expected.height, using: &random)
            let wanted = first..<last + 1
            let part = expected.bytes[first * expected.shape.bytesPerRow..<(last + 1) * expected.shape.bytesPerRow]
            for threadCount in [1, 3] {
                let bytes = try rows(wanted, of: pipeline, image, threadCount: threadCount).bytes
                #expect(bytes == Array(part), "\(drawn), rows \(wanted), \(threadCount) threads")
            }
            // What nobody short-sighted takes part in is right, too.
            let (bytes, plan) = try rows(wanted, of: pipeline, image, .nearbyRows)
            if plan.shortSighted.isEmpty {
                #expect(bytes == Array(part), "\(drawn), rows \(wanted), nearby")
            } else {
                short += 1
                #expect(bytes.count == part.count)
            }
        }
        #expect(short > 0)
    }

    @Test func `what sees the whole image is named when it sees some rows only`() throws {
        let shape = ImageShape(width: 100, height: 1000, format: PixelFormat(.rgb, .eight))
        let pipeline = try Pipeline(parsing: "gaussian-blur sigma=2 | otsu | invert")
        let near = try RowsPlan(pipeline, of: shape, rows: 500..<510, sight: .nearbyRows)
        #expect(near.shortSighted == ["otsu"])
        #expect(near.inputRows.count < 40)
        let all = try RowsPlan(pipeline, of: shape, rows: 500..<510)
        #expect(all.shortSighted.isEmpty)
        #expect(all.inputRows == 0..<1000)
        #expect(all.largestPixelCount == 100 * 1000)
    }

    @Test func `a threshold of a reduced copy serves rows of the image`() throws {
        let image = TestImage.drawn(60, 200, PixelFormat(.gray, .eight), seed: 5)
        let pipeline = try Pipeline(parsing: "otsu")
        let whole = try RowsPlan(pipeline, of: image.shape)
        let values = try image.bytes.withUnsafeBytes { raw in
            let base = try #require(raw.baseAddress)
            let all = RowsView(shape: image.shape, rows: 0..<image.height, base: base)
            return try RowsExecutor(whole).run(on: RowBuffer(copying: all)).values
        }
        let plan = try RowsPlan(pipeline, of: image.shape, rows: 100..<120, sight: .nearbyRows)
        let part = try image.bytes.withUnsafeBytes { raw in
            let base = try #require(raw.baseAddress)
            let needed = RowsView(shape: image.shape, rows: plan.inputRows, base: base + plan.inputRows.lowerBound * 60)
            return try RowsExecutor(plan, values: values).run(on: RowBuffer(copying: needed)).rows.bytes
        }
        #expect(try image.applying(pipeline).bytes[100 * 60..<120 * 60].elementsEqual(part))
    }

    @Test func `a computation ends between two steps when it is told to`() throws {
        struct Stopped: Error {}
        let image = TestImage.drawn(64, 64, PixelFormat(.gray, .eight), seed: 1)
        let plan = try RowsPlan(Pipeline(parsing: "invert"), of: image.shape)
        let rows = RowBuffer(shape: image.shape, rows: 0..<64)
        for threadCount in [1, 3] {
            let executor = RowsExecutor(plan, threadCount: threadCount, pixelsAtATime: 1) { throw Stopped() }
            #expect(throws: Stopped.self) { try executor.run(on: rows) }
        }
    }

    @Test func `what is measured in pixels becomes smaller for a reduced copy`() throws {
        let pipeline = try Pipeline(
            parsing: "gaussian-blur sigma=8 | median size=9 | crop x=100 y=40 width=300 height=200 | threshold value=90"
        )
        let reduced = try pipeline.reduced(horizontal: 0.25, vertical: 0.5)
        #expect(
            reduced.canonicalText
                == "gaussian-blur sigma=2 | median size=3 | crop x=25 y=20 width=75 height=100 | threshold value=90")
    }

    @Test func `a document becomes the picture of what was found`() throws {
        let pipeline = try Pipeline(parsing: "otsu | components output=json")
        #expect(try pipeline.givingPicture().resultKind == .image)
        #expect(try Pipeline(parsing: "invert").givingPicture().canonicalText == "invert")
    }
}
