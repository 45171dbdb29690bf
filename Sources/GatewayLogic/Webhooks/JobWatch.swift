/// What has been seen of the master's jobs, so that each change is told once. Performs no I/O: the shell reads pages of jobs, and
/// stores the change together with the messages of its events, in one transaction.
///
/// ```
///  unknown --seen--> open --seen again, with its first failed image--> open
///     |               |
///     +--seen ended---+--seen ended--> not kept
/// ```
///
/// Jobs are numbered by the master in the order of their submission: a job above `position` is new, and one below it that is
/// not open has ended.
package struct JobWatch: Hashable, Sendable {
    /// The newest job that has been seen; `nil` before the first look.
    package private(set) var position: UInt64?
    /// Jobs that had not ended, with the number of their failed images.
    package private(set) var open: [UInt64: Int]

    package init(position: UInt64? = nil, open: [UInt64: Int] = [:]) {
        self.position = position
        self.open = open
    }

    package struct Event: Hashable, Sendable {
        package let event: WebhookEvent
        package let sighting: JobSighting

        package init(event: WebhookEvent, sighting: JobSighting) {
            self.event = event
            self.sighting = sighting
        }
    }

    /// The first look, at all jobs that the master has.
    ///
    /// - Parameter since: what happened before it is not told: nobody had asked yet. Milliseconds since 1970.
    package mutating func begin(with jobs: [JobSighting], since: UInt64) -> [Event] {
        position = jobs.map(\.job).max() ?? 0
        open = [:]
        var events: [Event] = []
        for sighting in jobs.sorted(by: { $0.job < $1.job }) {
            func tell(_ event: WebhookEvent) { events.append(Event(event: event, sighting: sighting)) }
            let isNew = sighting.submittedAt >= since
            if isNew { tell(.jobStarted) }
            if isNew, sighting.imagesFailed > 0 { tell(.jobImagesFailed) }
            if !sighting.isFinal {
                open[sighting.job] = sighting.imagesFailed
            } else if let finishedAt = sighting.finishedAt, finishedAt >= since {
                tell(.jobFinished)
            }
        }
        return events
    }

    /// A later look at some jobs, among them all that are newer than `position`.
    package mutating func see(_ jobs: [JobSighting]) -> [Event] {
        jobs.sorted { $0.job < $1.job }.flatMap { see($0) }
    }

    private mutating func see(_ sighting: JobSighting) -> [Event] {
        var events: [WebhookEvent] = []
        let known = open[sighting.job]
        let isNew = sighting.job > position ?? 0
        if isNew {
            position = sighting.job
            events.append(.jobStarted)
        }
        // A job that had ended and works again, as after a redrive, is followed again.
        guard isNew || known != nil || !sighting.isFinal else { return [] }
        // The first one only: a job of which every image fails is not told of by ten thousand messages.
        let hadFailed = known ?? (isNew ? 0 : sighting.imagesFailed)
        if hadFailed == 0, sighting.imagesFailed > 0 { events.append(.jobImagesFailed) }
        if sighting.isFinal {
            events.append(.jobFinished)
            open[sighting.job] = nil
        } else {
            open[sighting.job] = sighting.imagesFailed
        }
        return events.map { Event(event: $0, sighting: sighting) }
    }

    /// The newest job of the master is `newest`, or there is none: a master whose state was deleted counts from 1 again.
    package mutating func bound(newest: UInt64?) {
        position = position.map { min($0, newest ?? 0) }
    }

    /// These open jobs are not at the master any more: they were forgotten.
    package mutating func forget(_ jobs: some Sequence<UInt64>) { for job in jobs { open[job] = nil } }
}
