import GatewayLogic
import SeededRandom
import Testing

/// How images get from uploads into a job.
@Suite struct JobFeedTests {
    @Test func `images are numbered in the order in which their uploads end`() {
        var feed = feed(arrived: [2, 0], awaitsMore: true)
        #expect(feed.step == .place([(ordinal: 2, position: 0), (ordinal: 0, position: 1)]))
        feed.placed([(ordinal: 2, position: 0), (ordinal: 0, position: 1)])
        #expect(feed.step == .add(first: 0, ordinals: [2, 0]))
        feed.added(first: 0, ordinals: [2, 0])
        #expect(feed.step == .wait)
    }

    @Test func `a job is sealed with the images that were not refused`() {
        var feed = feed(addedCount: 2)
        #expect(feed.step == .seal(imageCount: 2))
        feed.sealed()
        #expect(feed.step == .done)
    }

    @Test func `a job that is to stay open is not sealed`() {
        let feed = JobFeed(addedCount: 1, placed: [], arrived: [], awaitsMore: false, sealsWhenComplete: false)
        #expect(feed.step == .wait)
    }

    @Test func `a job all of whose images were refused is cancelled`() {
        #expect(feed().step == .abandon)
        #expect(feed(awaitsMore: true).step == .wait)
    }

    @Test func `images that had a place before a crash are added at the same place`() {
        var feed = feed(addedCount: 1, placed: [0], arrived: [2])
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

    private func feed(
        addedCount: UInt32 = 0, placed: [Int] = [], arrived: [Int] = [], awaitsMore: Bool = false
    ) -> JobFeed {
        JobFeed(
            addedCount: addedCount, placed: placed, arrived: arrived, awaitsMore: awaitsMore, sealsWhenComplete: true)
    }
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
        var feed = feed
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

    private var feed: JobFeed {
        let placed = positions.filter { !added.contains($0.key) }.sorted { $0.value < $1.value }.map(\.key)
        return JobFeed(
            addedCount: UInt32(added.count), placed: Array(placed.prefix(JobFeed.batchCount)),
            arrived: Array(complete.filter { positions[$0] == nil }.prefix(JobFeed.batchCount)),
            awaitsMore: complete.count + rejected.count < count, sealsWhenComplete: true)
    }
}
