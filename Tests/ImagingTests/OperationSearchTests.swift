import Foundation
import Kernels
import Testing

@testable import Pipelines

@Suite struct OperationSearchTests {
    /// What people type who know OpenCV, ImageMagick, Photoshop or scikit-image, and the operation that they mean: it must be
    /// among the five that are named.
    static let words: [(word: String, operation: String)] = [
        // As others call it.
        ("edge_detection", "canny"), ("edge-detection", "sobel"), ("edges", "canny"), ("find_edges", "canny"),
        ("blur", "gaussian-blur"), ("blur", "box-blur"), ("blurring", "gaussian-blur"), ("smooth", "gaussian-blur"),
        ("smoothing", "bilateral"), ("gray", "grayscale"), ("grey", "grayscale"), ("rgb2gray", "grayscale"),
        ("desaturate", "grayscale"), ("black_and_white", "grayscale"), ("b&w", "grayscale"), ("B&W", "threshold"),
        ("monochrome", "grayscale"),
        ("erosion", "erode"), ("dilation", "dilate"), ("opening", "open"), ("closing", "close"),
        ("color-inversion", "invert"), ("colour_inversion", "invert"), ("negative", "invert"), ("negate", "invert"),
        ("bitwise_not", "invert"), ("thumbnail", "resize"), ("scale", "resize"), ("rescale", "resize"),
        ("shrink", "resize"), ("enlarge", "resize"), ("upscale", "resize"), ("sharpening", "sharpen"),
        ("sharpness", "unsharp"), ("unsharp_mask", "unsharp"), ("USM", "unsharp"), ("denoise", "median"),
        ("denoising", "bilateral"), ("noise_reduction", "median"), ("despeckle", "median"), ("medianBlur", "median"),
        ("bilateralFilter", "bilateral"), ("filter2D", "convolve"), ("convolution", "convolve"),
        ("brightness", "brightness-contrast"), ("contrast", "brightness-contrast"), ("brighten", "gamma"),
        ("lighten", "brightness-contrast"), ("exposure", "gamma"), ("adjust_gamma", "gamma"),
        ("gamma-correction", "gamma"), ("binarize", "threshold"), ("binarise", "otsu"), ("binarization", "otsu"),
        ("threshold_otsu", "otsu"), ("local_threshold", "adaptive-threshold"),
        ("adaptiveThreshhold", "adaptive-threshold"),
        ("equalizeHist", "equalize"), ("histogram-equalization", "equalize"), ("normalize", "stretch"),
        ("autocontrast", "stretch"), ("auto-levels", "auto-levels"), ("autolevel", "auto-levels"),
        ("awb", "white-balance"), ("gray world", "white-balance"),
        ("padding", "border"), ("copyMakeBorder", "border"), ("exif_transpose", "auto-orient"),
        ("autorotate", "auto-orient"),
        ("fit", "resize"),
        ("non_local_means", "denoise"), ("denoise", "denoise"), ("fastNlMeansDenoising", "denoise"),
        ("distanceTransform", "distance"), ("bwdist", "distance"),
        ("deskew", "rotate"), ("warpAffine", "affine"), ("shear", "affine"), ("equalize_adapthist", "clahe"),
        ("mirror", "flip"),
        ("flop", "flip"), ("rotation", "rotate"), ("rot90", "rotate"), ("trim", "crop"), ("cut", "crop"),
        ("morphological_gradient", "gradient"), ("white_tophat", "top-hat"), ("blackhat", "black-hat"),
        ("applyColorMap", "colormap"), ("heatmap", "colormap"), ("false-color", "colormap"), ("corners", "harris"),
        ("corner_harris", "harris"), ("HoughLinesP", "hough-lines"), ("line-detection", "hough-lines"),
        ("connectedComponents", "components"), ("label", "components"), ("findContours", "contours"),
        ("outline", "contours"), ("calcHist", "histogram"), ("fft", "butterworth-lowpass"),
        ("low-pass", "butterworth-lowpass"), ("highpass", "butterworth-highpass"), ("laplace", "laplacian"),
        ("relief", "emboss"), ("quantize", "posterize"), ("vintage", "sepia"), ("sepia-tone", "sepia"),
        ("hue-rotate", "hue"), ("saturate", "saturation"), ("vibrance", "saturation"), ("curves", "levels"),
        ("split", "channel"), ("extract_channel", "channel"), ("sketch", "canny"),
        // Slips of the keyboard.
        ("guassian-blur", "gaussian-blur"), ("gausian", "gaussian-blur"), ("grayscle", "grayscale"),
        ("invrt", "invert"),
        ("treshold", "threshold"), ("resise", "resize"), ("cany", "canny"), ("soble", "sobel"), ("medain", "median"),
        ("sepai", "sepia"), ("contors", "contours"), ("histrogram", "histogram"), ("postarize", "posterize"),
        // Several words.
        ("image blurring", "gaussian-blur"), ("gaussian smoothing", "gaussian-blur"), ("detect edges", "canny"),
    ]

    @Test func `words that people know lead to the operation, among at most five`() {
        for (word, operation) in Self.words {
            let nearest = OperationCatalogue.nearest(to: word).map(\.name)
            #expect(nearest.count <= 5)
            #expect(nearest.contains(operation), "\(word): \(nearest)")
        }
    }

    @Test func `what is like nothing leads nowhere`() {
        for word in ["xyzzyplugh", "", "   ", "|", "=", "zzzz", "--", String(repeating: "blur", count: 1000)] {
            #expect(OperationCatalogue.nearest(to: word).isEmpty, "\(word.prefix(20))")
            #expect(OperationCatalogue.operation(spelled: word) == nil)
            #expect(OperationCatalogue.search(word).isEmpty, "\(word.prefix(20))")
        }
    }

    @Test func `a letter is found where it is a word`() {
        let found = OperationCatalogue.search("b&w").map(\.name)
        #expect(Set(found) == ["grayscale", "threshold"], "\(found)")
        #expect(OperationCatalogue.search("q&z").isEmpty)
    }

    @Test func `every name is nearest to itself, and every keyword leads to its operation`() {
        for operation in OperationCatalogue.all.map({ $0.description }) {
            #expect(OperationCatalogue.nearest(to: operation.name).first?.name == operation.name)
            #expect(
                OperationCatalogue.operation(spelled: operation.name.uppercased())?.description.name == operation.name)
            #expect(operation.keywords.count >= 3 && Set(operation.keywords).count == operation.keywords.count)
            for keyword in operation.keywords {
                #expect(OperationCatalogue.search(keyword).contains { $0.name == operation.name }, "\(keyword)")
                // Nobody could call it by a keyword that is another operation's name.
                #expect(keyword == Spelling.words(keyword).joined(separator: "-"), "\(operation.name): \(keyword)")
            }
        }
    }

    @Test func `a search finds what is described, by all of its words`() {
        func names(_ text: String) -> [String] { OperationCatalogue.search(text).map(\.name) }
        #expect(names("edge detection").first == "canny")
        #expect(names("blur").prefix(2).elementsEqual(["gaussian-blur", "box-blur"]))
        #expect(names("otsu") == ["otsu"])
        #expect(names("corners").first == "harris")
        #expect(names("percentile") == ["stretch", "auto-levels"])
        #expect(names("median xyzzy").isEmpty)
        #expect(Set(names("morphology")).isSuperset(of: ["erode", "dilate", "open", "close", "top-hat", "black-hat"]))
    }

    /// `tessera ops NAME` shows them, to be pasted.
    @Test func `every example can be submitted, and runs`() throws {
        let image = TestImage.drawn(230, 170, PixelFormat(.rgb, .eight), seed: 8)
        // What an operation takes away there may be here.
        let deep = TestImage.drawn(20, 10, PixelFormat(.rgba, .sixteen), seed: 8)
        for operation in OperationCatalogue.all.map({ $0.description }) {
            #expect(operation.examples.count == 2, "\(operation.name)")
            for (index, text) in operation.examples.enumerated() {
                let pipeline = try TestPicture.attached(to: Pipeline(parsing: text))
                #expect(throws: Never.self) { try pipeline.checkForSubmission() }
                #expect(text.contains(operation.name) && !text.contains("'"), "\(text)")
                let shapes = try pipeline.shapes(from: image.shape)
                #expect(shapes.count == pipeline.operations.count + 1)
                // The shell passes what is between the quotes; the longest take a second in a debug build.
                if index == 0 {
                    let changes = try image.applying(pipeline) != image || deep.applying(pipeline) != deep
                    #expect(changes, "\(text)")
                }
            }
        }
    }
}
