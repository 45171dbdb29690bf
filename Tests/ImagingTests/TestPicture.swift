import Kernels
import Pipelines

/// Pictures that pipelines of tests attach, known to kernels from the first use on.
enum TestPicture {
    /// One in each format, of different sizes; the first levels of alpha are 0 and the largest.
    static let all: [(content: AttachedImage.Content, image: TestImage)] = PixelFormat.all.enumerated().map {
        index, format in
        var image = TestImage.drawn(3 + index, 9 - index, format, seed: UInt64(40 + index))
        if format.layout.hasAlpha {
            image.samples[image.channels - 1] = 0
            image.samples[2 * image.channels - 1] = image.maximum
        }
        let content = AttachedImage.Content(digest: String(repeating: "\(index)e", count: 32), byteCount: 100)
        return (content, image)
    }

    /// Kernels find a picture as long as somebody owns it.
    private static let owned: [Picture] = all.map { content, image in
        PictureLibrary.shared.enter(Picture(shape: image.shape, pixels: image.bytes), as: content)
    }

    /// The content of a picture, which kernels find from now on.
    static func content(_ index: Int) -> AttachedImage.Content {
        precondition(owned.count == all.count)
        return all[index].content
    }

    /// The pipeline with a picture in the place of every file.
    static func attached(to pipeline: Pipeline) throws -> Pipeline {
        let files = pipeline.attachedFiles.enumerated().map { ($1, content(4 + $0)) }
        return try pipeline.attaching(Dictionary(uniqueKeysWithValues: files))
    }
}

extension TestImage {
    /// Source-over by exact fractions, straight from the definition.
    ///
    /// - Parameters:
    ///   - left, top: where the picture's first pixel is.
    ///   - opacity: in 65535ths.
    func referenceOverlay(_ picture: TestImage, left: Int, top: Int, opacity: Int) -> TestImage {
        var result = self
        let unit = UInt128(maximum)
        func level(_ value: Int) -> Int {
            if picture.maximum == maximum { return value }
            return picture.maximum < maximum ? value * 257 : (value + 128) / 257
        }
        func rounded(_ numerator: UInt128, _ denominator: UInt128) -> Int {
            Int((2 * numerator + denominator) / (2 * denominator))
        }
        for y in 0..<height {
            for x in 0..<width {
                let (column, row) = (x - left, y - top)
                guard column >= 0, column < picture.width, row >= 0, row < picture.height else { continue }
                let pictureAlpha =
                    picture.colors == picture.channels
                    ? maximum : level(picture[column, row, picture.channels - 1])
                let backAlpha = colors == channels ? maximum : self[x, y, channels - 1]
                // Alpha of both as fractions of the same denominator: maximum * 65535.
                let source = UInt128(pictureAlpha * opacity)
                guard source > 0 else { continue }
                let whole = unit * 65535
                // a = s + b (1 - s), times whole * maximum.
                let total = source * unit + UInt128(backAlpha) * (whole - source)
                for channel in 0..<colors {
                    let color: Int
                    if picture.colors == 1 {
                        color = level(picture[column, row, 0])
                    } else if colors == 1 {
                        color = level(picture.referenceLuma(column, row))
                    } else {
                        color = level(picture[column, row, channel])
                    }
                    let sum =
                        source * unit * UInt128(color)
                        + UInt128(backAlpha) * (whole - source) * UInt128(self[x, y, channel])
                    result[x, y, channel] = rounded(sum, total)
                }
                if colors < channels { result[x, y, channels - 1] = rounded(total, whole) }
            }
        }
        return result
    }
}
