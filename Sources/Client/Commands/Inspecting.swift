import ArgumentParser
import ClientKit
import JobModel

struct Status: ClientCommand {
    static let configuration = CommandConfiguration(abstract: "Show one job, or the master and its newest jobs.")

    @Argument(help: ArgumentHelp("The job's number.", valueName: "job"))
    var job: JobID?

    @Flag(help: "List the job's images, too.")
    var images = false

    @Flag(help: "List the job's failed images with their reasons.")
    var failed = false

    @OptionGroup var common: CommonOptions

    var isJSON: Bool { common.json }

    func validate() throws {
        if job == nil, images || failed { throw ValidationError("--images and --failed need the number of a job") }
    }

    func execute(_ context: CommandContext) async throws -> ExitStatus {
        let settings = try await context.settings(common.flags)
        let command = self
        return try await context.withMaster(settings) { session in
            if let job = command.job {
                try await command.show(job, session: session, context: context)
            } else {
                try await command.showMaster(session: session, context: context)
            }
            return .done
        }
    }

    private func showMaster(session: MasterSession, context: CommandContext) async throws {
        async let master = session.perform { try await $0.masterStatus() }
        async let jobs = session.perform { try await $0.jobs(limit: 10, before: nil) }
        if common.json {
            try context.console.write(try await master.json)
        } else {
            let listing = try await jobs
            try context.console.write(
                Listing.master(try await master)
                    + (listing.isEmpty ? "" : "\n" + Listing.jobs(listing, now: context.now)))
        }
    }

    private func show(_ job: JobID, session: MasterSession, context: CommandContext) async throws {
        let summary = try await session.perform { try await $0.job(job) }
        try context.console.write(common.json ? summary.json.text + "\n" : Listing.job(summary, now: context.now))
        guard images || failed else { return }
        if !common.json { try context.console.write("\n") }
        try await session.forEachImagePage(of: job) { page in
            let shown = images ? page : page.filter(\.hasFailed)
            if common.json {
                for image in shown { try context.console.write(image.json(job: job)) }
            } else if images {
                try context.console.write(Listing.images(shown))
            } else {
                for image in shown {
                    let failure = image.failure.map { "\($0.code): \($0.reason)" } ?? image.state.name
                    try context.console.write(
                        Table.printable("\(job).\(image.index)  \(image.name)  \(failure)") + "\n")
                }
            }
        }
    }
}

struct Jobs: ClientCommand {
    static let configuration = CommandConfiguration(abstract: "List jobs, the newest first.")

    @Option(help: ArgumentHelp("How many.", valueName: "n"))
    var limit: UInt32 = 20

    @Option(help: ArgumentHelp("Only jobs before this one.", valueName: "job"))
    var before: JobID?

    @OptionGroup var common: CommonOptions

    var isJSON: Bool { common.json }

    func validate() throws {
        if !(1...1000).contains(limit) { throw ValidationError("--limit \(limit): must be from 1 to 1000") }
    }

    func execute(_ context: CommandContext) async throws -> ExitStatus {
        let settings = try await context.settings(common.flags)
        let (limit, before) = (limit, before)
        let jobs = try await context.withMaster(settings) { session in
            try await session.jobs(limit: Int(limit), before: before)
        }
        if isJSON {
            for job in jobs { try context.console.write(job.json) }
        } else if jobs.isEmpty {
            context.console.note("there are no jobs")
        } else {
            try context.console.write(Listing.jobs(jobs, now: context.now))
        }
        return .done
    }
}

struct Cancel: ClientCommand {
    static let configuration = CommandConfiguration(abstract: "Cancel a job; results that are done are kept.")

    @Argument(help: ArgumentHelp("The job's number.", valueName: "job"))
    var job: JobID

    @OptionGroup var common: CommonOptions

    var isJSON: Bool { common.json }

    func execute(_ context: CommandContext) async throws -> ExitStatus {
        let settings = try await context.settings(common.flags)
        let job = job
        let summary = try await context.withMaster(settings) { session in
            try await session.perform { try await $0.cancel(job) }
            return try await session.perform { try await $0.job(job) }
        }
        if isJSON {
            try context.console.write(summary.json)
        } else {
            try context.console.write(
                "job \(job) is \(summary.state): \(summary.imagesDone) of "
                    + "\(Units.counted(summary.imageCount, "image")) done\n")
        }
        return .done
    }
}

struct Forget: ClientCommand {
    static let configuration = CommandConfiguration(
        abstract: "Forget finished jobs and their results, to make room.",
        discussion: """
            What is not fetched by then is gone. Jobs that have not ended are refused: cancel them first. Results that \
            other jobs share stay with these.
            """)

    @Argument(help: ArgumentHelp("The jobs' numbers.", valueName: "job"))
    var jobs: [JobID]

    @OptionGroup var common: CommonOptions

    var isJSON: Bool { common.json }

    func execute(_ context: CommandContext) async throws -> ExitStatus {
        let settings = try await context.settings(common.flags)
        let jobs = jobs
        return try await context.withMaster(settings) { session in
            var failure: ClientError?
            var forgottenCount = 0
            for job in jobs {
                do {
                    try await session.perform { master, retry in
                        do {
                            try await master.forget(job)
                        } catch {
                            // The answer to the request before was lost with its connection, and the job is forgotten.
                            guard retry > 0, ClientError(error).code == "not-found" else { throw error }
                        }
                    }
                    forgottenCount += 1
                    if context.isJSON {
                        try context.console.write(["job": .integer(job.rawValue), "forgotten": .bool(true)] as JSON)
                    } else {
                        try context.console.write("job \(job) is forgotten\n")
                    }
                } catch {
                    // A refusal is about this job, and the others are forgotten all the same.
                    let refusal = ClientError(reporting: error)
                    guard refusal.kind == .failed, !Task.isCancelled else { throw error }
                    if jobs.count > 1 { context.console.report(refusal) }
                    failure = refusal
                }
            }
            guard let failure else { return .done }
            if jobs.count == 1 { throw failure }
            return forgottenCount == 0 ? .failed : .partlyFailed
        }
    }
}

struct Workers: ClientCommand {
    static let configuration = CommandConfiguration(abstract: "List the workers.")

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
            context.console.note("there are no workers; start one with tessera-worker --master \(settings.endpoint)")
        } else {
            try context.console.write(Listing.workers(workers))
        }
        return .done
    }
}

struct Drain: ClientCommand {
    static let configuration = CommandConfiguration(
        abstract: "Give a worker no new work, so that it can be stopped.",
        discussion: "The tasks that it is computing continue. --resume gives it work again.")

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
