import Kernels
import SeededRandom
import Testing

@testable import Pipelines

@Suite struct PipelineCacheTests {
    @Test func `a text and its normal form are one pipeline, and what cannot be read is not remembered`() throws {
        let cache = PipelineCache()
        let pipeline = try cache.pipeline("  invert|gaussian-blur   sigma=3 ")
        #expect(try cache.pipeline("invert | gaussian-blur sigma=3") == pipeline)
        #expect(cache.count == 2)
        #expect(throws: PipelineError.self) { try cache.pipeline("no-such-operation") }
        #expect(cache.count == 2)
        let limited = try pipeline.limited(to: RegionOfInterest(parsing: "0,1,2,3"))
        cache.remember(limited)
        #expect(cache.count == 3)
        #expect(try cache.pipeline("invert | gaussian-blur sigma=3 | crop x=0 y=1 width=2 height=3") == limited)
        #expect(cache.count == 3)
    }

    @Test func `the memory is bounded`() throws {
        let cache = PipelineCache()
        for size in 0..<2 * PipelineCache.maximumCount {
            let text = "posterize levels=\(2 + size % 255) | brightness-contrast brightness=\(1 + size)"
            #expect(try cache.pipeline(text).canonicalText == text)
            #expect(cache.count <= PipelineCache.maximumCount)
        }
    }
}

@Suite struct PipelineTests {
    private func refusal(_ text: String) -> PipelineError? {
        do throws(PipelineError) {
            _ = try Pipeline(parsing: text)
            return nil
        } catch {
            return error
        }
    }

    @Test func `a pipeline is read into its operations`() throws {
        let pipeline = try Pipeline(parsing: "gaussian-blur sigma=3 | canny low=50 high=150")
        #expect(pipeline.operations.count == 2)
        #expect(pipeline.operations[0] is GaussianBlur)
        #expect(pipeline.operations[1] is Canny)
    }

    @Test(arguments: [
        ("invert", "invert"),
        ("  invert|  invert ", "invert | invert"),
        ("canny\thigh=150   low=5e1", "canny low=50 high=150"),
        ("gaussian-blur size=auto sigma=1.50", "gaussian-blur sigma=1.5 size=auto"),
        ("brightness-contrast brightness=-0 contrast=.5", "brightness-contrast brightness=0 contrast=0.5"),
        ("median size=+5", "median size=5"),
        ("gaussian-blur", "gaussian-blur"),
        ("median size=\"5\"", "median size=5"),
        (
            "convolve kernel=\"1  2 1/.5 -0\t1 / 1 2 1e0 \"|invert",
            "convolve kernel=\"1 2 1 / 0.5 0 1 / 1 2 1\" | invert"
        ),
        ("convolve offset=3 kernel=2", "convolve kernel=\"2\" offset=3"),
    ])
    func `the normal form says what was given, in one way`(_ text: String, _ expected: String) throws {
        let pipeline = try Pipeline(parsing: text)
        #expect(pipeline.canonicalText == expected)
        #expect(try Pipeline(parsing: expected).canonicalText == expected)
    }

    @Test func `a kernel of 31 rows and columns is the largest`() throws {
        func text(_ side: Int) -> String {
            let row = Array(repeating: "1", count: side).joined(separator: " ")
            return "convolve kernel=\"\(Array(repeating: row, count: side).joined(separator: "/"))\""
        }
        #expect(try Pipeline(parsing: text(31)).operations.count == 1)
        #expect(refusal(text(33))?.code == .badValue)
    }

    @Test func `an unknown operation is answered with at most five others, never with all`() throws {
        let error = try #require(refusal("invert | gausian-blur sigma=3"))
        #expect(error.code == .unknownOperation)
        #expect(error.message.contains("there is no operation `gausian-blur`, did you mean `gaussian-blur`?"))
        #expect(error.message.contains("`tessera ops` lists all"))
        let none = try #require(refusal("xyzzyplugh"))
        #expect(!none.message.contains("did you mean") && none.message.count < 200)
        for name in OperationSearchTests.words.map(\.word) where !name.contains(" ") {
            guard let error = refusal(name) else { continue }
            let named = OperationCatalogue.all.filter { error.message.contains("`\($0.description.name)`") }
            #expect((1...5).contains(named.count), "\(name): \(error.message)")
        }
    }

    @Test(arguments: ["coffee.png", "photos/cat.jpeg", "./x", "IMG_0001.JPG"])
    func `a file in the pipeline's place is recognised`(_ name: String) throws {
        let error = try #require(refusal(name))
        #expect(error.code == .unknownOperation)
        #expect(error.message.contains("it looks like a file: the pipeline comes first"))
    }

    @Test func `a change of the format alone is an empty pipeline`() throws {
        #expect(try #require(refusal("convert")).message.contains("empty, '', changes nothing but the format"))
    }

    @Test(arguments: [
        ("Gaussian_Blur sigma=3", "gaussian-blur sigma=3"), ("gaussianBlur Sigma=3", "gaussian-blur sigma=3"),
        ("GREYSCALE", "grayscale"), ("Colour_Map name=Viridis", "colormap name=viridis"),
        ("bilateral sigma_colour=40 sigmaSpace=9", "bilateral sigma-color=40 sigma-space=9"),
        // lint-prose: allow spelling: this is what is read
        ("threshold channels=Grey kind=binary_inv", "threshold kind=binary-inv channels=gray"),
        ("box_blur border=REFLECT_101", "box-blur border=reflect-101"), ("equalise", "equalize"),
        ("posterise", "posterize"), ("contours colour=Red", "contours color=red"),
        ("channel name=green", "channel name=g"), ("rotate degrees=-90", "rotate degrees=270"),
        ("resize width=9 method=Bicubic", "resize width=9 method=cubic"),
        ("resize width=9 height=AUTO", "resize width=9 height=auto"),
        ("rotate degrees=-270", "rotate degrees=90"), ("rotate degrees=7.50", "rotate degrees=7.5"),
        ("rotate interpolation=bicubic fill=#FFFFFF", "rotate interpolation=cubic fill=white"),
        ("affine matrix=\"1, 0, 2.50, 0, 1, -3\"", "affine matrix=1,0,2.5,0,1,-3"),
        ("border all=3 colour=#FF0000", "border all=3 color=red"),
        ("border all=1 color=White", "border all=1 color=white"),
        ("border all=3 color=#0a0B0cFF", "border all=3 color=#0a0b0c"),
        ("border all=3 color=#00000001", "border all=3 color=#00000001"),
        ("histogram output=image", "histogram output=plot"), ("tophat", "top-hat"),
    ])
    func `case, underscores and both spellings of colour are read`(_ text: String, _ expected: String) throws {
        #expect(try Pipeline(parsing: text).canonicalText == expected)
    }

    @Test func `a spelling is not a way round the ranges`() {
        // The sign of a number counts, though a hyphen between words does not.
        #expect(refusal("rotate degrees=-450")?.code == .badValue)
        #expect(refusal("rotate degrees=180.0.1")?.code == .badValue)
        #expect(refusal("components connectivity=-8")?.code == .badValue)
        #expect(refusal("canny low=5 LOW=6")?.code == .repeatedParameter)
    }

    @Test func `no two names are spelled alike`() {
        let names = OperationCatalogue.all.map { $0.description.name }
        #expect(Set(names.map { Spelling.key($0) }).count == names.count)
        for operation in OperationCatalogue.all.map({ $0.description }) {
            #expect(Set(operation.parameters.map { Spelling.key($0.name) }).count == operation.parameters.count)
            for parameter in operation.parameters {
                guard case .choice(let words) = parameter.kind else { continue }
                #expect(Set(words.map { Spelling.key($0) }).count == words.count, "\(operation.name) \(parameter.name)")
                for (other, word) in parameter.synonyms {
                    #expect(words.contains(word) && !words.contains(other), "\(operation.name) \(other)")
                }
            }
        }
    }

    /// What is asked for is what the operation does nothing without; nothing else is asked for.
    @Test func `an operation that changes nothing by its defaults asks for a parameter, and no other does`() throws {
        // Noise that does not use the whole range, and beside it a clean edge that is long enough for a line.
        var image = TestImage.drawn(40, 120, PixelFormat(.rgb, .eight), seed: 3)
        for y in 0..<image.height {
            for x in 0..<image.width {
                for channel in 0..<3 {
                    image[x, y, channel] = x < 20 ? 20 + image[x, y, channel] / (2 + channel) : x < 30 ? 30 : 220
                }
            }
        }
        // And what an operation may take away.
        let deep = TestImage.drawn(20, 10, PixelFormat(.rgba, .sixteen), seed: 3)
        for operation in OperationCatalogue.all.map({ $0.description }) {
            let pipeline = try Pipeline(parsing: operation.name)
            let isIdle = try image.applying(pipeline) == image && deep.applying(pipeline) == deep
            #expect(isIdle == !operation.asksFor.isEmpty, "\(operation.name)")
            let refusal = Result { () throws(PipelineError) in try pipeline.checkForSubmission() }
            guard isIdle else {
                #expect(throws: Never.self) { try refusal.get() }
                continue
            }
            guard case .failure(let error) = refusal else {
                Issue.record("\(operation.name) is accepted, and changes nothing")
                continue
            }
            #expect(error.code == .missingParameter)
            for name in operation.asksFor {
                #expect(error.message.contains("`\(name)`"))
                let parameter = try #require(operation.parameter(name))
                // By itself it is enough, whatever its value.
                let given = try Pipeline(parsing: "\(operation.name) \(name)=\(parameter.defaultValue)")
                #expect(throws: Never.self) { try given.checkForSubmission() }
            }
            let example = try #require(operation.examples.first)
            #expect(error.message.contains("such as `\(Pipeline.steps(of: example)[0])`"))
        }
        // Parameters that do not change what is asked for are not enough.
        for text in ["resize method=linear", "convolve border=reflect", "invert | crop"] {
            #expect(throws: PipelineError.self) { try Pipeline(parsing: text).checkForSubmission() }
        }
    }

    @Test(arguments: [(SampleDepth.eight, "on an 8-bit image"), (.sixteen, "on a 16-bit image")])
    func `limits in the wrong order are refused with the image's depth`(depth: SampleDepth, words: String) throws {
        let levels = try Pipeline(parsing: "levels black=200 white=100")
        let shape = ImageShape(width: 3, height: 2, format: PixelFormat(.gray, depth))
        let error = #expect(throws: PipelineError.self) { _ = try levels.operations[0].computation(for: shape) }
        #expect(error?.message.contains(words) == true, "\(error?.message ?? "")")
    }

    /// Jobs are stored with their pipelines: they are read by what they meant.
    @Test(arguments: [
        ("gamma gamma=2 | gamma", "gamma gamma=0.5 | gamma"), ("threshold value=9", "threshold value=9 channels=each"),
        ("adaptive-threshold", "adaptive-threshold channels=each"),
        ("scharr direction=x", "scharr direction=x scale=1"),
        ("emboss", "emboss strength=1 channels=each"),
        ("butterworth-lowpass cutoff=9", "butterworth-lowpass cutoff=9 border=periodic"),
        ("harris", "harris color=red size=5"), ("contours", "contours color=red width=1"),
        ("hough-lines threshold=9", "hough-lines edges=0 threshold=9 lines=1000 color=red width=1"),
        ("components output=image", "components output=labels"),
        ("histogram bins=9", "histogram bins=9 output=overlay"),
        ("components output=json", "components output=json"), ("histogram output=image", "histogram output=overlay"),
        ("canny | crop", "canny | crop"), ("no-such | invert", "no-such | invert"),
    ])
    func `a pipeline that an earlier release stored keeps its meaning`(_ text: String, _ today: String) {
        #expect(PipelineHistory.current(text, ofRevision: 3) == today)
        #expect(PipelineHistory.current(text, ofRevision: 4) == text)
    }

    @Test func `an unknown parameter is answered with the nearest one and the list`() throws {
        let error = try #require(refusal("canny lo=5"))
        #expect(error.code == .unknownParameter)
        #expect(error.message.contains("`lo`, did you mean `low`?; its parameters: low, high, size"))
        #expect(try #require(refusal("invert size=3")).message.contains("it takes none"))
    }

    @Test(arguments: [
        ("median size=4", "size=4", "an odd integer from 1 to 255", "default 5"),
        ("median size=257", "size=257", "an odd integer from 1 to 255", "default 5"),
        ("median size=", "size=", "an odd integer", "default 5"),
        ("gaussian-blur sigma=nan", "sigma=nan", "a number from 0.1 to 200", "default 1.5"),
        ("gaussian-blur sigma=0x3", "sigma=0x3", "a number from 0.1 to 200", "default 1.5"),
        ("gaussian-blur sigma=1e400", "sigma=1e400", "a number from 0.1 to 200", "default 1.5"),
        ("gaussian-blur size=4", "size=4", "an odd integer from 1 to 2001, or auto", "default auto"),
        ("sobel direction=z", "direction=z", "one of both, x, y", "default both"),
        ("hough-lines lines=1001", "lines=1001", "an integer from 1 to 1000, or auto", "default auto"),
        ("convolve kernel=\"1 2 / 3 4\"", "kernel=\"1 2 / 3 4\"", "both odd and at most 31", "default \"1\""),
        ("convolve kernel=\"1 2 1 / 3\"", "kernel=\"1 2 1 / 3\"", "rows of numbers", "default \"1\""),
        ("convolve kernel=\"1 | 2 1\"", "kernel=\"1 | 2 1\"", "rows of numbers", "default \"1\""),
        ("convolve kernel=\"\"", "kernel=\"\"", "rows of numbers", "default \"1\""),
        ("convolve kernel=\"1 nan 1\"", "kernel=\"1 nan 1\"", "rows of numbers", "default \"1\""),
        ("convolve kernel=\"1\"\"1\"", "kernel=\"1\"\"1\"", "rows of numbers", "default \"1\""),
        ("rotate degrees=400", "degrees=400", "a number from -360 to 360", "default 90"),
        (
            "affine matrix=1,0,0,0,1", "matrix=1,0,0,0,1", "6 numbers from -1000000 to 1000000, separated by commas",
            "default 1,0,0,0,1,0"
        ),
        ("affine matrix=1,0,0,0,1,,0", "matrix=1,0,0,0,1,,0", "6 numbers", "default 1,0,0,0,1,0"),
        ("affine matrix=1,0,0,0,1,nan", "matrix=1,0,0,0,1,nan", "6 numbers", "default 1,0,0,0,1,0"),
        ("border all=1 color=#12345", "color=#12345", "a colour as #rrggbb", "default black"),
        ("border all=1 color=#12345g", "color=#12345g", "a colour as #rrggbb", "default black"),
        ("border all=1 color=#+12345", "color=#+12345", "a colour as #rrggbb", "default black"),
        ("border all=1 color=mauve", "color=mauve", "or by name: black", "default black"),
        ("erode iterations=0", "iterations=0", "an integer from 1 to 100", "default 1"),
    ])
    func `a bad value is answered with the value, what is allowed and the default`(
        _ text: String, _ value: String, _ allowed: String, _ byDefault: String
    ) throws {
        let error = try #require(refusal(text))
        #expect(error.code == .badValue)
        for part in [value, allowed, byDefault] { #expect(error.message.contains(part), "\(error.message)") }
    }

    @Test(arguments: ["", "  "]) func `a pipeline of no operations leaves the image as it is`(text: String) throws {
        let pipeline = try Pipeline(parsing: text)
        #expect(pipeline.operations.isEmpty && pipeline.canonicalText == "" && pipeline.resultKind == .image)
        let shape = ImageShape(width: 7, height: 900, format: PixelFormat(.rgb, .eight))
        for chunkByteCount in [1, 700, 5_000, .max] {
            for grid in [
                SegmentGrid.standard, SegmentGrid(byteCount: 100, rowsPerBlock: 16), SegmentGrid(byteCount: .max),
            ] {
                let plan = try ProcessingPlan(
                    pipeline: pipeline, input: shape, chunkByteCount: chunkByteCount, grid: grid)
                #expect(plan.output == shape && plan.stages.last?.epilogue.kind == .segments)
                let last = try #require(plan.stages.last)
                for chunk in 0..<last.chunks.count {
                    let rows = last.chunks[chunk]
                    let isOnGrid = rows.lowerBound % grid.rowsPerSegment(of: shape) == 0
                    #expect(isOnGrid, "rows \(rows) of \(chunkByteCount), \(grid)")
                }
            }
        }
    }

    @Test func `percentiles in the wrong order are refused when the pipeline is read`() throws {
        let error = try #require(refusal("stretch low=70 high=30"))
        #expect(error.code == .badValue)
        #expect(error.message.contains("low=70 is not below high=30"))
    }

    @Test(arguments: [
        ("invert |", PipelineError.Code.emptyPipeline), ("|", .emptyPipeline),
        ("| invert", .emptyPipeline), ("invert || invert", .emptyPipeline), ("invert sobel", .badSyntax),
        ("median size 5", .badSyntax), ("convolve kernel=\"1 2 | invert", .badSyntax), ("invert \"", .badSyntax),
        ("median size=3 size=5", .repeatedParameter),
        (String(repeating: " ", count: 16 * 1024 + 1), .textTooLong),
        (Array(repeating: "invert", count: 65).joined(separator: "|"), .tooManyOperations),
    ])
    func `malformed pipelines are refused by their own code`(_ text: String, _ code: PipelineError.Code) {
        #expect(refusal(text)?.code == code)
    }

    @Test func `the longest pipeline that is allowed is read`() throws {
        let text = Array(repeating: "invert", count: 64).joined(separator: "|")
        #expect(try Pipeline(parsing: text).operations.count == 64)
    }

    @Test func `garbage is refused, never a crash`() {
        var random = SeededGenerator(seed: 5)
        let pieces = [
            "invert", "canny", "low", "=", "|", " ", "size", "3", "-", "1e9", "auto", "\u{301}", "\0", "é", "\"", "/",
            "convolve", "kernel",
        ]
        for _ in 0..<2000 {
            let text = (0..<Int.random(in: 0...9, using: &random))
                .map { _ in pieces[Int.random(in: 0..<pieces.count, using: &random)] }.joined()
            if let pipeline = try? Pipeline(parsing: text) {
                #expect((try? Pipeline(parsing: pipeline.canonicalText))?.canonicalText == pipeline.canonicalText)
            }
        }
    }

    @Test func `shapes follow the image through the pipeline`() throws {
        let shape = ImageShape(width: 4, height: 3, format: PixelFormat(.rgba, .sixteen))
        let shapes = try Pipeline(parsing: "invert | grayscale | canny").shapes(from: shape)
        #expect(shapes.map(\.format.layout) == [.rgba, .rgba, .grayAlpha, .gray])
        #expect(shapes.map(\.format.depth) == [.sixteen, .sixteen, .sixteen, .eight])
    }

    @Test func `descriptions are complete and say what the parser does`() throws {
        var names: Set<String> = []
        for operation in OperationCatalogue.all {
            let description = operation.description
            #expect(names.insert(description.name).inserted, "\(description.name) is listed twice")
            #expect(!description.summary.isEmpty && !description.summary.hasSuffix("."))
            #expect(!description.matches.isEmpty && !description.formats.isEmpty)
            #expect(Set(description.parameters.map(\.name)).count == description.parameters.count)
            // What the usage shows can be typed: every default is an allowed value.
            #expect(try Pipeline(parsing: description.usage).canonicalText == description.usage)
        }
    }

    @Test func `a level that was not given follows the depth, one that was given is taken as it is`() throws {
        let shape = ImageShape(width: 1, height: 2, format: PixelFormat(.gray, .sixteen))
        let image = TestImage(shape: shape, samples: [200, 40_000])
        #expect(try image.applying(Pipeline(parsing: "threshold")).samples == [0, 65_535])
        #expect(try image.applying(Pipeline(parsing: "threshold value=128 max=255")).samples == [255, 255])
    }
}
