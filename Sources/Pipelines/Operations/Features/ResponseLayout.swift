/// Rows of an image together with a number for each pixel, as they go from one kernel to the next:
///
///     Float a pixel | the image's row | filled up to a multiple of 8 bytes
///
/// To the plan they are rows of gray bytes.
package struct ResponseLayout: Sendable {
    package let image: ImageShape

    package var imageOffset: Int { image.width * 4 }

    package var shape: ImageShape {
        ImageShape(
            width: (imageOffset + image.bytesPerRow + 7) / 8 * 8, height: image.height,
            format: PixelFormat(.gray, .eight))
    }

    package init(image: ImageShape) { self.image = image }
}
