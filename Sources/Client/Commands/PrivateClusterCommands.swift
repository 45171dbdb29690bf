import ArgumentParser
import ClientKit
import Names
import PrivateCluster
import SystemCalls

struct Up: ClientCommand {
    static let configuration = CommandConfiguration(
        abstract: "Start a private cluster of this machine: a master, a worker and the page.",
        usage: "tessera up [--port N] [--page-port N] [--no-page] [--json]",
        discussion: """
            Its programs listen on 127.0.0.1 only, share a secret of their own, and continue when the terminal closes. Commands \
            find it where no other master is named. When it is up, or a part of it has ended, 'tessera up' starts what is \
            missing, and prints a new link to the page.

            Examples:
              tessera up                        the page's link, and what was started
              tessera run 'median size=5' scans/*.png -o cleaned/
              tessera down                      ends it; jobs and results are kept
            """)

    @Option(help: ArgumentHelp("The master's port (default: a free one).", valueName: "n"))
    var port: Int?

    @Option(help: ArgumentHelp("The page's port (default: a free one).", valueName: "n"))
    var pagePort: Int?

    @Flag(help: "Start no page.")
    var noPage = false

    @Flag(help: "Write data as JSON to standard output, and errors as JSON to standard error.")
    var json = false

    var isJSON: Bool { json }

    func validate() throws {
        for (name, port) in [("--port", port), ("--page-port", pagePort)] {
            if let port, !(1...65535).contains(port) {
                throw ValidationError("\(name) \(port): a port is a whole number from 1 to 65535")
            }
        }
        if noPage, pagePort != nil { throw ValidationError("--page-port is for the page, which --no-page leaves out") }
    }

    func execute(_ context: CommandContext) async throws -> ExitStatus {
        let cluster = try PrivateCluster(environment: ThisProcess.variables)
        var request = PrivateCluster.UpRequest(hasPage: !noPage)
        request.ports[.master] = port
        request.ports[.web] = pagePort
        let report = try await Self.start(cluster, request)
        try context.console.write(json ? report.json(cluster.places).text + "\n" : report.text(cluster.places))
        return .done
    }

    /// Starts the cluster; a signal ends the start, and what it has begun.
    private static func start(
        _ cluster: PrivateCluster, _ request: PrivateCluster.UpRequest
    ) async throws -> PrivateCluster.Report {
        try await Interruption.cancelling {
            let end = try PrivateCluster.Interruption()
            return try await withTaskCancellationHandler {
                try await offCooperativePool { try cluster.up(request, end) }
            } onCancel: {
                end.give()
            }
        }
    }
}

struct Down: ClientCommand {
    static let configuration = CommandConfiguration(
        abstract: "End the private cluster of this machine.", usage: "tessera down [--purge [--yes]] [--json]",
        discussion: """
            Its jobs and results are kept: the next 'tessera up' continues them.

            Examples:
              tessera down                      ends master, worker and page
              tessera down --purge              deletes their jobs, results and logs, too
            """)

    @Flag(help: "Delete its jobs, results, uploads and logs, too.")
    var purge = false

    @Flag(help: "With --purge on a terminal: do not ask.")
    var yes = false

    @Flag(help: "Write data as JSON to standard output, and errors as JSON to standard error.")
    var json = false

    var isJSON: Bool { json }

    func validate() throws {
        if yes, !purge { throw ValidationError("--yes answers the question of --purge") }
    }

    func execute(_ context: CommandContext) async throws -> ExitStatus {
        let cluster = try PrivateCluster(environment: ThisProcess.variables)
        let place = ShownText.of(cluster.places.directory)
        if purge, !yes,
            !Confirmation.isGiven("Delete all jobs and results of the private cluster in \(place) for ever?")
        {
            throw ClientError("not-confirmed", "nothing was ended or deleted; --yes answers the question")
        }
        let isPurging = purge
        // A signal ends the command: the record is still there, and the next `tessera down` does the rest.
        let report = try await offCooperativePool { try cluster.down(purging: isPurging) }
        try context.console.write(json ? report.json.text + "\n" : report.text(cluster.places))
        return .done
    }
}

// MARK: Words

extension PrivateCluster.Report {
    func text(_ places: ClusterPlaces) -> String {
        let isNew = daemons.contains(where: \.isNew)
        let isWhole = daemons.allSatisfy(\.isNew)
        var rows: [(String, String)] = []
        if let link { rows.append(("page", link)) }
        for daemon in daemons {
            let place = daemon.address.map { "\($0), " } ?? ""
            let since = daemon.isNew || !isNew ? "" : ", was running"
            rows.append(
                (daemon.role == .web ? "gateway" : daemon.role.rawValue, "\(place)process \(daemon.pid)\(since)"))
        }
        rows.append(("state", ShownText.of(places.directory)))
        rows.append(("logs", ShownText.of(places.logs)))
        let table = rows.map { "  " + $0.0 + String(repeating: " ", count: 9 - $0.0.count) + $0.1 + "\n" }.joined()
        let head =
            !isNew
            ? "the private cluster is up already"
            : isWhole ? "the private cluster is up" : "the private cluster is up again"
        return head + "\n" + table + (remark.map { $0 + "\n" } ?? "") + """
            \(link == nil ? "" : "The link signs one browser in, once, within ten minutes; 'tessera up' prints another.\n")\
            'tessera down' ends it.

            """
    }

    func json(_ places: ClusterPlaces) -> JSON {
        [
            "daemons": .array(
                daemons.map { daemon in
                    [
                        "role": .string(daemon.role.rawValue), "pid": .integer(Int(daemon.pid)),
                        "address": daemon.address.map { .string($0) }, "started": .bool(daemon.isNew),
                    ]
                }),
            "link": link.map { .string($0) }, "remark": remark.map { .string($0) },
            "directory": .name(places.directory),
        ]
    }
}

extension PrivateCluster.DownReport {
    func text(_ places: ClusterPlaces) -> String {
        let place = ShownText.of(places.directory)
        let head =
            !wasUp
            ? "no private cluster is up"
            : ended.isEmpty
                ? "the private cluster had ended already, and is down now"
                : "the private cluster is down: \(ended.map(\.program).joined(separator: ", ")) ended"
        let late = killed.map { "\n\($0.program) did not end in time, and was killed" }.joined()
        let state =
            isPurged
            ? "\nits state in \(place) is deleted"
            : wasUp ? "\nits jobs and results are kept in \(place); 'tessera up' continues them" : ""
        return head + late + state + "\n"
    }

    var json: JSON {
        [
            "was_up": .bool(wasUp), "ended": .array(ended.map { .string($0.rawValue) }),
            "killed": .array(killed.map { .string($0.rawValue) }), "purged": .bool(isPurged),
        ]
    }
}
