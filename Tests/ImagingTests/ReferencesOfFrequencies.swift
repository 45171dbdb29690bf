import Foundation
import Pipelines

extension ReferenceCase {
    static let frequency: [ReferenceCase] = [
        ReferenceCase("butterworth-lowpass") { $0.referenceButterworth(cutoff: 50, order: 2, isHighpass: false) },
        ReferenceCase("butterworth-lowpass cutoff=2.5 order=1") {
            $0.referenceButterworth(cutoff: 2.5, order: 1, isHighpass: false)
        },
        ReferenceCase("butterworth-highpass cutoff=3 order=4") {
            $0.referenceButterworth(cutoff: 3, order: 4, isHighpass: true)
        },
        ReferenceCase("butterworth-lowpass border=periodic") {
            $0.referencePeriodicButterworth(cutoff: 50, order: 2, isHighpass: false)
        },
        ReferenceCase("butterworth-lowpass cutoff=2.5 order=1 border=periodic") {
            $0.referencePeriodicButterworth(cutoff: 2.5, order: 1, isHighpass: false)
        },
        ReferenceCase("butterworth-highpass cutoff=3 order=4 border=periodic") {
            $0.referencePeriodicButterworth(cutoff: 3, order: 4, isHighpass: true)
        },
    ]
}

extension TestImage {
    /// The periodic filter of an image twice as wide and high, with its mirror image on the right, and both upside down below.
    func referenceButterworth(cutoff: Double, order: Int, isHighpass: Bool) -> TestImage {
        var mirrored = TestImage(
            shape: ImageShape(width: 2 * width, height: 2 * height, format: shape.format),
            samples: Array(repeating: 0, count: 4 * samples.count))
        for y in 0..<2 * height {
            for x in 0..<2 * width {
                for channel in 0..<channels {
                    mirrored[x, y, channel] = self[min(x, 2 * width - 1 - x), min(y, 2 * height - 1 - y), channel]
                }
            }
        }
        let filtered = mirrored.referencePeriodicButterworth(
            cutoff: cutoff, order: order, isHighpass: isHighpass, longer: max(width, height))
        return mapped { filtered[$0, $1, $2] }
    }

    /// By the sums that define the transform, first of the rows, then of the columns.
    ///
    /// - Parameter longer: the side in whose cycles frequencies are counted; `nil` for the image's own longer one.
    func referencePeriodicButterworth(
        cutoff: Double, order: Int, isHighpass: Bool, longer: Int? = nil
    ) -> TestImage {
        typealias Number = (real: Double, imaginary: Double)
        func transform(_ numbers: [Number], _ sign: Double) -> [Number] {
            numbers.indices.map { k in
                var sum: Number = (0, 0)
                for (j, number) in numbers.enumerated() {
                    let angle = sign * 2 * Double.pi * Double(j * k % numbers.count) / Double(numbers.count)
                    sum.real += number.real * cos(angle) - number.imaginary * sin(angle)
                    sum.imaginary += number.real * sin(angle) + number.imaginary * cos(angle)
                }
                return sum
            }
        }
        func turned(_ rows: [[Number]]) -> [[Number]] { rows[0].indices.map { x in rows.map { $0[x] } } }
        let longer = Double(longer ?? max(width, height))
        func frequency(_ index: Int, _ count: Int) -> Double {
            Double(min(index, count - index)) / Double(count) * longer
        }
        var result = self
        for channel in 0..<colors {
            let rows = (0..<height).map { y in (0..<width).map { x -> Number in (Double(self[x, y, channel]), 0) } }
            var columns = turned(rows.map { transform($0, -1) }).map { transform($0, -1) }
            for x in 0..<width {
                for y in 0..<height {
                    let distance = hypot(frequency(x, width), frequency(y, height))
                    let low = 1 / (1 + pow(distance / cutoff, Double(2 * order)))
                    let gain = (isHighpass ? 1 - low : low) / Double(width * height)
                    columns[x][y] = (columns[x][y].real * gain, columns[x][y].imaginary * gain)
                }
            }
            let filtered = turned(columns.map { transform($0, 1) }).map { transform($0, 1) }
            for y in 0..<height {
                for x in 0..<width {
                    result[x, y, channel] = saturated(filtered[y][x].real + (isHighpass ? Double(maximum + 1) / 2 : 0))
                }
            }
        }
        return result
    }
}
