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
            try run(CommandWords(arguments, options: ["role", "expires-in", "state-dir"]))
            exit(0)
        } catch let error as CommandWords.Mistake {
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

    private static func run(_ words: CommandWords) throws {
        let store = try WebStore(path: "\(words.stateDirectory)/web.sqlite")
        switch (words.plain.first, words.plain.count) {
        case ("create", 2):
            guard let role = words.options["role"] else {
                throw CommandWords.Mistake("--role is needed: viewer, submitter, operator or admin")
            }
            let new = try NewToken(name: words.plain[1], role: role, lifetime: words.options["expires-in"])
            let now = WallClock.millisecondsSince1970
            let made = try store.createToken(
                name: new.name, role: new.role, expiresAt: new.lifetime.map { now + $0 }, now: now)
            print(made.text)
        case ("list", 1):
            for token in try store.tokens(now: WallClock.millisecondsSince1970) {
                let end = token.expiresAt.map { "expires \(timespec(milliseconds: $0).utcText)" } ?? "does not expire"
                let kind = token.isSignIn ? "  a browser that a link signed in" : ""
                print("\(token.id)  \(token.role.rawValue)  \(token.name)  \(end)\(kind)")
            }
        case ("revoke", 2):
            guard try store.deleteToken(words.plain[1]) else {
                throw CommandWords.Mistake(
                    "there is no token '\(words.plain[1])'; 'tessera-web token list' shows the ids")
            }
        default:
            throw CommandWords.Mistake(
                "'\(words.plain.joined(separator: " "))' is not a command about tokens; see 'tessera-web token --help'")
        }
    }
}
