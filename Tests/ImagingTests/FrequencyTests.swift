import Kernels
import Pipelines
import Testing

@Suite struct FrequencyTests {
    /// Even and odd, pairs of short factors, long ones, larger primes; fewer rows than there are lanes, and a few more.
    @Test(arguments: Array(1...35) + [45, 48, 50, 64, 74, 75, 77, 91, 97])
    func `rows and columns of any length have their spectrum`(_ length: Int) throws {
        let filters = [
            ("butterworth-lowpass cutoff=7.3 order=3", false), ("butterworth-highpass cutoff=7.3 order=3", true),
        ]
        for (pipeline, isHighpass) in filters {
            for format in [PixelFormat(.gray, .eight), PixelFormat(.gray, .sixteen)] {
                for (width, height) in [(length, 3), (3, length), (length, 9)] {
                    let image = TestImage.drawn(width, height, format, seed: UInt64(length))
                    let expected = image.referenceButterworth(cutoff: 7.3, order: 3, isHighpass: isHighpass)
                    let actual = try image.applying(Pipeline(parsing: pipeline))
                    let distance = zip(actual.samples, expected.samples).map { abs($0 - $1) }.max() ?? 0
                    #expect(distance <= 1, "\(pipeline) of \(width) x \(height) \(format) is \(distance) levels off")
                }
            }
        }
    }
}
