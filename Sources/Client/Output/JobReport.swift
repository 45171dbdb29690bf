import JobModel
import Protocol

/// How a job ended for this command, and how that is told.
struct JobReport: Sendable {
    let job: JobID
    /// Files that were not submitted.
    var complaints: [InputComplaint] = []
    /// `nil` when the command did not wait for the end.
    var summary: WireJobSummary?
    /// `nil` when the command fetches nothing.
    var fetchedCount: Int?
    /// Images that failed; at most `Fetching.listedFailureCount` of them.
    var failures: [WireImageStatus] = []

    /// More are not written out to a terminal that nobody scrolls back.
    static let shownFailureCount = 50

    init(job: JobID, complaints: [InputComplaint] = []) {
        self.job = job
        self.complaints = complaints
    }

    /// Watches the job to its end and looks up its failures.
    mutating func follow(session: MasterSession, progress: ProgressReporter, context: CommandContext) async throws {
        let job = job
        let follower = JobFollower(session: session, progress: progress)
        let (console, isJSON) = (context.console, context.isJSON)
        let summary = try await follower.follow(job) { summary in
            if isJSON, !summary.isFinal { try console.write(summary.json) }
        }
        self.summary = summary
        failures = try await Self.failures(of: summary, session: session)
    }

    /// The images that failed, as far as they are listed.
    static func failures(of summary: WireJobSummary, session: MasterSession) async throws -> [WireImageStatus] {
        let wanted = min(Int(summary.imagesFailed), Fetching.listedFailureCount)
        var failures: [WireImageStatus] = []
        var first: UInt32 = 0
        while failures.count < wanted {
            let (job, from) = (try JobID(wire: summary.job), first)
            let (images, imageCount) = try await session.perform { try await $0.images(job, first: from) }
            failures += images.filter { $0.imageState == .failed || $0.imageState == .deadLettered }
            first += UInt32(images.count)
            if images.isEmpty || first >= imageCount { break }
        }
        return failures
    }

    var status: ExitStatus {
        guard let summary, let state = summary.jobState else { return complaints.isEmpty ? .done : .partlyFailed }
        let status = ExitStatus(state)
        return status == .done && !complaints.isEmpty ? .partlyFailed : status
    }

    /// Tells the end: data to standard output, failures and the closing line to standard error.
    ///
    /// - Parameter listsSummary: whether programs that asked for JSON are told of the job, too.
    func tell(_ context: CommandContext, listsSummary: Bool = true) -> ExitStatus {
        if let summary {
            if context.isJSON, listsSummary {
                do { try context.console.write(summary.json) } catch { return error.status }
            }
            for line in failureLines { context.console.note(line, code: "image-failed") }
            if !context.isJSON, let closing = closingLine(summary) { context.console.note(closing) }
        }
        return status
    }

    /// `photo.png: corrupt-input: ...`, one line an image.
    var failureLines: [String] {
        var lines = failures.prefix(Self.shownFailureCount).map { image in
            let code = image.hasFailure ? image.failure.code : image.state
            let reason = image.hasFailure ? ": " + image.failure.reason : ""
            return Table.printable("\(image.name) (image \(job).\(image.index)): \(code)\(reason)")
        }
        let more = Int(summary?.imagesFailed ?? 0) - lines.count
        if more > 0 { lines.append("and \(more) more failed: tessera status \(job) --failed") }
        if failures.contains(where: { $0.imageState == .deadLettered }) {
            lines.append("dead-lettered images can be tried again: tessera dead redrive \(job)")
        }
        return lines
    }

    /// What a person wants to read at the end; `nil` when all went as it should and nobody needs to be told.
    private func closingLine(_ summary: WireJobSummary) -> String? {
        switch summary.jobState {
        case .done where complaints.isEmpty: nil
        case .done, .partlyFailed, .failed:
            "job \(job): \(summary.imagesDone) of \(Units.counted(summary.imageCount, "image")) done, "
                + "\(summary.imagesFailed) failed"
                + (complaints.isEmpty ? "" : ", \(Units.counted(complaints.count, "file")) could not be read")
        case .cancelled:
            "job \(job) was cancelled: \(summary.imagesDone) of \(Units.counted(summary.imageCount, "image")) done"
        case .open, .running, nil: "job \(job) is \(summary.state)"
        }
    }
}
