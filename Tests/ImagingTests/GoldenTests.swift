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

    @Test func `what is found is what OpenCV found`() throws {
        let folder = try #require(Bundle.module.url(forResource: "Golden", withExtension: nil))
        let text = try Data(contentsOf: folder.appending(path: "documents.json"))
        let cases = try #require(JSONSerialization.jsonObject(with: text) as? [[String: Any]])
        try #require(cases.count > 15)
        for golden in cases {
            let pipeline = try Pipeline(parsing: #require(golden["pipeline"] as? String))
            let file = try JSONDecoder().decode(
                GoldenFile.self, from: JSONSerialization.data(withJSONObject: #require(golden["input"])))
            let document = try file.load(from: folder).document(of: pipeline.givingDocument())
            let found = try JSONSerialization.jsonObject(with: Data(document))
            #expect(agrees(found, golden["document"]), "\(pipeline.canonicalText) of \(file.file)")
        }
    }

    /// The same but for numbers that are not whole, whose last decimals are left out in documents.
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
