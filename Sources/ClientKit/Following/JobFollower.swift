import JobModel
import MasterClient
import Protocol
import Transport

/// Watches a job to its end, across restarts of the master.
struct JobFollower: Sendable {
    let session: MasterSession
    let progress: ProgressReporter

    /// - Parameters:
    ///   - imageCount: how many images the job will have, when this command knows better than the master.
    ///   - changed: told every summary, the last one included.
    /// - Returns: the final summary.
    func follow(
        _ job: JobID, imageCount: Int? = nil, changed: @Sendable (WireJobSummary) throws -> Void = { _ in }
    ) async throws -> WireJobSummary {
        try await session.perform { master in
            for try await summary in master.watch(job) {
                await session.answered()
                progress.update { $0.update(with: summary, keepingImageCount: imageCount != nil) }
                try changed(summary)
                if summary.isFinal { return summary }
            }
            try Task.checkCancellation()
            throw ConnectionClosed(.peer, "the master stopped telling about job \(job) before its end")
        }
    }
}

extension JobProgress {
    mutating func update(with summary: WireJobSummary, keepingImageCount: Bool = false) {
        job = summary.job
        if !keepingImageCount {
            imageCount = Int(summary.imageCount)
            imagesSent = imageCount
        }
        imagesDone = Int(summary.imagesDone)
        imagesFailed = Int(summary.imagesFailed)
        pixelsTotal = summary.pixelsTotal
        pixelsDone = summary.pixelsDone
        tasksTotal = summary.tasksTotal
        tasksDone = summary.tasksDone
        attemptsLost = summary.attemptsLost
        attemptsFailed = summary.attemptsFailed
    }
}
