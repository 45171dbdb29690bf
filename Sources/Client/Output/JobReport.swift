import ClientKit
import JobModel

/// How a job ended for this command, and how that is reported.
struct JobReport: Sendable {
    let job: JobID
    /// Files that were not submitted.
    var complaints: [InputComplaint] = []
    /// `nil` when the command did not wait for the end.
    var summary: JobSummary?
    /// `nil` when the command fetches nothing.
    var fetchedCount: Int?
    /// Images that failed, as far as they are listed.
    var failures: [ImageStatus] = []
    /// Results that could not be put into their places; each was told when it happened.
    var unwrittenCount = 0

    /// Failures that are listed on a terminal; more are counted.
    static let shownFailureCount = 50

    init(job: JobID, complaints: [InputComplaint] = []) {
        self.job = job
        self.complaints = complaints
    }

    /// Follows the job to its end and looks up its failures.
    mutating func follow(session: MasterSession, progress: ProgressReporter, context: CommandContext) async throws {
        let (console, isJSON) = (context.console, context.isJSON)
        let summary = try await session.follow(job) { summary in
            progress.update { $0.update(with: summary) }
            if isJSON, !summary.isFinal { try console.write(summary.json) }
        }
        self.summary = summary
        failures = try await session.failedImages(of: summary)
    }

    var status: ExitStatus {
        guard let summary else { return complaints.isEmpty ? .done : .partlyFailed }
        let status = ExitStatus(summary.state)
        if unwrittenCount > 0 { return (fetchedCount ?? 0) > 0 ? .partlyFailed : .failed }
        return status == .done && !complaints.isEmpty ? .partlyFailed : status
    }

    /// Reports the end: data to standard output, failures and the closing line to standard error.
    ///
    /// - Parameter listsSummary: whether programs that asked for JSON get the job object, too.
    func tell(_ context: CommandContext, listsSummary: Bool = true) -> ExitStatus {
        if let summary {
            if context.isJSON, listsSummary {
                do { try context.console.write(summary.json) } catch { return error.status }
            }
            for line in failureLines { context.console.note(line, code: "image-failed") }
            if let unwrittenLine { context.console.note(unwrittenLine, code: "not-written") }
            if !context.isJSON, let closing = closingLine(summary) { context.console.note(closing) }
        }
        return status
    }

    /// `photo.png: corrupt-input: ...`, one line per image.
    var failureLines: [String] {
        var lines = failures.prefix(Self.shownFailureCount).map { image in
            let code = image.failure?.code ?? image.state.name
            let reason = image.failure.map { ": " + $0.reason } ?? ""
            return Table.printable("\(image.name) (image \(job).\(image.index)): \(code)\(reason)")
        }
        let more = (summary?.imagesFailed ?? 0) - lines.count
        if more > 0 { lines.append("and \(more) more failed: tessera status \(job) --failed") }
        if failures.contains(where: { $0.state == .deadLettered }) {
            lines.append("dead-lettered images can be tried again: tessera dead redrive \(job)")
        }
        return lines
    }

    /// How to get the results that could not be written; `nil` when there are none.
    var unwrittenLine: String? {
        guard unwrittenCount > 0 else { return nil }
        return "\(Units.counted(unwrittenCount, "result")) of job \(job) could not be written; the master has "
            + (unwrittenCount == 1 ? "it" : "them") + ": tessera fetch \(job) -o PATH"
    }

    /// The last line for a person; `nil` when everything succeeded.
    private func closingLine(_ summary: JobSummary) -> String? {
        switch summary.state {
        case .done where complaints.isEmpty: nil
        case .done, .partlyFailed, .failed:
            "job \(job): \(summary.imagesDone) of \(Units.counted(summary.imageCount, "image")) done, "
                + "\(summary.imagesFailed) failed"
                + (complaints.isEmpty ? "" : ", \(Units.counted(complaints.count, "file")) could not be read")
        case .cancelled:
            "job \(job) was cancelled: \(summary.imagesDone) of \(Units.counted(summary.imageCount, "image")) done"
        case .open, .running, .other: "job \(job) is \(summary.state)"
        }
    }
}
