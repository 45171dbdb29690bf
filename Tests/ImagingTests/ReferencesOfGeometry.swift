import Pipelines

extension ReferenceCase {
    static let geometry: [ReferenceCase] =
        [
            ReferenceCase("crop") { $0 },
            ReferenceCase("crop width=1 height=1") { $0.referenceCrop(0, 0, 1, 1) },
            ReferenceCase("border") { $0 },
            ReferenceCase("border all=2 color=#FF8040C0") {
                $0.referenceBorder(2, 2, 2, 2, [255, 128, 64, 192], luma: 159)
            },
            ReferenceCase("border top=3 left=1 color=transparent") {
                $0.referenceBorder(3, 0, 0, 1, [0, 0, 0, 0], luma: 0)
            },
            ReferenceCase("border all=1 right=4 bottom=0 color=white") {
                $0.referenceBorder(1, 4, 0, 1, [255, 255, 255, 255], luma: 255)
            },
            ReferenceCase("auto-orient") { $0 },
            ReferenceCase("overlay") { $0 },
            ReferenceCase("overlay image=\(TestPicture.content(3)) opacity=0 x=-2") { $0 },
            // lint-prose: allow spelling: a word of the pipeline language
            ReferenceCase("overlay image=\(TestPicture.content(7)) gravity=center x=1 opacity=0.3") { image in
                let picture = TestPicture.all[7].image
                let (left, top) = (image.width - picture.width, image.height - picture.height)
                return image.referenceOverlay(
                    picture, left: Int((Double(left) / 2).rounded(.down)) + 1,
                    top: Int((Double(top) / 2).rounded(.down)), opacity: 19661)
            },
            ReferenceCase("overlay image=\(TestPicture.content(2)) gravity=south-east x=2 y=-3") { image in
                let picture = TestPicture.all[2].image
                return image.referenceOverlay(
                    picture, left: image.width - picture.width - 2, top: image.height - picture.height + 3,
                    opacity: 65535)
            },
        ]
        + PixelFormat.all.indices.map { index in
            ReferenceCase("overlay image=\(TestPicture.content(index)) x=-1 y=1 opacity=0.75") {
                $0.referenceOverlay(TestPicture.all[index].image, left: -1, top: 1, opacity: 49151)
            }
        }
        + (1...8).map { orientation in
            ReferenceCase("auto-orient orientation=\(orientation)") { $0.referenceUpright(orientation) }
        } + [
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
            ReferenceCase("rotate degrees=360") { $0 },
            ReferenceCase("rotate degrees=30") { $0.referenceTurned(30, fill: 0) },
            ReferenceCase("rotate degrees=-77.5 interpolation=cubic fill=white") {
                $0.referenceTurned(-77.5, fill: $0.maximum, isCubic: true)
            },
            ReferenceCase("rotate degrees=90 expand=no fill=white") {
                $0.referenceTurned(90, fill: $0.maximum, isExpanded: false)
            },
            ReferenceCase("rotate degrees=181 expand=no interpolation=cubic") {
                $0.referenceTurned(181, fill: 0, isExpanded: false, isCubic: true)
            },
            ReferenceCase("affine") { $0 },
            ReferenceCase("affine matrix=1,0,3,0,1,-2 fill=white") {
                $0.referenceAffine([1, 0, 3, 0, 1, -2], $0.width, $0.height, fill: $0.maximum)
            },
            ReferenceCase("affine matrix=0.5,-2,3.3,1.5,0.25,-1.7 width=9 height=14") {
                $0.referenceAffine([0.5, -2, 3.3, 1.5, 0.25, -1.7], 9, 14, fill: 0)
            },
            ReferenceCase("affine matrix=-3,0.5,9,0.1,1.7,0.4 width=23 interpolation=cubic") {
                $0.referenceAffine([-3, 0.5, 9, 0.1, 1.7, 0.4], 23, $0.height, fill: 0, isCubic: true)
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

    /// The image within rows and columns of a colour of 8 bits, of which a gray image gets the luma.
    func referenceBorder(
        _ top: Int, _ right: Int, _ bottom: Int, _ left: Int, _ color: [Int], luma: Int
    ) -> TestImage {
        let levels = (shape.format.layout.isColor ? Array(color[..<3]) : [luma]) + [color[3]]
        var samples: [Int] = []
        for y in -top..<height + bottom {
            for x in -left..<width + right {
                let isInside = (0..<width).contains(x) && (0..<height).contains(y)
                for channel in 0..<channels {
                    samples.append(isInside ? self[x, y, channel] : levels[channel] * (maximum / 255))
                }
            }
        }
        let shape = ImageShape(width: width + left + right, height: height + top + bottom, format: shape.format)
        return TestImage(shape: shape, samples: samples)
    }

    /// Each pixel at the place where TIFF 6.0 says that its row and column belong.
    func referenceUpright(_ orientation: Int) -> TestImage {
        let (right, bottom) = (width - 1, height - 1)
        return switch orientation {
        case 1: self
        case 2: referenceMoved(width, height) { (right - $0, $1) }
        case 3: referenceMoved(width, height) { (right - $0, bottom - $1) }
        case 4: referenceMoved(width, height) { ($0, bottom - $1) }
        // The first row is the left side: a row is read from a column.
        case 5: referenceMoved(height, width) { ($1, $0) }
        case 6: referenceMoved(height, width) { ($1, bottom - $0) }
        case 7: referenceMoved(height, width) { (right - $1, bottom - $0) }
        default: referenceMoved(height, width) { (right - $1, $0) }
        }
    }

    func referenceTurned(
        _ degrees: Double, fill: Int, isExpanded: Bool = true, isCubic: Bool = false
    ) -> TestImage {
        var warp = ReferenceWarp(self).turned(degrees, isExpanded: isExpanded).filled(fill)
        warp.isCubic = isCubic
        return warp.image(shape.format)
    }

    func referenceAffine(
        _ matrix: [Double], _ newWidth: Int, _ newHeight: Int, fill: Int, isCubic: Bool = false
    ) -> TestImage {
        var warp = ReferenceWarp(self).mapped(matrix, newWidth, newHeight).filled(fill)
        warp.isCubic = isCubic
        return warp.image(shape.format)
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
