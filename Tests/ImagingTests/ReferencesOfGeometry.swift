import Pipelines

extension ReferenceCase {
    static let geometry: [ReferenceCase] = [
        ReferenceCase("crop") { $0 },
        ReferenceCase("crop width=1 height=1") { $0.referenceCrop(0, 0, 1, 1) },
        ReferenceCase("flip") { image in
            image.referenceMoved(image.width, image.height) { (image.width - 1 - $0, $1) }
        },
        ReferenceCase("flip axis=vertical") { image in
            image.referenceMoved(image.width, image.height) { ($0, image.height - 1 - $1) }
        },
        ReferenceCase("flip axis=both") { image in
            image.referenceMoved(image.width, image.height) { (image.width - 1 - $0, image.height - 1 - $1) }
        },
        ReferenceCase("rotate") { image in
            image.referenceMoved(image.height, image.width) { ($1, image.height - 1 - $0) }
        },
        ReferenceCase("rotate degrees=180") { image in
            image.referenceMoved(image.width, image.height) { (image.width - 1 - $0, image.height - 1 - $1) }
        },
        ReferenceCase("rotate degrees=270") { image in
            image.referenceMoved(image.height, image.width) { (image.width - 1 - $1, $0) }
        },
        ReferenceCase("resize") { $0 },
        ReferenceCase("resize width=5 height=9 method=nearest") { $0.referenceNearest(5, 9) },
        ReferenceCase("resize width=1 height=1") { $0.referenceMean() },
        ReferenceCase("resize scale=3 method=nearest") { $0.referenceNearest(3 * $0.width, 3 * $0.height) },
    ]
}

extension TestImage {
    func referenceCrop(_ x: Int, _ y: Int, _ width: Int, _ height: Int) -> TestImage {
        var samples: [Int] = []
        for row in y..<y + height {
            for column in x..<x + width {
                for channel in 0..<channels { samples.append(self[column, row, channel]) }
            }
        }
        return TestImage(shape: ImageShape(width: width, height: height, format: shape.format), samples: samples)
    }

    /// The image of the pixels at `source(x, y)`.
    func referenceMoved(_ newWidth: Int, _ newHeight: Int, source: (Int, Int) -> (x: Int, y: Int)) -> TestImage {
        var samples: [Int] = []
        for y in 0..<newHeight {
            for x in 0..<newWidth {
                let place = source(x, y)
                for channel in 0..<channels { samples.append(self[place.x, place.y, channel]) }
            }
        }
        return TestImage(shape: ImageShape(width: newWidth, height: newHeight, format: shape.format), samples: samples)
    }

    func referenceNearest(_ newWidth: Int, _ newHeight: Int) -> TestImage {
        referenceMoved(newWidth, newHeight) { ($0 * width / newWidth, $1 * height / newHeight) }
    }

    /// The mean of all pixels; ties go to even levels, but up in squares of 4 pixels of 1, 3 or 4 channels.
    func referenceMean() -> TestImage {
        let means = (0..<channels).map { channel in
            let sum = (0..<width * height).reduce(0) { $0 + samples[$1 * channels + channel] }
            let mean = Double(sum) / Double(width * height)
            return Int(mean.rounded(width == 2 && height == 2 && channels != 2 ? .up : .toNearestOrEven))
        }
        return TestImage(shape: ImageShape(width: 1, height: 1, format: shape.format), samples: means)
    }
}
