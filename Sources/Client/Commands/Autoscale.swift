import ArgumentParser
import Autoscaling
import ClientKit
import Names
import Settings
import SystemCalls
import Transport

struct Autoscale: ClientCommand {
    static let configuration = CommandConfiguration(
        abstract: "Keep as many workers as the work needs, by commands of yours.",
        usage: "tessera autoscale --max N --start CMD --stop CMD [options]",
        discussion: """
            Asks the master how much work is left and how long it takes one slot, and keeps as many workers as end it in the time \
            of --target. CMD is a line for the shell. The one of --start starts a machine, or only a worker, and returns; the \
            worker has to be called $TESSERA_NAME, which tessera-worker reads itself. A worker that is not needed is drained, \
            and the command of --stop is called when it holds nothing. Both get TESSERA_NAME, TESSERA_FLEET, TESSERA_MASTER and \
            TESSERA_SECRET_FILE; --stop also TESSERA_START_OUTPUT, the last line that --start wrote to standard output, \
            TESSERA_WORKER, TESSERA_WORKER_HOST and TESSERA_STOP_REASON. It runs until it is interrupted, and leaves the fleet.

            Examples:
              tessera autoscale --max 20 --start ./start-worker --stop ./stop-worker
              tessera autoscale --min 1 --max 8 --target 20m --start ./up --stop ./down
            """)

    @Option(help: ArgumentHelp("Workers that are always there.", valueName: "n"))
    var min = 0

    @Option(help: ArgumentHelp("Workers at most, those included that are being started or stopped.", valueName: "n"))
    var max: Int

    @Option(help: ArgumentHelp("The time in which the work that is left is to end.", valueName: "time"))
    var target = "5m"

    @Option(help: ArgumentHelp("Starts a worker named $TESSERA_NAME, and returns.", valueName: "cmd"))
    var start: String

    @Option(help: ArgumentHelp("Stops it, and whatever was started for it; may be called again.", valueName: "cmd"))
    var stop: String

    @Option(help: ArgumentHelp("What the names of its workers begin with, before a hyphen.", valueName: "name"))
    var fleet = "auto"

    @Option(help: ArgumentHelp("Slots of each worker (default: the first one tells).", valueName: "n"))
    var slots: Int?

    @Option(help: ArgumentHelp("How often the master is asked.", valueName: "time"))
    var interval = "10s"

    @Option(
        help: ArgumentHelp("Give a worker up that has not registered this long after its start.", valueName: "time"))
    var registerTimeout = "10m"

    @Option(help: ArgumentHelp("Give a worker up that has been away for this long.", valueName: "time"))
    var lostAfter = "1m"

    @Option(help: ArgumentHelp("Shrink to what was needed at most in this span.", valueName: "time"))
    var shrinkAfter = "5m"

    @Option(help: ArgumentHelp("Kill a command of --start or --stop that takes longer.", valueName: "time"))
    var commandTimeout = "10m"

    @Option(
        help: ArgumentHelp(
            "Where the fleet is remembered (default: ~/.local/state/tessera/autoscale/FLEET).", valueName: "dir"))
    var stateDir: String?

    @OptionGroup var common: CommonOptions

    var isJSON: Bool { common.json }

    /// More would be a mistake rather than a fleet.
    private static let mostWorkers = 1000

    func validate() throws {
        guard (1...Self.mostWorkers).contains(max) else {
            throw ValidationError("--max \(max): must be from 1 to \(Self.mostWorkers)")
        }
        guard (0...max).contains(min) else {
            throw ValidationError("--min \(min): must be from 0 to --max, which is \(max)")
        }
        if let slots, !(1...1024).contains(slots) { throw ValidationError("--slots \(slots): must be from 1 to 1024") }
        let letters = fleet.utf8.allSatisfy { (0x61...0x7a).contains($0) || (0x30...0x39).contains($0) || $0 == 0x2d }
        guard letters, (1...32).contains(fleet.utf8.count), !fleet.hasPrefix("-") else {
            throw ValidationError(
                "--fleet '\(fleet)': must have 1 to 32 of the letters a to z, digits and hyphens, and not begin with a hyphen"
            )
        }
        for (name, command) in [("--start", start), ("--stop", stop)] where command.allSatisfy(\.isWhitespace) {
            throw ValidationError("\(name) needs a command")
        }
        _ = try Times(self)
    }

    /// The lengths of time, checked.
    private struct Times {
        let target: Duration
        let interval: Duration
        let registerTimeout: Duration
        let lostAfter: Duration
        let shrinkAfter: Duration
        let command: Duration

        init(_ options: Autoscale) throws {
            target = try Self.read("--target", options.target, least: .seconds(1))
            interval = try Self.read("--interval", options.interval, least: .milliseconds(100))
            registerTimeout = try Self.read("--register-timeout", options.registerTimeout, least: .seconds(1))
            lostAfter = try Self.read("--lost-after", options.lostAfter, least: .seconds(1))
            shrinkAfter = try Self.read("--shrink-after", options.shrinkAfter, least: .seconds(1))
            command = try Self.read("--command-timeout", options.commandTimeout, least: .seconds(1))
        }

        private static func read(_ name: String, _ text: String, least: Duration) throws -> Duration {
            let most = Duration.seconds(7 * 86400)
            guard let time = Settings.duration(text), (least...most).contains(time) else {
                throw ValidationError(
                    "\(name) '\(text)': must be a length of time from \(Units.duration(least)) to 7 days, such as 30s, 5m or 1h"
                )
            }
            return time
        }
    }

    func execute(_ context: CommandContext) async throws -> ExitStatus {
        let settings = try await context.settings(common.flags)
        let secret = try settings.secret()
        let times = try Times(self)
        var environment = ThisProcess.variables
        environment["TESSERA_MASTER"] = "\(settings.masters)"
        if let file = settings.secretFile { environment["TESSERA_SECRET_FILE"] = ThisProcess.absolutePath(file) }
        guard
            let directory = stateDir.map(ThisProcess.absolutePath)
                ?? FleetFiles.usualDirectory(of: fleet, environment: environment)
        else {
            throw ClientError(
                "fleet-state", "there is no HOME, and so no place to remember the fleet: name one with --state-dir",
                kind: .usage)
        }
        var policy = FleetPolicy(name: fleet, least: min, most: max)
        policy.slotsPerWorker = slots
        policy.registerTimeout = times.registerTimeout
        policy.lostAfter = times.lostAfter
        policy.shrinkAfter = times.shrinkAfter
        let console = context.console
        let keeper = try FleetKeeper(
            FleetKeeper.Configuration(
                policy: policy, target: times.target, start: start, stop: stop, interval: times.interval,
                commandLimit: times.command, environment: environment, directory: ThisProcess.absolutePath(".")),
            files: FleetFiles(directory, fleet: fleet)
        ) { console.notice($0.description, code: $0.code.rawValue) }
        console.notice(
            "keeping the fleet '\(fleet)' of \(min) to \(max) workers, of which there are \(keeper.memberCount)",
            code: "fleet-kept")
        return try await Self.keep(keeper, settings, secret, context)
    }

    /// Connects, and keeps the fleet until a signal comes. An outage of the master is waited out: nothing is started or stopped
    /// without its word.
    private static func keep(
        _ keeper: FleetKeeper, _ settings: ClientSettings, _ secret: SharedSecret, _ context: CommandContext
    ) async throws -> ExitStatus {
        let console = context.console
        let surroundings = MasterSession.Surroundings(
            observe: { event in
                if case .lost(let reason, _) = event {
                    console.notice("\(reason); the fleet stays as it is until the master is back", code: "connection")
                } else {
                    console.notice(event.text, code: "connection")
                }
            })
        do {
            try await MasterSession.with(
                settings.masters, secret: secret, software: "tessera \(Tessera.version)",
                encryption: settings.encryption, limits: settings.transport, reconnectTimeout: .seconds(3650 * 86400),
                surroundings: surroundings
            ) { session in
                try await Interruption.cancelling { try await keeper.run(session) }
            }
        } catch  where ClientError(error).kind == .interrupted {
            console.notice(
                "the fleet is left as it is: \(Units.counted(keeper.memberCount, "worker"))", code: "fleet-left")
        }
        return .done
    }
}
