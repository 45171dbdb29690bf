import Foundation
import ImageCodecs
import ImageFormats
import Kernels
import Pipelines
import Testing

/// Writes a list of digests of results, so that two states of the sources can be compared: they compute the same bytes if
/// and only if their lists are equal.
///
///     make result-digests OUT=before.txt CASES=2000 SEED=1
///     (change the sources)
///     make result-digests OUT=after.txt CASES=2000 SEED=1 && cmp before.txt after.txt
///
/// One line per golden case, per random case and per file of PngSuite. A line has the digest of the encoded file for several
/// ways of cutting the image, each of which goes through the plan's chunks, strips and segments.
@Suite struct ResultDigestTests {
    @Test(.enabled(if: listPath != nil, "RESULT_DIGESTS names no file"))
    func `the digests of all results are written`() throws {
        let path = try #require(listPath)
        var lines = try golden() + drawn() + decoded()
        lines.append("\(lines.count) lines")
        try (lines.joined(separator: "\n") + "\n").write(toFile: path, atomically: true, encoding: .utf8)
    }

    // MARK: - Cases

    private struct GoldenInput: Decodable, Hashable {
        let file: String
        let width: Int
        let height: Int
        let channels: UInt8
        let bits: UInt8
    }

    private struct GoldenCase: Decodable {
        let pipeline: String
        let input: GoldenInput
    }

    private struct GoldenIndex: Decodable { let cases: [GoldenCase] }

    private func golden() throws -> [String] {
        let directory = try #require(Bundle.module.url(forResource: "Golden", withExtension: nil))
        let images = try JSONDecoder().decode(
            GoldenIndex.self, from: Data(contentsOf: directory.appending(path: "index.json"))
        ).cases
        let documents = try JSONDecoder().decode(
            [GoldenCase].self, from: Data(contentsOf: directory.appending(path: "documents.json")))
        return try (images + documents).map { golden in
            let input = golden.input
            let layout = try #require(ChannelLayout(rawValue: input.channels))
            let depth = try #require(SampleDepth(rawValue: input.bits))
            let shape = ImageShape(width: input.width, height: input.height, format: PixelFormat(layout, depth))
            let image = TestImage(
                shape: shape, bytes: Array(try Data(contentsOf: directory.appending(path: input.file))))
            let cuts = [(shape.byteCount / 3 + 1, 3), (4096, 5)]
            return "golden \(input.file) `\(golden.pipeline)`: \(try digests(golden.pipeline, image, cuts))"
        }
    }

    private func drawn() throws -> [String] {
        func variable(_ name: String) -> UInt64? { ProcessInfo.processInfo.environment[name].flatMap { UInt64($0) } }
        let first = variable("DRAWN_SEED") ?? 1
        let operations = OperationCatalogue.all.map { $0.description }
        return try (first..<first + (variable("DRAWN_CASES") ?? 200)).map { seed in
            let operation = operations[Int(seed % UInt64(operations.count))]
            guard let drawn = try DrawnCase(seed: seed, with: operation) else { return "drawn \(seed): nothing" }
            let cuts = [(drawn.chunkByteCount, drawn.rankCount), (drawn.shape.byteCount, 2)]
            return "drawn \(seed) \(drawn): \(try digests(drawn.pipeline, drawn.image, cuts))"
        }
    }

    /// The decoded pixels and the carried metadata of every good file of PngSuite.
    private func decoded() throws -> [String] {
        let directory = URL(filePath: #filePath).deletingLastPathComponent().appending(
            path: "../ImageCodecsTests/PngSuite")
        let names = try FileManager.default.contentsOfDirectory(atPath: directory.path).sorted()
        return try names.filter { $0.hasSuffix(".png") }.map { name in
            let file = Array(try Data(contentsOf: directory.appending(path: name)))
            let decoded = Result { try PNGFile.decode(file) }
            switch decoded {
            case .failure(let error): return "file \(name): \(error)"
            case .success(let (shape, pixels)):
                let metadata = try file.withUnsafeBytes {
                    try PNGReader($0).metadata.framed(for: shape, from: shape.format)
                }
                let encoded = PNGFile.encode(shape: shape, pixels: pixels, metadata: metadata)
                return "file \(name): pixels \(Digest(pixels)), encoded \(Digest(encoded))"
            }
        }
    }

    // MARK: - Digests

    /// The digests of what `pipeline` makes of `image`: in one strip, then for each cut; a document's digests too.
    private func digests(_ pipeline: String, _ image: TestImage, _ cuts: [(chunkByteCount: Int, ranks: Int)]) throws
        -> String
    {
        let parsed = try Pipeline(parsing: pipeline)
        var words: [String] = []
        let whole = try image.applying(parsed)
        words.append("serial \(Digest(PNGFile.encode(shape: whole.shape, pixels: whole.bytes)))")
        for cut in cuts {
            let plan = try ProcessingPlan(pipeline: parsed, input: image.shape, chunkByteCount: cut.chunkByteCount)
            let rows = try PlanExecutor(plan: plan, rankCount: cut.ranks).run(on: image)
            let chunks = plan.stages.map { "\($0.chunks.count)" }.joined(separator: "+")
            words.append("chunks \(chunks) \(Digest(try encoded(rows, in: plan)))")
        }
        if let report = try? parsed.givingDocument() {
            let document = Result { try image.document(of: report) }
            words.append("document \((try? document.get()).map { "\(Digest($0))" } ?? "\(document)")")
            for cut in cuts {
                let plan = try ProcessingPlan(pipeline: report, input: image.shape, chunkByteCount: cut.chunkByteCount)
                let document = Result { try PlanExecutor(plan: plan, rankCount: cut.ranks).document(on: image) }
                words.append((try? document.get()).map { "\(Digest($0))" } ?? "\(document)")
            }
        }
        return words.joined(separator: ", ")
    }

    /// The file as ranks and master make it: segments chunk by chunk, then assembled.
    private func encoded(_ image: TestImage, in plan: ProcessingPlan) throws -> [UInt8] {
        let bytes = image.bytes
        let encoder = PNGSegmentEncoder(shape: image.shape)
        var file = try PNGAssembly.prefix(output: image.shape, metadata: [])
        var checksum = FilteredChecksum()
        let chunks = plan.stages[plan.stages.count - 1].chunks
        for index in 0..<chunks.count {
            bytes.withUnsafeBytes { bytes in
                guard let base = bytes.baseAddress else { preconditionFailure("an image has at least one pixel") }
                let rows = chunks[index]
                let band = RowsView(
                    shape: image.shape, rows: rows, base: base + rows.lowerBound * image.shape.bytesPerRow)
                checksum.append(encoder.encode(band, appendingTo: &file))
            }
        }
        return file + PNGAssembly.suffix(adler32: checksum.adler32)
    }
}

private let listPath = ProcessInfo.processInfo.environment["RESULT_DIGESTS"]

/// The count of some bytes and 64 bits of them (FNV-1a): enough to notice a difference.
private struct Digest: CustomStringConvertible {
    private let count: Int
    private var hash: UInt64 = 0xcbf2_9ce4_8422_2325

    init(_ bytes: [UInt8]) {
        count = bytes.count
        var hash = hash
        bytes.withUnsafeBufferPointer { bytes in
            for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        }
        self.hash = hash
    }

    var description: String { "\(String(hash, radix: 16))/\(count)" }
}
