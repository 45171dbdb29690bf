import ClientKit
import JobModel
import Synchronization
import Testing

@testable import Client

@Suite struct OutputTests {
    @Test func `a table aligns its columns and ends no line with spaces`() {
        var table = Table(.right("JOB"), .left("STATE"), .right("IMAGES"), .left("PIPELINE"))
        table.add("7", "running", "3/10", "invert")
        table.add("1234", "done", "10/10", "")
        #expect(
            table.text == """
                 JOB  STATE    IMAGES  PIPELINE
                   7  running    3/10  invert
                1234  done      10/10

                """)
    }

    @Test func `states have colours on terminals that take them, and columns stay aligned`() throws {
        var table = Table(.state(), .left("NAME"))
        table.add("done (cached)", "failed")
        table.add("waiting", "b")
        #expect(
            table.text(isColored: true)
                == "STATE          NAME\n\u{1B}[32mdone (cached)\u{1B}[0m  failed\nwaiting        b\n")
        let output = RecordingSink(terminalWidth: 80)
        try Console(output: output, errors: RecordingSink(), isJSON: false).write(table: table.text(isColored: true))
        #expect(output.text == table.text(isColored: true))
        func isColored(_ environment: [String: String], isTerminal: Bool = true) -> Bool {
            Console(
                output: RecordingSink(terminalWidth: isTerminal ? 80 : nil), errors: RecordingSink(), isJSON: false
            ) { environment[$0] }.isColored
        }
        #expect(isColored(["TERM": "xterm"]) && isColored(["NO_COLOR": ""]))
        #expect(!isColored([:], isTerminal: false) && !isColored(["NO_COLOR": "1"]) && !isColored(["TERM": "dumb"]))
    }

    @Test func `names from elsewhere cannot steer the terminal`() {
        var table = Table(.left("NAME"))
        table.add("a\u{1B}[2Jb\r\nc\u{202E}")
        #expect(table.text == "NAME\na\\u{1b}[2Jb\\r\\nc\\u{202e}\n")
    }

    @Test func `data goes to standard output, words to standard error`() throws {
        let (output, errors) = (RecordingSink(), RecordingSink())
        let console = Console(output: output, errors: errors, isJSON: false)
        try console.write("17\n")
        console.note("continuing")
        console.report(ClientError("not-found", "there is no job 18"))
        #expect(output.text == "17\n")
        #expect(errors.text == "continuing\ntessera: there is no job 18\n")
    }

    @Test func `with JSON even errors are objects`() {
        let errors = RecordingSink()
        let console = Console(output: RecordingSink(), errors: errors, isJSON: true)
        console.report(ClientError("not-found", "there is no job \"18\""))
        console.note("continuing", code: "connection")
        #expect(
            errors.text == """
                {"error":{"code":"not-found","message":"there is no job \\"18\\""}}
                {"note":{"code":"connection","message":"continuing"}}

                """)
    }

    @Test func `a notice begins with the program's name for people only`() {
        for (isJSON, expected) in [
            (false, "tessera: no worker\n"), (true, "{\"note\":{\"code\":\"no-worker\",\"message\":\"no worker\"}}\n"),
        ] {
            let errors = RecordingSink()
            Console(output: RecordingSink(), errors: errors, isJSON: isJSON).notice("no worker", code: "no-worker")
            #expect(errors.text == expected)
        }
    }

    @Test func `a worker that is gone is not said to be unable to run tasks`() {
        func text(_ state: WorkerStatus.State) -> String {
            Listing.workers([WorkerStatus(id: WorkerID(66), name: "n", state: state, unreadyReason: "no scratch")])
        }
        #expect(text(.notReady).contains("w66 cannot run tasks: no scratch"))
        #expect(!text(.gone).contains("cannot run tasks"))
    }

    @Test func `a message takes the progress line away and puts it back below`() throws {
        let errors = RecordingSink(terminalWidth: 80)
        let console = Console(output: RecordingSink(), errors: errors, isJSON: false)
        console.showStatus("50%")
        console.note("worker lost")
        console.showStatus("60%")
        console.showStatus("")
        #expect(errors.text == "50%\r\u{1B}[Kworker lost\n50%\r\u{1B}[K60%\r\u{1B}[K")
    }

    @Test func `a reader that has gone is not told so`() {
        let errors = RecordingSink()
        Console(output: RecordingSink(), errors: errors, isJSON: false).report(
            ClientError("broken-pipe", "gone", kind: .brokenPipe))
        #expect(errors.text.isEmpty)
    }
}

/// Remembers what was written.
final class RecordingSink: TextSink {
    private let written = Mutex("")
    let terminalWidth: Int?

    init(terminalWidth: Int? = nil) { self.terminalWidth = terminalWidth }

    var text: String { written.withLock { $0 } }

    func write(_ text: String) throws(ClientError) { written.withLock { $0 += text } }
}

/// What `tessera status` says of the master's room.
@Suite struct MasterRoomTests {
    private func text(_ storage: MasterStatus.Storage?, _ records: MasterStatus.Records? = nil) -> String {
        Listing.master(MasterStatus(software: "tessera-master 0", storage: storage, records: records))
    }

    @Test func `a full disk is shown with need, have and the setting`() {
        let ample = text(MasterStatus.Storage(freeBytes: 5 << 30, minFreeBytes: 1 << 30))
        #expect(ample.contains("5.0 GB free") || ample.contains("free"))
        #expect(!ample.contains("FULL"))
        let low = text(MasterStatus.Storage(freeBytes: 1 << 20, minFreeBytes: 1 << 30, uploadsWait: true))
        for word in ["NEARLY FULL", "uploads wait", "min-free-bytes"] { #expect(low.contains(word), "\(low)") }
        let full = text(
            MasterStatus.Storage(
                freeBytes: 1 << 20, minFreeBytes: 1 << 30, uploadsWait: true,
                shortage: .init(needBytes: 3 << 20, haveBytes: 0)))
        for word in ["FULL", "jobs wait", Units.bytes(3 << 20), "min-free-bytes"] {
            #expect(full.contains(word), "\(full)")
        }
        #expect(!text(nil).contains("disk"), "an older master does not say")
    }

    @Test func `open work is shown as time, of one slot and of those that are there`() {
        func text(_ backlog: MasterStatus.Backlog?) -> String {
            Listing.master(MasterStatus(software: "tessera-master 0", backlog: backlog))
        }
        #expect(!text(nil).contains("open work"))
        #expect(!text(.init(tasks: 0, slotTime: .zero, slotsIdle: 4)).contains("open work"))
        let alone = text(.init(tasks: 1, slotTime: .seconds(4), slotsBusy: 1))
        #expect(alone.contains("1 task, about 4.0 s of one slot\n"), "\(alone)")
        let many = text(.init(tasks: 240, slotTime: .seconds(4_800), slotsBusy: 3, slotsIdle: 1))
        #expect(many.contains("240 tasks, about 1 h 20 min of one slot: 20 min 00 s with the 4 slots"), "\(many)")
    }

    @Test func `records that are nearly full are shown with the way out`() {
        let few = text(nil, .init(jobs: 10, maxJobs: 100, images: 10, maxImages: 1_000))
        #expect(few.contains("10 of 100 jobs") && !few.contains("FULL"))
        let many = text(nil, .init(jobs: 10, maxJobs: 100, images: 900, maxImages: 1_000, jobsYielded: 5))
        for word in ["NEARLY FULL", "tessera forget", "5 gave way"] { #expect(many.contains(word), "\(many)") }
    }
}
