import ArgumentParser
import ClientKit
import JobModel
import Names
import Transport

struct SecretCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "secret", abstract: "Change the cluster's secret while it works.",
        usage: "tessera secret new | status | retire [options]",
        discussion: """
            On the master's machine, in this order:

              tessera secret new       puts a new secret in front of the one in the secret file
              tell the master to read the file again (systemctl reload tessera-master)
              copy the file to the machines of workers and clients, and reload these daemons
              tessera secret status    until nobody uses the former secret
              tessera secret retire    drops the former secret
              tell the master to read the file again
            """,
        subcommands: [New.self, Status.self, Retire.self])

    struct New: ClientCommand {
        static let configuration = CommandConfiguration(
            abstract: "Put a new secret in front of the one in the secret file.", usage: "tessera secret new [options]",
            discussion: """
                Needs the right to write the file. Nothing changes before the master reads it again.

                Examples:
                  tessera secret new
                  tessera secret new --secret-file /etc/tessera/secret
                """)

        @OptionGroup var common: CommonOptions

        var isJSON: Bool { common.json }

        func execute(_ context: CommandContext) async throws -> ExitStatus {
            let file = try await context.settings(common.flags).existingSecretFile()
            try SecretFileChange.addNew(to: file)
            if isJSON {
                try context.console.write(["secret_file": .name(file), "secrets": .integer(2)] as JSON)
            } else {
                try context.console.write(
                    """
                    \(ShownText.of(file)) has a new secret, and the former one behind it
                    next: reload the master, then copy the file to the other machines and reload their daemons; \
                    'tessera secret status' shows who still uses the former one

                    """)
            }
            return .done
        }
    }

    struct Status: ClientCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show who still uses the former secret.", usage: "tessera secret status [options]",
            discussion: """
                Exit status 0 when nobody is connected by the former secret, 1 otherwise. Clients that have left are listed, but \
                change nothing.

                Examples:
                  tessera secret status
                """)

        @OptionGroup var common: CommonOptions

        var isJSON: Bool { common.json }

        func execute(_ context: CommandContext) async throws -> ExitStatus {
            let settings = try await context.settings(common.flags)
            let status = try await context.withMaster(settings) { session in
                try await session.perform { try await $0.secretStatus() }
            }
            try context.console.write(isJSON ? status.json.text + "\n" : Listing.secret(status))
            return status.formerPeerCount == 0 ? .done : .failed
        }
    }

    struct Retire: ClientCommand {
        static let configuration = CommandConfiguration(
            abstract: "Drop the former secret from the secret file, when nobody uses it.",
            usage: "tessera secret retire [--force] [options]",
            discussion: """
                With --force the master is not asked. A peer that still uses the former secret is disconnected when the master reads \
                the file again, and refused with the code bad-secret.

                Examples:
                  tessera secret retire
                  tessera secret retire --force
                """)

        @Flag(help: "Do not ask the master who still uses the former secret.")
        var force = false

        @OptionGroup var common: CommonOptions

        var isJSON: Bool { common.json }

        func execute(_ context: CommandContext) async throws -> ExitStatus {
            let settings = try await context.settings(common.flags)
            let file = try settings.existingSecretFile()
            if !force {
                let status = try await context.withMaster(settings) { session in
                    try await session.perform { try await $0.secretStatus() }
                }
                guard status.formerPeerCount == 0 else {
                    throw ClientError(
                        "secret-in-use",
                        "the former secret is used by \(Listing.users(of: status)); give them the new file and reload them, or "
                            + "retire it with --force, which disconnects them")
                }
            }
            try SecretFileChange.retireFormer(in: file)
            if isJSON {
                try context.console.write(["secret_file": .name(file), "secrets": .integer(1)] as JSON)
            } else {
                try context.console.write(
                    """
                    \(ShownText.of(file)) has the new secret only
                    next: reload the master, which then refuses the former one

                    """)
            }
            return .done
        }
    }
}

extension Listing {
    static func secret(_ status: SecretStatus) -> String {
        var facts = Facts()
        facts.add("secrets", status.isChanging ? "2: the new one, and the former one" : "1")
        facts.add("by the new one", Units.counted(status.newestConnections, "connection"))
        if status.isChanging { facts.add("by the former one", Units.counted(status.formerConnections, "connection")) }
        var text = facts.text
        guard !status.formerPeers.isEmpty || !status.visitors.isEmpty else { return text }
        var table = Table(.left("FORMER SECRET"), .left("NAME"), .left("ADDRESS"), .left("SOFTWARE"), .left("SEEN"))
        for peer in status.formerPeers {
            table.add("\(peer.role)", peer.name, peer.address, peer.software, "connected")
        }
        for visitor in status.visitors {
            let milliseconds = UInt64(max(0, visitor.leftAgo / .milliseconds(1)))
            table.add("client", "", visitor.host, visitor.software, Units.ago(0, now: milliseconds))
        }
        text += "\n" + table.text
        let unlisted = status.formerPeerCount - status.formerPeers.count
        if unlisted > 0 { text += "and \(unlisted) more\n" }
        return text
    }

    /// The first peers that use the former secret, for a sentence.
    static func users(of status: SecretStatus) -> String {
        let named = status.formerPeers.prefix(3).map { peer in
            "\(peer.role) \(Table.printable(peer.name.isEmpty ? peer.address : peer.name))"
        }
        let rest = status.formerPeerCount - named.count
        return named.joined(separator: ", ") + (rest > 0 ? " and \(rest) more" : "")
    }
}
