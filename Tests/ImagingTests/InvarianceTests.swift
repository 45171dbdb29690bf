import Kernels
import Pipelines
import Testing

@Suite struct InvarianceTests {
    /// Each operation by its defaults, and pipelines in which they meet.
    static let pipelines =
        OperationCatalogue.all.map { $0.description.name } + [
            "erode size=5 shape=ellipse iterations=2",
            "median size=9",
            "canny low=30 high=90 size=5 | invert",
            "canny | dilate",
            "canny low=40 high=80 | canny low=10 high=600",
            "gaussian-blur sigma=1 | canny low=20 high=70 | invert | gaussian-blur",
            "otsu | open | invert",
            "equalize | gaussian-blur sigma=2",
            "sobel | equalize | sharpen | otsu | close size=5",
            "grayscale | otsu | canny | equalize",
            "bilateral diameter=9 | clahe clip=3 grid=5 | sobel",
            "invert | grayscale | invert",
            "sepia | hue degrees=100 | saturation scale=2 | channel name=g",
            "adaptive-threshold method=gaussian size=7 | stretch low=10 high=80 | roberts",
            "convolve kernel=\"1 2 3 2 1\" scale=0.1 | convolve kernel=\"-.1 / -.2 / 2.1 / -.3 / -.5\"",
            "unsharp sigma=3 amount=3 threshold=2 | gradient size=5 | colormap",
            "resize width=40 height=17 method=nearest | resize width=9 height=47 method=linear",
            "resize width=30 height=12 method=lanczos | sobel | resize height=25 method=cubic",
            "box-blur | resize width=13 height=5 | otsu | resize width=26 height=35",
            "flip axis=vertical | gaussian-blur | flip axis=both | sobel | rotate degrees=180",
            "rotate | box-blur | rotate degrees=270 | sobel | flip axis=vertical",
            "canny | rotate | dilate | otsu | rotate degrees=270",
            "rotate | rotate | resize width=40 height=11 method=linear | flip axis=both",
            "box-blur size=9 border=constant | sobel border=reflect | close size=5 shape=ellipse border=replicate",
            "invert | levels black=40 | sepia | flip | brightness-contrast contrast=2 | gamma gamma=2 | grayscale | invert",
            "hough-lines method=probabilistic threshold=3 length=2 gap=1 edges=40",
            "hough-lines edges=30 threshold=5 width=3",
            "components output=labels | colormap", "contours width=5 | harris size=9 color=white",
            "butterworth-lowpass cutoff=3 border=periodic | histogram output=overlay",
            "histogram scale=log | crop height=9",
            "threshold value=40 | distance | distance scale=3.5", "denoise h=40 template=3 search=9 | denoise search=5",
            "rotate degrees=17 | rotate degrees=100 interpolation=cubic fill=white | rotate degrees=200 expand=no",
            "affine matrix=0.7,0.9,2,-1.1,0.4,9 width=35 height=28 fill=red | gaussian-blur | rotate degrees=90 expand=no",
            "affine matrix=-1,3,4,0.2,-0.5,20 interpolation=cubic | affine matrix=0,1,3,1,0,-2",
            "resize width=30 height=10 fit=cover | border top=5 left=3 color=#804020 | box-blur",
            "auto-orient orientation=7 | auto-levels | auto-orient orientation=5 | border bottom=40 | white-balance",
            "threshold channels=each | emboss channels=each strength=7 | scharr scale=0.3",
            "top-hat size=5 shape=ellipse iterations=3 | black-hat shape=cross | emboss angle=200",
        ]

    @Test(arguments: pipelines)
    func `the result does not depend on chunks and ranks`(_ text: String) throws {
        let pipeline = try Pipeline(parsing: text)
        for (width, height) in [(23, 31), (1, 13), (19, 2)] {
            let image = TestImage.drawn(width, height, PixelFormat(.gray, .eight), seed: UInt64(height))
            try compare(pipeline, image, rowsPerChunk: [1, 3, 7, 40], rankCounts: [1, 2, 3, 5])
        }
        let image = TestImage.drawn(7, 9, PixelFormat(.rgba, .sixteen), seed: 4)
        try compare(pipeline, image, rowsPerChunk: [1, 4], rankCounts: [1, 3])
    }

    private func compare(_ pipeline: Pipeline, _ image: TestImage, rowsPerChunk: [Int], rankCounts: [Int]) throws {
        let expected = try image.applying(pipeline)
        for rows in rowsPerChunk {
            // A byte too few for another row now and then.
            // A diagram is far larger than these images: in chunks of their rows it would be painted hundreds of times.
            let isDiagram = expected.shape.byteCount > 100 * image.shape.byteCount
            let chunkByteCount = max(
                (rows + 1) * image.shape.bytesPerRow - 1, isDiagram ? expected.shape.byteCount / 8 : 0)
            let plan = try ProcessingPlan(pipeline: pipeline, input: image.shape, chunkByteCount: chunkByteCount)
            for rankCount in rankCounts {
                let actual = try PlanExecutor(plan: plan, rankCount: rankCount).run(on: image)
                #expect(
                    actual == expected,
                    "\(image.width) x \(image.height) \(image.shape.format), \(rows) rows a chunk, \(rankCount) ranks")
            }
        }
    }

    /// One long spiral with a single strong end: whether it is an edge is decided at its far side, through every chunk.
    @Test func `an edge is followed through all chunks`() throws {
        let shape = ImageShape(width: 41, height: 41, format: PixelFormat(.gray, .eight))
        var image = TestImage(shape: shape, samples: Array(repeating: 100, count: 41 * 41))
        var (left, top, right, bottom) = (2, 2, 38, 38)
        while left + 6 < right {
            for x in left - 2...right { image[max(x, 0), top, 0] = 140 }
            for y in top...bottom { image[right, y, 0] = 140 }
            for x in left...right { image[x, bottom, 0] = 140 }
            for y in top + 6...bottom { image[left, y, 0] = 140 }
            for x in left...left + 6 { image[x, top + 6, 0] = 140 }
            (left, top, right, bottom) = (left + 6, top + 6, right - 6, bottom - 6)
        }
        let weak = try image.applying(Pipeline(parsing: "canny low=50 high=400"))
        #expect(weak.samples.allSatisfy { $0 == 0 })
        image[0, 2, 0] = 255
        let pipeline = try Pipeline(parsing: "canny low=50 high=400")
        let expected = image.referenceCanny(low: 50, high: 400, size: 3)
        #expect(expected.samples.filter { $0 == 255 }.count > 300)
        for rows in [1, 2, 5, 40] {
            let plan = try ProcessingPlan(pipeline: pipeline, input: shape, chunkByteCount: rows * 41)
            for rankCount in [1, 2, 3] {
                #expect(try PlanExecutor(plan: plan, rankCount: rankCount).run(on: image) == expected)
            }
        }
    }

    @Test func `edges spread through dense noise`() throws {
        let shape = ImageShape(width: 201, height: 150, format: PixelFormat(.gray, .eight))
        let image = TestImage.drawn(201, 150, shape.format, seed: 4)
        let pipeline = try Pipeline(parsing: "canny low=20 high=700")
        let expected = image.referenceCanny(low: 20, high: 700, size: 3)
        #expect(try image.applying(pipeline) == expected)
        let plan = try ProcessingPlan(pipeline: pipeline, input: shape, chunkByteCount: 37 * 201)
        #expect(try PlanExecutor(plan: plan, rankCount: 2).run(on: image) == expected)
    }

    @Test func `chunks that are whole segments are compressed where they are computed`() throws {
        // 32 KiB per row: 8 rows per segment.
        let shape = ImageShape(width: 32768, height: 19, format: PixelFormat(.gray, .eight))
        let image = TestImage.drawn(32768, 19, shape.format, seed: 9)
        let pipeline = try Pipeline(parsing: "box-blur size=3")
        let expected = try image.applying(pipeline)
        let plan = try ProcessingPlan(pipeline: pipeline, input: shape, chunkByteCount: 17 * 32768)
        #expect(plan.stages.count == 1)
        #expect(plan.stages[0].chunks.rowsPerPart == 16)
        #expect(try PlanExecutor(plan: plan, rankCount: 3).run(on: image) == expected)
    }
}
