import JobModel
import Scheduler
import SeededRandom

/// A calm cluster in which one submitter's job competes with another's batch: does it get its share?
///
/// Tasks take as long as they have pixels. The bound is twice the time that the watched job would take with its share of the
/// slots, and what cannot be taken back: the tasks that fill the slots, or wait in them, when it comes.
struct ShareTrial {
    enum Kind: CaseIterable {
        /// A few images behind a batch.
        case smallJob
        /// Many small images beside a batch of large ones: shares are of pixels, not of tasks.
        case smallImages
        /// The batch comes late, from a submitter that had been idle: it has no old claims.
        case lateBatch
        /// The interactive lane: a job of a higher priority than the batch.
        case urgentJob
        /// Every image of the batch kills its rank, and is tried again.
        case retryFlood
    }

    static let batchClient = 0
    static let watchedClient = 1
    /// Opens the share of the late batch's submitter, before the watched job comes.
    static let earlyClient = 2
    private static let pixelsPerSecond = 50_000
    private static let width: UInt32 = 1_024
    /// The most that a task's fetch, upload and messages take.
    private static let overhead = Duration.milliseconds(200)

    let kind: Kind
    let batchCount: Int
    let watchedCount: Int
    private let batchRows: UInt32
    private let watchedRows: UInt32 = 16
    /// When both jobs were accepted, and how many images the watched one had left.
    var start: (time: Instant, imagesLeft: Int)?

    init(using random: inout SeededGenerator, slotCount: Int) {
        kind = Kind.allCases[random.draw(0...(Kind.allCases.count - 1))]
        batchCount = random.happens(onceIn: 20) ? 100_000 : 5_000
        switch kind {
        case .smallJob, .urgentJob: watchedCount = random.draw(1...5)
        case .smallImages, .retryFlood: watchedCount = 30 * slotCount
        case .lateBatch: watchedCount = 60 * slotCount
        }
        batchRows = kind == .smallImages ? 256 : 16
    }

    /// How long a task that reads that many pixels runs.
    static func duration(pixels: UInt64) -> Duration { .milliseconds(Int(pixels) * 1_000 / pixelsPerSecond) }

    private func cost(rows: UInt32) -> Duration { Self.duration(pixels: UInt64(Self.width * rows)) + Self.overhead }

    /// How long the watched job may take for that many images, with that many slots in all.
    func bound(imagesLeft: Int, slotCount: Int, prefetchPerSlot: Int) -> Duration {
        let share = kind == .urgentJob ? slotCount : max(1, slotCount / 2)
        let rounds = (imagesLeft + share - 1) / share
        let takenSlots = cost(rows: batchRows) * (2 + prefetchPerSlot)
        return cost(rows: watchedRows) * (2 * rounds + 2 + prefetchPerSlot) + takenSlots + .seconds(2)
    }

    var clients: [SimulatedClient] {
        var clients = [
            client(Self.batchClient, of: "batch owner", count: batchCount, rows: batchRows),
            client(
                Self.watchedClient, of: "small owner", count: watchedCount, rows: watchedRows,
                priority: kind == .urgentJob ? 50 : 0),
        ]
        if kind == .lateBatch { clients.append(client(Self.earlyClient, of: "batch owner", count: 1, rows: 16)) }
        return clients
    }

    private func client(
        _ number: Int, of submitter: String, count: Int, rows: UInt32, priority: Int32 = 0
    ) -> SimulatedClient {
        let geometry = ImageGeometry(width: Self.width, height: rows, channelCount: 1, bitsPerSample: 8)
        let offer = ImageOffer(
            name: "image", input: .named("input of client \(number)", byteCount: 500), admission: .accepted(geometry))
        return SimulatedClient(
            number: number,
            opening: JobOpening(
                token: "token-\(number)", submitter: submitter, priority: priority, pipeline: "invert",
                options: JobOptions(chunkByteCount: 1 << 18)),
            offers: Array(repeating: offer, count: count), vanishesAfter: nil, cancels: false)
    }

    /// Whether every attempt at the job's images fails.
    func isPoison(_ job: JobID, _ clients: [SimulatedClient]) -> Bool {
        guard kind == .retryFlood else { return false }
        // The watched job is the other one, known as soon as it was opened.
        switch clients[Self.watchedClient].step {
        case .opening: return true
        case .uploading(let other), .adding(let other), .sealing(let other), .cancelling(let other):
            return job != other
        case .finished, .gone: return job != clients[Self.watchedClient].acknowledged
        }
    }
}

extension ShareTrial: CustomStringConvertible {
    var description: String { "share trial \(kind), \(watchedCount) images beside a batch of \(batchCount)" }
}

extension Simulation {
    /// Runs until the watched job has ended, or has taken longer than it may.
    func run(_ trial: ShareTrial) {
        isFaulty = false
        clients = trial.clients
        self.trial = trial
        trialBegan = timeline.now
        let isLate = trial.kind == .lateBatch
        for number in clients.indices where !(isLate && number == ShareTrial.batchClient) {
            let isEarly = number == ShareTrial.earlyClient
            timeline.arrange(.client(number, .connects), after: .seconds(isEarly ? 4 : 5 * (number + 1)))
        }
        while violation == nil && !hasWatchedJobEnded {
            pass(until: timeline.now + .milliseconds(500))
            if isLate, !isBatchOpened, watchedImagesLeft <= trial.watchedCount / 10 {
                timeline.arrange(.client(ShareTrial.batchClient, .connects), after: .zero)
                isBatchOpened = true
            }
            checkShare()
        }
    }

    private var watchedSummary: JobSummary? {
        clients[ShareTrial.watchedClient].acknowledged.flatMap { master?.machine.scheduler.jobSummary($0) }
    }

    private var hasWatchedJobEnded: Bool { watchedSummary?.state.isFinal == true }

    private var watchedImagesLeft: Int {
        guard let counts = watchedSummary?.counts else { return .max }
        return Int(counts.images) - Int(counts.imagesDone)
    }

    private func checkShare() {
        guard clients[ShareTrial.watchedClient].acknowledged != nil,
            clients[ShareTrial.batchClient].acknowledged != nil
        else {
            if timeline.now - trialBegan > .seconds(3_600) { violate(.fairness, "the jobs were not accepted") }
            return
        }
        if trial?.start == nil { trial?.start = (timeline.now, watchedImagesLeft) }
        guard let trial, let start = trial.start else { return }
        let bound = trial.bound(
            imagesLeft: start.imagesLeft, slotCount: workers.reduce(0) { $0 + $1.slotCount },
            prefetchPerSlot: options.prefetchPerSlot)
        if timeline.now - start.time > bound && !hasWatchedJobEnded {
            violate(
                .fairness,
                "\(trial.kind): \(watchedImagesLeft) of \(start.imagesLeft) images are left after \(bound), which is "
                    + "twice the fair share")
        }
    }
}
