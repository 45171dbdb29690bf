import Glibc
import Logging
import Settings
import Transport

/// Where the master's secret is, or where its first start puts a new one.
enum SecretFile: Hashable, Sendable {
    /// Named by a setting, or found in one of the usual places.
    case existing(String)
    /// There is none, and none was named: the first start makes one.
    case toBeMade(String)

    init(_ settings: Settings, exists: (String) -> Bool = Settings.fileExists) {
        if let file = settings.secretFile(exists: exists) {
            self = .existing(file)
        } else {
            // The list has at least the place below /etc.
            self = .toBeMade(settings.secretPlaces[0])
        }
    }

    /// The path of the file.
    var path: String {
        switch self {
        case .existing(let path), .toBeMade(let path): path
        }
    }

    /// The secrets of the file, which is made when there is none and the master has no state.
    ///
    /// A master with a state had a secret, which its workers and clients still have: a new one would lock them out.
    /// - Throws: `TransportError` with code `secret-file`.
    func secrets(stateDirectory: String, _ logger: Logger) throws(TransportError) -> Secrets {
        switch self {
        case .existing(let path): return try Secrets(file: path)
        case .toBeMade(let path):
            let isFirstStart = access(stateDirectory + "/journal.sqlite", F_OK) != 0
            guard isFirstStart else {
                throw TransportError(
                    .secretFile,
                    "there is no shared secret in \(path), but \(stateDirectory) is the state of a master that had one: copy it "
                        + "back from a worker or client, or name its file with --secret-file; for a new one, which they all need, "
                        + "run: \(Self.command(for: path))")
            }
            do {
                if try SharedSecret.make(at: path) {
                    logger.notice(
                        "there was no shared secret, so one was made: workers and clients on other machines need a copy of the file",
                        metadata: ["secret-file": "\(path)", "copy": "scp -p \(path) HOST:.config/tessera/"])
                }
            } catch {
                throw TransportError(
                    .secretFile,
                    "there is no shared secret, and \(error.message); make one elsewhere and name its file with --secret-file: "
                        + Self.command(for: "FILE"))
            }
            return try Secrets(file: path)
        }
    }

    /// The command that makes a secret in the file, with its directory.
    private static func command(for path: String) -> String {
        func quoted(_ text: some StringProtocol) -> String {
            let isPlain = text.utf8.allSatisfy { byte in
                UInt8(ascii: "a")...UInt8(ascii: "z") ~= byte || UInt8(ascii: "A")...UInt8(ascii: "Z") ~= byte
                    || UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte || "._-/".utf8.contains(byte)
            }
            if isPlain { return String(text) }
            return "'" + text.unicodeScalars.map { $0 == "'" ? "'\\''" : String($0) }.joined() + "'"
        }
        let slash = path.utf8.lastIndex(of: UInt8(ascii: "/"))
        let directory = slash.map { path[..<$0] } ?? ""
        let making = directory.isEmpty ? "" : "mkdir -p \(quoted(directory)) && "
        return "(umask 077; \(making)\(SharedSecret.recipe) > \(quoted(path)))"
    }
}
