import Foundation

@testable import Client

/// The command line as the parser describes itself.
struct CommandTree: Decodable {
    struct Command: Decodable {
        var commandName: String
        var shouldDisplay: Bool?
        var subcommands: [Command]?
        var arguments: [Argument]?
    }

    struct Argument: Decodable {
        struct Name: Decodable {
            var kind: String
            var name: String
        }
        var kind: String
        var names: [Name]?
    }

    var command: Command

    /// Every command with the words that lead to it.
    static func commands() throws -> [(path: [String], command: Command)] {
        let tool = try JSONDecoder().decode(CommandTree.self, from: Data(Tessera._dumpHelp().utf8))
        func below(_ command: Command, _ path: [String]) -> [(path: [String], command: Command)] {
            (command.subcommands ?? []).filter { $0.commandName != "help" }.flatMap { sub in
                [(path + [sub.commandName], sub)] + below(sub, path + [sub.commandName])
            }
        }
        return below(tool.command, [])
    }
}
