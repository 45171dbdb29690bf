import Cryptography
import Foundation
import JobModel
import Synchronization

@testable import Client

/// Files of a test, in a directory of its own that goes with it.
enum TestFiles {
    static func withDirectory<Result>(_ body: (String) async throws -> Result) async throws -> Result {
        let path = FileManager.default.temporaryDirectory.path + "/client-tests-" + Randomness.hexadecimal(byteCount: 8)
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
        defer { try? FileManager.default.removeItem(atPath: path) }
        return try await body(path)
    }

    static func write(_ text: String, to path: String) throws {
        try Data(text.utf8).write(to: URL(fileURLWithPath: path))
    }

    static func read(_ path: String) throws -> String {
        String(decoding: try Data(contentsOf: URL(fileURLWithPath: path)), as: UTF8.self)
    }

    static func remove(_ path: String) throws { try FileManager.default.removeItem(atPath: path) }

    static func names(in path: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: path).sorted()
    }

    static func reference(to bytes: [UInt8]) -> BlobReference {
        guard let digest = BlobDigest(SHA256.hash(bytes)) else { preconditionFailure("32 bytes") }
        return BlobReference(digest: digest, byteCount: UInt64(bytes.count))
    }

    /// All bytes of an open file, read by its name.
    static func contents(of file: FileDescriptor) throws -> [UInt8] {
        Array(try Data(contentsOf: URL(fileURLWithPath: file.path)))
    }
}

/// Remembers what was written.
final class RecordingSink: TextSink {
    private let written = Mutex("")
    let terminalWidth: Int?

    init(terminalWidth: Int? = nil) { self.terminalWidth = terminalWidth }

    var text: String { written.withLock { $0 } }

    func write(_ text: String) throws(ClientError) { written.withLock { $0 += text } }
}

/// A clock that moves when somebody sleeps.
final class ManualTime: Sendable {
    private let elapsed = Mutex(Duration.zero)

    var now: Duration { elapsed.withLock { $0 } }

    func advance(by duration: Duration) { elapsed.withLock { $0 += duration } }
}

/// A session with a model of a master, and what it tells.
struct TestSession: Sendable {
    let session: MasterSession
    let notes: RecordingSink
    let time: ManualTime
    let progress: ProgressReporter

    static func with<Result: Sendable>(
        _ master: ModelMaster, reconnectTimeout: Duration = .seconds(60),
        dial: MasterSession.Dial? = nil, _ body: @Sendable (TestSession) async throws -> Result
    ) async throws -> Result {
        let notes = RecordingSink()
        let time = ManualTime()
        let surroundings = MasterSession.Surroundings(
            now: { time.now },
            sleep: { duration in
                try Task.checkCancellation()
                time.advance(by: duration)
            },
            note: { try? notes.write($0 + "\n") })
        let console = Console(output: RecordingSink(), errors: RecordingSink(), isJSON: false)
        return try await MasterSession.with(
            reconnectTimeout: reconnectTimeout, surroundings: surroundings, dial: dial ?? { body in await body(master) }
        ) { session in
            try await body(
                TestSession(
                    session: session, notes: notes, time: time,
                    progress: ProgressReporter(console: console, style: .none) { .zero }))
        }
    }
}
