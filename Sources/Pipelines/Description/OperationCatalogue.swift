/// Every operation there is, each once.
public enum OperationCatalogue {
    /// In the order of the reference page: by family.
    public static let all: [any Operation.Type] = [
        Invert.self, Grayscale.self, BrightnessContrast.self, Gamma.self, Saturation.self, Hue.self, Sepia.self,
        Channel.self, Flatten.self, Depth.self, Levels.self, WhiteBalance.self, Posterize.self, Colormap.self,
        BoxBlur.self, GaussianBlur.self, Sharpen.self, Unsharp.self, Convolve.self, Median.self, Bilateral.self,
        Denoise.self,
        Sobel.self, Scharr.self, Prewitt.self, Roberts.self, Laplacian.self, Canny.self, Emboss.self,
        Erode.self, Dilate.self, Open.self, Close.self, MorphologicalGradient.self, TopHat.self, BlackHat.self,
        Threshold.self, Otsu.self, AdaptiveThreshold.self,
        Equalize.self, Clahe.self, Stretch.self, AutoLevels.self,
        Crop.self, Border.self, Overlay.self, Resize.self, Rotate.self, Affine.self, Flip.self, AutoOrient.self,
        ButterworthLowpass.self, ButterworthHighpass.self,
        Harris.self, HoughLines.self, Components.self, Contours.self, Histogram.self, Distance.self,
    ]

    private static let byName: [String: any Operation.Type] =
        Dictionary(all.map { ($0.description.name, $0) }, uniquingKeysWith: { first, _ in first })

    /// The operation that pipelines call `name`.
    public static func operation(_ name: String) -> (any Operation.Type)? { byName[name] }
}
