import Kernels
import Pipelines
import Testing

@Suite struct FrequencyTests {
    /// Even and odd, pairs of short factors, long ones, larger primes; fewer rows than there are lanes, and a few more.
    @Test(arguments: Array(1...35) + [45, 48, 50, 64, 74, 75, 77, 91, 97])
    func `rows and columns of any length have their spectrum`(_ length: Int) throws {
        let filters = [
            ("butterworth-lowpass cutoff=7.3 order=3 border=periodic", false),
            ("butterworth-highpass cutoff=7.3 order=3 border=periodic", true),
        ]
        for (pipeline, isHighpass) in filters {
            for format in [PixelFormat(.gray, .eight), PixelFormat(.gray, .sixteen)] {
                for (width, height) in [(length, 3), (3, length), (length, 9)] {
                    let image = TestImage.drawn(width, height, format, seed: UInt64(length))
                    let expected = image.referencePeriodicButterworth(
                        cutoff: 7.3, order: 3, isHighpass: isHighpass)
                    let actual = try image.applying(Pipeline(parsing: pipeline))
                    let distance = zip(actual.samples, expected.samples).map { abs($0 - $1) }.max() ?? 0
                    #expect(distance <= 1, "\(pipeline) of \(width) x \(height) \(format) is \(distance) levels off")
                }
            }
        }
    }

    /// A mirrored image has another transform, made of those of the same lengths.
    @Test(arguments: Array(1...16) + [25, 26, 33, 64, 77, 97])
    func `rows and columns of any length have their cosine transform`(_ length: Int) throws {
        for format in [PixelFormat(.gray, .eight), PixelFormat(.gray, .sixteen)] {
            for (width, height) in [(length, 3), (3, length)] {
                let image = TestImage.drawn(width, height, format, seed: UInt64(length))
                let expected = image.referenceButterworth(cutoff: 7.3, order: 3, isHighpass: false)
                let actual = try image.applying(Pipeline(parsing: "butterworth-lowpass cutoff=7.3 order=3"))
                let distance = zip(actual.samples, expected.samples).map { abs($0 - $1) }.max() ?? 0
                #expect(distance <= 1, "\(width) x \(height) \(format) is \(distance) levels off")
            }
        }
    }

    /// What bleeds in from the opposite edge: nothing, unless the image is repeated.
    @Test func `a mirrored image shows no edge in the opposite one`() throws {
        var image = TestImage(
            shape: ImageShape(width: 64, height: 20, format: PixelFormat(.gray, .eight)),
            samples: Array(repeating: 0, count: 64 * 20))
        for y in 0..<20 {
            for x in 32..<64 { image[x, y, 0] = 200 }
        }
        let mirrored = try image.applying(Pipeline(parsing: "butterworth-lowpass cutoff=6"))
        let repeated = try image.applying(Pipeline(parsing: "butterworth-lowpass cutoff=6 border=periodic"))
        #expect(mirrored[0, 10, 0] <= 2 && mirrored[63, 10, 0] >= 198)
        #expect(repeated[0, 10, 0] > 60 && repeated[63, 10, 0] < 140)
    }
}
