/// Removes noise by averaging pixels whose neighbourhoods look alike.
public struct Denoise: Operation {
    public static let description = OperationDescription(
        "denoise", family: .smoothing,
        keywords:
            "non-local-means nlm nlmeans fast-nl-means-denoising denoising noise-reduction remove-noise grain-removal high-iso clean",
        examples: ["denoise h=10", "denoise h=6 search=11 | unsharp"],
        summary: "Removes noise and keeps detail: each pixel becomes a mean of pixels whose surroundings look alike",
        parameters: [
            ParameterDescription(
                "h", "the strength: about the noise's standard deviation; more removes more noise, and detail",
                .number(0.1...65535), default: .number(3), unit: "levels", isLevel: true),
            ParameterDescription(
                "template", "the side of the surroundings that are compared", .oddInteger(1...21), default: .integer(7),
                unit: "pixels"),
            ParameterDescription(
                "search", "the side of the window in which pixels are looked for; the time grows with its square",
                .oddInteger(1...35), default: .integer(21), unit: "pixels"),
        ],
        result:
            "the format of the input; the colours of a pixel are compared and averaged together; alpha passes through",
        border: .reflect101,
        matches:
            "cv2.fastNlMeansDenoising (non-local means; Buades, Coll and Morel 2005) of gray and of RGB images of 8 bits, exactly. "
            + "At 16 bits, where OpenCV has no squared distances, surroundings are compared by the upper 8 bits of their levels, "
            + "with h / 257, and the levels of 16 bits are averaged")

    private let strength: Level
    private let template: Int
    private let search: Int

    public init(arguments: OperationArguments) {
        strength = arguments.level("h")
        template = arguments.integer("template")
        search = arguments.integer("search")
    }

    public func computation(for input: ImageShape) -> OperationComputation {
        let level = strength.at(input.format.depth)
        return .rows([
            NonLocalMeans(
                strength: input.format.depth == .eight ? level : level / 257, templateRadius: template / 2,
                searchRadius: search / 2)
        ])
    }
}

/// A mean of the pixels of a window, weighted by how much the surroundings of each are like those of the window's centre.
package struct NonLocalMeans: WindowComputation {
    /// In levels of 8 bits.
    package let strength: Double
    package let templateRadius: Int
    package let searchRadius: Int

    package var radius: Int { templateRadius + searchRadius }
}
