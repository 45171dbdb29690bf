import JobModel
import Logging
import MasterClient
import Transport

/// Blob transfers that outlive a restart of the master: a lost connection is made again, with growing delays, until the lease
/// that needs the blob is taken away or the patience is over.
struct PatientTransfer: Sendable {
    let transfer: BlobTransfer
    var patience: Duration = .seconds(120)
    let logger: Logger

    func get(_ slice: BlobSlice, into descriptor: Int32, at offset: UInt64) async throws {
        try await patiently { try await transfer.get(slice, into: descriptor, at: offset) }
    }

    func put(fileAt path: String, recomputable: Bool = true) async throws -> BlobReference {
        try await patiently { try await transfer.put(fileAt: path, recomputable: recomputable, purpose: .task) }
    }

    private func patiently<Result>(_ body: () async throws -> Result) async throws -> Result {
        let deadline = ContinuousClock.now + patience
        var backoff = Backoff()
        while true {
            let delay: Duration
            do {
                return try await body()
            } catch let refusal as MasterRefusal {
                // Overload and a full disk say when to come back; any other refusal is final.
                guard let after = refusal.retryAfter else { throw refusal }
                delay = after * Double.random(in: 1...1.25)
                guard ContinuousClock.now + delay < deadline else { throw refusal }
            } catch let error where Self.isPassing(error) {
                var random = SystemRandomNumberGenerator()
                delay = backoff.next(using: &random)
                guard ContinuousClock.now + delay < deadline else { throw error }
                logger.debug("a transfer waits for the master", metadata: ["error": "\(error)", "delay": "\(delay)"])
            }
            try await Task.sleep(for: delay)
        }
    }

    /// Whether the master may answer if asked again.
    private static func isPassing(_ error: any Error) -> Bool {
        switch error {
        case is ConnectionClosed: true
        case let error as TransportError:
            switch error.code {
            case .refused, .unreachable, .handshakeTimeout, .closed, .tooManyConnections: true
            case .badEndpoint, .secretFile, .protocolViolation, .version, .badSecret, .badRole, .cannotBind, .other:
                false
            }
        default: false
        }
    }
}
