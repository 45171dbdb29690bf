import ArgumentParser
import Foundation
import Pipelines
import JobModel
import MasterClient
import Protocol
import Settings
import Testing
import Transport

@testable import Client

@Suite struct CommandTests {
    @Test func `a job's end becomes an exit status`() {
        #expect(Client.ExitStatus(.done) == .done)
        #expect(Client.ExitStatus(.partlyFailed) == .partlyFailed)
        #expect(Client.ExitStatus(.failed) == .failed)
        #expect(Client.ExitStatus(.cancelled) == .failed)
        #expect(Client.ExitStatus.combined([]) == .done)
        #expect(Client.ExitStatus.combined([.done, .done]) == .done)
        #expect(Client.ExitStatus.combined([.failed, .failed]) == .failed)
        #expect(Client.ExitStatus.combined([.done, .failed]) == .partlyFailed)
        #expect(Client.ExitStatus.allCases.map(\.rawValue) == [0, 1, 3, 4, 5, 64, 130, 141, 143])
    }

    @Test(arguments: TransportError.Code.allCases)
    func `every way of not reaching a master has its exit status`(code: TransportError.Code) {
        let expected: Client.ExitStatus =
            switch code {
            case .badSecret, .secretFile, .badRole: .notAuthorised
            case .badEndpoint: .usage
            default: .unreachable
            }
        let error = ClientError(TransportError(code, "words"))
        #expect(error.status == expected)
        #expect(error.code == code.rawValue)
        #expect(error.message == "words")
    }

    @Test func `errors of every origin keep their code and words`() {
        let pipeline = ClientError(PipelineError(.badValue, "size=4 is not allowed"))
        #expect(pipeline == ClientError("bad-value", "size=4 is not allowed", status: .usage))
        let refusal = ClientError(MasterRefusal(.notFound, "there is no job 18"))
        #expect(refusal == ClientError("not-found", "there is no job 18", status: .failed))
        #expect(ClientError(SettingsError.usage("--priority")).status == .usage)
        #expect(ClientError(BlobTransferError(.corrupt, "damaged")).code == "corrupt-blob")
    }

    @Test func `files that were left out turn done into partly failed`() {
        var report = JobReport(job: JobID(17))
        var summary = WireJobSummary()
        summary.state = "done"
        report.summary = summary
        #expect(report.status == .done)
        report.complaints = [InputComplaint(label: "a", error: ClientError("unreadable", "no"))]
        #expect(report.status == .partlyFailed)
        summary.state = "failed"
        report.summary = summary
        #expect(report.status == .failed)
    }

    @Test func `failed images are listed with name, code and reason, up to a limit`() {
        var report = JobReport(job: JobID(17))
        report.failures = (0..<60).map { index in
            var image = WireImageStatus()
            image.index = UInt32(index)
            image.name = "scan\u{1B}.png"
            image.state = index == 0 ? "dead-lettered" : "failed"
            image.failure = Failure(.corruptInput, "the file ends early").wire
            return image
        }
        var summary = WireJobSummary()
        summary.imagesFailed = 2000
        report.summary = summary
        let lines = report.failureLines
        #expect(lines[0] == "scan?.png (image 17.0): corrupt-input: the file ends early")
        #expect(lines.count == JobReport.shownFailureCount + 2)
        #expect(lines[50] == "and 1950 more failed: tessera status 17 --failed")
        #expect(lines[51] == "dead-lettered images can be tried again: tessera dead redrive 17")
    }

    // MARK: Settings

    private func settings(
        _ flags: [(name: String, value: String?)] = [], _ environment: [String: String] = [:], files: Set<String> = []
    ) async throws -> ClientSettings {
        try await ClientSettings(flags: flags, environment: environment) { files.contains($0) }
    }

    @Test func `a flag wins over the environment, and that over the default`() async throws {
        let environment = ["TESSERA_MASTER": "env:1", "TESSERA_PROGRESS": "plain"]
        #expect(try await settings().endpoint.description == "127.0.0.1:7400")
        #expect(try await settings([], environment).endpoint.description == "env:1")
        let both = try await settings([("master", "flag")], environment)
        #expect(both.endpoint.description == "flag:7400")
        #expect(both.progress == .plain)
    }

    @Test func `the file of the home directory counts when no other is named`() async throws {
        try await TestFiles.withDirectory { home in
            try OutputFile.makeDirectory(home + "/.config/tessera")
            let file = home + "/.config/tessera/client.yaml"
            try TestFiles.write("master: file:2\nreconnect-timeout: 5s\npriority: 7\n", to: file)
            let fromFile = try await settings([], ["HOME": home], files: [file])
            #expect(fromFile.endpoint.description == "file:2")
            #expect(fromFile.reconnectTimeout == .seconds(5))
            #expect(try fromFile.openJob(pipeline: "invert", token: "t").priority == 7)
            let environmentWins = try await settings([], ["HOME": home, "TESSERA_MASTER": "env:1"], files: [file])
            #expect(environmentWins.endpoint.description == "env:1")
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
        let request = try await settings(flags).openJob(pipeline: "invert", token: "t")
        #expect(request.priority == -5 && request.noCache && request.submitter == "batch")
        #expect(
            request.maximumPixelCount == 2 << 20 && request.chunkByteCount == 16 << 20 && request.maximumAttempts == 2)

        let plain = try await settings().openJob(pipeline: "invert", token: "t")
        #expect(plain.priority == 0 && !plain.noCache && plain.submitter.contains("@"))
        #expect(plain.maximumPixelCount == 0 && plain.chunkByteCount == 0 && plain.maximumAttempts == 0)

        await #expect(throws: SettingsError.self) {
            try await settings([("priority", "101")]).openJob(pipeline: "invert", token: "t")
        }
        await #expect(throws: SettingsError.self) { try await settings([("progress", "loud")]) }
        await #expect(throws: TransportError.self) { try await settings([("master", "a b")]) }
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
        let purge = try #require(try Tessera.parseAsRoot(["dead", "purge", "--all"]) as? Dead.Purge)
        #expect(purge.target.selection == .all)
        let redrive = try #require(try Tessera.parseAsRoot(["dead", "redrive", "17.3"]) as? Dead.Redrive)
        #expect(redrive.target.selection == .image(ImageID(job: JobID(17), index: 3)))
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

    @Test func `every operation has a JSON Schema that allows its own defaults`() throws {
        for operation in OperationCatalogue.all.map({ $0.description }) {
            let data = Data(operation.schema.text.utf8)
            let schema = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
            #expect(schema["title"] as? String == operation.name)
            #expect(schema["type"] as? String == "object")
            let properties = try #require(schema["properties"] as? [String: [String: Any]])
            #expect(Set(properties.keys) == Set(operation.parameters.map(\.name)))
            for (name, property) in properties {
                let value = try #require(property["default"], "\(operation.name) \(name)")
                if let minimum = property["minimum"] as? Double, let maximum = property["maximum"] as? Double {
                    let number = try #require(value as? Double)
                    #expect(minimum...maximum ~= number, "\(operation.name) \(name)")
                }
                if let words = property["enum"] as? [String] { #expect(words.contains(value as? String ?? "")) }
            }
        }
    }
}
