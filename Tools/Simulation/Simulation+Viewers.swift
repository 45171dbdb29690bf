import JobModel
import Pipelines
import Scheduler

// Somebody looks at images while they are computed: asks which rows are finished, and reads them a while later.
//
// A viewer changes nothing, so its questions have chances of their own, and are answered in a turn that takes place anyway: a seed
// draws the same for everything else.

extension Simulation {
    private static var longestPause: Duration { .seconds(1) }
    private static var longestReading: Duration { .seconds(4) }
    /// A page of what the master tells, so that there are several.
    private static var rowsPerAnswer: Int { 3 }

    func arrangeLook() {
        timeline.arrange(.viewerLooks, after: viewerRandom.draw(.milliseconds(20)...Self.longestPause))
    }

    func viewerLooks() {
        arrangeLook()
        guard let master, let image = master.machine.scheduler.runningImages().randomElement(using: &viewerRandom)
        else { return }
        master.looks.append(image)
    }

    /// The viewers' questions, at the end of a turn.
    func answerViewers(_ master: SimulatedMaster) {
        for image in master.looks {
            var row: UInt32? = 0
            while let first = row {
                guard
                    let page = master.machine.scheduler.partialResult(
                        of: image, firstRow: first, limit: Self.rowsPerAnswer)
                else { break }
                master.machine.reply(.toViewer(image, page))
                row = page.nextRow
            }
        }
        master.looks = []
    }

    /// What a viewer is told, once it is durable.
    func told(_ partial: PartialResult, of image: ImageID) {
        observer.segmentBook.told(partial, of: image, plan: latestSpecs[image].flatMap(plan(of:)), report: violate)
        guard !partial.finished.isEmpty else { return }
        timeline.arrange(
            .viewerReads(image, partial), after: viewerRandom.draw(.milliseconds(1)...Self.longestReading))
    }

    /// The segments are there, unless the image has its file, or starts over.
    func viewerReads(_ partial: PartialResult, of image: ImageID) {
        guard let master, let gone = partial.finished.first(where: { files[$0.segments.digest] == nil }),
            let now = master.machine.scheduler.partialResult(of: image, firstRow: gone.rows.lowerBound, limit: 1)
        else { return }
        if now.run == partial.run, now.finished.first == gone {
            violate(
                .blobs, "rows \(gone.rows) of image \(image) are gone, though the master still tells where they are")
        }
    }
}
