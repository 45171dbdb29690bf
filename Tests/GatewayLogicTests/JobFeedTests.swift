import GatewayLogic
import SeededRandom
import Testing

/// How images get from uploads into a job.
@Suite struct JobFeedTests {
    @Test func `images are numbered in the order in which their uploads end`() {
        var feed = JobFeed(items: awaited(3), complete: [2, 0], sealsWhenComplete: true)
        #expect(feed.step == .place([(ordinal: 2, position: 0), (ordinal: 0, position: 1)]))
        feed.placed([(ordinal: 2, position: 0), (ordinal: 0, position: 1)])
        #expect(feed.step == .add(first: 0, ordinals: [2, 0]))
        feed.added(first: 0, ordinals: [2, 0])
        #expect(feed.step == .wait)
    }

    @Test func `a job is sealed with the images that were not refused`() {
        let items = [
            JobFeed.Item(ordinal: 0, state: .added(0)), JobFeed.Item(ordinal: 1, state: .rejected),
            JobFeed.Item(ordinal: 2, state: .added(1)),
        ]
        var feed = JobFeed(items: items, complete: [], sealsWhenComplete: true)
        #expect(feed.step == .seal(imageCount: 2))
        feed.sealed()
        #expect(feed.step == .done)
    }

    @Test func `a job that is to stay open is not sealed`() {
        let feed = JobFeed(
            items: [JobFeed.Item(ordinal: 0, state: .added(0))], complete: [], sealsWhenComplete: false)
        #expect(feed.step == .wait)
    }

    @Test func `a job all of whose images were refused is cancelled`() {
        let feed = JobFeed(
            items: [JobFeed.Item(ordinal: 0, state: .rejected)], complete: [], sealsWhenComplete: true)
        #expect(feed.step == .abandon)
    }

    @Test func `images that had a place before a crash are added at the same place`() {
        let items = [
            JobFeed.Item(ordinal: 0, state: .placed(1)), JobFeed.Item(ordinal: 1, state: .added(0)),
            JobFeed.Item(ordinal: 2),
        ]
        var feed = JobFeed(items: items, complete: [2], sealsWhenComplete: true)
        #expect(feed.step == .add(first: 1, ordinals: [0]))
        feed.added(first: 1, ordinals: [0])
        #expect(feed.step == .place([(ordinal: 2, position: 2)]))
    }

    /// A master that takes images at their positions, and a store; the feeder is killed anywhere between two effects.
    @Test(arguments: 0..<200) func `however often the gateway dies, each image is added once and the job is sealed`(
        seed: UInt64
    ) {
        var random = SeededGenerator(seed: seed)
        let count = Int.random(in: 1...150, using: &random)
        var model = FeedModel(count: count)
        var remaining = Array(0..<count).shuffled(using: &random)
        while !model.isSealed && !model.isAbandoned {
            for _ in 0..<Int.random(in: 0...20, using: &random) {
                guard let ordinal = remaining.popLast() else { break }
                if Int.random(in: 0..<10, using: &random) == 0 {
                    model.rejected.insert(ordinal)
                } else {
                    model.complete.append(ordinal)
                }
            }
            // Each run of the gateway has some effects and then ends.
            model.run(effectCount: Int.random(in: 0...6, using: &random), isLastHeard: Bool.random(using: &random))
        }
        #expect(model.master.sorted() == model.complete.sorted())
        #expect(model.isAbandoned == model.complete.isEmpty)
    }

    private func awaited(_ count: Int) -> [JobFeed.Item] { (0..<count).map { JobFeed.Item(ordinal: $0) } }
}

private struct FeedModel {
    let count: Int
    var complete: [Int] = []
    var rejected: Set<Int> = []
    /// What the store has.
    var positions: [Int: UInt32] = [:]
    var added: Set<Int> = []
    /// What the master has: ordinals by their positions.
    var master: [Int] = []
    var isSealed = false
    var isAbandoned = false

    init(count: Int) { self.count = count }

    /// - Parameter isLastHeard: whether the store learns of the last effect at the master.
    mutating func run(effectCount: Int, isLastHeard: Bool) {
        var feed = JobFeed(items: items, complete: complete.filter { positions[$0] == nil }, sealsWhenComplete: true)
        for effect in 0..<effectCount {
            let isHeard = effect + 1 < effectCount || isLastHeard
            switch feed.step {
            case .place(let places):
                for (ordinal, position) in places { positions[ordinal] = position }
                feed.placed(places)
            case .add(let first, let ordinals):
                for (index, ordinal) in ordinals.enumerated() {
                    let place = Int(first) + index
                    #expect(place <= master.count, "a gap before position \(place)")
                    if place < master.count { #expect(master[place] == ordinal) } else { master.append(ordinal) }
                }
                guard isHeard else { return }
                added.formUnion(ordinals)
                feed.added(first: first, ordinals: ordinals)
            case .seal(let imageCount):
                #expect(Int(imageCount) == master.count)
                isSealed = true
                feed.sealed()
            case .abandon:
                isAbandoned = true
                return
            case .wait, .done: return
            }
        }
    }

    private var items: [JobFeed.Item] {
        (0..<count).map { ordinal in
            if let position = positions[ordinal] {
                return JobFeed.Item(
                    ordinal: ordinal, state: added.contains(ordinal) ? .added(position) : .placed(position))
            }
            return JobFeed.Item(ordinal: ordinal, state: rejected.contains(ordinal) ? .rejected : .awaited)
        }
    }
}
