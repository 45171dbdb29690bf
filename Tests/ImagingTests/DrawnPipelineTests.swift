import Foundation
import Kernels
import Pipelines
import Testing

/// Pipelines that nobody thought of, cut in ways that nobody thought of: the result must be that of the single strip.
///
/// `DRAWN_CASES` sets how many (`make test-drawn`), `DRAWN_SEED` where to begin: case k has the seed `DRAWN_SEED` + k.
@Suite struct DrawnPipelineTests {
    private static let firstSeed = variable("DRAWN_SEED") ?? 1
    private static let caseCount = Int(variable("DRAWN_CASES") ?? 200)

    private static func variable(_ name: String) -> UInt64? {
        ProcessInfo.processInfo.environment[name].flatMap { UInt64($0) }
    }

    @Test func `a random pipeline gives the same bytes however the image is cut`() throws {
        let operations = OperationCatalogue.all.map { $0.description }
        var met: Set<String> = []
        for seed in Self.firstSeed..<Self.firstSeed + UInt64(Self.caseCount) {
            let operation = operations[Int(seed % UInt64(operations.count))]
            guard let drawn = try DrawnCase(seed: seed, with: operation) else {
                Issue.record("seed \(seed): \(operation.name) suits none of the images that were drawn")
                continue
            }
            met.insert(operation.name)
            let pipeline = try Pipeline(parsing: drawn.pipeline)
            let image = drawn.image
            let plan = try ProcessingPlan(
                pipeline: pipeline, input: drawn.shape, chunkByteCount: drawn.chunkByteCount)
            let actual = try PlanExecutor(plan: plan, rankCount: drawn.rankCount).run(on: image)
            let expected = try image.applying(pipeline)
            try compareDocuments(drawn)
            guard actual != expected else { continue }
            let first = zip(actual.samples, expected.samples).enumerated().first { $0.element.0 != $0.element.1 }
            Issue.record(
                """
                \(drawn): sample \(first?.offset ?? -1) is \(first?.element.0 ?? -1) instead of \(first?.element.1 ?? -1).
                Again: DRAWN_SEED=\(seed) DRAWN_CASES=1 swift test --filter DrawnPipelineTests
                """)
        }
        #expect(Self.caseCount < operations.count || met.count == operations.count)
    }

    /// When the pipeline ends with a feature operation.
    private func compareDocuments(_ drawn: DrawnCase) throws {
        guard let pipeline = try? Pipeline(parsing: drawn.pipeline).givingDocument() else { return }
        let plan = try ProcessingPlan(pipeline: pipeline, input: drawn.shape, chunkByteCount: drawn.chunkByteCount)
        let expected = Result { try drawn.image.document(of: pipeline) }
        let actual = Result { try PlanExecutor(plan: plan, rankCount: drawn.rankCount).document(on: drawn.image) }
        switch (expected, actual) {
        case (.success(let expected), .success(let actual)): #expect(actual == expected, "\(drawn)")
        case (.failure(let expected), .failure(let actual)): #expect("\(actual)" == "\(expected)", "\(drawn)")
        case (.success, .failure), (.failure, .success): Issue.record("\(drawn): \(actual) instead of \(expected)")
        }
    }
}
