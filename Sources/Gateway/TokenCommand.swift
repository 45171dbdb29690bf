import GatewayLogic
import GatewayStore
import Glibc
import JobModel
import Settings
import SystemCalls

/// `tessera-web token`: makes, lists and revokes tokens, also while the gateway runs.
enum TokenCommand {
    static let name = "token"

    private static let help = """
        usage: tessera-web token create NAME --role ROLE [--expires-in TIME] [--state-dir DIR]
               tessera-web token list [--state-dir DIR]
               tessera-web token revoke ID [--state-dir DIR]

        NAME is the submitter of the jobs that are sent with the token; ROLE is one of
          viewer     sees jobs, images, workers and results
          submitter  submits, too, and cancels own jobs
          operator   changes the jobs of others, workers and dead letters, too
          admin      makes tokens, too
        The token is printed once, on standard output; the gateway keeps only its digest.

        """

    /// Runs the command and ends the process.
    static func run() -> Never {
        let arguments = Array(CommandLine.arguments.dropFirst(2))
        if arguments.isEmpty || arguments.contains("--help") || arguments.contains("-h") {
            print(help, terminator: "")
            exit(arguments.isEmpty ? 64 : 0)
        }
        do {
            try run(Words(arguments))
            exit(0)
        } catch let error as UsageError {
            StandardError.write("tessera-web: \(error.message)\n")
            exit(64)
        } catch let problem as Problem {
            StandardError.write("tessera-web: \(problem.detail)\n")
            exit(64)
        } catch {
            StandardError.write("tessera-web: \(error)\n")
            exit(1)
        }
    }

    private static func run(_ words: Words) throws {
        let store = try WebStore(path: "\(words.stateDirectory)/web.sqlite")
        switch (words.plain.first, words.plain.count) {
        case ("create", 2):
            guard let role = words.options["role"] else {
                throw UsageError("--role is needed: viewer, submitter, operator or admin")
            }
            let new = try NewToken(name: words.plain[1], role: role, lifetime: words.options["expires-in"])
            let now = WallClock.millisecondsSince1970
            let made = try store.createToken(
                name: new.name, role: new.role, expiresAt: new.lifetime.map { now + $0 }, now: now)
            print(made.text)
        case ("list", 1):
            for token in try store.tokens() {
                let end = token.expiresAt.map { "expires \($0 / 1000)" } ?? "does not expire"
                print("\(token.id)  \(token.role.rawValue)  \(token.name)  \(end)")
            }
        case ("revoke", 2):
            guard try store.deleteToken(words.plain[1]) else {
                throw UsageError("there is no token '\(words.plain[1])'; 'tessera-web token list' shows the ids")
            }
        default:
            throw UsageError(
                "'\(words.plain.joined(separator: " "))' is not a command about tokens; see 'tessera-web token --help'")
        }
    }

    private struct UsageError: Error {
        let message: String
        init(_ message: String) { self.message = message }
    }

    /// The command line: words, and options with their values.
    private struct Words {
        var plain: [String] = []
        var options: [String: String] = [:]

        init(_ arguments: [String]) throws {
            var rest = arguments[...]
            while let word = rest.popFirst() {
                guard word.hasPrefix("--") else {
                    plain.append(word)
                    continue
                }
                let sides = word.dropFirst(2).split(separator: "=", maxSplits: 1)
                let name = String(sides.first ?? "")
                guard ["role", "expires-in", "state-dir"].contains(name) else {
                    throw UsageError("there is no option \(word)")
                }
                guard let value = sides.count > 1 ? String(sides[1]) : rest.popFirst() else {
                    throw UsageError("\(word) needs a value")
                }
                options[name] = value
            }
        }

        var stateDirectory: String {
            options["state-dir"] ?? ThisProcess.environment("TESSERA_STATE_DIR") ?? "/var/lib/tessera-web"
        }
    }
}
