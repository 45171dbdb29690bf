import JobModel
import Protocol
import Testing

@testable import ClientKit

@Suite struct WireTests {
    @Test func `what the master leaves out is not there`() throws {
        let job = try JobSummary(
            wire: .with {
                $0.job = 17; $0.state = "running"; $0.submittedAt = 5
            })
        #expect(job == JobSummary(id: JobID(17), state: .running, submittedAt: 5))
        let image = try ImageStatus(
            wire: .with {
                $0.index = 3; $0.name = "a"; $0.state = "waiting"
            })
        #expect(image == ImageStatus(index: 3, name: "a", state: .waiting))
        let worker = try WorkerStatus(
            wire: .with {
                $0.worker = 3; $0.name = "n"; $0.state = "alive"
            })
        #expect(worker == WorkerStatus(id: WorkerID(3), name: "n", state: .alive))
    }

    @Test func `a number outside its range is the master's error, named with its field`() {
        let job = #expect(throws: ProtocolViolation.self) { try JobSummary(wire: WireJobSummary()) }
        #expect(job?.field == "JobSummary.job")
        let geometry = #expect(throws: ProtocolViolation.self) {
            try ImageStatus(wire: .with { $0.geometry.width = 0 })
        }
        #expect(geometry?.field == "ImageStatus.geometry.width")
        let result = #expect(throws: ProtocolViolation.self) {
            try ImageStatus(wire: .with { $0.result.byteCount = 1 })
        }
        #expect(result?.field.hasPrefix("ImageStatus.result") == true)
        #expect(throws: ProtocolViolation.self) { try WorkerStatus(wire: WireWorkerStatus()) }
        #expect(throws: ProtocolViolation.self) { try DeadLetter(wire: WireDeadImage()) }
    }

    @Test func `a limit that is not given is left to the master`() throws {
        var request = JobRequest(pipeline: "invert", submitter: "ada", token: "t")
        #expect(
            try WireOpenJob(request, minorVersion: 0)
                == .with {
                    $0.pipeline = "invert"; $0.submitter = "ada"; $0.token = "t"
                })
        request.mayUseCache = false
        request.priority = -5
        request.chunkByteCount = 1
        request.maximumPixelCount = 2
        request.maximumAttempts = 3
        let wire = try WireOpenJob(request, minorVersion: 0)
        #expect(wire.noCache && wire.priority == -5 && wire.chunkByteCount == 1)
        #expect(wire.maximumPixelCount == 2 && wire.maximumAttempts == 3)
    }

    @Test(arguments: [("jpeg quality=90", ""), ("", "page=2")])
    func `an older master, which would not heed it, is not asked for a format`(encoding: String, decoding: String)
        throws
    {
        let request = JobRequest(pipeline: "", submitter: "ada", encoding: encoding, decoding: decoding)
        let error = #expect(throws: ClientError.self) { try WireOpenJob(request, minorVersion: 0) }
        #expect(error?.kind == .usage && error?.message.contains("older release") == true)
        let wire = try WireOpenJob(request, minorVersion: Preface.currentMinorVersion)
        #expect(wire.encoding == encoding && wire.decoding == decoding)
    }

    @Test func `dead letters keep their attempts`() throws {
        let wire = WireDeadImage.with { letter in
            letter.job = 17
            letter.index = 3
            letter.failure.code = "hung"
            letter.attempts = [
                .with {
                    $0.task = "17.3/whole"; $0.attempt = 2; $0.worker = "w3"; $0.failure.code = "hung"
                }
            ]
        }
        let letter = try DeadLetter(wire: wire)
        #expect(letter.image == ImageID(job: JobID(17), index: 3))
        #expect(letter.attempts.map(\.number) == [2] && letter.attempts.first?.failure.cause == .hung)
    }
}
