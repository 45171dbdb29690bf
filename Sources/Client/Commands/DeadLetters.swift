import ArgumentParser
import ClientKit
import JobModel

struct DeadLetters: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dead", abstract: "Images that were given up: list them, show why, try again, forget them.",
        usage: "tessera dead list | show | redrive | purge [options]",
        discussion: """
            An image is given up when a task of it has used up its attempts. JOB is all of a job's, JOB.N one.

            Examples:
              tessera dead list
              tessera dead show 17.3
              tessera dead redrive 17
            """,
        subcommands: [List.self, Show.self, Redrive.self, Purge.self], aliases: ["dead-letters"])

    struct List: ClientCommand {
        static let configuration = CommandConfiguration(
            abstract: "List dead-lettered images, of one job or of all.",
            usage: "tessera dead list [JOB | JOB.N] [options]")

        @Argument(help: JobArgument.help("A job, such as 17, or an image of it."), transform: JobArgument.init)
        var job: JobArgument?

        @OptionGroup var common: CommonOptions

        var isJSON: Bool { common.json }

        func execute(_ context: CommandContext) async throws -> ExitStatus {
            let settings = try await context.settings(common.flags)
            let job = job
            let letters = try await context.withMaster(settings) { session in
                try await session.deadLetters(of: job?.selection ?? .all)
            }
            if isJSON {
                for letter in letters { try context.console.write(letter.json) }
            } else if letters.isEmpty {
                context.console.note(
                    job?.image.map { "image \($0) is not dead-lettered" }
                        ?? "there are no dead-lettered images" + (job.map { " of job \($0.job)" } ?? ""))
            } else {
                try context.console.write(Listing.deadLetters(letters))
            }
            return .done
        }
    }

    struct Show: ClientCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show every attempt of a dead-lettered image, with what it wrote.",
            usage: "tessera dead show JOB.N | JOB [options]")

        @Argument(
            help: JobArgument.help("An image, such as 17.3, or a job for all of its dead letters.", "job.n"),
            transform: JobArgument.init)
        var image: JobArgument

        @OptionGroup var common: CommonOptions

        var isJSON: Bool { common.json }

        func execute(_ context: CommandContext) async throws -> ExitStatus {
            let settings = try await context.settings(common.flags)
            let asked = image
            let letters = try await context.withMaster(settings) { session in
                let images =
                    if let image = asked.image { [image] } else {
                        try await session.deadLetters(of: asked.selection).map(\.image)
                    }
                var letters: [DeadLetter] = []
                for image in images { letters.append(try await session.deadLetter(image)) }
                return letters
            }
            if letters.isEmpty { context.console.note("there are no dead-lettered images of job \(asked.job)") }
            for (index, letter) in letters.enumerated() {
                let separator = index == 0 ? "" : "\n"
                try context.console.write(isJSON ? letter.json.text + "\n" : separator + Listing.deadLetter(letter))
            }
            return .done
        }
    }

    struct Redrive: ClientCommand {
        static let configuration = CommandConfiguration(
            abstract: "Give dead-lettered images new attempts.",
            usage: "tessera dead redrive JOB | JOB.N | --all [options]")

        @OptionGroup var target: Target
        @OptionGroup var common: CommonOptions

        var isJSON: Bool { common.json }

        func execute(_ context: CommandContext) async throws -> ExitStatus {
            try await target.change(common, context, "redriven", "queued for another attempt") {
                try await $0.redrive($1)
            }
        }
    }

    struct Purge: ClientCommand {
        static let configuration = CommandConfiguration(
            abstract: "Forget dead-lettered images.", usage: "tessera dead purge JOB | JOB.N | --all [options]")

        @OptionGroup var target: Target

        @Flag(help: "With --all on a terminal: do not ask.")
        var yes = false

        @OptionGroup var common: CommonOptions

        var isJSON: Bool { common.json }

        func execute(_ context: CommandContext) async throws -> ExitStatus {
            if target.all, !yes, !Confirmation.isGiven("Forget all dead-lettered images of all jobs for ever?") {
                throw ClientError("not-confirmed", "nothing was purged; --yes answers the question")
            }
            return try await target.change(common, context, "purged", "forgotten") { try await $0.purge($1) }
        }
    }

    /// Which images a change is for; all of them only when that is said.
    struct Target: ParsableArguments {
        @Argument(
            help: JobArgument.help("A job, such as 17, or an image of it, such as 17.3.", "job[.n]"),
            transform: JobArgument.init)
        var images: JobArgument?

        @Flag(help: "All dead-lettered images of all jobs.")
        var all = false

        func validate() throws {
            if (images == nil) != all { throw ValidationError("say which: JOB, JOB.N or --all") }
        }

        var selection: DeadLetterSelection { images?.selection ?? .all }

        /// Changes the images that are meant, and says how many it were.
        ///
        /// - Parameters:
        ///   - member: of the answer as JSON.
        ///   - words: what became of them.
        func change(
            _ common: CommonOptions, _ context: CommandContext, _ member: String, _ words: String,
            by change: @escaping @Sendable (MasterSession, DeadLetterSelection) async throws -> Int
        ) async throws -> ExitStatus {
            let settings = try await context.settings(common.flags)
            let selection = selection
            let count = try await context.withMaster(settings) { session in
                try await change(session, selection)
            }
            if common.json {
                try context.console.write(.object([JSON.Member(name: member, value: .integer(count))]))
            } else {
                try context.console.write("\(Units.counted(count, "image")) \(words)\n")
            }
            return .done
        }
    }
}
