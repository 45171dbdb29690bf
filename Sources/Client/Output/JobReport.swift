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
    /// Where the results are, as it was asked for; `nil` for standard output.
    var destination: String?
    /// Whether success is told, too.
    var tellsSuccess = false
    /// Told after the failures, for what the command line has added to the pipeline.
    var remark: String?
    /// Images that failed, as far as they are listed.
    var failures: [ImageStatus] = []
    /// Images that are done and have remarks, as far as they are listed.
    var remarked: [ImageStatus] = []
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
        for line in remarkLines { context.console.note(line, code: "image-remark") }
        if let summary {
            if context.isJSON, listsSummary {
                do { try context.console.write(summary.json) } catch { return error.status }
            }
            for line in failureLines { context.console.note(line, code: "image-failed") }
            if !failures.isEmpty, let remark { context.console.note(remark) }
            if let unwrittenLine { context.console.note(unwrittenLine, code: "not-written") }
            if !context.isJSON, let closing = closingLine(summary, took: context.elapsed) {
                context.console.note(closing)
            }
        } else if tellsSuccess, let fetchedCount {
            context.console.note("job \(job): \(Units.counted(fetchedCount, "image")) fetched\(arrow)")
        }
        return status
    }

    /// `photo.png (image 3.0): note: 2 chunks of 40 bytes were ignored ...`, one line per remark.
    var remarkLines: [String] {
        let lines = remarked.flatMap { image in
            image.remarks.map { Table.printable("\(image.name) (image \(job).\(image.index)): note: \($0.sentence)") }
        }
        guard lines.count > Self.shownFailureCount else { return lines }
        return lines.prefix(Self.shownFailureCount)
            + ["and \(lines.count - Self.shownFailureCount) more notes: tessera --json status \(job) --images"]
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

    /// ` -> out/`, or nothing when the results went to standard output, or nowhere.
    private var arrow: String {
        destination.flatMap { $0 == "-" || fetchedCount == nil ? nil : " -> " + Table.printable($0) } ?? ""
    }

    /// The last line for a person; `nil` when there is nothing to tell.
    /// - Parameter elapsed: the time since the command began.
    func closingLine(_ summary: JobSummary, took elapsed: Duration) -> String? {
        switch summary.state {
        case .done where complaints.isEmpty:
            // Where results are missing from their places, that is told instead.
            tellsSuccess && unwrittenCount == 0
                ? "job \(job): \(Units.counted(summary.imagesDone, "image")) done in \(Units.duration(elapsed))"
                    + (summary.imagesFromCache > 0 ? ", \(summary.imagesFromCache) from kept results" : "") + arrow
                : nil
        case .done, .partlyFailed, .failed:
            "job \(job): \(summary.imagesDone) of \(Units.counted(summary.imageCount, "image")) done, "
                + "\(summary.imagesFailed) failed"
                + (complaints.isEmpty ? "" : ", \(Units.counted(complaints.count, "file")) could not be read")
        case .cancelled:
            "job \(job) was cancelled: \(summary.imagesDone) of \(Units.counted(summary.imageCount, "image")) done"
        // The command that did not wait says so itself.
        case .open, .running, .other: nil
        }
    }
}
