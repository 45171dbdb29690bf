import ClientKit

/// Notices when no worker takes work, and when one does again. Reads no clock; told of the master's counts now and then.
struct WorkerAttendance {
    /// The master's address, for the advice.
    let master: String
    private var absence: Absence?

    /// Why nothing is computed.
    private enum Absence: Hashable {
        case nobody
        case draining(UInt32)
        case silent(UInt32)
        case unready(UInt32)
    }

    init(master: String) { self.master = master }

    /// - Parameter workers: `nil` from a master that does not say.
    /// - Returns: what a person who waits for a job is to be told: when work stops, when the reason for it changes, and when
    ///   work can continue.
    mutating func note(_ workers: WorkerCounts?) -> String? {
        guard let workers else { return nil }
        let absence = Self.absence(workers)
        defer { self.absence = absence }
        guard absence != self.absence else { return nil }
        switch absence {
        case nil: return "a worker takes work again; continuing"
        case .nobody?:
            return "no worker is connected, so nothing is computed; the job waits: start one with "
                + "tessera-worker --master \(master)"
        case .draining(let count)?:
            return
                "no worker takes new work: \(Self.counted(count)) draining; the job waits: 'tessera workers' shows them, "
                + "'tessera drain WORKER --resume' gives one work again"
        case .silent(let count)?:
            return
                "no worker takes new work: the master does not hear from \(Self.counted(count, verb: false)); the job waits "
                + "until one answers or another is started"
        case .unready(let count)?:
            return
                "no worker takes new work: \(Self.counted(count)) not able to run tasks; the job waits: 'tessera workers' says "
                + "why"
        }
    }

    private static func absence(_ workers: WorkerCounts) -> Absence? {
        if workers.taking > 0 { return nil }
        if workers.unready > 0 { return .unready(workers.unready) }
        if workers.draining > 0 { return .draining(workers.draining) }
        return workers.silent > 0 ? .silent(workers.silent) : .nobody
    }

    private static func counted(_ count: UInt32, verb: Bool = true) -> String {
        (count == 1 ? "the only one" : "all \(count)") + (verb ? (count == 1 ? " is" : " are") : "")
    }
}
