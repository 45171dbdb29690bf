import Foundation
import SeededRandom
import TestBasics
import Testing

/// What a master does to its files, interrupted or refused at single calls: a sample here, every call by
/// `scripts/crash-points.sh`.
@Suite(.serialized, .timeLimit(.minutes(120))) struct CrashPointTests {
    /// The points of a chapter and an action that are tried.
    enum Selection {
        case all
        case sample(count: Int)

        /// `TESSERA_CRASH_POINTS=all` chooses every point, a number that many points of each action.
        init(sample count: Int) {
            let wish = ProcessInfo.processInfo.environment["TESSERA_CRASH_POINTS"]
            self = wish == "all" ? .all : .sample(count: wish.flatMap { Int($0) } ?? count)
        }
    }

    @Test(arguments: DiskTrial.Chapter.allCases)
    func `a master killed at any call keeps what it acknowledged`(chapter: DiskTrial.Chapter) async throws {
        try await tryAll(chapter, [.before, .after, .torn], .init(sample: 3))
    }

    @Test(arguments: DiskTrial.Chapter.allCases)
    func `a master whose disk refuses any one call stops or says so, and recovers`(
        chapter: DiskTrial.Chapter
    ) async throws {
        try await tryAll(chapter, [.inputOutputError, .noSpace], .init(sample: 3))
    }

    private func tryAll(
        _ chapter: DiskTrial.Chapter, _ actions: [DiskFault.Action], _ selection: Selection
    ) async throws {
        var random = SeedFromEnvironment()
        try await withTemporaryDirectory { folder in
            let trial = DiskTrial(folder: folder)
            let calls = try await trial.calls(of: chapter)
            try #require(calls.count > 20, "the calls are counted")
            // The shelves of the blob directory are made 256 times alike: only an exhaustive run tries each.
            let single = calls.indices.filter { selection.isAll || calls[$0].name != "mkdir" }.map { $0 + 1 }
            var faults: [DiskFault] = []
            for action in actions {
                let points = selection.isAll ? single : Array(single.shuffled(using: &random).prefix(selection.count))
                // A half-written call is only a write; at others it is the same as `before`.
                faults += points.filter { action != .torn || calls[$0 - 1].name.hasSuffix("write") }
                    .map { DiskFault(action: action, point: $0) }
            }
            var reachedCount = 0
            var brokenCount = 0
            for fault in faults {
                do {
                    if try await trial.run(chapter, fault).call != nil { reachedCount += 1 }
                } catch let broken as ClientWorkload.Broken {
                    brokenCount += 1
                    Issue.record("\(broken)")
                }
            }
            print(
                "\(chapter.rawValue): \(calls.count) calls; \(faults.count) points of \(actions.map(\.rawValue)) tried, "
                    + "\(reachedCount) reached, \(brokenCount) broken (seed \(random.seed))")
            #expect(reachedCount > 0)
        }
    }
}

extension CrashPointTests.Selection {
    var isAll: Bool {
        switch self {
        case .all: true
        case .sample: false
        }
    }

    /// How many points an action gets; of no meaning for `all`.
    var count: Int {
        switch self {
        case .all: .max
        case .sample(let count): count
        }
    }
}

/// Draws from a seed that `TESSERA_SEED` can give; the tests print it.
struct SeedFromEnvironment: RandomNumberGenerator {
    let seed: UInt64
    private var generator: SeededGenerator

    init() {
        let given = ProcessInfo.processInfo.environment["TESSERA_SEED"].flatMap { UInt64($0) }
        seed = given ?? .random(in: 0..<1_000_000)
        generator = SeededGenerator(seed: seed)
    }

    mutating func next() -> UInt64 { generator.next() }
}
