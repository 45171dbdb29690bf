import Imaging

extension ReferenceCase {
    static let geometry: [ReferenceCase] = [
        ReferenceCase("crop") { $0 },
        ReferenceCase("crop width=1 height=1") { $0.referenceCrop(0, 0, 1, 1) },
        ReferenceCase("flip") { image in
            var result = image
            for y in 0..<image.height {
                for x in 0..<image.width {
                    for channel in 0..<image.channels {
                        result[x, y, channel] = image[image.width - 1 - x, y, channel]
                    }
                }
            }
            return result
        },
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
}
