import Kernels
import Pipelines
import Testing

@Suite struct CropTests {
    @Test(arguments: [
        ("crop x=3 y=2", (3, 2, 8, 7)), ("crop x=10 y=8", (10, 8, 1, 1)), ("crop y=4 width=5 height=5", (0, 4, 5, 5)),
        ("crop x=1 width=10 height=9", (1, 0, 10, 9)),
    ])
    func `the rectangle that was asked for is kept, in every format`(
        _ text: String, _ rectangle: (x: Int, y: Int, width: Int, height: Int)
    ) throws {
        for format in PixelFormat.all {
            let image = TestImage.drawn(11, 9, format, seed: 12)
            let expected = image.referenceCrop(rectangle.x, rectangle.y, rectangle.width, rectangle.height)
            #expect(try image.applying(Pipeline(parsing: text)) == expected)
        }
    }

    @Test(arguments: [
        "crop x=11", "crop y=9", "crop x=4 width=8", "crop height=10", "crop x=2147483647 width=2147483647",
    ])
    func `a rectangle that reaches outside is refused`(_ text: String) throws {
        let image = TestImage.drawn(11, 9, PixelFormat(.gray, .eight), seed: 1)
        let pipeline = try Pipeline(parsing: text)
        let error = #expect(throws: PipelineError.self) { try image.applying(pipeline) }
        #expect(error?.code == .unsuitableImage)
        #expect(error?.message.contains("11 x 9") == true)
    }

    @Test(arguments: [
        "crop x=2 y=5 width=9 height=11", "box-blur | crop y=12 | sobel", "crop y=3 height=17 | canny | crop x=4 y=7",
        "crop x=3 | flip | gaussian-blur | crop y=19 height=2 | equalize", "otsu | crop y=20 | dilate size=7",
    ])
    func `a cut image does not depend on chunks and ranks`(_ text: String) throws {
        let pipeline = try Pipeline(parsing: text)
        for format in [PixelFormat(.gray, .eight), PixelFormat(.rgba, .sixteen)] {
            let image = TestImage.drawn(13, 29, format, seed: 7)
            let expected = try image.applying(pipeline)
            for rows in [1, 2, 5, 30] {
                let plan = try ProcessingPlan(
                    pipeline: pipeline, input: image.shape, chunkByteCount: rows * image.shape.bytesPerRow)
                for rankCount in [1, 2, 5] {
                    #expect(try PlanExecutor(plan: plan, rankCount: rankCount).run(on: image) == expected)
                }
            }
        }
    }
}
