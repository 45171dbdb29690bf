import ArgumentParser
import ClientKit
import JobModel
import Settings

/// Which jobs a command is about.
struct JobFilter: Sendable {
    /// Any state when it is empty.
    var states: [JobSummary.State] = []
    var submitter: String?
    /// Milliseconds since 1970: jobs that were submitted before are left out.
    var since: UInt64?

    static let limits = 1...100_000
    static let states: [JobSummary.State] = [.open, .running, .done, .partlyFailed, .failed, .cancelled]
    static var stateNames: String { states.map(\.name).joined(separator: ", ") }

    /// Whether every job passes.
    var isEmpty: Bool { states.isEmpty && submitter == nil && since == nil }

    func admits(_ job: JobSummary) -> Bool {
        (states.isEmpty || states.contains(job.state)) && (submitter == nil || submitter == job.submitter)
            && !isTooOld(job)
    }

    private func isTooOld(_ job: JobSummary) -> Bool { since.map { job.submittedAt < $0 } ?? false }

    /// Looks for jobs, the newest first, in as many requests as it takes.
    func jobs(limit: Int, before: JobID?, session: MasterSession) async throws -> [JobSummary] {
        var found: [JobSummary] = []
        var before = before
        while found.count < limit {
            let (count, last) = (isEmpty ? UInt32(clamping: limit - found.count) : .max, before)
            let page = try await session.perform { try await $0.jobs(limit: min(count, 200), before: last) }
            found += page.filter(admits).prefix(limit - found.count)
            guard let oldest = page.last, oldest.id != before, !isTooOld(oldest) else { break }
            before = oldest.id
        }
        return found
    }

    /// - Throws: `ValidationError` for a word that is not a state.
    static func state(_ word: String) throws -> JobSummary.State {
        if let state = states.first(where: { $0.name == word }) { return state }
        let near = NearestName.of(word, among: states.map(\.name))
        throw ValidationError(near.map { "did you mean \($0)?" } ?? "the states are \(stateNames)")
    }

    /// The milliseconds of a length of time such as `24h`; `nil` for a text that is not one.
    static func age(_ text: String) -> UInt64? {
        Settings.duration(text).map { UInt64(max(0, $0 / .milliseconds(1))) }
    }
}
