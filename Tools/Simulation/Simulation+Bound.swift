import JobModel
import MasterMachine
import Scheduler

// How long the cluster may take to end all jobs once the faults stop.

extension Simulation {
    private var longestUnsealed: Duration {
        // Silence is noticed within twice its time.
        room.hasSilentClients ? Self.idleTimeout * 2 + .seconds(5) : .seconds(65)
    }
    /// A full disk is noticed to have room, and who waited for it comes back.
    private static var longestWaitForRoom: Duration { roomRetryInterval * 2 + .seconds(15) }
    /// How long images that hold each other up are left alone.
    private static var patienceForRoom: Duration { .seconds(70) }

    /// The time from now until all jobs have ended, at most, if one slot alone did all the work that is left.
    ///
    /// - Each task of an image that has not ended runs twice: an intermediate blob may be found to be lost.
    /// - Each such image may fail four attempts, with the pauses between them.
    /// - Jobs that nobody completes wait for their end, one after the other where room is short: those of clients that have
    ///   vanished, and those that an opening said twice made, when the first answer's job was forgotten in between.
    /// - Of audited work each task runs twice more. For each faulty worker that is found, all may start over; each image may
    ///   wait for another worker, each time.
    /// - Where there is little room for rows, images are put off, and start over; rows that nobody refers to go only after a while.
    /// - What the faults left behind ends: a pause and a start of the master, hung attempts, leases and pauses of lost ones.
    func livenessBound() -> Duration {
        let configuration = options.schedulerConfiguration
        let allImages = clients.reduce(0) { $0 + $1.offers.count }
        let (images, tasks) = workLeft
        let travel = options.longestDelay * 6
        let commits = options.longestCommit * 4
        let attempt = options.longestTask + travel + commits + .seconds(1)
        let failure = attempt + configuration.firstBackoff * 4 + .seconds(5)
        let work = attempt * (2 * tasks) + failure * (4 * images)
        let rounds = options.auditShare > .none ? 2 * (1 + options.faultyCount) : 0
        let audits =
            (work + (configuration.auditWait + configuration.auditDelay * 4) * allImages) * rounds
        let unsealed = (longestUnsealed + .seconds(10)) * clients.count
        // Each client that finds the records full waits until a job that has ended may give way.
        let records = room.maximumKeptJobs < 100_000 ? (room.keepAtLeast + .seconds(80)) * clients.count : .zero
        let hung = options.hangEvery > 0 || options.liarCount > 0 ? configuration.progressTimeout * 2 : .zero
        let masterPause = max(.zero, (master?.pausedUntil ?? timeline.now) - timeline.now) + .seconds(20)
        let leftBehind =
            masterPause + hung + configuration.leaseDuration + configuration.reconnectGrace
            + configuration.longestBackoff * 2
        let disk = room.isLimited ? Self.longestWaitForRoom : .zero
        // Each image may be put off for every other, and starts over then.
        let narrowness =
            room.rowRoom == nil ? .zero : (work + Self.patienceForRoom * images) * 2 + BlobPins.duration * 2
        return work + audits + unsealed + records + disk + narrowness + leftBehind + (travel + commits) * 10
    }

    /// The images that have not ended, or may be redriven, with all their tasks; those that are not submitted yet included.
    private var workLeft: (images: Int, tasks: Int) {
        var left = (images: 0, tasks: 0)
        for client in clients {
            for (index, offer) in client.offers.enumerated() {
                guard case .accepted(let image) = offer.admission else { continue }
                let geometry = image.geometry
                if let job = client.job, observer.isOver(ImageID(job: job, index: UInt32(index))) { continue }
                left.images += 1
                // Small ones are one task; large ones a decoding, the chunks of two stages, and a reduction; of two more, where a
                // picture is turned, or encoded as a whole.
                let chunks =
                    2 * Int(geometry.height / 128 + 1) + (image.coding == .standard ? 0 : 2 * (1_024 / 128 + 1))
                left.tasks += geometry.height > 256 ? 2 + chunks : 1
            }
        }
        return left
    }
}
