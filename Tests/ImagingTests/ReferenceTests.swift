import Kernels
import Pipelines
import Testing

/// A pipeline of one operation, and the plain way to compute it.
struct ReferenceCase: Sendable, CustomTestStringConvertible {
    let pipeline: String
    let reference: @Sendable (TestImage) -> TestImage

    init(_ pipeline: String, _ reference: @escaping @Sendable (TestImage) -> TestImage) {
        self.pipeline = pipeline
        self.reference = reference
    }

    var testDescription: String { pipeline }

    static let all =
        (basic + color + smoothing + edges + morphology + threshold + histogram + geometry + frequency + features)
        .flatMap(\.treatments)

    private static let basic: [ReferenceCase] = [
        ReferenceCase("invert") { $0.referenceInvert() },
        ReferenceCase("grayscale") { $0.referenceGrayscale() },
        ReferenceCase("brightness-contrast") { $0 },
        ReferenceCase("brightness-contrast brightness=-20 contrast=1.5") {
            $0.referenceBrightnessContrast(-20, 1.5)
        },
        ReferenceCase("gamma") { $0 },
        ReferenceCase("gamma gamma=2.2") { $0.referenceGamma(1 / 2.2) },
        ReferenceCase("gamma gamma=0.45") { $0.referenceGamma(1 / 0.45) },
        ReferenceCase("box-blur size=1") { $0 },
        ReferenceCase("box-blur") { $0.referenceBoxBlur(5) },
        ReferenceCase("box-blur size=9") { $0.referenceBoxBlur(9) },
        ReferenceCase("gaussian-blur sigma=0.7") { $0.referenceGaussianBlur(sigma: 0.7, size: nil) },
        ReferenceCase("gaussian-blur size=9") { $0.referenceGaussianBlur(sigma: 1.5, size: 9) },
        ReferenceCase("gaussian-blur sigma=9 size=3") { $0.referenceGaussianBlur(sigma: 9, size: 3) },
        ReferenceCase("sharpen") { $0.referenceSharpen() },
        ReferenceCase("median size=1") { $0 },
        ReferenceCase("median size=3") { $0.referenceMedian(3) },
        ReferenceCase("median") { $0.referenceMedian(5) },
        ReferenceCase("median size=9") { $0.referenceMedian(9) },
        ReferenceCase("sobel") { $0.referenceSobel(3, "both") },
        ReferenceCase("sobel size=1 direction=x") { $0.referenceSobel(1, "x") },
        ReferenceCase("sobel size=5 direction=y") { $0.referenceSobel(5, "y") },
        ReferenceCase("sobel size=7") { $0.referenceSobel(7, "both") },
        ReferenceCase("sobel size=5 scale=0.07") {
            $0.referenceGradient(TestImage.sobelWeights(5), "both", scale: 0.07)
        },
        ReferenceCase("sobel direction=x scale=2.5") {
            $0.referenceGradient(TestImage.sobelWeights(3), "x", scale: 2.5)
        },
        ReferenceCase("laplacian") { $0.referenceLaplacian(1) },
        ReferenceCase("laplacian size=3") { $0.referenceLaplacian(3) },
        ReferenceCase("laplacian size=5") { $0.referenceLaplacian(5) },
        ReferenceCase("laplacian size=7") { $0.referenceLaplacian(7) },
        ReferenceCase("canny") {
            let scale = $0.maximum == 255 ? 1.0 : 257.0
            return $0.referenceCanny(low: 100 * scale, high: 200 * scale, size: 3)
        },
        ReferenceCase("canny low=900 high=40.5") { $0.referenceCanny(low: 900, high: 40.5, size: 3) },
        ReferenceCase("canny low=2000 high=5000 size=5") { $0.referenceCanny(low: 2000, high: 5000, size: 5) },
        ReferenceCase("canny low=30000 high=60000 size=7") { $0.referenceCanny(low: 30000, high: 60000, size: 7) },
        ReferenceCase("erode") { $0.referenceMorphology("e", 3, "rect", 1) },
        ReferenceCase("dilate size=7 iterations=2") { $0.referenceMorphology("d", 7, "rect", 2) },
        ReferenceCase("erode size=1 shape=ellipse") { $0 },
        ReferenceCase("erode size=7 shape=ellipse") { $0.referenceMorphology("e", 7, "ellipse", 1) },
        ReferenceCase("dilate size=5 shape=cross iterations=3") { $0.referenceMorphology("d", 5, "cross", 3) },
        ReferenceCase("open size=5") { $0.referenceMorphology("ed", 5, "rect", 1) },
        ReferenceCase("close shape=ellipse size=5 iterations=2") { $0.referenceMorphology("de", 5, "ellipse", 2) },
        ReferenceCase("threshold") {
            let gray = $0.referenceGrayscale()
            return $0.maximum == 255
                ? gray.referenceThreshold(128, 255, "binary") : gray.referenceThreshold(32896, 65535, "binary")
        },
        ReferenceCase("threshold value=77 channels=gray kind=tozero") {
            $0.referenceGrayscale().referenceThreshold(77, 255, "tozero")
        },
        ReferenceCase("threshold value=99.9 max=70.4 kind=binary-inv channels=each") {
            $0.referenceThreshold(99, 70, "binary-inv")
        },
        ReferenceCase("threshold value=77 kind=trunc channels=each") { $0.referenceThreshold(77, 255, "trunc") },
        ReferenceCase("threshold value=77 kind=tozero channels=each") { $0.referenceThreshold(77, 255, "tozero") },
        ReferenceCase("threshold value=77 kind=tozero-inv channels=each") {
            $0.referenceThreshold(77, 255, "tozero-inv")
        },
        ReferenceCase("otsu") { $0.referenceOtsu() },
        ReferenceCase("equalize") { $0.referenceEqualize() },
    ]
}

@Suite struct ReferenceTests {
    @Test(arguments: ReferenceCase.all)
    func `an operation computes its definition in every format and at awkward sizes`(_ reference: ReferenceCase) throws
    {
        let pipeline = try Pipeline(parsing: reference.pipeline)
        for (index, format) in PixelFormat.all.enumerated() {
            // The larger sizes in half of the formats each: debug builds of the references are slow.
            let large = index % 2 == 0 ? (17, 11) : (7, 19)
            for (width, height) in [(1, 1), (6, 1), (1, 6), (2, 3), large] {
                let image = TestImage.drawn(width, height, format, seed: UInt64(width * 100 + height))
                let expected = reference.reference(image)
                let actual = try image.applying(pipeline)
                #expect(actual.shape == expected.shape)
                let wrong = zip(actual.samples, expected.samples).filter { $0 != $1 }.count
                #expect(wrong == 0, "\(wrong) samples of \(width) x \(height) \(format) differ")
            }
        }
    }

    @Test(arguments: [
        "box-blur size=255", "gaussian-blur sigma=200", "gaussian-blur sigma=3 size=2001", "median size=255",
        "dilate size=255 iterations=9", "erode size=101 iterations=5", "close shape=ellipse size=63",
    ])
    func `a window may be far larger than the image`(_ text: String) throws {
        let pipeline = try Pipeline(parsing: text)
        for format in [PixelFormat(.gray, .eight), PixelFormat(.rgb, .sixteen)] {
            let image = TestImage.drawn(5, 4, format, seed: 6)
            let result = try image.applying(pipeline)
            for channel in 0..<image.channels {
                let levels = (0..<20).map { image.samples[$0 * image.channels + channel] }
                let found = (0..<20).map { result.samples[$0 * image.channels + channel] }
                let (darkest, brightest) = (levels.min() ?? 0, levels.max() ?? 0)
                #expect(found.allSatisfy { darkest <= $0 && $0 <= brightest })
                if text.hasPrefix("dilate") { #expect(found.allSatisfy { $0 == brightest }) }
                if text.hasPrefix("erode") { #expect(found.allSatisfy { $0 == darkest }) }
            }
        }
    }

    @Test(arguments: [("rect", 3, 100), ("rect", 9, 40), ("rect", 131, 2), ("cross", 3, 7)])
    func `iterations are one after the other, however they are computed`(
        _ shape: String, _ size: Int, _ iterations: Int
    ) throws {
        let image = TestImage.drawn(31, 401, PixelFormat(.gray, .eight), seed: 2)
        let once = try Pipeline(parsing: "dilate size=\(size) shape=\(shape)")
        var expected = image
        for _ in 0..<iterations { expected = try expected.applying(once) }
        let all = try Pipeline(parsing: "dilate size=\(size) shape=\(shape) iterations=\(iterations)")
        #expect(try image.applying(all) == expected)
    }

    @Test func `every operation has a reference`() {
        let tested = Set(ReferenceCase.all.map { $0.pipeline.prefix { $0 != " " } }.map(String.init))
        #expect(tested == Set(OperationCatalogue.all.map { $0.description.name }))
    }

    @Test func `alpha is kept by whatever keeps the channel and the pixels' places`() throws {
        for operation in OperationCatalogue.all where operation.description.family != .geometry {
            let separate = operation.description.parameter("alpha") == nil ? "" : " alpha=separate"
            let name = operation.description.name + separate
            // All samples have another depth, alpha's included.
            if name == "depth" { continue }
            for format in PixelFormat.all where format.layout.hasAlpha {
                let image = TestImage.drawn(9, 8, format, seed: 3)
                let result = try image.applying(Pipeline(parsing: name))
                guard result.shape.format.layout.hasAlpha else {
                    #expect(["canny", "components", "flatten", "histogram"].contains(name), "\(name) drops alpha")
                    continue
                }
                for pixel in 0..<9 * 8 {
                    let before = image.samples[(pixel + 1) * image.channels - 1]
                    #expect(result.samples[(pixel + 1) * result.channels - 1] == before, "\(name) changes alpha")
                }
            }
        }
    }

    @Test func `an image of one level stays one level under every whole-image operation`() throws {
        for format in PixelFormat.all {
            var image = TestImage.drawn(5, 4, format, seed: 1)
            for index in image.samples.indices { image.samples[index] = 77 }
            #expect(try image.applying(Pipeline(parsing: "equalize")) == image)
            #expect(try image.applying(Pipeline(parsing: "stretch low=20 high=70")) == image)
            let otsu = try image.applying(Pipeline(parsing: "otsu"))
            let levels = Set((0..<20).map { otsu.samples[$0 * otsu.channels] })
            #expect(levels == [otsu.maximum])
        }
    }

    @Test func `alpha can be taken out as an image where there is alpha, and only there`() throws {
        let pipeline = try Pipeline(parsing: "channel name=a")
        for format in PixelFormat.all {
            let image = TestImage.drawn(9, 8, format, seed: 3)
            if format.layout.hasAlpha {
                let result = try image.applying(pipeline)
                #expect(result.shape.format == PixelFormat(.gray, format.depth))
                #expect(result.samples == (0..<72).map { image.samples[($0 + 1) * image.channels - 1] })
            } else {
                let error = #expect(throws: PipelineError.self) { try image.applying(pipeline) }
                #expect(error?.code == .unsuitableImage)
            }
        }
    }

    @Test func `a black point that is not below the white point is refused`() throws {
        let image = TestImage.drawn(3, 2, PixelFormat(.gray, .eight), seed: 1)
        for text in ["levels black=200 white=200", "levels black=255", "levels white=0"] {
            let pipeline = try Pipeline(parsing: text)
            let error = #expect(throws: PipelineError.self) { try image.applying(pipeline) }
            #expect(error?.code == .badValue)
        }
        // Against the white point of 16 bits, black=255 is nearly nothing.
        let deep = TestImage.drawn(3, 2, PixelFormat(.gray, .sixteen), seed: 1)
        #expect(try deep.applying(Pipeline(parsing: "levels black=255")).shape == deep.shape)
    }

    @Test func `what is computed in blocks of rows has no seams`() throws {
        let image = TestImage.drawn(3, 331, PixelFormat(.gray, .eight), seed: 8)
        for size in [3, 41] {
            let (dilated, eroded) = (
                try image.applying(Pipeline(parsing: "dilate size=\(size)")),
                try image.applying(Pipeline(parsing: "erode size=\(size)"))
            )
            #expect(try image.applying(Pipeline(parsing: "gradient size=\(size)")) == dilated - eroded)
            let opened = try image.applying(Pipeline(parsing: "open size=\(size)"))
            #expect(try image.applying(Pipeline(parsing: "top-hat size=\(size)")) == image - opened)
        }
        #expect(
            try image.applying(Pipeline(parsing: "unsharp sigma=9"))
                == image.referenceUnsharp(sigma: 9, amount: 1, threshold: 0))
    }

    /// What a part of the image becomes does not depend on what is further away than a window reaches.
    @Test(arguments: [
        "median size=3", "median", "bilateral", "bilateral diameter=9", "erode", "dilate size=5", "box-blur", "emboss",
        "gamma gamma=0.6", "saturation scale=1.3", "sepia",
    ])
    func `what is computed in blocks of columns has no seams`(_ text: String) throws {
        for format in [PixelFormat(.gray, .eight), PixelFormat(.rgb, .eight), PixelFormat(.rgb, .sixteen)] {
            let image = TestImage.drawn(4200, 4, format, seed: 12)
            for boundary in [256, 512, 683, 1024, 1366, 2048, 4096] {
                let whole = try Pipeline(parsing: "\(text) | crop x=\(boundary - 25) y=0 width=50 height=4")
                let part = try Pipeline(
                    parsing: "crop x=\(boundary - 34) y=0 width=68 height=4 | \(text) | crop x=9 y=0 width=50 height=4")
                #expect(try image.applying(whole) == image.applying(part), "\(format) at \(boundary)")
            }
        }
    }

    @Test(arguments: [0.3, 1.1, 1.2, 1.5, 2.7, 33, 99.9])
    func `saturation is what its definition says near and far from gray`(_ scale: Double) throws {
        for format in [PixelFormat(.rgb, .eight), PixelFormat(.rgb, .sixteen)] {
            var image = TestImage.drawn(256, 64, format, seed: 1)
            let step = image.maximum / 255
            for y in 0..<64 {
                for x in 0..<256 {
                    image[x, y, 0] = (4 * y + x % 4) * step
                    image[x, y, 1] = x * step
                    image[x, y, 2] = x * step
                }
            }
            let expected = image.referenceColors { rgb, luma in rgb.map { luma + scale * ($0 - luma) } }
            #expect(try image.applying(Pipeline(parsing: "saturation scale=\(scale)")) == expected)
        }
    }
}
