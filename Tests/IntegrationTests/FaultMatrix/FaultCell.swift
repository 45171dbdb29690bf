import TestSupport
import Testing

/// One cell of the fault matrix: something happens to somebody at a certain point of a job's life.
struct FaultCell: Sendable, Hashable {
    /// Where a job is, as the frames that pass show it.
    enum Phase: String, Sendable, CaseIterable {
        /// The client sends the image and describes the job.
        case upload
        /// A rank decodes the image, and its worker publishes bands.
        case decode
        /// A worker fetches a chunk's rows, and its ranks compute them.
        case chunk
        /// A worker sends a chunk's result.
        case result
        /// All is computed, and the master puts the file together.
        case assemble
        /// The client fetches the file.
        case fetch
    }

    enum Victim: String, Sendable, CaseIterable { case client, worker, master, rank, mpirun }

    enum Kind: String, Sendable, CaseIterable {
        case kill
        case stop
        case cut
        case halfOpen = "half-open"
        case silence
        case slow
        case corrupt
        case duplicate

        var isOfNetwork: Bool { self != .kill && self != .stop }
    }

    let phase: Phase
    let victim: Victim
    let kind: Kind

    static let all = Phase.allCases.flatMap { phase in
        Kind.allCases.flatMap { kind in
            Victim.allCases.map { FaultCell(phase: phase, victim: $0, kind: kind) }
        }
    }

    /// Why there is no such thing; `nil` when there is.
    var impossibility: String? {
        guard kind.isOfNetwork else { return nil }
        switch victim {
        case .client, .worker: return nil
        case .master: return "every connection of the master is a client's or a worker's: see theirs"
        case .rank, .mpirun: return "it has no connection over the network: its worker is on the same machine"
        }
    }

    static let possible = all.filter { $0.impossibility == nil }
}

extension FaultCell: CustomStringConvertible, CustomTestStringConvertible {
    var description: String { "\(phase.rawValue) \(kind.rawValue) \(victim.rawValue)" }
    var testDescription: String { description }
}
