/// A rectangle of a pipeline's result: the part that is wanted.
public struct RegionOfInterest: Hashable, Sendable {
    public let x: Int
    public let y: Int
    public let width: Int
    public let height: Int

    /// Reads `x,y,width,height` in pixels.
    public init(parsing text: String) throws(PipelineError) {
        let numbers = text.split(separator: ",", omittingEmptySubsequences: false).map { Int($0) }
        guard numbers.count == 4, let x = numbers[0], let y = numbers[1], let width = numbers[2],
            let height = numbers[3],
            x >= 0, y >= 0, width > 0, height > 0
        else {
            throw PipelineError(
                .badValue,
                "the region of interest `\(text.prefix(40))` is not of the form x,y,width,height: x and y are whole "
                    + "numbers from 0, width and height from 1, such as 100,50,640,480")
        }
        (self.x, self.y, self.width, self.height) = (x, y, width, height)
    }
}

extension Pipeline {
    /// The same pipeline, of whose result only a region is kept, pixel for pixel as it is in the whole result.
    ///
    /// A cut at the end, so that nothing is computed or read but what the region needs: windows see the pixels around it,
    /// and values of the whole image are those of the whole image. To process a part as if it were an image of its own,
    /// begin the pipeline with `crop`.
    public func limited(to region: RegionOfInterest) throws(PipelineError) -> Pipeline {
        let crop = "crop x=\(region.x) y=\(region.y) width=\(region.width) height=\(region.height)"
        return try Pipeline(steps: steps + PipelineParser.parse(crop))
    }
}
