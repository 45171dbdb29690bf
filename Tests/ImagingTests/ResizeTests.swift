import Kernels
import Pipelines
import Testing

@Suite struct ResizeTests {
    private func shape(_ text: String, _ width: Int, _ height: Int) throws -> [Int] {
        let shape = ImageShape(width: width, height: height, format: PixelFormat(.rgb, .eight))
        let result = try Pipeline(parsing: text).shapes(from: shape)[1]
        #expect(result.format == shape.format)
        return [result.width, result.height]
    }

    @Test func `one side alone keeps the proportions, and scale counts for both`() throws {
        #expect(try shape("resize width=300", 1200, 800) == [300, 200])
        #expect(try shape("resize height=300", 1200, 800) == [450, 300])
        #expect(try shape("resize width=7 height=1000", 1200, 800) == [7, 1000])
        #expect(try shape("resize width=3", 1000, 10) == [3, 1], "a side has at least one pixel")
        #expect(try shape("resize scale=0.25", 1201, 799) == [300, 200])
        #expect(try shape("resize scale=2.5 method=cubic", 5, 3) == [12, 8], "halves are rounded to even, as OpenCV's")
        #expect(try shape("resize", 12, 8) == [12, 8])
    }

    @Test func `a box bounds photographs, whichever side is longer, and leaves small ones as they are`() throws {
        #expect(try shape("resize max-width=2048", 4000, 3000) == [2048, 1536])
        #expect(try shape("resize max-width=2048", 3000, 4000) == [2048, 2731])
        #expect(try shape("resize max-height=600", 4000, 3000) == [800, 600])
        #expect(try shape("resize max-width=2048", 800, 600) == [800, 600])
        #expect(try shape("resize max-width=2048 enlarge=yes", 800, 600) == [2048, 1536])
        #expect(try shape("resize max-width=400 max-height=400", 4000, 3000) == [400, 300])
        #expect(try shape("resize max-width=400 max-height=400", 3000, 4000) == [300, 400])
        #expect(try shape("resize max-width=400 max-height=300", 4000, 3000) == [400, 300], "both sides decide")
        #expect(try shape("resize max-width=5 max-height=5", 10_000, 3) == [5, 1])
    }

    @Test func `an image covers a box or fills it`() throws {
        #expect(try shape("resize max-width=400 max-height=400 fit=cover", 4000, 3000) == [400, 400])
        #expect(try shape("resize max-width=400 max-height=400 fit=cover", 300, 200) == [300, 200])
        #expect(try shape("resize max-width=400 max-height=100 fit=cover", 300, 200) == [300, 100])
        #expect(try shape("resize max-width=400 max-height=100 fit=cover enlarge=yes", 300, 200) == [400, 100])
        #expect(try shape("resize width=400 height=100 fit=cover", 300, 200) == [400, 100])
        #expect(try shape("resize width=400 height=100 fit=inside", 300, 200) == [150, 100])
        #expect(try shape("resize width=40 height=300 enlarge=no", 300, 200) == [40, 200])
        #expect(try shape("resize width=900 enlarge=no", 300, 200) == [300, 200])
        #expect(try shape("resize height=100 enlarge=no", 300, 200) == [150, 100])
        #expect(try shape("resize scale=2 enlarge=no", 300, 200) == [300, 200])
        #expect(try shape("resize max-width=200 max-height=900 fit=fill", 300, 200) == [200, 200])
    }

    @Test func `a box with a name is upright for images that are higher than wide`() throws {
        #expect(try shape("resize size=full-hd", 4000, 3000) == [1440, 1080])
        #expect(try shape("resize size=full-hd", 3000, 4000) == [1080, 1440])
        #expect(try shape("resize size=4k fit=cover", 6000, 4000) == [3840, 2160])
        #expect(try shape("resize size=4k fit=cover", 4000, 6000) == [2160, 3840])
        #expect(try shape("resize size=thumbnail", 100, 100) == [100, 100])
        #expect(try Pipeline(parsing: "resize size=1080p").canonicalText == "resize size=full-hd")
    }

    @Test func `what covers a box is the middle of the image that keeps its proportions`() throws {
        let image = TestImage.drawn(40, 23, PixelFormat(.rgba, .eight), seed: 3)
        let scaled = try image.applying(Pipeline(parsing: "resize width=21 height=12"))
        let covered = try image.applying(Pipeline(parsing: "resize width=10 height=12 fit=cover"))
        #expect(covered == scaled.referenceCrop(5, 0, 10, 12))
        let bounded = try image.applying(Pipeline(parsing: "resize max-width=21 max-height=900"))
        #expect(bounded == scaled, "a box that is not reached is the plain form")
    }

    @Test(arguments: [
        ("resize scale=2 max-width=5", "give scale alone"), ("resize width=5 max-height=5", "give scale alone"),
        ("resize size=hd height=5", "give scale alone"), ("resize max-width=5 fit=cover", "max-height is not given"),
        ("resize width=5 fit=cover", "height is not given"), ("resize scale=2 fit=inside", "scale gives none"),
    ])
    func `sizes that contradict each other are refused when the pipeline is read`(_ text: String, _ reason: String) {
        let error = #expect(throws: PipelineError.self) { try Pipeline(parsing: text) }
        #expect(error?.code == .badValue)
        #expect(error?.message.contains(reason) == true, "\(error?.message ?? "")")
    }

    @Test func `a scale next to a side is refused when the pipeline is read`() throws {
        for text in ["resize scale=2 width=5", "resize height=5 scale=0.5"] {
            let error = #expect(throws: PipelineError.self) { try Pipeline(parsing: text) }
            #expect(error?.code == .badValue)
            #expect(error?.message.contains("give scale alone") == true)
        }
    }

    @Test(arguments: [
        ("resize scale=0.1", 4, 900, "less than a pixel"), ("resize scale=100", 10_001, 1, "1000100 x 100"),
        ("resize width=1000000 height=4295", 5, 5, "4294967296 in all"),
        ("resize width=1000000", 1, 2, "1000000 x 2000000"),
    ])
    func `a result without pixels or with too many is refused`(
        _ text: String, _ width: Int, _ height: Int, _ reason: String
    ) throws {
        let error = #expect(throws: PipelineError.self) { try shape(text, width, height) }
        #expect(error?.code == .unsuitableImage)
        #expect(error?.message.contains(reason) == true, "\(error?.message ?? "")")
    }

    static let methods = ["nearest", "linear", "cubic", "area", "lanczos"]

    @Test(arguments: methods)
    func `an image of one level keeps it at every size`(_ method: String) throws {
        for format in PixelFormat.all {
            var image = TestImage.drawn(11, 9, format, seed: 1)
            for index in image.samples.indices { image.samples[index] = format.depth.maximum * 3 / 4 }
            for (width, height) in [(1, 1), (5, 3), (11, 20), (33, 9), (40, 41), (6, 30)] {
                let result = try image.applying(
                    Pipeline(parsing: "resize width=\(width) height=\(height) method=\(method)"))
                #expect(result.shape == ImageShape(width: width, height: height, format: format))
                // Fixed-point weights need not sum to exactly 1.
                let furthest = result.samples.map { abs($0 - image.samples[0]) }.max() ?? 0
                #expect(
                    furthest <= (method == "cubic" || method == "lanczos" ? 1 : 0), "\(format) \(width) x \(height)")
            }
        }
    }

    @Test(arguments: methods)
    func `a scaled image does not depend on chunks and ranks`(_ method: String) throws {
        for scale in ["width=13 height=40", "width=29 height=11", "scale=0.5", "scale=2", "width=20 height=1"] {
            let pipeline = try Pipeline(parsing: "resize \(scale) method=\(method)")
            for format in [PixelFormat(.gray, .eight), PixelFormat(.rgb, .sixteen)] {
                let image = TestImage.drawn(19, 23, format, seed: 5)
                let expected = try image.applying(pipeline)
                for rows in [1, 4, 9] {
                    let plan = try ProcessingPlan(
                        pipeline: pipeline, input: image.shape, chunkByteCount: rows * image.shape.bytesPerRow)
                    for rankCount in [1, 2, 5] {
                        #expect(
                            try PlanExecutor(plan: plan, rankCount: rankCount).run(on: image) == expected,
                            "\(scale) \(format), \(rows) rows a chunk, \(rankCount) ranks")
                    }
                }
            }
        }
    }

    /// Samples of gray images go another way than pixels of several samples; cubic rows end in another order of sums.
    @Test(arguments: ["nearest", "linear", "area", "lanczos"])
    func `each channel is scaled as a gray image is`(_ method: String) throws {
        for (width, newWidth) in [(1, 5), (2, 3), (3, 7), (4, 2), (5, 3), (9, 31), (12, 6), (40, 28), (700, 511)] {
            let pipeline = try Pipeline(parsing: "resize width=\(newWidth) height=7 method=\(method) alpha=separate")
            for depth in [SampleDepth.eight, .sixteen] {
                for layout in [ChannelLayout.grayAlpha, .rgb, .rgba] {
                    let image = TestImage.drawn(width, 10, PixelFormat(layout, depth), seed: 9)
                    let scaled = try image.applying(pipeline)
                    for channel in 0..<image.channels {
                        #expect(
                            try image.plane(channel).applying(pipeline) == scaled.plane(channel),
                            "channel \(channel) of \(image.shape) to \(newWidth)")
                    }
                }
            }
        }
    }

    @Test func `a band of a very tall image needs few rows of it`() throws {
        let shape = ImageShape(width: 10, height: 1_000_000, format: PixelFormat(.gray, .eight))
        for method in Self.methods {
            let plan = try ProcessingPlan(
                pipeline: Pipeline(parsing: "resize width=10 height=500000 method=\(method)"), input: shape,
                chunkByteCount: 1000)
            let rows = plan.stages[0].inputRows(for: 1000..<1100)
            #expect(rows.lowerBound >= 1990 && rows.upperBound <= 2210 && rows.count >= 199, "\(method): \(rows)")
        }
    }
}

extension TestImage {
    /// One channel as a gray image.
    fileprivate func plane(_ channel: Int) -> TestImage {
        TestImage(
            shape: ImageShape(width: width, height: height, format: PixelFormat(.gray, shape.format.depth)),
            samples: stride(from: channel, to: samples.count, by: channels).map { samples[$0] })
    }
}
