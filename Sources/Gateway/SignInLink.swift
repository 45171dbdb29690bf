import GatewayStore
import Glibc
import SystemCalls

/// Links that sign one browser in, once, without a token: for the person who has started a gateway that listens on this
/// machine only.
struct SignInLink {
    /// Where browsers reach the gateway: `http://127.0.0.1:7480`.
    let base: String
    let store: WebStore

    /// The file in a state directory from which `tessera-web link` knows where its gateway serves. It is not there when the
    /// gateway gives no links.
    private static func file(in directory: String) -> String { directory + "/sign-in" }

    func make() throws -> String {
        "\(base)/sign-in#code=\(try store.makeSignInCode(now: WallClock.millisecondsSince1970))"
    }

    /// Lets `tessera-web link` make links for this gateway.
    func announce(in directory: String) throws(SystemError) {
        try replaceFile(at: Self.file(in: directory), with: Array("\(base)\n".utf8), mode: 0o600)
    }

    /// The gateway that serves with this state gives no links.
    static func withdraw(in directory: String) { unlink(file(in: directory)) }

    /// - Throws: `Unavailable` when no gateway gives links with this state.
    init(stateDirectory: String) throws {
        guard try StateLock.isHeld(directory: stateDirectory) else {
            throw Unavailable(
                description:
                    "no gateway runs with the state in \(stateDirectory); start tessera-web, or name another --state-dir"
            )
        }
        guard let base = smallFile(at: Self.file(in: stateDirectory))?.prefix(while: { $0 != "\n" }), !base.isEmpty
        else {
            throw Unavailable(
                description:
                    "this gateway can be reached from other machines, so it gives no links; 'tessera-web token create' "
                    + "makes a token to sign in with")
        }
        self.init(base: String(base), store: try WebStore(path: "\(stateDirectory)/web.sqlite"))
    }

    init(base: String, store: WebStore) {
        self.base = base
        self.store = store
    }

    struct Unavailable: Error, CustomStringConvertible {
        let description: String
    }
}

/// `tessera-web link`: prints a new link to the page of a gateway that runs.
enum LinkCommand {
    static let name = "link"

    private static let help = """
        usage: tessera-web link [--state-dir DIR]

        Prints a link that signs one browser in as admin, once, within ten minutes. The gateway that uses the state directory
        has to be running, and to listen on this machine only.

        """

    /// Runs the command and ends the process.
    static func run() -> Never {
        let arguments = Array(CommandLine.arguments.dropFirst(2))
        if arguments.contains("--help") || arguments.contains("-h") {
            print(help, terminator: "")
            exit(0)
        }
        do {
            let words = try CommandWords(arguments, options: ["state-dir"])
            if let word = words.plain.first {
                throw CommandWords.Mistake("'tessera-web link' takes no '\(word)'; see 'tessera-web link --help'")
            }
            print(try SignInLink(stateDirectory: words.stateDirectory).make())
            exit(0)
        } catch let error as CommandWords.Mistake {
            StandardError.write("tessera-web: \(error.message)\n")
            exit(64)
        } catch {
            StandardError.write("tessera-web: \(error)\n")
            exit(1)
        }
    }
}
