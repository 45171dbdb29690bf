import ArgumentParser
import ClientKit
import JobModel
import Names
import SystemCalls

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// The command line of Tessera: submits jobs, watches them, fetches results, and shows what the cluster does.
@main
struct Tessera: AsyncParsableCommand {
    static let version = Release.version

    static let configuration = CommandConfiguration(
        commandName: "tessera",
        abstract: "Process images on a cluster of workers.",
        discussion: """
            A pipeline is one argument: operations with their parameters, joined by '|'.

              tessera run 'gaussian-blur sigma=3 | sobel' photo.png -o edges.png
              tessera run 'median size=5' scans/*.png -o cleaned/
              tessera ops gaussian-blur

            Exit status: 0 done, 1 failed, 3 partly failed, 4 not authorised, 5 master unreachable, 64 wrong usage, \
            130 interrupted.
            """,
        version: "tessera \(version)",
        groupedSubcommands: [
            CommandGroup(
                name: "Job",
                subcommands: [
                    Run.self, Submit.self, Status.self, Watch.self, Wait.self, Fetch.self, Cancel.self, Jobs.self,
                    Forget.self,
                ]),
            CommandGroup(name: "Pipeline", subcommands: [Operations.self, Presets.self, Verify.self]),
            CommandGroup(name: "Private cluster", subcommands: [Up.self, Down.self]),
            CommandGroup(
                name: "Cluster",
                subcommands: [
                    Workers.self, Drain.self, ReleaseWorker.self, Autoscale.self, DeadLetters.self, SecretCommand.self,
                ]),
        ])

    static func main() async {
        StandardStreams.occupy()
        // A reader that goes away is an error of a write, not the end of the process.
        signal(SIGPIPE, SIG_IGN)
        Interruption.begin()
        endProcess(await run(ArgumentText.separated(ThisProcess.arguments)))
    }

    /// Runs one command line to its end.
    static func run(_ arguments: [String]) async -> ExitStatus {
        let command: any ParsableCommand
        do {
            if let complaint = UnknownCommand.complaint(arguments, of: Self.self) { throw complaint }
            command = try parseAsRoot(CommandLineWords.plain(arguments))
            guard let command = command as? any ClientCommand else {
                // Help and the like: their text is thrown.
                var other = command
                try other.run()
                return .done
            }
            return await command.run()
        } catch {
            return explain(error, isJSON: arguments.contains("--json"))
        }
    }

    /// Help and version are asked for; everything else is a mistake on the command line.
    private static func explain(_ error: any Error, isJSON: Bool) -> ExitStatus {
        let console = Console(isJSON: isJSON)
        if let error = error as? ClientError {
            console.report(error)
            return error.status
        }
        guard !exitCode(for: error).isSuccess else {
            do {
                try console.write(fullMessage(for: error) + "\n")
                return .done
            } catch {
                return error.status
            }
        }
        console.report(.usage(isJSON ? message(for: error) : plainMessage(for: error)))
        return .usage
    }

    /// The parser's message with its usage line, without its own `Error: `.
    private static func plainMessage(for error: any Error) -> String {
        let text = fullMessage(for: error)
        return text.hasPrefix("Error: ") ? String(text.dropFirst(7)) : text
    }
}

/// A function of its own: within a command, `exit` is the parser's.
private func endProcess(_ status: ExitStatus) -> Never {
    TemporaryNames.shared.removeAll()
    exit(status.rawValue)
}

/// Arguments as the parser needs them, which reads characters where the system means bytes.
enum ArgumentText {
    /// `arguments` with `--name=value` in two parts where the value begins with a combining mark, which would hide the "=".
    static func separated(_ arguments: [String]) -> [String] {
        let end = arguments.firstIndex(of: "--") ?? arguments.endIndex
        return arguments[..<end].flatMap { argument -> [String] in
            let scalars = argument.unicodeScalars
            guard argument.utf8.starts(with: "--".utf8), let sign = scalars.firstIndex(of: "="),
                argument.firstIndex(of: "=") != sign
            else { return [argument] }
            return [String(scalars[..<sign]), String(scalars[scalars.index(after: sign)...])]
        } + arguments[end...]
    }
}

/// One of the commands: parsed arguments, and what to do with them.
protocol ClientCommand: AsyncParsableCommand {
    /// Whether data and errors are JSON.
    var isJSON: Bool { get }

    /// - Throws: any error; `ClientError(reporting:)` has the words for it.
    func execute(_ context: CommandContext) async throws -> ExitStatus
}

extension ClientCommand {
    func run() async -> ExitStatus {
        let context = CommandContext(isJSON: isJSON)
        do {
            return try await execute(context)
        } catch {
            let error = ClientError(reporting: error)
            context.console.showStatus("")
            context.console.report(error)
            return error.status
        }
    }
}
