import JobModel
import Pipelines

extension ImageShape {
    /// The shape that a geometry describes.
    ///
    /// - Throws: when the geometry has no pixels, or a sample layout that does not exist. It may come from another program.
    public init(_ geometry: ImageGeometry) throws(PipelineError) {
        guard let layout = ChannelLayout(rawValue: geometry.channelCount),
            let depth = SampleDepth(rawValue: geometry.bitsPerSample),
            geometry.width > 0, geometry.height > 0
        else {
            throw PipelineError(
                .unsuitableImage,
                "an image of \(geometry.width) x \(geometry.height) pixels with \(geometry.channelCount) channels of "
                    + "\(geometry.bitsPerSample) bits; allowed are at least 1 x 1, 1 to 4 channels, 8 or 16 bits")
        }
        self.init(width: Int(geometry.width), height: Int(geometry.height), format: PixelFormat(layout, depth))
    }
}

extension ImageGeometry {
    public init(_ shape: ImageShape) {
        self.init(
            width: UInt32(clamping: shape.width), height: UInt32(clamping: shape.height),
            channelCount: shape.format.layout.rawValue, bitsPerSample: shape.format.depth.rawValue)
    }
}
