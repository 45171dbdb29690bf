import ClientKit
import Cryptography
import JobModel
import Synchronization

/// A clock that moves when a task sleeps.
final class ManualTime: Sendable {
    private let elapsed = Mutex(Duration.zero)

    var now: Duration { elapsed.withLock { $0 } }

    func advance(by duration: Duration) { elapsed.withLock { $0 += duration } }
}

/// A session with a model of a master, and the events that it told.
struct TestSession: Sendable {
    let session: MasterSession
    let recorded: Recorded<SessionEvent>
    let time: ManualTime

    var events: [SessionEvent] { recorded.all }

    static func with<Result: Sendable>(
        _ master: ModelMaster, reconnectTimeout: Duration = .seconds(60),
        dial: MasterSession.Dial? = nil, _ body: @Sendable (TestSession) async throws -> Result
    ) async throws -> Result {
        let recorded = Recorded<SessionEvent>()
        let time = ManualTime()
        let surroundings = MasterSession.Surroundings(
            now: { time.now },
            sleep: { duration in
                try Task.checkCancellation()
                time.advance(by: duration)
            },
            observe: { recorded.append($0) })
        return try await MasterSession.with(
            reconnectTimeout: reconnectTimeout, surroundings: surroundings, dial: dial ?? { body in await body(master) }
        ) { session in
            try await body(TestSession(session: session, recorded: recorded, time: time))
        }
    }
}

extension BlobReference {
    /// The reference to a blob of these bytes.
    init(to bytes: [UInt8]) {
        guard let digest = BlobDigest(SHA256.hash(bytes)) else { preconditionFailure("32 bytes") }
        self.init(digest: digest, byteCount: UInt64(bytes.count))
    }
}

/// A list that many tasks append to.
final class Recorded<Element: Sendable>: Sendable {
    private let elements = Mutex<[Element]>([])

    var all: [Element] { elements.withLock { $0 } }

    func append(_ element: Element) { elements.withLock { $0.append(element) } }
}
