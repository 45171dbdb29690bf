import Foundation
import SeededRandom
import Testing

@testable import Kernels
@testable import Pipelines

@Suite struct DocumentTests {
    static let pipelines = [
        "components output=json", "components connectivity=4 output=json", "contours output=json",
        "hough-lines rho=2 theta=9 threshold=7 output=json", "hough-lines edges=90 threshold=9 lines=5 output=json",
        "hough-lines method=probabilistic theta=3 threshold=4 length=3 gap=1 edges=0 output=json",
        "hough-lines method=probabilistic threshold=3 length=2 edges=60 output=json", "histogram bins=5 output=csv",
        "histogram bins=11 output=json",
        "harris block=3 threshold=0.1 output=json", "otsu | open | components output=json",
        "canny low=60 high=200 | contours output=json", "crop y=2 | flip | canny | hough-lines threshold=3 output=json",
        "gaussian-blur | harris output=json", "clahe grid=3 | histogram output=json",
    ]

    @Test(arguments: pipelines)
    func `a document does not depend on chunks and ranks`(_ text: String) throws {
        let pipeline = try Pipeline(parsing: text)
        #expect(pipeline.resultKind == (text.hasSuffix("csv") ? .csv : .json))
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
            if pipeline.resultKind == .json {
                #expect(try JSONSerialization.jsonObject(with: Data(expected)) is [String: Any])
            }
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
        let labels = try Pipeline(parsing: "components output=labels")
        for rows in [1, 600] {
            let plan = try ProcessingPlan(pipeline: labels, input: size, chunkByteCount: rows * 520)
            let error = #expect(throws: PipelineError.self) { try PlanExecutor(plan: plan, rankCount: 2).run(on: dots) }
            #expect(error?.code == .unsuitableImage)
            #expect(
                error?.message.contains("the image has 66820 regions, but a 16-bit sample tells at most 65535") == true)
        }
        // Neither a list nor colours need labels of 16 bits.
        let list = try Pipeline(parsing: "components output=json")
        #expect(try image(list, dots)["count"] as? Int == 66_820)
        let plan = try ProcessingPlan(pipeline: list, input: size, chunkByteCount: 100 * 520)
        #expect(try PlanExecutor(plan: plan, rankCount: 2).document(on: dots) == dots.document(of: list))
        let colors = try dots.applying(Pipeline(parsing: "components"))
        #expect(colors.shape.format == PixelFormat(.rgb, .eight))
        var colored = 0
        for pixel in 0..<size.width * size.height {
            let parts = colors.samples[3 * pixel..<3 * pixel + 3]
            if parts.contains(where: { $0 > 0 }) { colored += 1 }
        }
        #expect(colored == 66_820)
        // A part that says so has more regions than are kept.
        let step = ReportStep(RegionLabels(connectivity: 8, drawing: .colors), of: size)
        let error = #expect(throws: PipelineError.self) { try step.kernel.document([[255, 255, 255, 255]]) }
        #expect(error?.code == .unsuitableImage)
        #expect(error?.message.contains("more than 5000000 regions") == true)
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
        let table = try Pipeline(parsing: "histogram bins=3").givingDocument(.csv)
        #expect(table.canonicalText == "histogram bins=3 output=csv")
        #expect(table.resultKind == .csv)
        let none = #expect(throws: PipelineError.self) { try Pipeline(parsing: "components").givingDocument(.csv) }
        #expect(none?.message.contains("ends with `components`, which gives no CSV; end it with `histogram`") == true)

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

    @Test func `a table has a line per bin, with its first level and the count of each channel`() throws {
        func table(_ text: String, _ image: TestImage) throws -> String {
            String(decoding: try image.document(of: Pipeline(parsing: text)), as: UTF8.self)
        }
        let gray = TestImage(
            shape: ImageShape(width: 4, height: 1, format: PixelFormat(.gray, .eight)), samples: [0, 85, 86, 255])
        #expect(try table("histogram bins=3 output=csv", gray) == "level,gray\n0,2\n86,1\n171,1\n")
        let color = TestImage(
            shape: ImageShape(width: 2, height: 1, format: PixelFormat(.rgba, .sixteen)),
            samples: [0, 40_000, 65_535, 9, 1, 2, 3, 4])
        #expect(try table("histogram bins=2 output=csv", color) == "level,r,g,b\n0,2,1,1\n32768,0,1,1\n")
    }

    /// The picture is the same size for every image, so that its labels can be read.
    @Test(arguments: [(1, 1), (3, 2000), (400, 7)])
    func `a histogram is a diagram of its own, however the image is cut`(_ width: Int, _ height: Int) throws {
        let pipeline = try Pipeline(parsing: "histogram | grayscale | flip")
        for format in [PixelFormat(.gray, .eight), PixelFormat(.rgba, .sixteen)] {
            let image = TestImage.drawn(width, height, format, seed: 7)
            let expected = try image.applying(pipeline)
            #expect(expected.shape == ImageShape(width: 800, height: 500, format: PixelFormat(.gray, .eight)))
            for chunk in [60_000, 300_000] {
                let plan = try ProcessingPlan(pipeline: pipeline, input: image.shape, chunkByteCount: chunk)
                #expect(try PlanExecutor(plan: plan, rankCount: 3).run(on: image) == expected)
            }
        }
    }

    /// Bars as high as their shares of the axis, each bin a column of the same width, from the lowest level to the highest.
    @Test func `the bars of a histogram are as high as the counts say`() throws {
        var image = TestImage(
            shape: ImageShape(width: 16, height: 4, format: PixelFormat(.gray, .eight)),
            samples: Array(repeating: 10, count: 64))
        for index in 0..<16 { image.samples[index] = 250 }
        func heights(_ text: String) throws -> [Int] {
            let plot = try image.applying(Pipeline(parsing: text))
            // The area of the bars: see `HistogramPicture`.
            return [100, 300, 500, 750].map { x in (48..<432).count { plot[x, $0, 0] == 190 } }
        }
        #expect(try heights("histogram bins=4 scale=linear") == [384, 0, 0, 128])
        let logarithmic = try heights("histogram bins=4 scale=log")
        // ln(16 + 1) / ln(48 + 1) of 384 rows.
        #expect(logarithmic == [384, 0, 0, 279])
        #expect(try heights("histogram bins=4") == [384, 0, 0, 128])
    }

    @Test func `a segment is found from end to end, and drawn over the image`() throws {
        var image = TestImage(
            shape: ImageShape(width: 60, height: 40, format: PixelFormat(.gray, .eight)),
            samples: Array(repeating: 0, count: 2400))
        for x in 5...50 where x != 20 { image[x, 12, 0] = 200 }
        for y in 15...35 { image[9, y, 0] = 90 }
        func found(_ text: String) throws -> [[Int]] {
            let document = try JSONSerialization.jsonObject(with: Data(image.document(of: Pipeline(parsing: text))))
            let lines = (document as? [String: Any])?["lines"] as? [[String: Int]] ?? []
            return lines.map { line in
                let ends = [[line["x1"] ?? -1, line["y1"] ?? -1], [line["x2"] ?? -1, line["y2"] ?? -1]]
                return ends.sorted { $0.lexicographicallyPrecedes($1) }.flatMap(\.self)
            }
        }
        let text = "hough-lines method=probabilistic threshold=15 length=15 output=json"
        #expect(try found(text + " gap=1") == [[5, 12, 50, 12], [9, 15, 9, 35]])
        #expect(try found(text + " gap=0") == [[21, 12, 50, 12], [9, 15, 9, 35]])
        #expect(try found(text + " gap=1 lines=1") == [[5, 12, 50, 12]])
        let drawn = try image.applying(
            Pipeline(
                parsing: "hough-lines method=probabilistic threshold=15 length=15 gap=1 lines=1 color=green width=3"))
        for y in 0..<40 {
            for x in 0..<60 {
                // Half of the width around the line and its ends: the diagonal neighbours of the ends too.
                let isMarked = (11...13).contains(y) && (4...51).contains(x)
                #expect(drawn[x, y, 1] == (isMarked ? 255 : image[x, y, 0]), "\(x), \(y)")
            }
        }
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
