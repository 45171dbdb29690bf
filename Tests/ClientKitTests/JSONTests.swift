import ClientKit
import Foundation
import JobModel
import Names
import Testing

@Suite struct JSONTests {
    @Test func `JSON keeps the order of members and leaves out what is not known`() {
        let json: JSON = [
            "b": .integer(1), "a": .array([.bool(true), .null, .number(0.5), .number(3)]), "unknown": nil,
            "text": "line\n\"quoted\" \\ \u{1}é",
        ]
        #expect(json.text == #"{"b":1,"a":[true,null,0.5,3],"text":"line\n\"quoted\" \\ \u0001é"}"#)
        #expect(JSON.number(.infinity).text == "null")
        #expect((["a": "1"] as JSON).with(["b": "2"]).text == #"{"a":"1","b":"2"}"#)
    }

    @Test func `a name that is not UTF-8 has its bytes beside it, and no name can steer a terminal`() {
        let name = "in/Mu\u{10FEF1}oz\u{9B}\u{202E}\u{2028}\u{E0001}.png"
        let image = ImageStatus(index: 0, name: name, state: .waiting)
        let text = image.json(job: JobID(1), place: .file(BytePath(text: "out/\u{10FEFF}"))).text
        #expect(text.contains("\"name\":\"in/Mu\u{FFFD}oz\\u009b\\u202e\\u2028\\udb40\\udc01.png\""))
        #expect(text.contains("\"output\":\"out/\u{FFFD}\""))
        #expect(text.contains(#""name_base64":"aW4vTXXxb3rCm+KAruKAqPOggIEucG5n""#))
        #expect(text.contains(#""output_base64":"b3V0L/8=""#))
        #expect(!ImageStatus(index: 0, name: "é.png", state: .waiting).json(job: JobID(1)).text.contains("base64"))
        #expect(JSON.file("a.png").text == #"{"file":"a.png"}"#)
    }

    // The objects that docs/cli.md prints.

    @Test func `a job, its images and its failures are written as the manual shows`() throws {
        let page = try String(contentsOfFile: Self.path("docs/cli.md"), encoding: .utf8)
        let job = JobSummary(
            id: JobID(17), state: .done, pipeline: "invert", submitter: "ada@host", submittedAt: 1_795_213_317_682,
            finishedAt: 1_795_213_317_687, isSealed: true, imageCount: 2, imagesDone: 2, imagesFromCache: 1,
            tasksTotal: 1, tasksDone: 1, pixelsTotal: 2048, pixelsDone: 2048)
        let digest = try #require(BlobDigest([UInt8](repeating: 1, count: 32)))
        let done = ImageStatus(
            index: 0, name: "a.png", state: .done,
            geometry: ImageGeometry(width: 32, height: 32, channelCount: 1, bitsPerSample: 8),
            result: BlobReference(digest: digest, byteCount: 269), tasksTotal: 1, tasksDone: 1, isFromCache: true)
        let written = page.components(separatedBy: .whitespacesAndNewlines).joined()
        #expect(written.contains(job.json.text))
        #expect(written.contains(done.json(job: JobID(17), place: .file("out/a.png")).text))
        var remarked = done
        remarked.isFromCache = false
        remarked.remarks = [.init(code: "metadata-over-limit", count: 2, byteCount: 40_000_000)]
        #expect(written.contains(remarked.json(job: JobID(17), place: .file("out/a.png")).text.filter { $0 != " " }))
        let error = ClientError("not-found", "there is no job 18")
        #expect(page.contains(error.json.text))
    }

    @Test func `a failure, a dead letter, a worker and the master have the members of the manual`() {
        let failure = FailureReport(code: "rank-lost", reason: "killed", outputTail: "last words")
        let attempt = DeadLetter.Attempt(task: "17.3/whole", number: 2, worker: "w3", failure: failure)
        let letter = DeadLetter(
            image: ImageID(job: JobID(17), index: 3), name: "a.png", failure: failure, attempts: [attempt])
        let failureText = #"{"code":"rank-lost","reason":"killed","output_tail":"last words"}"#
        #expect(
            letter.json.text
                == #"{"job":17,"image":3,"name":"a.png","failure":\#(failureText),"attempts":[{"task":"17.3/whole","#
                + #""attempt":2,"worker":"w3","failure":\#(failureText)}]}"#)
        let worker = WorkerStatus(
            id: WorkerID(3), name: "n", state: .alive, address: "h:1", slotCount: 2, ranksPerSlot: 4, leasesHeld: 1,
            tasksDone: 5, residentBytes: 6, connectedTime: .milliseconds(1234), silentTime: .milliseconds(7))
        #expect(
            worker.json.text
                == #"{"worker":"w3","name":"n","state":"alive","address":"h:1","slot_count":2,"ranks_per_slot":4,"#
                + #""leases_held":1,"tasks_done":5,"attempts_lost":0,"attempts_failed":0,"resident_bytes":6,"#
                + #""connected_milliseconds":1234,"silent_milliseconds":7}"#)
        #expect(MasterStatus(software: "m", uptime: .seconds(2)).json.text.contains(#""uptime_milliseconds":2000"#))
        let backlog = MasterStatus.Backlog(tasks: 7, slotTime: .milliseconds(1500), slotsBusy: 2, slotsIdle: 3)
        #expect(
            MasterStatus(software: "m", backlog: backlog).json.text.contains(
                #""backlog":{"tasks":7,"slot_milliseconds":1500,"slots_busy":2,"slots_idle":3}"#))
    }

    @Test func `the slots that are wanted end the work in time, and are at most one per task`() {
        func wanted(_ tasks: UInt64, _ time: Duration) -> Int {
            MasterStatus.Backlog(tasks: tasks, slotTime: time).slotsWanted(for: .seconds(300))
        }
        #expect(wanted(0, .zero) == 0)
        #expect(wanted(5, .zero) == 1, "some work is left, however short")
        #expect(wanted(1_000, .seconds(300)) == 1 && wanted(1_000, .seconds(301)) == 2)
        #expect(wanted(1_000, .seconds(6_000)) == 20)
        #expect(wanted(3, .seconds(6_000)) == 3)
        #expect(wanted(UInt64.max, .seconds(1 << 50)) > 0)
    }

    @Test func `a state of a newer master keeps its name, and is not final`() {
        #expect(JobSummary.State(name: "partly-failed") == .partlyFailed)
        let state = JobSummary.State(name: "paused")
        #expect(state == .other("paused") && state.name == "paused" && !state.isFinal)
        #expect(ImageStatus.State(name: "dead-lettered") == .deadLettered)
        #expect(ImageStatus.State(name: "paused") == .other("paused"))
        #expect(WorkerStatus.State(name: "asleep") == .other("asleep"))
        #expect(FailureReport(code: "corrupt-input", reason: "").cause == .corruptInput)
        #expect(FailureReport(code: "new", reason: "").cause == nil)
        for state in JobState.allCases { #expect("\(JobSummary.State(name: state.name))" == state.name) }
        for state in JobState.allCases { #expect(JobSummary.State(name: state.name).isFinal == state.isFinal) }
        for state in ImageState.allCases { #expect(ImageStatus.State(name: state.name).isFinal == state.isFinal) }
    }

    private static func path(_ path: String) -> String {
        URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent(path).path
    }
}
