import JobModel
import MasterClient
import Protocol
import Testing

@testable import ClientKit

/// What a program reads of a result that is being computed.
@Suite struct `Partial results` {
    private static let image = ImageID(job: JobID(17), index: 0)
    private static let output = ImageGeometry(width: 10, height: 100, channelCount: 3, bitsPerSample: 8)

    private static func bytes(_ chunk: UInt32) -> [UInt8] { Array("segments of chunk \(chunk)".utf8) }

    /// Chunks of ten rows.
    private static func rows(_ chunk: UInt32) -> FinishedRows {
        FinishedRows(
            rows: chunk * 10..<chunk * 10 + 10, segments: BlobReference(to: bytes(chunk)),
            checksum: SegmentChecksum([1, 0, 0, 0, UInt8(chunk)]))
    }

    private static func running(_ chunks: [UInt32], run: UInt32 = 0) -> PartialResult {
        PartialResult(state: .running, run: run, output: output, finished: chunks.map(rows))
    }

    private static func master(_ partials: [PartialResult?], storing chunks: [UInt32] = []) -> ModelMaster {
        ModelMaster { state in
            state.partials = partials
            for chunk in chunks { state.blobs[BlobReference(to: bytes(chunk)).digest] = bytes(chunk) }
        }
    }

    @Test func `pages are put together`() async throws {
        let chunks: [UInt32] = [0, 1, 2, 4, 5, 7, 9]
        let master = Self.master([Self.running(chunks)])
        try await TestSession.with(master) { test in
            let all = try await test.session.partialResult(of: Self.image)
            #expect(all == Self.running(chunks))
            let rest = try await test.session.partialResult(of: Self.image, firstRow: 35, run: 0)
            #expect(rest == Self.running([4, 5, 7, 9]))
        }
        #expect(
            master.calls == [
                "partialResult 0", "partialResult 40", "partialResult 90", "partialResult 35", "partialResult 90",
            ])
    }

    @Test func `an image that starts over between two pages is listed from its first row`() async throws {
        let master = Self.master([
            Self.running([0, 1, 2, 3, 4]), Self.running([5], run: 7), Self.running([0, 5], run: 7),
        ])
        try await TestSession.with(master) { test in
            let all = try await test.session.partialResult(of: Self.image)
            #expect(all == Self.running([0, 5], run: 7))
        }
    }

    @Test func `a caller that knows an earlier run is told all rows of the present one`() async throws {
        let master = Self.master([Self.running([0, 5], run: 7)])
        try await TestSession.with(master) { test in
            let all = try await test.session.partialResult(of: Self.image, firstRow: 30, run: 0)
            #expect(all == Self.running([0, 5], run: 7))
            let same = try await test.session.partialResult(of: Self.image, firstRow: 30, run: 7)
            #expect(same == Self.running([5], run: 7))
        }
    }

    @Test func `a master of an earlier release says nothing`() async throws {
        try await TestSession.with(Self.master([nil])) { test in
            let partial = try await test.session.partialResult(of: Self.image)
            #expect(partial == nil)
        }
    }

    @Test func `segments are read, and checked`() async throws {
        try await TestSession.with(Self.master([Self.running([3])], storing: [3])) { test in
            let outcome = try await test.session.segments(of: Self.rows(3), of: Self.image, run: 0)
            #expect(outcome == .bytes(Self.bytes(3)))
        }
    }

    @Test func `segments that went into the file are replaced by the result`() async throws {
        let done = PartialResult(state: .done, run: 0, result: BlobReference(to: [1, 2, 3]))
        try await TestSession.with(Self.master([done])) { test in
            let outcome = try await test.session.segments(of: Self.rows(3), of: Self.image, run: 0)
            #expect(outcome == .replaced(by: done))
        }
    }

    @Test func `segments of a run that is over are replaced by what the present one has`() async throws {
        let again = Self.running([1], run: 4)
        try await TestSession.with(Self.master([again], storing: [1])) { test in
            let outcome = try await test.session.segments(of: Self.rows(1), of: Self.image, run: 0)
            #expect(outcome == .bytes(Self.bytes(1)), "they are there, whatever run gave them")
            let gone = try await test.session.segments(of: Self.rows(3), of: Self.image, run: 0)
            #expect(gone == .replaced(by: PartialResult(state: .running, run: 4, output: Self.output)))
        }
    }

    @Test func `segments that are told and not there are asked for once more, not for ever`() async throws {
        let master = Self.master([Self.running([3])])
        try await TestSession.with(master) { test in
            let refusal = await #expect(throws: MasterRefusal.self) {
                try await test.session.segments(of: Self.rows(3), of: Self.image, run: 0)
            }
            #expect(refusal?.code == .blobNotFound)
        }
        #expect(master.calls.count { $0 == "getBlob" } == 2)
    }

    // MARK: The master's word

    private static func list(_ rows: [(UInt32, UInt32)], height: UInt32 = 100) -> WireSegmentList {
        .with {
            $0.state = "running"
            $0.output = ImageGeometry(width: 10, height: height, channelCount: 3, bitsPerSample: 8).wire
            $0.finished = rows.map { first, count in
                WireFinishedRows(first..<first + count, BlobReference(to: [1]), SegmentChecksum([1, 0, 0, 0, 1]))
            }
        }
    }

    @Test func `a list arrives as it was sent`() throws {
        let partial = try PartialResult(wire: Self.list([(0, 10), (10, 20), (90, 10)]))
        #expect(partial.finished.map(\.rows) == [0..<10, 10..<30, 90..<100])
        #expect(partial.finished[0].segments == BlobReference(to: [1]))
        #expect(partial.finished[0].checksum == SegmentChecksum([1, 0, 0, 0, 1]))
        #expect(partial.state == .running && partial.nextRow == nil && partial.result == nil)
    }

    @Test(arguments: [[(0, 0)], [(95, 6)], [(100, 1)], [(10, 10), (19, 5)], [(10, 10), (0, 5)], [(.max, .max)]])
    func `rows that cannot be are the master's error`(rows: [(UInt32, UInt32)]) throws {
        let wire = WireSegmentList.with { list in
            list.output = Self.list([]).output
            list.finished = rows.map { first, count in
                .with {
                    $0.firstRow = first
                    $0.rowCount = count
                    $0.segments = BlobReference(to: [1]).wire
                }
            }
        }
        #expect(throws: ProtocolViolation.self) { try PartialResult(wire: wire) }
        var nameless = wire
        nameless.clearOutput()
        #expect(throws: ProtocolViolation.self) { try PartialResult(wire: nameless) }
    }
}
