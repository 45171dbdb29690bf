import Pipelines
import Testing

@Suite struct AlphaTests {
    private static let texts = [
        "box-blur size=9", "gaussian-blur sigma=3", "resize width=11", "resize scale=2 method=cubic",
        "resize width=13 method=lanczos", "rotate degrees=20", "affine matrix=0.9,0.1,3,0.2,1.1,-2 interpolation=cubic",
    ]

    /// A red disk; what is beside it is transparent, and hidden there is green.
    private static func cutOut(_ format: PixelFormat) -> TestImage {
        let shape = ImageShape(width: 40, height: 30, format: format)
        var image = TestImage(shape: shape, samples: Array(repeating: 0, count: shape.samplesPerRow * shape.height))
        for y in 0..<30 {
            for x in 0..<40 {
                let isInside = (x - 20) * (x - 20) + (y - 15) * (y - 15) < 100
                if format.layout.isColor {
                    image[x, y, isInside ? 0 : 1] = image.maximum
                } else {
                    image[x, y, 0] = isInside ? image.maximum : image.maximum / 5
                }
                image[x, y, image.channels - 1] = isInside ? image.maximum : 0
            }
        }
        return image
    }

    @Test(arguments: texts) func `no hidden colour shows at the edge of a cut-out`(_ text: String) throws {
        for format in PixelFormat.all where format.layout.hasAlpha {
            let image = Self.cutOut(format)
            let result = try image.applying(Pipeline(parsing: text))
            let separate = try image.applying(Pipeline(parsing: text + " alpha=separate"))
            var fringed = 0
            for pixel in 0..<result.width * result.height {
                let levels = result.samples[pixel * result.channels..<(pixel + 1) * result.channels]
                let first = levels[levels.startIndex]
                let alpha = levels[levels.endIndex - 1]
                // Where there is anything, it has the disk's colour.
                if alpha > 0 {
                    #expect(first == image.maximum, "\(format)")
                    if format.layout.isColor { #expect(levels.dropFirst().first == 0, "\(format)") }
                }
                let old = separate.samples[pixel * result.channels..<(pixel + 1) * result.channels]
                if old[old.endIndex - 1] > 0, old[old.startIndex] < image.maximum { fringed += 1 }
            }
            #expect(fringed > 0, "alpha=separate has the fringe that this is about")
        }
    }

    @Test(arguments: texts) func `images without alpha are what they were`(_ text: String) throws {
        for format in PixelFormat.all where !format.layout.hasAlpha {
            let image = TestImage.drawn(40, 30, format, seed: 2)
            #expect(
                try image.applying(Pipeline(parsing: text))
                    == image.applying(Pipeline(parsing: text + " alpha=separate")))
        }
    }

    @Test func `what is opaque is a level off at most, and only where 16 bits round otherwise than 8`() throws {
        for text in Self.texts {
            var image = TestImage.drawn(40, 30, PixelFormat(.rgba, .eight), seed: 3)
            for pixel in 0..<40 * 30 { image.samples[pixel * 4 + 3] = 255 }
            let fill = text.hasPrefix("rotate") || text.hasPrefix("affine") ? " fill=white" : ""
            let result = try image.applying(Pipeline(parsing: text + fill))
            let separate = try image.applying(Pipeline(parsing: text + fill + " alpha=separate"))
            let worst = zip(result.samples, separate.samples).map { abs($0 - $1) }.max() ?? 0
            // Weights of 8 bits, and a narrower window.
            #expect(worst <= (text.hasPrefix("gaussian") ? 2 : 1), "\(text): \(worst)")
        }
    }

    @Test func `opaque pixels and pixels with alpha go through 16 bits and back unchanged`() throws {
        let shape = ImageShape(width: 256, height: 255, format: PixelFormat(.grayAlpha, .eight))
        var image = TestImage(shape: shape, samples: [])
        for alpha in 1...255 { for level in 0...255 { image.samples += [level, alpha] } }
        // A turn that moves nothing, but does not know it.
        let pipeline = try Pipeline(parsing: "affine matrix=1,0,0,0,1,0 width=256 height=256")
        let result = try image.applying(pipeline)
        #expect(Array(result.samples.prefix(image.samples.count)) == image.samples)
        #expect(result.samples.dropFirst(image.samples.count).allSatisfy { $0 == 0 })
    }

    @Test func `jobs of earlier releases keep alpha apart`() {
        for (text, today) in [
            ("gaussian-blur sigma=3 | invert", "gaussian-blur sigma=3 alpha=separate | invert"),
            ("resize width=9 alpha=premultiplied", "resize width=9 alpha=premultiplied"),
            ("rotate | median", "rotate alpha=separate | median"),
        ] {
            #expect(PipelineHistory.current(text, ofRevision: 5) == today)
            #expect(PipelineHistory.current(text, ofRevision: 6) == text)
        }
        #expect(
            PipelineHistory.current("scharr | box-blur", ofRevision: 3) == "scharr scale=1 | box-blur alpha=separate")
    }
}
