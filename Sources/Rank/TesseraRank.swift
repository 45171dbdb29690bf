import Glibc
import ImageCodecs
import ImageFormats
import JobModel
import MPI
import SystemCalls

/// `tessera-rank`: one rank of a worker's resident MPI world. Started by `mpirun`, which `tessera-worker` starts.
@main
struct TesseraRank {
    static func main() {
        ThisProcess.occupyStandardStreams()
        let arguments = CommandLine.arguments.dropFirst()
        if arguments.first == "--launch" { Launcher.run(arguments.dropFirst()) }
        answerQuestions(arguments.first)
        ProcessorBuild.becomeBest()
        guard let socket = ThisProcess.environment("TESSERA_RANK_SOCKET"),
            let token = ThisProcess.environment("TESSERA_RANK_TOKEN")
        else {
            printLine("started by tessera-worker, not by hand: there is no worker to connect to; see --help")
            exit(64)
        }
        guard ThisProcess.environment("TESSERA_RANK_REVISION") == "\(JobOptions.currentResultRevision)" else {
            printLine(
                "this program (\(CommandLine.arguments[0])) is of another release than the worker that starts it: install all of "
                    + "one release, tessera-rank-v3 too")
            exit(78)
        }
        // The promise that no result depends on who computed it comes before a machine's help.
        guard ImageFormats.outputs.allSatisfy({ ($0 as? any ImageEncoding)?.isReproducible == true }) else {
            printLine(
                "this machine compresses differently than others (a processor without SSE4.2, or another release of ISA-L, "
                    + "libjpeg-turbo or libwebp): its results would not be byte for byte the same, so it cannot be a worker"
            )
            exit(78)
        }
        // The launcher became mpirun. Should that be gone already, nothing will come of this rank.
        let parent = ThisProcess.environment("TESSERA_RANK_PARENT").flatMap { pid_t($0) } ?? getppid()
        guard (try? ThisProcess.dieWithParent(parent)) != nil else { exit(71) }
        limitResources()
        let ranks = Communicator.start(
            maximumPieceByteCount: ThisProcess.environment("TESSERA_RANK_MESSAGE").flatMap { Int($0) } ?? 1 << 30)
        do {
            let link = try WorkerLink(path: socket)
            link.send(.hello(rank: UInt32(ranks.rank), token: token))
            RankService(
                ranks: ranks, link: link, inbox: OrderInbox(link),
                memoryByteCount: ThisProcess.environment("TESSERA_RANK_MEMORY").flatMap(UInt64.init) ?? .max
            ).run()
        } catch {
            Communicator.abort(error.reason)
        }
    }

    /// Answers `--help` and `--version`, and ends the process.
    private static func answerQuestions(_ argument: String?) {
        switch argument {
        case "--version": print("tessera-rank \(Release.version)")
        case "--help", "-h":
            print(
                """
                One MPI rank of a worker: computes a part of each task. tessera-worker starts it with mpirun; it is of no use alone.

                USAGE: tessera-rank --help | --version
                """)
        default: return
        }
        exit(fflush(nil) == 0 ? EXIT_SUCCESS : EXIT_FAILURE)
    }

    /// No core dumps of other people's images, and no more address space than the worker grants.
    private static func limitResources() {
        limit(RLIMIT_CORE, to: 0)
        if let bytes = ThisProcess.environment("TESSERA_RANK_ADDRESS_SPACE").flatMap(UInt.init) {
            limit(RLIMIT_AS, to: bytes)
        }
    }

    private static func limit(_ resource: __rlimit_resource, to value: UInt) {
        var limits = rlimit(rlim_cur: value, rlim_max: value)
        // A hard limit that is lower already stays.
        if setrlimit(Int32(resource.rawValue), &limits) != 0 { printLine("a resource limit is refused") }
    }
}
