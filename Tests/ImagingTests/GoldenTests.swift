import Foundation
import Imaging
import Testing

/// A file that OpenCV made: see Golden/NOTE.md.
private struct GoldenFile: Decodable {
    let file: String
    let width: Int
    let height: Int
    let channels: UInt8
    let bits: UInt8

    func load(from folder: URL) throws -> TestImage {
        let layout = try #require(ChannelLayout(rawValue: channels))
        let depth = try #require(SampleDepth(rawValue: bits))
        let shape = ImageShape(width: width, height: height, format: PixelFormat(layout, depth))
        let bytes = try Data(contentsOf: folder.appending(path: file))
        try #require(bytes.count == shape.byteCount, "\(file)")
        return TestImage(shape: shape, bytes: Array(bytes))
    }
}

private struct GoldenIndex: Decodable {
    struct Case: Decodable {
        let pipeline: String
        let input: GoldenFile
        let output: GoldenFile
    }
    let cases: [Case]
}

@Suite struct GoldenTests {
    @Test func `every pixel is the one that OpenCV computed`() throws {
        let folder = try #require(Bundle.module.url(forResource: "Golden", withExtension: nil))
        let index = try JSONDecoder().decode(
            GoldenIndex.self, from: Data(contentsOf: folder.appending(path: "index.json")))
        try #require(index.cases.count > 100)
        for golden in index.cases {
            let expected = try golden.output.load(from: folder)
            let actual = try golden.input.load(from: folder).applying(Pipeline(parsing: golden.pipeline))
            #expect(actual.shape == expected.shape, "\(golden.pipeline) of \(golden.input.file)")
            let wrong = zip(actual.samples, expected.samples).filter { $0 != $1 }.count
            #expect(wrong == 0, "\(golden.pipeline) of \(golden.input.file): \(wrong) samples differ")
        }
    }
}
