import ArgumentParser
import ClientKit
import JobModel

struct Workers: ClientCommand {
    static let configuration = CommandConfiguration(
        abstract: "List the workers.", usage: "tessera workers [options]",
        discussion: """
            A worker is alive, draining (it gets no new work), not-ready (it cannot run tasks, and says why), suspect (it has \
            been silent for too long to get any) or gone. \
            DONE, LOST and FAILED count since the master's start, which also gives workers new numbers. Workers that are gone \
            stay in the list until newer ones take their place, or the master starts again.

            Examples:
              tessera workers
              tessera workers --json | jq -r 'select(.state == "alive") | .name'
            """)

    @OptionGroup var common: CommonOptions

    var isJSON: Bool { common.json }

    func execute(_ context: CommandContext) async throws -> ExitStatus {
        let settings = try await context.settings(common.flags)
        let workers = try await context.withMaster(settings) { session in
            try await session.perform { try await $0.workers() }
        }
        if isJSON {
            for worker in workers { try context.console.write(worker.json) }
        } else if workers.isEmpty {
            context.console.note("there are no workers; start one with tessera-worker --master \(settings.masters)")
        } else {
            try context.console.write(table: Listing.workers(workers, isColored: context.console.isColored))
        }
        return .done
    }
}

struct Drain: ClientCommand {
    static let configuration = CommandConfiguration(
        abstract: "Give a worker no new work, so that it can be stopped.",
        usage: "tessera drain WORKER [--resume] [options]",
        discussion: """
            The tasks that it is computing continue. --resume gives it work again. A number such as w3 always means the worker \
            with that number, even if another one is called so.

            Examples:
              tessera drain w3
              tessera drain w3 --resume
            """)

    @Argument(help: ArgumentHelp("The worker's number, such as w3, or its name.", valueName: "worker"))
    var worker: String

    @Flag(help: "Give it work again.")
    var resume = false

    @OptionGroup var common: CommonOptions

    var isJSON: Bool { common.json }

    func execute(_ context: CommandContext) async throws -> ExitStatus {
        let settings = try await context.settings(common.flags)
        let (worker, resume) = (worker, resume)
        try await context.withMaster(settings) { session in
            try await session.perform { try await $0.drain(worker, resume: resume) }
        }
        if isJSON {
            try context.console.write(["worker": .string(worker), "draining": .bool(!resume)] as JSON)
        } else {
            try context.console.write(
                resume
                    ? "\(worker) gets work again\n" : "\(worker) gets no new work; 'tessera workers' shows its leases\n"
            )
        }
        return .done
    }
}

struct ReleaseWorker: ClientCommand {
    static let configuration = CommandConfiguration(
        commandName: "release", abstract: "Give a quarantined worker work again.",
        usage: "tessera release WORKER [options]",
        discussion: """
            A worker is quarantined when an audit shows that it computed a wrong result; 'tessera workers' names the task. \
            Release it when the cause is mended, such as a processor or memory that was exchanged.

            Examples:
              tessera release w3
              tessera release node-7
            """)

    @Argument(
        help: ArgumentHelp("The worker's number, such as w3, or its name for all runs of it.", valueName: "worker"))
    var worker: String

    @OptionGroup var common: CommonOptions

    var isJSON: Bool { common.json }

    func execute(_ context: CommandContext) async throws -> ExitStatus {
        let settings = try await context.settings(common.flags)
        let worker = worker
        let count = try await context.withMaster(settings) { session in
            try await session.perform { try await $0.release(worker) }
        }
        if isJSON {
            try context.console.write(["worker": .string(worker), "released": .integer(count)] as JSON)
        } else {
            try context.console.write("\(worker) gets work again\n")
        }
        return .done
    }
}
