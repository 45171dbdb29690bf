import Pipelines

/// The lightness of a row's pixels: the gray level, or L of a colour.
///
/// Owns memory for one row: call `deallocate()`.
struct LightnessRow<Sample: LabSample> {
    private let format: PixelFormat
    private let width: Int
    private let levels: UnsafeMutablePointer<Sample>

    init(_ shape: ImageShape) {
        format = shape.format
        width = shape.width
        levels = .allocate(capacity: width)
    }

    func deallocate() { levels.deallocate() }

    /// The lightness of each pixel; valid until the next row is read.
    @_specialize(where Sample == UInt8)
    @_specialize(where Sample == UInt16)
    func read(_ row: UnsafePointer<Sample>) -> UnsafePointer<Sample> {
        let channels = format.channelCount
        if channels == 1 { return row }
        if format.layout.isColor {
            let lab = Sample.lab
            for x in 0..<width {
                let pixel = row + x * channels
                levels[x] = lab.lightness(pixel[0], pixel[1], pixel[2])
            }
        } else {
            for x in 0..<width { levels[x] = row[x * channels] }
        }
        return UnsafePointer(levels)
    }

    /// Writes the row with another lightness; alpha is kept.
    @_specialize(where Sample == UInt8)
    @_specialize(where Sample == UInt16)
    func replace(_ row: UnsafePointer<Sample>, by new: UnsafePointer<Sample>, to target: UnsafeMutablePointer<Sample>) {
        let channels = format.channelCount
        if format.layout.isColor {
            let lab = Sample.lab
            for x in 0..<width {
                let (pixel, replaced) = (row + x * channels, target + x * channels)
                let color = lab.color(pixel[0], pixel[1], pixel[2], withLightness: new[x])
                (replaced[0], replaced[1], replaced[2]) = color
            }
        } else {
            for x in 0..<width { target[x * channels] = new[x] }
        }
        if format.layout.hasAlpha { copyAlpha(from: row, to: target, width: width, channels: channels) }
    }
}
