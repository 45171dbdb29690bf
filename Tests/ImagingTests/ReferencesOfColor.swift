import Foundation
import Pipelines

extension ReferenceCase {
    static let color: [ReferenceCase] = [
        ReferenceCase("saturation") { $0 },
        ReferenceCase("saturation scale=0") { image in image.referenceColors { _, luma in [luma, luma, luma] } },
        ReferenceCase("saturation scale=2.5") { image in
            image.referenceColors { rgb, luma in rgb.map { luma + 2.5 * ($0 - luma) } }
        },
        ReferenceCase("hue") { $0 },
        ReferenceCase("hue degrees=120") { image in image.referenceColors { rgb, _ in [rgb[2], rgb[0], rgb[1]] } },
        ReferenceCase("hue degrees=-200") { image in
            image.referenceColors { rgb, _ in TestImage.turnedHue(rgb, by: 160) }
        },
        ReferenceCase("hue degrees=47.5") { image in
            image.referenceColors { rgb, _ in TestImage.turnedHue(rgb, by: 47.5) }
        },
        ReferenceCase("sepia") { $0.referenceSepia() },
        ReferenceCase("channel") { $0.referenceChannel(0) },
        ReferenceCase("channel name=b") { $0.referenceChannel(2) },
        ReferenceCase("flatten") { $0.referenceFlattened([1, 1, 1]) },
        ReferenceCase("flatten color=#3366CC") { $0.referenceFlattened([0.2, 0.4, 0.8]) },
        ReferenceCase("depth") { $0.referenceDepth(.eight) },
        ReferenceCase("depth bits=16") { $0.referenceDepth(.sixteen) },
        ReferenceCase("levels") { $0 },
        ReferenceCase("levels black=20 white=200 gamma=2.2") { image in
            image.mapped {
                let share = (Double(image[$0, $1, $2]) - 20) / 180
                return image.saturated(pow(min(max(share, 0), 1), 1 / 2.2) * Double(image.maximum))
            }
        },
        ReferenceCase("posterize levels=2") { image in
            image.mapped { image[$0, $1, $2] * 2 > image.maximum ? image.maximum : 0 }
        },
        ReferenceCase("posterize") { image in
            // Neither 8 nor 16 bits have ties: the largest level is odd, and prime to 2 * 7.
            image.mapped {
                let step = (14 * image[$0, $1, $2] + image.maximum) / (2 * image.maximum)
                return (2 * step * image.maximum + 7) / 14
            }
        },
        ReferenceCase("colormap name=cool") { $0.referenceColormap { [$0, 255 - $0, 255] } },
        ReferenceCase("colormap name=autumn") { $0.referenceColormap { [255, $0, 0] } },
        ReferenceCase("colormap name=spring") { $0.referenceColormap { [255, $0, 255 - $0] } },
    ]
}

extension TestImage {
    /// The colours of each pixel replaced, given them and their luma; gray images as they are.
    func referenceColors(_ change: (_ rgb: [Double], _ luma: Double) -> [Double]) -> TestImage {
        guard shape.format.layout.isColor else { return self }
        var result = self
        for y in 0..<height {
            for x in 0..<width {
                let new = change((0..<3).map { Double(self[x, y, $0]) }, Double(referenceLuma(x, y)))
                for channel in 0..<3 { result[x, y, channel] = saturated(new[channel]) }
            }
        }
        return result
    }

    /// By way of hue, saturation and value, sector by sector, as textbooks have it.
    static func turnedHue(_ rgb: [Double], by degrees: Double) -> [Double] {
        let (value, least) = (rgb.max() ?? 0, rgb.min() ?? 0)
        let chroma = value - least
        if chroma == 0 { return rgb }
        // Times the chroma, so that nothing is rounded before the end.
        var hue = degrees * chroma
        if value == rgb[0] {
            hue += 60 * (rgb[1] - rgb[2])
        } else if value == rgb[1] {
            hue += 120 * chroma + 60 * (rgb[2] - rgb[0])
        } else {
            hue += 240 * chroma + 60 * (rgb[0] - rgb[1])
        }
        hue = (hue + 360 * chroma).truncatingRemainder(dividingBy: 360 * chroma)
        let sector = Int(hue / (60 * chroma))
        let rest = hue - Double(sector) * 60 * chroma
        let (falling, rising) = (value - rest / 60, least + rest / 60)
        switch sector {
        case 0: return [value, rising, least]
        case 1: return [falling, value, least]
        case 2: return [least, value, rising]
        case 3: return [least, falling, value]
        case 4: return [rising, least, value]
        default: return [value, least, falling]
        }
    }

    /// An image of other channels: `levels` gives them for a pixel, without alpha, which is kept.
    func relaid(_ layout: ChannelLayout, _ levels: (_ x: Int, _ y: Int) -> [Int]) -> TestImage {
        var shape = shape
        shape.format.layout = layout
        var samples: [Int] = []
        for y in 0..<height {
            for x in 0..<width { samples += levels(x, y) + (layout.hasAlpha ? [self[x, y, channels - 1]] : []) }
        }
        return TestImage(shape: shape, samples: samples)
    }

    private var colorLayout: ChannelLayout { shape.format.layout.hasAlpha ? .rgba : .rgb }

    func referenceSepia() -> TestImage {
        let matrix = [[393, 769, 189], [349, 686, 168], [272, 534, 131]]
        return relaid(colorLayout) { x, y in
            matrix.map { weights in
                let sum = (0..<3).reduce(0) { $0 + weights[$1] * self[x, y, min($1, colors - 1)] }
                return saturated(Double(sum) / 1000)
            }
        }
    }

    func referenceChannel(_ channel: Int) -> TestImage {
        relaid(shape.format.layout.hasAlpha ? .grayAlpha : .gray) { [self[$0, $1, min(channel, colors - 1)]] }
    }

    /// - Parameter ground: red, green and blue from 0 to 1.
    func referenceFlattened(_ ground: [Double]) -> TestImage {
        guard shape.format.layout.hasAlpha else { return self }
        // A colour has levels of 8 bits; those of 16 are 257 times as many.
        let levels = ground.map { Int(($0 * 255).rounded()) }
        let luma = (9798 * levels[0] + 19235 * levels[1] + 3735 * levels[2] + 16384) >> 15
        return relaid(shape.format.layout.isColor ? .rgb : .gray) { x, y in
            (0..<colors).map { channel in
                let alpha = Double(self[x, y, colors]) / Double(maximum)
                let under = Double((colors == 1 ? luma : levels[channel]) * (maximum / 255))
                // Never half of a level: the largest is odd.
                return Int((Double(self[x, y, channel]) * alpha + under * (1 - alpha)).rounded())
            }
        }
    }

    func referenceDepth(_ depth: SampleDepth) -> TestImage {
        guard depth != shape.format.depth else { return self }
        let format = PixelFormat(shape.format.layout, depth)
        return TestImage(
            shape: ImageShape(width: width, height: height, format: format),
            samples: samples.map { depth == .sixteen ? $0 * 257 : ($0 + 128) / 257 })
    }

    /// - Parameter colour: the red, green and blue of a level from 0 to 255.
    func referenceColormap(_ color: (Int) -> [Int]) -> TestImage {
        let spread = maximum / 255
        return relaid(colorLayout) { x, y in
            color(Int((Double(referenceLuma(x, y)) / Double(spread)).rounded())).map { $0 * spread }
        }
    }
}
