import ArgumentParser
import Foundation
import Pipelines
import ClientKit
import JobModel
import Names
import MasterClient
import Settings
import TestBasics
import Testing
import Transport

@testable import Client

@Suite struct CommandTests {
    @Test func `a job's end becomes an exit status`() {
        #expect(Client.ExitStatus(JobSummary.State.done) == .done)
        #expect(Client.ExitStatus(JobSummary.State.partlyFailed) == .partlyFailed)
        #expect(Client.ExitStatus(JobSummary.State.failed) == .failed)
        #expect(Client.ExitStatus(JobSummary.State.cancelled) == .failed)
        #expect(Client.ExitStatus.combined([]) == .done)
        #expect(Client.ExitStatus.combined([.done, .done]) == .done)
        #expect(Client.ExitStatus.combined([.failed, .failed]) == .failed)
        #expect(Client.ExitStatus.combined([.done, .failed]) == .partlyFailed)
        #expect(Client.ExitStatus.allCases.map(\.rawValue) == [0, 1, 3, 4, 5, 64, 129, 130, 131, 141, 143])
    }

    @Test(arguments: TransportError.Code.allCases)
    func `every way of not reaching a master has its exit status`(code: TransportError.Code) {
        let expected: Client.ExitStatus =
            switch code {
            case .badSecret, .secretFile, .badRole: .notAuthorised
            case .badEndpoint: .usage
            default: .unreachable
            }
        let error = ClientError(reporting: TransportError(code, "words"))
        #expect(error.status == expected)
        #expect(error.code == code.rawValue)
        #expect(error.message == "words")
    }

    @Test func `errors of every origin keep their code and words`() {
        let pipeline = ClientError(reporting: PipelineError(.badValue, "size=4 is not allowed"))
        #expect(pipeline == ClientError("bad-value", "size=4 is not allowed", kind: .usage))
        let refusal = ClientError(reporting: MasterRefusal(.notFound, "there is no job 18"))
        #expect(refusal == ClientError("not-found", "there is no job 18"))
        #expect(ClientError(reporting: SettingsError.usage("--priority")).status == .usage)
        #expect(ClientError(reporting: BlobTransferError(.corrupt, "damaged")).code == "corrupt-blob")
    }

    @Test func `what happens with an interrupted job is told, and what to do`() {
        let waiting = ClientError(reporting: WaitInterrupted(job: JobID(17)))
        #expect(waiting.status == .interrupted)
        #expect(
            waiting.message == """
                interrupted; job 17 continues
                  tessera watch 17              shows its progress again
                  tessera fetch 17 -o PATH      waits for its results
                  tessera cancel 17             stops it
                """)
        let sending = ClientError(reporting: SubmissionInterrupted(job: JobID(17), isJobCancelled: false))
        #expect(sending.message.hasSuffix("because the master did not answer: tessera cancel 17"))
    }

    @Test func `an outage is told in sentences`() {
        let events: [SessionEvent] = [
            .lost(reason: "the connection was reset", reconnectTimeout: .seconds(60)),
            .recovered(after: .milliseconds(1500)),
            .askedToWait(MasterRefusal(.overloaded, "1000 jobs wait", retryAfter: .seconds(2))),
        ]
        #expect(
            events.map(\.text) == [
                "the connection was reset; trying again for up to 1 min 00 s",
                "the master is back after 1.5 s; continuing",
                "the master asks to wait (overloaded): 1000 jobs wait; waiting as long as it takes",
            ])
        let away = ClientError(reporting: MasterUnreachable(reason: "reset", reconnectTimeout: .seconds(10)))
        #expect(away.status == .unreachable)
        #expect(
            away.message
                == "the master has not been reachable for 10 s: reset; jobs that it has accepted are kept, and "
                + "continue when it is back (--reconnect-timeout sets how long to try)")
    }

    @Test func `files that were left out turn done into partly failed`() {
        var report = JobReport(job: JobID(17))
        report.summary = JobSummary(id: JobID(17), state: .done)
        #expect(report.status == .done)
        report.complaints = [InputComplaint(label: "a", error: ClientError("unreadable", "no"))]
        #expect(report.status == .partlyFailed)
        report.summary?.state = .failed
        #expect(report.status == .failed)
    }

    @Test func `failed images are listed with name, code and reason, up to a limit`() {
        var report = JobReport(job: JobID(17))
        report.failures = (0..<60).map { index in
            ImageStatus(
                index: UInt32(index), name: "scan\u{1B}.png", state: index == 0 ? .deadLettered : .failed,
                failure: FailureReport(code: "corrupt-input", reason: "the file ends early"))
        }
        report.summary = JobSummary(id: JobID(17), state: .failed, imagesFailed: 2000)
        let lines = report.failureLines
        #expect(lines[0] == "scan\\u{1b}.png (image 17.0): corrupt-input: the file ends early")
        #expect(lines.count == JobReport.shownFailureCount + 2)
        #expect(lines[50] == "and 1950 more failed: tessera status 17 --failed")
        #expect(lines[51] == "dead-lettered images can be tried again: tessera dead redrive 17")
    }

    @Test func `what was left out of a result is told by image, up to a limit`() {
        var report = JobReport(job: JobID(17))
        report.remarked = (0..<60).map { index in
            ImageStatus(
                index: UInt32(index), name: "scan\u{1B}.png", state: .done,
                remarks: [
                    .init(code: "metadata-over-limit", count: 2, byteCount: 40_000_000)
                ])
        }
        let lines = report.remarkLines
        #expect(
            lines[0]
                == "scan\\u{1b}.png (image 17.0): note: 2 chunks of 40000000 bytes with text, a colour profile or EXIF data were not "
                + "carried over: above the master's limit (max-metadata-bytes)")
        #expect(lines.count == JobReport.shownFailureCount + 1)
        #expect(lines[50] == "and 10 more notes: tessera --json status 17 --images")
        report.remarked = [
            ImageStatus(
                index: 0, name: "a", state: .done,
                remarks: [
                    .init(code: "parts-ignored", count: 1, byteCount: 1),
                    .init(code: "surplus-image-data", count: 1, byteCount: 9),
                    .init(code: "of-a-newer-release", count: 3, byteCount: 9),
                ])
        ]
        #expect(
            report.remarkLines == [
                "a (image 17.0): note: 1 chunk of 1 byte was ignored: it is damaged, or not where the format has it",
                "a (image 17.0): note: 9 bytes of image data were ignored: the picture is complete without",
                "a (image 17.0): note: 3 chunks of 9 bytes: of-a-newer-release",
            ])
    }

    // MARK: Settings

    private func settings(
        _ flags: [(name: String, value: String?)] = [], _ environment: [String: String] = [:], files: Set<String> = []
    ) async throws -> ClientSettings {
        try await ClientSettings(flags: flags, environment: environment) { files.contains($0) }
    }

    @Test func `a flag wins over the environment, and that over the default`() async throws {
        let environment = ["TESSERA_MASTER": "env:1", "TESSERA_PROGRESS": "plain"]
        #expect(try await settings().masters.description == "127.0.0.1:7400")
        #expect(try await settings([], environment).masters.description == "env:1")
        let both = try await settings([("master", "flag")], environment)
        #expect(both.masters.description == "flag:7400")
        #expect(both.progress == .plain)
    }

    @Test func `the file of the home directory counts when no other is named`() async throws {
        try await withTemporaryDirectory { home in
            try OutputFile.makeDirectory(BytePath(text: home + "/.config/tessera"))
            let file = home + "/.config/tessera/client.yaml"
            try TestFiles.write("master: file:2\nreconnect-timeout: 5s\npriority: 7\n", to: file)
            let fromFile = try await settings([], ["HOME": home], files: [file])
            #expect(fromFile.masters.description == "file:2")
            #expect(fromFile.reconnectTimeout == .seconds(5))
            #expect(try fromFile.jobRequest(pipeline: "invert").priority == 7)
            let environmentWins = try await settings([], ["HOME": home, "TESSERA_MASTER": "env:1"], files: [file])
            #expect(environmentWins.masters.description == "env:1")
        }
    }

    @Test func `a mistake in the file is refused with its place, and an empty file is none`() async throws {
        try await withTemporaryDirectory { home in
            try OutputFile.makeDirectory(BytePath(text: home + "/.config/tessera"))
            let file = home + "/.config/tessera/client.yaml"
            for (text, expected) in [
                ("mastr: a:1\n", "\(file):1: tessera has no setting 'mastr'; did you mean 'master'?"),
                ("# mine\nno_cache: true\n", "\(file):2: tessera has no setting 'no_cache'; did you mean 'no-cache'?"),
                ("master: [a, b]\n", "\(file):1: 'master' is a list"),
                ("reconnect-timeout: 3 days\n", "\(file):1: reconnect-timeout '3 days': must be a length of time"),
                ("master: 7400\n", "\(file):1: master: '7400' is not an address: 7400 alone is a port"),
            ] {
                try TestFiles.write(text, to: file)
                let error = await #expect(throws: SettingsError.self) {
                    try await settings([], ["HOME": home], files: [file])
                }
                #expect(error?.description.hasPrefix(expected) == true, "\(error?.description ?? "")")
                #expect(ClientError(reporting: try #require(error)).status == .usage)
            }
            try TestFiles.write("# master: a:1\n", to: file)
            #expect(try await settings([], ["HOME": home], files: [file]).masters.description == "127.0.0.1:7400")
        }
    }

    @Test func `the secret is looked for at home, then in the system`() async throws {
        let home = "/home/ada/.config/tessera/secret"
        let environment = ["HOME": "/home/ada"]
        #expect(try await settings([], environment, files: [home, "/etc/tessera/secret"]).secretFile == home)
        #expect(try await settings([], environment, files: ["/etc/tessera/secret"]).secretFile == "/etc/tessera/secret")
        #expect(try await settings([("secret-file", "/x")], environment, files: [home]).secretFile == "/x")
        let none = try await settings([], environment)
        let error = #expect(throws: TransportError.self) { try none.secret() }
        #expect(error?.code == .secretFile)
        #expect(error?.message.contains(home) == true)
    }

    @Test func `a region of interest becomes a cut at the end of the pipeline`() async throws {
        let settings = try await settings()
        let limited = try settings.pipeline(" sobel", region: "10,20,300,200")
        #expect(limited == "sobel | crop x=10 y=20 width=300 height=200")
        let error = #expect(throws: ClientError.self) { try settings.pipeline("sobel", region: "10,20,300") }
        #expect(error?.code == "bad-value" && error?.status == .usage)
        #expect(error?.message.contains("x,y,width,height") == true)
    }

    @Test func `job options are checked, and left to the master when they are not given`() async throws {
        let flags: [(name: String, value: String?)] = [
            ("priority", "-5"), ("no-cache", "true"), ("max-pixels", "2M"), ("chunk-bytes", "16M"), ("attempts", "2"),
            ("submitter", "batch"),
        ]
        let request = try await settings(flags).jobRequest(pipeline: "invert")
        #expect(request.priority == -5 && !request.mayUseCache && request.submitter == "batch")
        #expect(
            request.maximumPixelCount == 2 << 20 && request.chunkByteCount == 16 << 20 && request.maximumAttempts == 2)

        let plain = try await settings().jobRequest(pipeline: "invert")
        #expect(plain.priority == 0 && plain.mayUseCache && plain.submitter.contains("@"))
        #expect(plain.maximumPixelCount == nil && plain.chunkByteCount == nil && plain.maximumAttempts == nil)

        await #expect(throws: SettingsError.self) {
            try await settings([("priority", "101")]).jobRequest(pipeline: "invert")
        }
        await #expect(throws: SettingsError.self) { try await settings([("progress", "loud")]) }
        let address = await #expect(throws: SettingsError.self) { try await settings([], ["TESSERA_MASTER": "a b"]) }
        #expect(address?.description.hasPrefix("TESSERA_MASTER: 'a b' is not an address") == true)
        await #expect(throws: SettingsError.self) { try await settings([("submitter", "")]) }
        let blank = await #expect(throws: SettingsError.self) {
            try await settings([("submitter", " \t")]).jobRequest(pipeline: "invert")
        }
        #expect(blank?.description.contains("must be a name, such as ada@atlas") == true)
    }

    // MARK: The command line

    @Test func `a dash is a file, and -o takes one`() throws {
        let run = try #require(try Tessera.parseAsRoot(["run", "invert", "-", "-o", "-"]) as? Run)
        #expect(run.files == ["-"])
        #expect(run.output.output == "-")
        #expect(throws: (any Error).self) { try Tessera.parseAsRoot(["run", "invert"]) }
    }

    @Test func `all dead letters are only meant when that is said`() throws {
        #expect(throws: (any Error).self) { try Tessera.parseAsRoot(["dead", "purge"]) }
        #expect(throws: (any Error).self) { try Tessera.parseAsRoot(["dead", "purge", "17", "--all"]) }
        let purge = try #require(try Tessera.parseAsRoot(["dead", "purge", "--all"]) as? DeadLetters.Purge)
        #expect(purge.target.selection == .all)
        let redrive = try #require(
            try Tessera.parseAsRoot(["dead-letters", "redrive", "17.3"]) as? DeadLetters.Redrive)
        #expect(redrive.target.selection == .image(ImageID(job: JobID(17), index: 3)))
    }

    @Test func `a page ends with two commands that can be pasted`() throws {
        for operation in OperationCatalogue.all.map({ $0.description }) {
            let lines = OperationPages.page(operation).split(separator: "\n").suffix(3).map { String($0) }
            #expect(lines.first == "Examples:")
            for (line, pipeline) in zip(lines.dropFirst(), operation.examples) {
                // As the shell splits it: the pipeline is in single quotes, the rest is plain words.
                let parts = line.split(separator: "'", omittingEmptySubsequences: false)
                try #require(parts.count == 3, "\(line)")
                #expect(parts[0] == "  tessera run " && parts[1] == pipeline)
                let words = parts[2].split(separator: " ").map { String($0) }
                #expect(try Tessera.parseAsRoot(["run", pipeline] + words) is Run)
                try #require(words.count == 3 && words[1] == "-o")
                let text = try PipelineArgument().checked(pipeline)
                _ = try ResultRequest(pipeline: text, output: words[2], isJSON: false)
            }
        }
    }

    @Test func `an operation that would change nothing is refused before anything is sent, with its place`() {
        let error = #expect(throws: ClientError.self) {
            try PipelineArgument().checked("invert | resize method=linear")
        }
        #expect(error?.code == "missing-parameter")
        #expect(error?.status == .usage)
        #expect(
            error?.message.contains(
                "needs at least one of `width`, `height`, `scale`, `max-width`, `max-height` and `size`, such as `resize width=320`"
            )
                == true)
        let carets = "\n  invert | resize method=linear\n           " + String(repeating: "^", count: 20)
        #expect(error?.message.hasSuffix(carets) == true)
    }

    @Test func `operations are searched by words`() throws {
        let command = try #require(try Tessera.parseAsRoot(["ops", "--search", "edge detection"]) as? Operations)
        #expect(command.search == "edge detection")
        let lines = OperationPages.lines(OperationCatalogue.search("edge detection")).split(separator: "\n")
        #expect(lines.first?.hasPrefix("  canny ") == true)
        #expect(lines.count < 10)
    }

    @Test func `every operation of the catalogue is listed once and described`() {
        let all = OperationCatalogue.all.map { $0.description }
        let list = OperationPages.list(all)
        for operation in all {
            #expect(list.split(separator: "\n").count { $0.hasPrefix("  \(operation.name) ") } == 1)
            let page = OperationPages.page(operation)
            #expect(page.contains(operation.usage) && page.contains(operation.matches))
            for parameter in operation.parameters { #expect(page.contains("\n\(parameter.name) ")) }
        }
    }
}
