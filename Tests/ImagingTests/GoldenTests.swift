import Foundation
import Kernels
import Pipelines
import Testing

/// A file that OpenCV made: see Golden/NOTE.md.
private struct GoldenFile: Decodable, Sendable {
    let file: String
    let width: Int
    let height: Int
    let channels: UInt8
    let bits: UInt8

    func load(from directory: URL) throws -> TestImage {
        let layout = try #require(ChannelLayout(rawValue: channels))
        let depth = try #require(SampleDepth(rawValue: bits))
        let shape = ImageShape(width: width, height: height, format: PixelFormat(layout, depth))
        let bytes = try Data(contentsOf: directory.appending(path: file))
        try #require(bytes.count == shape.byteCount, "\(file)")
        return TestImage(shape: shape, bytes: Array(bytes))
    }
}

private struct GoldenIndex: Decodable {
    let cases: [GoldenCase]
}

private struct GoldenCase: Decodable, Sendable, CustomTestStringConvertible {
    let pipeline: String
    let input: GoldenFile
    let output: GoldenFile

    var testDescription: String { "`\(pipeline)` of \(input.file)" }
}

@Suite struct GoldenTests {
    private static let directory = Bundle.module.url(forResource: "Golden", withExtension: nil)

    private static let cases: [GoldenCase] = {
        guard let directory, let text = try? Data(contentsOf: directory.appending(path: "index.json")) else {
            return []
        }
        return (try? JSONDecoder().decode(GoldenIndex.self, from: text).cases) ?? []
    }()

    @Test func `there are golden cases for every pixel format`() {
        #expect(Self.cases.count > 100)
        #expect(Set(Self.cases.map { [$0.input.channels, $0.input.bits] }).count == 4)
    }

    @Test(arguments: cases)
    private func `every pixel is the one that OpenCV computed`(_ golden: GoldenCase) throws {
        let directory = try #require(Self.directory)
        let expected = try golden.output.load(from: directory)
        let actual = try golden.input.load(from: directory).applying(Pipeline(parsing: golden.pipeline))
        #expect(actual.shape == expected.shape)
        let wrong = zip(actual.samples, expected.samples).filter { $0 != $1 }.count
        #expect(wrong == 0, "\(wrong) samples differ")
    }

    @Test func `what is found is what OpenCV found`() throws {
        let directory = try #require(Self.directory)
        let text = try Data(contentsOf: directory.appending(path: "documents.json"))
        let cases = try #require(JSONSerialization.jsonObject(with: text) as? [[String: Any]])
        try #require(cases.count > 15)
        for golden in cases {
            let pipeline = try Pipeline(parsing: #require(golden["pipeline"] as? String))
            let file = try JSONDecoder().decode(
                GoldenFile.self, from: JSONSerialization.data(withJSONObject: #require(golden["input"])))
            let document = try file.load(from: directory).document(of: pipeline.givingDocument())
            let found = try JSONSerialization.jsonObject(with: Data(document))
            #expect(agrees(found, golden["document"]), "\(pipeline.canonicalText) of \(file.file)")
        }
    }

    /// Equality but for numbers that are not whole, whose last decimals are left out in documents.
    private func agrees(_ left: Any?, _ right: Any?) -> Bool {
        if let left = left as? [String: Any], let right = right as? [String: Any] {
            return Set(left.keys) == Set(right.keys) && left.allSatisfy { agrees($0.value, right[$0.key]) }
        }
        if let left = left as? [Any], let right = right as? [Any] {
            return left.count == right.count && zip(left, right).allSatisfy { agrees($0, $1) }
        }
        if let left = left as? String, let right = right as? String { return left == right }
        if let left = left as? NSNumber, let right = right as? NSNumber {
            return abs(left.doubleValue - right.doubleValue) < 0.0006
        }
        return false
    }
}
