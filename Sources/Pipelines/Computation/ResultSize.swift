extension ImageShape {
    /// The longest side of an image that an operation makes larger than its input.
    package static let largestResultSide = 1_000_000
    /// The most pixels of one.
    package static let largestResultPixelCount = 1 << 32

    /// Refuses a result that is larger than any may be, or has no pixel.
    ///
    /// - Parameters:
    ///   - operation: its name, for the message.
    ///   - advice: what to do about a result that is too large.
    ///   - belowOne: what to do about one without a pixel.
    static func checkResult(
        width: Int, height: Int, of input: ImageShape, by operation: String, advice: String, belowOne: String = ""
    ) throws(PipelineError) {
        let sides = "the \(input.width) x \(input.height) pixels of the image \(width) x \(height)"
        guard width > 0, height > 0 else {
            throw PipelineError(
                .unsuitableImage, "`\(operation)` makes of \(sides): less than a pixel; \(belowOne)")
        }
        guard max(width, height) <= largestResultSide, width * height <= largestResultPixelCount else {
            throw PipelineError(
                .unsuitableImage,
                "`\(operation)` makes of \(sides); at most \(largestResultSide) to a side and \(largestResultPixelCount) in "
                    + "all are allowed; \(advice)")
        }
    }
}
