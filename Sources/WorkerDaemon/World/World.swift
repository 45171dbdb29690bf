import Glibc
import JobModel

/// A slot's resident MPI world: started when first needed, kept, and replaced when it is lost.
///
/// ```
///                 run                    reply
///      +--------+ ----> +---------+ <---------> ... rank 0 answers, run returns
///      |  none  |       | running |
///      +--------+ <---- +---------+
///                 a rank or mpirun died, or made no progress in time: run throws, all processes are killed
/// ```
///
/// One order at a time. The actor has a thread of its own, on which it blocks while an order is in progress, so it blocks no
/// other task. An idle world costs no CPU: its ranks block in `read`.
///
/// For the slot that owns it:
///
///     let world = try World(WorldConfiguration(rankCount: 2))
///     // Put the order's input files into world.filesPath, and name its output files there.
///     let reply = try await world.run(
///         .decode(spec, input: ..., directory: world.filesPath),
///         onBand: { band in
///             // Read band.path, publish the bytes, remove the file. Two bands may exist at once, no more.
///         })
///     // .decoded, .finished, or .failed(cause, reason): the world can take the next order. Thrown errors: see `run`.
///     await world.stop()
///
/// Cancelling the task that awaits `run` ends the order within `cancelTimeout`. The slot removes its files in `filesPath`;
/// files that it leaves are removed with the world.
actor World {
    /// Rows that a decoding rank has written to a file.
    struct DecodedBand: Hashable, Sendable {
        let index: UInt32
        let path: String
        let byteCount: UInt64
    }

    private let configuration: WorldConfiguration
    private let executor: ThreadExecutor
    private let interrupt = Interrupt()
    private let directory: WorldDirectory
    private var process: WorldProcess?
    private var isBusy = false

    /// The directory for the files of orders, in shared memory; it exists as long as this value.
    nonisolated let filesPath: String
    /// The number of times that mpirun was started.
    private(set) var startCount = 0

    /// Creates the private directory, and removes those of workers that were killed. Starts no process.
    init(_ configuration: WorldConfiguration) throws(WorldError) {
        WorldDirectory.sweep(configuration.baseDirectory)
        self.configuration = configuration
        directory = try WorldDirectory(in: configuration.baseDirectory)
        filesPath = directory.filesPath
        executor = ThreadExecutor()
    }

    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    /// The processes of the ranks, by rank; empty while there is no world.
    var rankProcesses: [pid_t] { process?.rankProcesses ?? [] }

    /// Makes what was removed of the directory again.
    ///
    /// - Returns: whether something was missing.
    @discardableResult
    func restoreDirectory() throws(WorldError) -> Bool { try directory.restore() }

    /// Starts the world, if it is not running: the first `run` then finds it ready.
    ///
    /// - Throws: `WorldError.notStarted`; `.stopped`.
    func start() throws(WorldError) { _ = try liveProcess() }

    /// Carries out `order`, in a fresh world if there is none.
    ///
    /// - Parameters:
    ///   - onBand: called for each decoded band, in order, while the rank decodes the next. When it throws, the order is
    ///     cancelled and the error rethrown.
    ///   - onNeed: called for each part of the input that the rank asks for, which is there when it returns. When it throws, the
    ///     order is cancelled and the error rethrown.
    ///   - onProgress: called with the share that is done, 0 to 1.
    /// - Returns: a reply that ends the order: `.finished`, `.decoded`, `.found` or `.failed`.
    /// - Throws: `WorldError` when there is no reply; `CancellationError` when the task was cancelled; what `onBand` and
    ///   `onNeed` throw.
    func run(
        _ order: RankOrder, onBand: @Sendable (DecodedBand) async throws -> Void = { _ in },
        onNeed: @Sendable (_ offset: UInt64, _ byteCount: UInt64) async throws -> Void = { _, _ in },
        onProgress: @Sendable (Double) -> Void = { _ in }
    ) async throws -> RankReply {
        guard let spec = order.spec else { preconditionFailure("\(order) is not an order to work") }
        precondition(!isBusy, "a world has one order at a time; \(spec.task) arrived while one was in progress")
        isBusy = true
        defer { isBusy = false }
        interrupt.forgetCancel()
        return try await withTaskCancellationHandler {
            try Task.checkCancellation()
            try directory.restore()
            let process = try liveProcess()
            do {
                return try await converse(
                    with: process, order, patience: .milliseconds(spec.progressTimeoutMilliseconds), onBand, onNeed,
                    onProgress)
            } catch {
                // After an answer, whatever it says, the world is ready for the next order; without one it is replaced.
                if let error = error as? AfterAnswer { throw error.error }
                discard()
                // A stop in the middle of an order has other errors as its consequence.
                throw interrupt.isStopRequested && error is WorldError ? WorldError.stopped : error
            }
        } onCancel: {
            interrupt.requestCancel()
        }
    }

    /// Ends the world permanently: an order in progress throws `.stopped`, every process has ended on return.
    nonisolated func stop() async {
        interrupt.requestStop()
        await finish()
    }

    private func finish() {
        process?.shutdown(until: ContinuousClock.now + .seconds(1))
        discard()
    }

    private func discard() {
        process?.kill()
        process = nil
    }

    private func liveProcess() throws(WorldError) -> WorldProcess {
        if interrupt.isStopRequested { throw .stopped }
        if let process, process.isAlive { return process }
        // It died while idle: no order is affected.
        discard()
        try directory.restore()
        startCount += 1
        let fresh = try WorldProcess(configuration, in: directory, interrupt: interrupt)
        process = fresh
        return fresh
    }

    /// An error that is thrown after the order was answered.
    private struct AfterAnswer: Error { let error: any Error }

    private func converse(
        with process: WorldProcess, _ order: RankOrder, patience: Duration,
        _ onBand: @Sendable (DecodedBand) async throws -> Void,
        _ onNeed: @Sendable (_ offset: UInt64, _ byteCount: UInt64) async throws -> Void,
        _ onProgress: @Sendable (Double) -> Void
    ) async throws -> RankReply {
        var deadline = ContinuousClock.now + patience
        /// The reason why the order was cancelled, once it was.
        var abandoned: (any Error)?
        func abandon(_ error: any Error) throws(WorldError) {
            guard abandoned == nil else { return }
            abandoned = error
            deadline = ContinuousClock.now + configuration.cancelTimeout
            try process.send(.cancel, until: deadline)
        }

        /// Does what the rank waits for, and tells it.
        func serve(_ work: () async throws -> Void, _ answer: RankOrder) async throws {
            guard abandoned == nil else { return }
            do {
                try await work()
                deadline = ContinuousClock.now + patience
                try process.send(answer, until: deadline)
            } catch let error as WorldError {
                throw error
            } catch {
                try abandon(error)
            }
        }

        try process.send(order, until: deadline)
        if interrupt.isCancelRequested { try abandon(CancellationError()) }
        while true {
            switch try process.next(until: deadline) {
            case .interrupted:
                if interrupt.isStopRequested { throw WorldError.stopped }
                if interrupt.isCancelRequested { try abandon(CancellationError()) }
            case .timedOut:
                if let abandoned { throw abandoned }
                throw WorldError.hung(
                    "the ranks made no progress on \(order.spec.map { "\($0.task)" } ?? "an order") for \(patience)",
                    outputTail: process.outputTail)
            case .reply(.band(let index, let path, let byteCount)):
                try await serve(
                    { try await onBand(DecodedBand(index: index, path: path, byteCount: byteCount)) }, .bandTaken)
            case .reply(.needs(let offset, let byteCount)):
                try await serve({ try await onNeed(offset, byteCount) }, .inputArrived)
            case .reply(.progress(let done, let total)):
                guard abandoned == nil else { continue }
                deadline = ContinuousClock.now + patience
                onProgress(total == 0 ? 0 : Double(done) / Double(total))
            case .reply(.hello):
                throw WorldError.lost("rank 0 greeted twice", outputTail: process.outputTail)
            case .reply(let reply):
                if let abandoned { throw AfterAnswer(error: abandoned) }
                return reply
            }
        }
    }
}
