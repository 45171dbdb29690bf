import Kernels
import Pipelines
import SeededRandom
import Testing

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

    @Test func `an unknown operation is answered with the nearest one and the list`() throws {
        let error = try #require(refusal("invert | gausian-blur sigma=3"))
        #expect(error.code == .unknownOperation)
        #expect(error.message.contains("`gausian-blur`, did you mean `gaussian-blur`?"))
        for operation in OperationCatalogue.all { #expect(error.message.contains(operation.description.name)) }
        #expect(try !#require(refusal("xyzzyplugh")).message.contains("did you mean"))
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
        ("convolve kernel=\"1 2 / 3 4\"", "kernel=\"1 2 / 3 4\"", "both odd and at most 31", "default \"1\""),
        ("convolve kernel=\"1 2 1 / 3\"", "kernel=\"1 2 1 / 3\"", "rows of numbers", "default \"1\""),
        ("convolve kernel=\"1 | 2 1\"", "kernel=\"1 | 2 1\"", "rows of numbers", "default \"1\""),
        ("convolve kernel=\"\"", "kernel=\"\"", "rows of numbers", "default \"1\""),
        ("convolve kernel=\"1 nan 1\"", "kernel=\"1 nan 1\"", "rows of numbers", "default \"1\""),
        ("convolve kernel=\"1\"\"1\"", "kernel=\"1\"\"1\"", "rows of numbers", "default \"1\""),
        ("erode iterations=0", "iterations=0", "an integer from 1 to 100", "default 1"),
    ])
    func `a bad value is answered with the value, what is allowed and the default`(
        _ text: String, _ value: String, _ allowed: String, _ byDefault: String
    ) throws {
        let error = try #require(refusal(text))
        #expect(error.code == .badValue)
        for part in [value, allowed, byDefault] { #expect(error.message.contains(part), "\(error.message)") }
    }

    @Test func `percentiles in the wrong order are refused when the pipeline is read`() throws {
        let error = try #require(refusal("stretch low=70 high=30"))
        #expect(error.code == .badValue)
        #expect(error.message.contains("low=70 is not below high=30"))
    }

    @Test(arguments: [
        ("", PipelineError.Code.emptyPipeline), ("  ", .emptyPipeline), ("invert |", .emptyPipeline),
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
