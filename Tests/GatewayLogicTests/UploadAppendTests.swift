import GatewayLogic
import Testing

/// What requests may do to an upload.
@Suite struct UploadAppendTests {
    private let limits = UploadLimits(maximumByteCount: 1000, ageSeconds: 60)

    private func upload(_ byteCount: UInt64? = 100, at offset: UInt64 = 40) -> UploadRecord {
        UploadRecord(id: "u", owner: "ada", name: "a.png", byteCount: byteCount, offset: offset, touchedAt: 0)
    }

    @Test func `bytes are appended, and the last request ends the upload`() throws {
        var append = try UploadAppend(to: upload(), at: 40, isLast: false, contentLength: 30, limits: limits)
        try append.receive(30)
        #expect(append.offset == 70)
        #expect(try append.end() == .wait)

        var last = try UploadAppend(to: upload(at: 70), at: 70, isLast: true, contentLength: 30, limits: limits)
        try last.receive(10)
        try last.receive(20)
        #expect(try last.end() == .finish)
    }

    @Test func `a wrong offset is answered with the right one`() throws {
        let problem = try #require(throws: Problem.self) {
            _ = try UploadAppend(to: upload(), at: 41, isLast: false, limits: limits)
        }
        #expect(problem.status == 409)
        #expect(problem.code == "mismatching-upload-offset")
        #expect(problem.uploadOffset == 40)
        #expect(problem.headers.contains { $0.name == "Upload-Offset" && $0.value == "40" })
    }

    @Test(arguments: [
        // A body that ends elsewhere than the length says, a body that continues, a length that was another.
        (UInt64(100), true, UInt64(50), UInt64?.none), (100, false, 61, nil), (100, false, 10, 99),
    ]) func `lengths that contradict each other are refused`(
        size: UInt64, isLast: Bool, contentLength: UInt64, announced: UInt64?
    ) throws {
        let problem = try #require(throws: Problem.self) {
            _ = try UploadAppend(
                to: upload(size), at: 40, isLast: isLast, announced: announced, contentLength: contentLength,
                limits: limits)
        }
        #expect(problem.code == "inconsistent-upload-length")
    }

    @Test func `a body without a length is refused where it goes beyond the upload's`() throws {
        var append = try UploadAppend(to: upload(), at: 40, isLast: false, limits: limits)
        try append.receive(60)
        #expect((try? append.receive(1)) == nil)
        #expect(append.offset == 100)
    }

    @Test func `a last body that ends before the upload's length does not complete it`() throws {
        var append = try UploadAppend(to: upload(), at: 40, isLast: true, limits: limits)
        try append.receive(10)
        #expect(throws: Problem.self) { try append.end() }
    }

    @Test func `no more than the limit is taken, announced or not`() throws {
        #expect(throws: Problem.self) {
            _ = try UploadAppend(to: upload(nil, at: 0), at: 0, isLast: true, contentLength: 1001, limits: limits)
        }
        var append = try UploadAppend(to: upload(nil, at: 0), at: 0, isLast: false, limits: limits)
        try append.receive(1000)
        let problem = try #require(throws: Problem.self) { try append.receive(1) }
        #expect(problem.status == 413)
    }

    @Test func `nothing is appended to an upload that has ended`() {
        var complete = upload()
        complete.phase = .complete(UploadedFile(digest: "00", width: 1, height: 1, format: "png"))
        #expect(throws: Problem.self) { _ = try UploadAppend(to: complete, at: 40, isLast: false, limits: limits) }
        var rejected = upload()
        rejected.phase = .rejected(code: "not-an-image", detail: "it is a text")
        #expect(throws: Problem.self) { _ = try UploadAppend(to: rejected, at: 40, isLast: false, limits: limits) }
    }
}
