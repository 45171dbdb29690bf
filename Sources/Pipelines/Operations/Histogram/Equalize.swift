/// Spreads the levels so that each is equally frequent, as far as possible.
public struct Equalize: Operation {
    public static let description = OperationDescription(
        "equalize", family: .histogram,
        keywords: "histogram-equalization equalize-hist contrast auto-contrast contrast-enhancement equalization",
        examples: ["equalize", "grayscale | equalize"],
        summary: "Spreads the levels over the whole range by their cumulative distribution; of colours, the luma",
        matches:
            "cv2.equalizeHist on gray, exactly at 8 bits; the same definition in double precision at 16, where OpenCV "
            + "has none. Colour: luma Y as grayscale, equalised to Y'; each channel c becomes c + Y' - Y, saturated: "
            + "what COLOR_RGB2YCrCb and back would give without rounding the chroma. Alpha passes through")

    public init(arguments: OperationArguments) {}

    public func computation(for input: ImageShape) -> OperationComputation { .wholeImage(Equalization()) }
}

/// Spreads the sample values over the whole range by their cumulative distribution.
package struct Equalization: WholeImageComputation {
    package var hasValueOfAnySize: Bool { true }
}
