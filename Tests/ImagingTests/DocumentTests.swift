import Foundation
import Kernels
import Pipelines
import SeededRandom
import Testing

@Suite struct DocumentTests {
    static let pipelines = [
        "components output=json", "components connectivity=4 output=json", "contours output=json",
        "hough-lines rho=2 theta=9 threshold=7 output=json", "histogram bins=11 output=json",
        "harris block=3 threshold=0.1 output=json", "otsu | open | components output=json",
        "canny low=60 high=200 | contours output=json", "crop y=2 | flip | canny | hough-lines threshold=3 output=json",
        "gaussian-blur | harris output=json", "clahe grid=3 | histogram output=json",
    ]

    @Test(arguments: pipelines)
    func `a document does not depend on chunks and ranks`(_ text: String) throws {
        let pipeline = try Pipeline(parsing: text)
        #expect(pipeline.resultKind == .json)
        for (width, height, format) in [
            (23, 31, PixelFormat(.gray, .eight)), (1, 13, PixelFormat(.gray, .eight)),
            (19, 3, PixelFormat(.rgba, .sixteen)),
        ] {
            var image = TestImage.drawn(width, height, format, seed: UInt64(height))
            // Half of it black: regions, holes, and borders that wind through many chunks.
            for index in image.samples.indices where image.samples[index] < image.maximum / 2 {
                image.samples[index] = 0
            }
            let expected = try image.document(of: pipeline)
            #expect(try JSONSerialization.jsonObject(with: Data(expected)) is [String: Any])
            for rows in [1, 3, 7, 40] {
                let plan = try ProcessingPlan(
                    pipeline: pipeline, input: image.shape, chunkByteCount: rows * image.shape.bytesPerRow)
                for rankCount in [1, 2, 5] {
                    let actual = try PlanExecutor(plan: plan, rankCount: rankCount).document(on: image)
                    #expect(actual == expected, "\(width) x \(height), \(rows) rows a chunk, \(rankCount) ranks")
                }
            }
        }
    }

    /// A spiral one pixel wide: a single border that enters and leaves every chunk many times.
    @Test func `a border is followed through all chunks`() throws {
        let size = 61
        var image = TestImage(
            shape: ImageShape(width: size, height: size, format: PixelFormat(.gray, .eight)),
            samples: Array(repeating: 0, count: size * size))
        var (x, y, dx, dy, length) = (0, 1, 1, 0, size - 1)
        while length > 1 {
            for _ in 0..<2 {
                for _ in 0..<length {
                    image[x, y, 0] = 255
                    (x, y) = (min(x + dx, size - 1), min(y + dy, size - 1))
                }
                (dx, dy) = (-dy, dx)
            }
            length -= 3
        }
        let pipeline = try Pipeline(parsing: "contours output=json")
        let expected = try image.document(of: pipeline)
        #expect(try contours(expected).count == 1)
        for rows in [1, 4] {
            let plan = try ProcessingPlan(pipeline: pipeline, input: image.shape, chunkByteCount: rows * size)
            #expect(try PlanExecutor(plan: plan, rankCount: 3).document(on: image) == expected)
        }
    }

    private func contours(_ document: [UInt8]) throws -> [[String: Any]] {
        let object = try #require(JSONSerialization.jsonObject(with: Data(document)) as? [String: Any])
        return try #require(object["contours"] as? [[String: Any]])
    }

    @Test func `a ring has an outer border and a hole`() throws {
        var image = TestImage(
            shape: ImageShape(width: 5, height: 5, format: PixelFormat(.gray, .eight)),
            samples: Array(repeating: 0, count: 25))
        for x in 1...3 { for y in 1...3 where x != 2 || y != 2 { image[x, y, 0] = 9 } }
        let text = String(decoding: try image.document(of: Pipeline(parsing: "contours output=json")), as: UTF8.self)
        #expect(
            text == """
                {"operation": "contours", "width": 5, "height": 5, "count": 2, "contours": [
                {"kind": "outer", "points": [[1, 1], [1, 2], [1, 3], [2, 3], [3, 3], [3, 2], [3, 1], [2, 1]]},
                {"kind": "hole", "points": [[1, 2], [2, 1], [3, 2], [2, 3]]}
                ]}

                """)
    }

    @Test func `a document that cannot be listed is refused, and omissions are said`() throws {
        let size = ImageShape(width: 520, height: 513, format: PixelFormat(.gray, .eight))
        // Every second pixel of every second row: 66,820 regions.
        let dots = TestImage(
            shape: size, samples: (0..<520 * 513).map { $0 % 520 % 2 == 0 && $0 / 520 % 2 == 0 ? 255 : 0 })
        for (text, rows) in [("components", 600), ("components output=json", 1), ("components output=json", 600)] {
            let pipeline = try Pipeline(parsing: text)
            let plan = try ProcessingPlan(pipeline: pipeline, input: size, chunkByteCount: rows * 520)
            let error = #expect(throws: PipelineError.self) {
                if pipeline.resultKind == .json {
                    _ = try PlanExecutor(plan: plan, rankCount: 2).document(on: dots)
                } else {
                    _ = try dots.applying(pipeline)
                }
            }
            #expect(error?.code == .unsuitableImage)
            #expect(error?.message.contains("more than 65535 regions") == true)
        }
        let pipeline = try Pipeline(parsing: "harris threshold=0 output=json")
        let noise = TestImage.drawn(400, 500, size.format, seed: 1)
        let corners = try image(pipeline, noise)
        #expect(corners["truncated"] as? Bool == true)
        #expect((corners["corners"] as? [Any])?.count == 10_000)
    }

    private func image(_ pipeline: Pipeline, _ image: TestImage) throws -> [String: Any] {
        try #require(JSONSerialization.jsonObject(with: Data(image.document(of: pipeline))) as? [String: Any])
    }

    @Test func `a document is asked for of features only, and comes last`() throws {
        #expect(try Pipeline(parsing: "components").resultKind == .image)
        let document = try Pipeline(parsing: "median | components connectivity=4").givingDocument()
        #expect(document.canonicalText == "median | components connectivity=4 output=json")
        #expect(document.resultKind == .json)
        #expect(try document.givingDocument().canonicalText == document.canonicalText)

        let image = #expect(throws: PipelineError.self) { try Pipeline(parsing: "components | sobel").givingDocument() }
        #expect(image?.code == .noDocument)
        #expect(image?.message.contains("ends with `sobel`") == true)
        #expect(image?.message.contains("contours") == true)
        let told = #expect(throws: PipelineError.self) { try Pipeline(parsing: "harris output=image").givingDocument() }
        #expect(told?.code == .noDocument)
        let middle = #expect(throws: PipelineError.self) { try Pipeline(parsing: "contours output=json | invert") }
        #expect(middle?.code == .badValue)
        #expect(middle?.message.contains("last operation") == true)
    }

    @Test func `damaged partial aggregates of contours are refused or harmless`() throws {
        let image = TestImage.drawn(9, 6, PixelFormat(.gray, .eight), seed: 3)
        let operation = try #require(Pipeline(parsing: "threshold | contours output=json").operations[1] as? Contours)
        let step = ReportStep(operation.report(for: image.shape), of: image.shape)
        let kernel = step.kernel
        let thresholded = try image.applying(Pipeline(parsing: "threshold"))
        let rows = GuardedRows(shape: step.aggregated, rows: 0..<6)
        rows.fill(from: try thresholded.prepared(by: step.prelude))
        let parts = [kernel.aggregate(rows.view(0..<3)), kernel.aggregate(rows.view(3..<6))]
        #expect(try kernel.document(parts) == kernel.document([kernel.aggregate(rows.view(0..<6))]))
        #expect(throws: PipelineError.self) { try kernel.document([parts[0]]) }
        #expect(throws: PipelineError.self) { try kernel.document([parts[0], parts[0]]) }
        var random = SeededGenerator(seed: 1)
        for _ in 0..<1000 {
            var damaged = parts[0]
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                damaged[Int.random(in: 1..<damaged.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            do {
                _ = try kernel.document([damaged, parts[1]])
            } catch {
                #expect(error.code == .badPartialResult)
            }
        }
    }
}
