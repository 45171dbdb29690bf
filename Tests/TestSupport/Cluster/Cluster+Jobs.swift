import ClientKit
import Foundation
import JobModel
import Logging
import Testing
import Transport

extension Cluster {
    /// Calls `body` with a connection of a client.
    public func withMaster<Result: Sendable>(
        _ body: @Sendable (MasterConnection) async throws -> Result
    ) async throws -> Result {
        try await MasterConnection.withConnection(dialer(), body)
    }

    /// Calls `body` with a client's session, whose connections go through the proxy if there is one.
    public func withSession<Result: Sendable>(
        through proxy: FaultProxy? = nil, _ body: @Sendable (MasterSession) async throws -> Result
    ) async throws -> Result {
        try await MasterSession.with(
            proxy?.endpoint ?? endpoint, secret: secret, software: "test",
            encryption: proxy == nil ? encryption : .never, body)
    }

    /// The way to connect to the master, or to another one of the same secret, as a peer of that role.
    public func dialer(as role: Peer.Role = .client, to other: Endpoint? = nil) -> Dialer {
        let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        return Dialer(
            to: other ?? endpoint, as: role, secret: secret, software: "test", encryption: encryption, logger: quiet)
    }

    /// Writes an input file; names may contain directories.
    public func file(_ name: String, _ bytes: [UInt8]) throws -> String {
        try folder.write(bytes, to: "images/\(name)")
    }

    /// A path for an output of a command.
    public func path(_ name: String) -> String { folder.file(name) }

    /// Writes a file with another secret than the cluster's.
    public func secretFile(_ secret: String) throws -> String { try folder.write(secret.utf8, to: "other-secret") }

    /// Copies the secret file as it is now, as for another machine.
    public func copySecret(to name: String) throws -> String { try folder.write(contents(secretFile), to: name) }

    public func replaceSecretFile(_ text: String) throws -> String { try folder.write(text.utf8, to: "secret") }

    public func text(_ path: String) throws -> String { String(decoding: try contents(path), as: UTF8.self) }

    public func contents(_ path: String) throws -> [UInt8] { [UInt8](try Data(contentsOf: URL(fileURLWithPath: path))) }

    /// Submits images by the command line.
    public func submit(_ pipeline: String, _ files: [String], _ options: String...) async throws -> JobID {
        let outcome = try await start(["submit", "--detach", pipeline] + files + options).outcome()
        try #require(outcome.status == 0, "\(outcome)")
        return try #require(JobID(text: outcome.text.prefix { $0 != " " }), "\(outcome)")
    }

    /// Waits for a job's end by the command line and fetches the result of its only image.
    public func result(of job: JobID) async throws -> [UInt8] {
        let place = path("result-\(job)")
        let outcome = try await start(["fetch", "\(job)", "-o", place]).outcome()
        try #require(outcome.status == 0, "\(outcome)")
        return try contents(place)
    }

    /// Waits until the job's summary is as demanded.
    ///
    /// - Throws: `DidNotHappen` as soon as the job has ended otherwise.
    @discardableResult
    public func wait(
        for job: JobID, until what: String, within limit: Duration = .seconds(120),
        _ isReached: @Sendable (JobSummary) -> Bool
    ) async throws -> JobSummary {
        try await withMaster { master in
            try await eventually("job \(job): \(what)", within: limit) {
                let summary = try await master.job(job)
                if isReached(summary) { return summary }
                guard !summary.isFinal else {
                    throw DidNotHappen(description: "job \(job) ended before \(what): \(summary)")
                }
                return nil
            }
        }
    }

    /// Waits until the job is under way: some chunks done, most not.
    @discardableResult
    public func waitForMiddle(of job: JobID, tasksDone: UInt64 = 6) async throws -> JobSummary {
        try await wait(for: job, until: "\(tasksDone) tasks are done") { $0.tasksDone >= tasksDone && !$0.isFinal }
    }

    @discardableResult
    public func waitForEnd(of job: JobID) async throws -> JobSummary {
        try await wait(for: job, until: "it ends") { $0.isFinal }
    }

    public func summary(of job: JobID) async throws -> JobSummary {
        try await withMaster { try await $0.job(job) }
    }

    public func status(of worker: Daemon) async throws -> WorkerStatus {
        // The newest of the name: a worker that was started again is a new one.
        let name = worker.name
        return try await withMaster { master in
            let all = try await master.workers().filter { $0.name == name }
            return try #require(all.max { $0.id < $1.id }, "\(name) has never registered")
        }
    }

    /// Waits until the worker computes something.
    public func waitForLease(of worker: Daemon) async throws {
        let name = worker.name
        try await withMaster { master in
            try await eventually("\(name) holds a lease") {
                try await master.workers().contains { $0.name == name && $0.leasesHeld > 0 }
            }
        }
    }
}
