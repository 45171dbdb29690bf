import Foundation
import Kernels
import Pipelines

extension ReferenceCase {
    static let smoothing: [ReferenceCase] = [
        ReferenceCase("denoise h=30 template=3 search=5") { $0.referenceDenoised(30, 3, 5) },
        ReferenceCase("denoise h=9000 template=5 search=7") { $0.referenceDenoised(9000, 5, 7) },
        ReferenceCase("unsharp") { $0.referenceUnsharp(sigma: 1.5, amount: 1, threshold: 0) },
        ReferenceCase("unsharp sigma=0.8 amount=2.3 threshold=9.5") {
            $0.referenceUnsharp(sigma: 0.8, amount: 2.3, threshold: 9.5)
        },
        ReferenceCase("convolve") { $0 },
        ReferenceCase("convolve kernel=\"-1 2 -3 / 4 -5 6 / -7 8 -2\" scale=.7 offset=19.5") { image in
            let weights = [[-1, 2, -3], [4, -5, 6], [-7, 8, -2]]
            return image.mapped { image.saturated(Double(image.convolved($0, $1, $2, weights)) * 0.7 + 19.5) }
        },
        ReferenceCase("convolve kernel=\"0.25/0.5/1.25/0/-0.5\"") { image in
            let weights = [[0, 0, 1, 0, 0], [0, 0, 2, 0, 0], [0, 0, 5, 0, 0], [0, 0, 0, 0, 0], [0, 0, -2, 0, 0]]
            return image.mapped { image.saturated(Double(image.convolved($0, $1, $2, weights)) / 4) }
        },
        ReferenceCase("convolve kernel=\"40000 0 0 0 -39999\"") { image in
            var weights = Array(repeating: [0, 0, 0, 0, 0], count: 5)
            weights[2] = [40000, 0, 0, 0, -39999]
            return image.mapped { image.saturated(image.convolved($0, $1, $2, weights)) }
        },
        ReferenceCase("bilateral") {
            $0.referenceBilateral(diameter: 5, color: $0.maximum == 255 ? 50 : 50 * 257, space: 50)
        },
        ReferenceCase("bilateral diameter=9 sigma-color=100 sigma-space=1.7") {
            $0.referenceBilateral(diameter: 9, color: 100, space: 1.7)
        },
    ]

    static let edges: [ReferenceCase] = [
        ReferenceCase("scharr") { $0.referenceGradient(TestImage.scharrWeights, "both", scale: 0.25) },
        ReferenceCase("scharr scale=1") { $0.referenceGradient(TestImage.scharrWeights, "both") },
        ReferenceCase("scharr direction=y scale=1") { $0.referenceGradient(TestImage.scharrWeights, "y") },
        ReferenceCase("scharr direction=y scale=0.37") {
            $0.referenceGradient(TestImage.scharrWeights, "y", scale: 0.37)
        },
        ReferenceCase("prewitt") { $0.referenceGradient([[-1, 0, 1], [-1, 0, 1], [-1, 0, 1]], "both") },
        ReferenceCase("prewitt direction=x") { $0.referenceGradient([[-1, 0, 1], [-1, 0, 1], [-1, 0, 1]], "x") },
        ReferenceCase("roberts") { $0.referenceRoberts("both") },
        ReferenceCase("roberts direction=x") { $0.referenceRoberts("x") },
        ReferenceCase("roberts direction=y") { $0.referenceRoberts("y") },
        ReferenceCase("emboss") { $0.referenceGrayscale().referenceEmboss(45, strength: 2) },
        ReferenceCase("emboss angle=30 strength=-20") { $0.referenceGrayscale().referenceEmboss(30, strength: -20) },
        ReferenceCase("emboss strength=16 angle=90") { $0.referenceGrayscale().referenceEmboss(90, strength: 16) },
        ReferenceCase("emboss angle=0 strength=1 channels=each") { $0.referenceEmboss(0, strength: 1) },
        ReferenceCase("emboss angle=-75 strength=1 channels=each") { $0.referenceEmboss(-75, strength: 1) },
        ReferenceCase("emboss angle=200.5 strength=0.3 channels=each") { $0.referenceEmboss(200.5, strength: 0.3) },
    ]

    static let morphology: [ReferenceCase] = [
        ReferenceCase("gradient") {
            $0.referenceMorphology("d", 3, "rect", 1) - $0.referenceMorphology("e", 3, "rect", 1)
        },
        ReferenceCase("gradient size=5 shape=ellipse iterations=2") {
            $0.referenceMorphology("d", 5, "ellipse", 2) - $0.referenceMorphology("e", 5, "ellipse", 2)
        },
        ReferenceCase("top-hat size=5") { $0 - $0.referenceMorphology("ed", 5, "rect", 1) },
        ReferenceCase("top-hat shape=cross iterations=2") { $0 - $0.referenceMorphology("ed", 3, "cross", 2) },
        ReferenceCase("black-hat") { $0.referenceMorphology("de", 3, "rect", 1) - $0 },
        ReferenceCase("black-hat size=7 shape=ellipse") { $0.referenceMorphology("de", 7, "ellipse", 1) - $0 },
    ]
}

extension TestImage {
    /// Non-local means: for each pixel, each in its window, each of the two surroundings.
    func referenceDenoised(_ h: Double, _ template: Int, _ search: Int) -> TestImage {
        let border = ReferenceBorder.reflect101
        let (near, far) = (template / 2, search / 2)
        let shift = maximum == 255 ? 0 : 8
        func level(_ x: Int, _ y: Int, _ channel: Int) -> Int {
            self[border.index(x, width), border.index(y, height), channel]
        }
        let one = Int(Int32.max) / (search * search * 255)
        var bits = 0
        while 1 << bits < template * template { bits += 1 }
        let strength = Float(maximum == 255 ? h : h / 257)
        func weight(_ sum: Int) -> Int {
            let distance = Double(sum >> bits) * (Double(1 << bits) / Double(template * template))
            let weight = Double(one) * exp(-distance / Double(strength * strength * Float(colors)))
            return weight.rounded() < 0.001 * Double(one) ? 0 : Int(weight.rounded(.toNearestOrEven))
        }
        var result = self
        for y in 0..<height {
            for x in 0..<width {
                var (weights, sums) = (0, Array(repeating: 0, count: colors))
                for dy in -far...far {
                    for dx in -far...far {
                        var distance = 0
                        for row in y - near...y + near {
                            for column in x - near...x + near {
                                for channel in 0..<colors {
                                    let difference =
                                        level(column, row, channel) >> shift - level(column + dx, row + dy, channel)
                                        >> shift
                                    distance += difference * difference
                                }
                            }
                        }
                        let weight = weight(distance)
                        weights += weight
                        for channel in 0..<colors { sums[channel] += weight * level(x + dx, y + dy, channel) }
                    }
                }
                for channel in 0..<colors { result[x, y, channel] = (sums[channel] + weights / 2) / weights }
            }
        }
        return result
    }

    /// The difference of the colours; alpha is that of the left.
    static func - (left: TestImage, right: TestImage) -> TestImage {
        left.mapped { left[$0, $1, $2] - right[$0, $1, $2] }
    }

    func referenceBilateral(diameter: Int, color: Double, space: Double) -> TestImage {
        let (radius, border) = (diameter / 2, ReferenceBorder.reflect101)
        return mapped { x, y, channel in
            var (sum, weights) = (0.0, 0.0)
            for dy in -radius...radius {
                for dx in -radius...radius where dx * dx + dy * dy <= radius * radius {
                    let (column, row) = (border.index(x + dx, width), border.index(y + dy, height))
                    let difference = (0..<colors).map { abs(self[column, row, $0] - self[x, y, $0]) }.reduce(0, +)
                    let weight =
                        exp(-pow(Double(difference), 2) / (2 * color * color))
                        * exp(-Double(dx * dx + dy * dy) / (2 * space * space))
                    sum += weight * Double(self[column, row, channel])
                    weights += weight
                }
            }
            return saturated(sum / weights)
        }
    }

    func referenceUnsharp(sigma: Double, amount: Double, threshold: Double) -> TestImage {
        let blurred = referenceGaussianBlur(sigma: sigma, size: nil)
        return mapped {
            let level = self[$0, $1, $2]
            let difference = Double(level - blurred[$0, $1, $2])
            return abs(difference) > threshold ? saturated(Double(level) + amount * difference) : level
        }
    }

    /// - Parameter weights: of the derivative along x.
    func referenceGradient(_ weights: [[Int]], _ direction: String, scale: Double = 1) -> TestImage {
        mapped {
            let dx = scale * Double(convolved($0, $1, $2, weights))
            let dy = scale * Double(convolved($0, $1, $2, Self.transposed(weights)))
            switch direction {
            case "x": return saturated(abs(dx))
            case "y": return saturated(abs(dy))
            default: return saturated((dx * dx + dy * dy).squareRoot())
            }
        }
    }

    static let scharrWeights = [[-3, 0, 3], [-10, 0, 10], [-3, 0, 3]]

    func referenceRoberts(_ direction: String) -> TestImage {
        mapped {
            let falling = convolved($0, $1, $2, [[0, 0, 0], [0, 1, 0], [0, 0, -1]])
            let rising = convolved($0, $1, $2, [[0, 0, 0], [0, 0, 1], [0, -1, 0]])
            switch direction {
            case "x": return abs(falling)
            case "y": return abs(rising)
            default: return saturated(Double(falling * falling + rising * rising).squareRoot())
            }
        }
    }

    func referenceEmboss(_ degrees: Double, strength: Double) -> TestImage {
        let angle = degrees * .pi / 180
        let weights = Self.sobelWeights(3)
        return mapped {
            let dx = Double(convolved($0, $1, $2, weights))
            let dy = Double(convolved($0, $1, $2, Self.transposed(weights)))
            return saturated(Double((maximum + 1) / 2) - (cos(angle) * dx - sin(angle) * dy) * strength / 4)
        }
    }
}
