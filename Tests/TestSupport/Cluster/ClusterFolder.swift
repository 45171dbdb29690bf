import Foundation

/// The private directories of a cluster: one on disk for state, secret, logs and images, one in shared memory for the ranks.
///
/// Their names contain the number of the test process: directories of a test process that crashed are removed by the next one.
final class ClusterFolder: Sendable {
    let path: String
    /// In shared memory.
    let scratch: String

    init() throws {
        _ = Self.leftoversRemoved
        path = try Self.make(in: "/tmp")
        // A socket's path has to fit 107 bytes: a short name.
        scratch = try Self.make(in: "/dev/shm")
    }

    private static let prefix = "tessera-cluster-"

    /// Done once per test process.
    private static let leftoversRemoved: Bool = {
        for parent in ["/tmp", "/dev/shm"] {
            for name in (try? FileManager.default.contentsOfDirectory(atPath: parent)) ?? []
            where name.hasPrefix(prefix) {
                guard let owner = name.dropFirst(prefix.count).split(separator: "-").first.flatMap({ pid_t($0) }),
                    kill(owner, 0) != 0, errno == ESRCH
                else { continue }
                try? FileManager.default.removeItem(atPath: "\(parent)/\(name)")
            }
        }
        return true
    }()

    /// The path of `name`, which need not exist.
    func file(_ name: String) -> String { "\(path)/\(name)" }

    /// Writes a file that only this user may read.
    func write(_ bytes: some Sequence<UInt8>, to name: String) throws -> String {
        let path = file(name)
        try FileManager.default.createDirectory(
            at: URL(fileURLWithPath: path).deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(bytes).write(to: URL(fileURLWithPath: path))
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: path)
        return path
    }

    func remove() {
        try? FileManager.default.removeItem(atPath: path)
        try? FileManager.default.removeItem(atPath: scratch)
    }

    private static func make(in parent: String) throws -> String {
        let pattern = "\(parent)/\(prefix)\(getpid())-XXXXXX"
        var template = Array(pattern.utf8CString)
        guard mkdtemp(&template) != nil else {
            throw CocoaError(.fileWriteUnknown, userInfo: [NSFilePathErrorKey: pattern])
        }
        return String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
}

/// The programs that were built with the tests, in the directory of the test bundle.
public enum Programs {
    public static func path(_ name: String) -> String {
        let bundle = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
        return URL(fileURLWithPath: bundle).deletingLastPathComponent().appendingPathComponent(name).path
    }

    /// The environment of every program, without the settings of the person who runs the tests.
    public static func environment(home: String) -> [String: String] {
        var environment = ["HOME": home, "LANG": "C.UTF-8", "TMPDIR": home]
        for name in ["PATH", "LD_LIBRARY_PATH"] {
            if let value = ProcessInfo.processInfo.environment[name] { environment[name] = value }
        }
        return environment
    }
}
