import DaemonSupport
import JobModel
import Logging
import Synchronization
import SystemCalls
import Transport
import WorkerMachine

/// What the worker's link knows beyond one connection: when it tries again, and which masters it has met.
final class LinkMemory: GenerationGuard {
    private struct State {
        var link = MasterLinkState()
        /// Whether the master that was met last has another state than the one before, until somebody asks.
        var startsOver = false
        /// Since the last connection ended.
        var registrationCount = 0
        var hasWarned = false
    }

    private let state = Mutex(State())
    /// `nil` when there is no place for it: then what was met is forgotten with the process.
    private let file: GenerationFile?
    private let logger: Logger
    private let start = ContinuousClock.now

    init(file: GenerationFile?, logger: Logger) {
        self.file = file
        self.logger = logger
    }

    var elapsed: Duration { ContinuousClock.now - start }

    /// Decides with the state of the link.
    func withLink<Result>(_ body: (inout MasterLinkState) -> Result) -> Result { state.withLock { body(&$0.link) } }

    // MARK: Registrations

    func registered() {
        state.withLock {
            $0.link.registered()
            $0.registrationCount += 1
        }
    }

    /// - Returns: whether there was a registration since the last call.
    func takeRegistrations() -> Bool {
        state.withLock { state in
            defer { state.registrationCount = 0 }
            return state.registrationCount > 0
        }
    }

    // MARK: Generations

    func check(_ generation: Generation?, of master: Endpoint, on channel: Peer.Channel) async throws {
        switch channel {
        case .control: try await admit(generation, of: master)
        case .data:
            let served = withLink { $0.serves(generation) ? nil : $0.served }
            guard let generation, let served else { return }
            throw TransportError.otherMaster(generation, at: master, insteadOf: served)
        }
    }

    func isCurrent(_ generation: Generation?) -> Bool { withLink { $0.serves(generation) } }

    /// Whether the master that was met last has another state than the one before; says it once.
    func takeStartOver() -> Bool {
        state.withLock { state in
            defer { state.startsOver = false }
            return state.startsOver
        }
    }

    private func admit(_ generation: Generation?, of master: Endpoint) async throws {
        // What other workers of the machine have met counts as well.
        if let content = await usingFile({ file throws(SystemError) in try file.read() }) {
            if content.malformedLineCount > 0 {
                warn("\(content.malformedLineCount) of its lines are not a lineage and a number")
            }
            withLink { $0.remember(content.memory) }
        }
        let acquaintance = state.withLock { state in
            let acquaintance = state.link.authenticated(by: generation)
            if acquaintance == .startsOver { state.startsOver = true }
            return acquaintance
        }
        guard let generation else { return }
        switch acquaintance {
        case .continues: break
        case .startsOver:
            logger.notice(
                "the master has another state: leases of the former one are given up",
                metadata: ["master": "\(master)", "generation": "\(generation)"])
        case .refuses(let latest):
            let line = file.map { ", or stop the worker and remove the line of the lineage from \($0.path)" } ?? ""
            throw TransportError.replacedMaster(
                generation, at: master, by: latest,
                remedy: "name the address of the restored one's master with --master\(line)")
        }
        // Before anything is said to the master: a worker that dies must not come back to the one before.
        await usingFile { file throws(SystemError) in try file.add(generation) }
    }

    /// Uses the file on a thread of its own. Where that fails the process remembers what the file cannot.
    @discardableResult
    private func usingFile<Result: Sendable>(
        _ body: @escaping @Sendable (GenerationFile) throws(SystemError) -> Result
    ) async -> Result? {
        guard let file else { return nil }
        let result = await withCheckedContinuation { continuation in
            startThread(name: "generations") {
                let result: Swift.Result<Result, SystemError>
                do throws(SystemError) { result = .success(try body(file)) } catch { result = .failure(error) }
                continuation.resume(returning: result)
            }
        }
        switch result {
        case .success(let value): return value
        case .failure(let error):
            warn("\(error)")
            return nil
        }
    }

    private func warn(_ reason: String) {
        let isFirst = state.withLock { state in
            defer { state.hasWarned = true }
            return !state.hasWarned
        }
        guard isFirst else { return }
        logger.warning(
            "the file of generations cannot be used: after a restart the worker may serve a master that was replaced",
            metadata: [
                "file": "\(file?.path ?? "")", "reason": "\(reason)",
                "way out": "name a file that the worker may write with --generation-file",
            ])
    }
}
