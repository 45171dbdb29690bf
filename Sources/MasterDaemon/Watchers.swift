import JobModel
import Scheduler

/// The clients that watch jobs. Changes are told at most ten times per second, the last one always.
///
/// What a change costs has a bound: a connection has a limited number of watches and a job a limited number of watchers; a flush
/// tells a limited number of them, and the rest is the next one's; a client that does not read what it was told is told the
/// newest state when it does.
struct Watchers<Connection: Hashable> {
    static var interval: Duration { .milliseconds(100) }
    static var maximumPerConnection: Int { 256 }
    static var maximumPerJob: Int { 1_024 }
    /// Watchers that one flush tells; those of one job are told together.
    static var maximumPerFlush: Int { 2_048 }

    struct Watcher: Hashable {
        let connection: Connection
        let stream: UInt32
    }

    /// The watchers that are to be told of a job that changed.
    private enum Audience {
        case everybody
        /// Those that had not read enough before.
        case late([Watcher])
    }

    private var watchers: [JobID: [Watcher]] = [:]
    /// What each connection watches, by stream.
    private var watched: [Connection: [UInt32: JobID]] = [:]
    private var changed: [JobID: Audience] = [:]
    /// The jobs in `changed`, in the order in which they are told.
    private var order: [JobID] = []
    private var lastFlush = Instant.zero

    /// When `flush` has something to tell; `nil` while nothing changed.
    var nextFlush: Instant? { changed.isEmpty ? nil : lastFlush + Self.interval }

    /// Watches of all connections.
    var count: Int { watched.values.reduce(0) { $0 + $1.count } }

    /// - Throws: when the connection, or the job, has as many watches as it may; nothing has changed then.
    mutating func add(_ connection: Connection, stream: UInt32, to job: JobID) throws(SchedulerRefusal) {
        if let other = watched[connection]?[stream] {
            throw .invalidArgument("stream \(stream) watches job \(other) already; give each watch a stream of its own")
        }
        guard (watched[connection]?.count ?? 0) < Self.maximumPerConnection else {
            throw .invalidArgument(
                "this connection has \(Self.maximumPerConnection) watches, which is the limit; stop some of them, or use "
                    + "another connection")
        }
        guard (watchers[job]?.count ?? 0) < Self.maximumPerJob else {
            throw .invalidArgument(
                "job \(job) has \(Self.maximumPerJob) watchers, which is the limit; ask for its state now and then instead"
            )
        }
        watchers[job, default: []].append(Watcher(connection: connection, stream: stream))
        watched[connection, default: [:]][stream] = job
    }

    mutating func remove(_ connection: Connection, from job: JobID) {
        guard let streams = watched[connection] else { return }
        let rest = streams.filter { $0.value != job }
        watched[connection] = rest.isEmpty ? nil : rest
        drop(connection, from: job)
    }

    mutating func remove(_ connection: Connection) {
        for job in Set(watched.removeValue(forKey: connection).map { Array($0.values) } ?? []) {
            drop(connection, from: job)
        }
    }

    private mutating func drop(_ connection: Connection, from job: JobID) {
        watchers[job]?.removeAll { $0.connection == connection }
        if watchers[job]?.isEmpty == true { forget(job) }
    }

    private mutating func forget(_ job: JobID) {
        watchers[job] = nil
        if changed.removeValue(forKey: job) != nil { order.removeAll { $0 == job } }
    }

    mutating func changed(_ job: JobID) {
        guard watchers[job] != nil else { return }
        if changed.updateValue(.everybody, forKey: job) == nil { order.append(job) }
    }

    /// What changed and is to be told now, if the last time is long enough ago.
    ///
    /// - Parameter isBehind: whether the connection has not read what it was told before.
    mutating func flush(at now: Instant, isBehind: (Connection) -> Bool) -> [(job: JobID, watchers: [Watcher])] {
        guard let due = nextFlush, due <= now else { return [] }
        lastFlush = now
        var told: [(job: JobID, watchers: [Watcher])] = []
        var later: [JobID] = []
        var rest = Self.maximumPerFlush
        var position = 0
        while position < order.count, rest > 0 {
            let job = order[position]
            position += 1
            let audience: [Watcher]
            switch changed[job] {
            case .everybody: audience = watchers[job] ?? []
            case .late(let late): audience = late.filter { watched[$0.connection]?[$0.stream] == job }
            case nil: continue
            }
            let behind = audience.filter { isBehind($0.connection) }
            let ready = behind.isEmpty ? audience : audience.filter { !isBehind($0.connection) }
            changed[job] = behind.isEmpty ? nil : .late(behind)
            if !behind.isEmpty { later.append(job) }
            if !ready.isEmpty { told.append((job, ready)) }
            rest -= audience.count
        }
        order = Array(order[position...]) + later
        return told
    }

    /// The job is final or forgotten: its watchers are told so at once, and nothing after that.
    mutating func ended(_ job: JobID) -> [Watcher] {
        let last = watchers[job] ?? []
        for watcher in last {
            watched[watcher.connection]?[watcher.stream] = nil
            if watched[watcher.connection]?.isEmpty == true { watched[watcher.connection] = nil }
        }
        forget(job)
        return last
    }
}
