import Pipelines
import SeededRandom
import Testing

@testable import Kernels

/// Pictures so large that a row of the result would need too much of them: they are stored otherwise before.
@Suite struct WarpTests {
    /// A warp of a picture of 2100 x 2100 pixels, each 8 bytes, of which a row of the result would need more than 16 MiB.
    struct Case: Sendable, CustomTestStringConvertible {
        let pipeline: String
        /// How often the picture is transposed before.
        let transpositions: Int
        let reference: @Sendable (ReferenceWarp) -> ReferenceWarp

        var testDescription: String { pipeline }

        static let all: [Case] = [
            // A little off the upright: the transposed picture.
            Case(pipeline: "rotate degrees=-88.5 expand=no interpolation=cubic", transpositions: 1) {
                $0.turned(-88.5, isExpanded: false).cubic
            },
            // Oblique and steep: sheared rows, transposed.
            Case(pipeline: "rotate degrees=60 interpolation=cubic", transpositions: 1) { $0.turned(60).cubic },
            // Oblique and flat: sheared columns.
            Case(pipeline: "rotate degrees=44 interpolation=cubic fill=white", transpositions: 2) {
                $0.turned(44).cubic.filled(65535)
            },
            Case(pipeline: "rotate degrees=-150 expand=no", transpositions: 2) { $0.turned(-150, isExpanded: false) },
            Case(pipeline: "affine matrix=-1,0.2,2000,0.8,1.1,3 height=4000", transpositions: 2) {
                $0.mapped([-1, 0.2, 2000, 0.8, 1.1, 3], 2100, 4000)
            },
        ]
    }

    @Test(arguments: Case.all)
    func `a large picture is turned by lines of which each chunk reads few rows`(_ warp: Case) throws {
        // Made from a small one.
        let source = TestImage.drawn(50, 40, PixelFormat(.rgba, .sixteen), seed: 5)
        let before = "resize width=2100 height=2100 method=nearest | \(warp.pipeline) alpha=separate"
        let shape = try #require(try Pipeline(parsing: before).shapes(from: source.shape).last)
        // A part from the middle, where lines are longest.
        let (x, y) = (shape.width / 2 - 30, shape.height / 2 - 20)
        let pipeline = try Pipeline(parsing: "\(before) | crop x=\(x) y=\(y) width=60 height=40")
        let plan = try ProcessingPlan(pipeline: pipeline, input: source.shape, chunkByteCount: 8 << 20)
        #expect(plan.stages.filter { $0.transposedInput != nil }.count == warp.transpositions)
        let last = try #require(plan.stages.last)
        #expect(last.inputRows(for: 0..<1).count * last.input.bytesPerRow <= 16 << 20)
        let actual = try PlanExecutor(plan: plan, rankCount: 2).run(on: source)
        #expect(try source.applying(pipeline) == actual)
        let picture = ReferenceWarp(width: 2100, height: 2100, channels: 4, maximum: 65535) {
            source[$0 * 50 / 2100, $1 * 40 / 2100, $2]
        }
        let expected = warp.reference(picture).samples(x..<x + 60, y..<y + 40)
        #expect(zip(actual.samples, expected).filter { $0 != $1 }.count == 0)
        #expect(Set(expected).count > 10, "the part shows the picture")
    }

    /// Squares of the result are computed from a window of the picture: larger than one, of one pixel, larger than there is room for,
    /// stretched to one side, and cut off by the picture's edges.
    @Test(
        arguments: [
            [1, 0, 0.5, 0, 1, 0.25], [0.9, -0.4, 30, 0.4, 0.9, -10], [0.2, 0.01, 3, -0.02, 0.2, 5],
            [40, 0, -2000, 0, 40, -1500],
            [0.02, 0, 1, 0, 2, 3], [-0.5, 0.3, 90, 0.2, 0.6, 4],
        ],
        [
            PixelFormat(.gray, .eight), PixelFormat(.grayAlpha, .sixteen), PixelFormat(.rgb, .eight),
            PixelFormat(.rgba, .eight),
        ])
    func `each pixel is what its neighbours say, whatever the squares need of the picture`(
        _ matrix: [Double], _ format: PixelFormat
    ) throws {
        let image = TestImage.drawn(151, 117, format, seed: 21)
        let words = matrix.map { "\($0)" }.joined(separator: ",")
        let pipeline = try Pipeline(
            parsing: "affine matrix=\(words) width=101 height=71 interpolation=cubic alpha=separate")
        let plan = try ProcessingPlan(pipeline: pipeline, input: image.shape, chunkByteCount: 1000)
        let expected = ReferenceWarp(image).mapped(matrix, 101, 71).cubic.image(format)
        #expect(try image.applying(pipeline) == expected)
        #expect(try PlanExecutor(plan: plan, rankCount: 3).run(on: image) == expected)
    }

    /// What each row of the result reads follows from the matrix, but for a pixel at either end.
    @Test func `a small turn needs few rows`() throws {
        let shape = ImageShape(width: 1000, height: 800, format: PixelFormat(.rgb, .eight))
        let plan = try ProcessingPlan(
            pipeline: Pipeline(parsing: "rotate degrees=1 expand=no"), input: shape, chunkByteCount: 100_000)
        let stage = try #require(plan.stages.first)
        // 1000 * sin(1) = 17.5, and the neighbours.
        #expect(stage.inputRows(for: 400..<401).count <= 21)
        #expect(stage.inputRows(for: 400..<500).count <= 121)
        // Beyond the corner of an expanded image a line is short.
        let expanded = try ProcessingPlan(
            pipeline: Pipeline(parsing: "rotate degrees=45"), input: shape, chunkByteCount: 100_000)
        #expect(expanded.stages[0].inputRows(for: 0..<10).count <= 30)
    }

    @Test func `a product and a sum are rounded once, with and without the instruction`() {
        var random = SeededGenerator(seed: 9)
        for _ in 0..<200_000 {
            func number() -> Float {
                Float(
                    sign: Bool.random(using: &random) ? .plus : .minus,
                    exponent: Int.random(in: -20...20, using: &random),
                    significand: 1 + Float(Int.random(in: 0..<1 << 23, using: &random)) * 0x1p-23)
            }
            let (a, b) = (number(), number())
            // Near the negative product, where the double sum is inexact in its last bits.
            let c = Bool.random(using: &random) ? number() : -(a * b).nextUp
            #expect(fusedByDoubles(a, b, c) == c.addingProduct(a, b), "\(a) * \(b) + \(c)")
        }
        // The double sum is half-way between two floats, the exact one is not.
        let (a, b, c): (Float, Float, Float) = (0x1.000002p0, 0x1.000002p-30, 0x1.000002p24)
        #expect(fusedByDoubles(a, b, c) == c.addingProduct(a, b))
    }

    @Test(arguments: [
        ("affine matrix=1,2,3,2,4,5", PipelineError.Code.badValue, "determinant must not be 0"),
        ("affine matrix=0,0,0,0,0,0", .badValue, "maps the image onto a line"),
        ("affine matrix=0.0000001,0,0,0,1,900000", .unsuitableImage, "pixels away"),
        ("affine width=1000000 height=1000000", .unsuitableImage, "in all are allowed"),
    ])
    func `matrices that leave nothing to be seen are refused`(
        _ text: String, _ code: PipelineError.Code, _ reason: String
    ) throws {
        let pipeline = try Pipeline(parsing: text)
        let shape = ImageShape(width: 100, height: 80, format: PixelFormat(.rgb, .eight))
        let error = #expect(throws: PipelineError.self) { _ = try pipeline.shapes(from: shape) }
        #expect(error?.code == code)
        #expect(error?.message.contains(reason) == true, "\(error?.message ?? "")")
    }
}
