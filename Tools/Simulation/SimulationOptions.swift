import Scheduler
import SeededRandom

/// What a seed draws before its run begins: the size of the cluster, the work, and how often what goes wrong.
struct SimulationOptions: CustomStringConvertible {
    let workerCount: Int
    let maximumSlots: Int
    let clientCount: Int
    let maximumImages: Int
    let prefetchPerSlot: Int
    let longestTask: Duration
    let longestDelay: Duration
    let longestCommit: Duration
    /// The mean time between two faults.
    let faultInterval: Duration
    /// Attempts of which one ends with a dead rank, or hangs; 0 for none.
    let rankLossEvery: Int
    let hangEvery: Int
    /// Images of which one kills every rank that touches it, or cannot be read; 0 for none.
    let poisonEvery: Int
    let corruptEvery: Int
    /// Images of which one has the same input file as others.
    let sharedEvery: Int
    /// The first workers, this many, lie about their leases.
    let liarCount: Int
    /// Jobs that may be open at a time; a client beyond that is told when to come back.
    let maximumOpenJobs: Int
    /// How long the results of a job are kept.
    let keepResults: Duration
    /// A master may come back as another release, and the workers after it.
    let changesReleases: Bool
    let safetyPhase: Duration
    /// Nothing goes wrong: the run is about fair shares.
    let isShareTrial: Bool

    var schedulerConfiguration: SchedulerConfiguration

    init(using random: inout SeededGenerator) {
        isShareTrial = random.happens(onceIn: 10)
        workerCount =
            isShareTrial ? random.draw(1...4) : random.happens(onceIn: 8) ? random.draw(10...100) : random.draw(1...8)
        maximumSlots = isShareTrial ? 2 : random.draw(1...4)
        clientCount = random.draw(1...6)
        maximumImages = random.draw(1...12)
        prefetchPerSlot = random.draw(0...2)
        longestTask = .milliseconds([50, 400, 3_000, 8_000][random.draw(0...3)])
        longestDelay = isShareTrial ? .milliseconds(1) : .milliseconds([1, 20, 200, 900][random.draw(0...3)])
        longestCommit = isShareTrial ? .milliseconds(1) : .milliseconds([1, 10, 200][random.draw(0...2)])
        faultInterval = .milliseconds([300, 1_000, 5_000, 20_000][random.draw(0...3)])
        rankLossEvery = [0, 50, 10][random.draw(0...2)]
        hangEvery = [0, 0, 60][random.draw(0...2)]
        poisonEvery = [0, 0, 15][random.draw(0...2)]
        corruptEvery = [0, 0, 20][random.draw(0...2)]
        sharedEvery = [1, 2, 6][random.draw(0...2)]
        liarCount = random.happens(onceIn: 4) ? random.draw(1...workerCount) : 0
        changesReleases = !isShareTrial && random.happens(onceIn: 4)
        safetyPhase = .seconds(random.draw(20...120))
        maximumOpenJobs = isShareTrial ? 10 : [1, 3, 10][random.draw(0...2)]
        keepResults = .seconds(isShareTrial ? 604_800 : [10, 60, 604_800][random.draw(0...2)])
        var configuration = SchedulerConfiguration()
        configuration.prefetchPerSlot = prefetchPerSlot
        configuration.maximumOpenJobs = maximumOpenJobs
        schedulerConfiguration = configuration
    }

    var description: String {
        "workers \(workerCount), slots to \(maximumSlots), clients \(clientCount), images to \(maximumImages), "
            + "prefetch \(prefetchPerSlot), tasks to \(longestTask), delays to \(longestDelay), commits to "
            + "\(longestCommit), faults each \(faultInterval), rank loss 1/\(rankLossEvery), hangs 1/\(hangEvery), "
            + "poison 1/\(poisonEvery), corrupt 1/\(corruptEvery), shared inputs 1/\(sharedEvery), "
            + "liars \(liarCount), \(changesReleases ? "releases change, " : "")"
            + "open jobs to \(maximumOpenJobs), results kept \(keepResults), safety phase \(safetyPhase)"
    }
}
