import Foundation
import JobModel
import Protocol
import Testing

@Suite struct `Conversions from and to the wire` {
    private static func digest(_ byte: UInt8) throws -> BlobDigest {
        try #require(BlobDigest((0..<32).map { UInt8($0) ^ byte }))
    }

    private static func blob(_ byte: UInt8, _ count: UInt64 = 1000) throws -> BlobReference {
        BlobReference(digest: try digest(byte), byteCount: count)
    }

    private static let steps: [TaskStep] = [
        .whole, .decode, .chunk(stage: 0, index: 0), .chunk(stage: .max, index: .max), .reduce(stage: 0),
        .reduce(stage: 3),
    ]

    private static func lease(_ step: TaskStep = .whole, attempt: AttemptNumber = 1) -> LeaseID {
        LeaseID(task: TaskID(image: ImageID(job: JobID(12), index: 3), step: step), attempt: attempt)
    }

    private static func spec(_ step: TaskStep, inputs: [BlobSlice], value: BlobSlice? = nil) -> TaskSpec {
        TaskSpec(
            task: lease(step).task, pipeline: "gaussian-blur sigma=3 | sobel",
            geometry: ImageGeometry(width: 12_000, height: 9_000, channelCount: 3, bitsPerSample: 16),
            chunkByteCount: 16 << 20, maximumPixelCount: 4_000_000_000, maximumMetadataByteCount: 12_345,
            inputs: inputs,
            value: value, attachments: value.map { [$0.blob] } ?? [],
            progressTimeoutMilliseconds: 60_000)
    }

    /// Through bytes and back, as it goes over the wire.
    private static func sent<Message: FrameMessage>(_ message: Message) throws -> Message {
        try Message(decoding: .init(bytes: message.serializedBytes() as [UInt8]))
    }

    @Test(arguments: steps) func `a grant arrives as it was made`(step: TaskStep) throws {
        let slices = [
            BlobSlice(blob: try Self.blob(1), offset: 10, byteCount: 990), BlobSlice(try Self.blob(2, 0)),
        ]
        let lease = Self.lease(step, attempt: .max)
        for value in [nil, slices[0]] {
            let spec = Self.spec(step, inputs: slices, value: value)
            let message = try Self.sent(WireControl(.grantLease(WireGrantLease(lease: lease, spec: spec))))
            let arrived = try message.grantLease.validated()
            #expect(arrived.lease == lease)
            #expect(arrived.spec == spec)
        }
    }

    @Test func `a task that reads pieces says so, and has one file to read them from`() throws {
        let file = BlobSlice(try Self.blob(1))
        let step = TaskStep.chunk(stage: 0, index: 3)
        func grant(_ inputs: [BlobSlice]) throws -> WireGrantLease {
            let plain = Self.spec(step, inputs: inputs, value: file)
            let spec = TaskSpec(
                task: plain.task, pipeline: plain.pipeline, geometry: plain.geometry,
                chunkByteCount: plain.chunkByteCount, maximumPixelCount: plain.maximumPixelCount, isInPieces: true,
                inputs: inputs, value: file, progressTimeoutMilliseconds: 1)
            return try Self.sent(WireControl(.grantLease(WireGrantLease(lease: Self.lease(step), spec: spec))))
                .grantLease
        }
        #expect(try grant([file]).validated().spec.isInPieces)
        #expect(throws: ProtocolViolation.self) { try grant([file, file]).validated() }
    }

    @Test func `a task's output arrives as it was made`() throws {
        let outputs = [
            TaskOutput(),
            TaskOutput(
                payload: try Self.blob(1), summary: try Self.blob(2),
                checksum: SegmentChecksum([0xff, 0xff, 0xff, 0xff, 7]), metadata: try Self.blob(3),
                valueOffsets: [0, 5, 5, 1000]),
            TaskOutput(payload: try Self.blob(1), checksum: SegmentChecksum([1, 2, 3])),
            TaskOutput(payload: try Self.blob(1), checksum: SegmentChecksum(Array(repeating: 9, count: 256))),
            TaskOutput(
                metadata: try Self.blob(3),
                remarks: ImageRemark.Code.allCases.map { ImageRemark($0, count: 2, byteCount: 1 << 40) }),
        ]
        for output in outputs {
            let message = try Self.sent(
                WireControl(.taskFinished(WireTaskFinished(lease: Self.lease(.reduce(stage: 1)), output: output))))
            let arrived = try message.taskFinished.validated()
            #expect(arrived.lease == Self.lease(.reduce(stage: 1)))
            #expect(arrived.output == output)
        }
    }

    @Test func `a checksum of PNG's form is in the fields that older releases know, and too long a one is refused`()
        throws
    {
        let output = TaskOutput(checksum: SegmentChecksum([0x44, 0x33, 0x22, 0x11, 9]))
        var message = WireTaskFinished(lease: Self.lease(), output: output)
        #expect(
            message.checksum.adler32 == 0x1122_3344 && message.checksum.byteCount == 9 && message.checksum.form.isEmpty)
        message.checksum.form = Data(repeating: 0, count: 257)
        #expect(throws: ProtocolViolation.self) { try message.validated() }
    }

    @Test func `remarks that this release does not know, or twice, are dropped`() throws {
        var message = WireTaskFinished(
            lease: Self.lease(),
            output: TaskOutput(remarks: [ImageRemark(.partsIgnored, count: 1, byteCount: 2)]))
        message.remarks.append(.with { $0.code = "painted-over" })
        message.remarks.append(.with { $0.code = ImageRemark.Code.partsIgnored.name })
        #expect(try message.validated().output.remarks == [ImageRemark(.partsIgnored, count: 1, byteCount: 2)])
    }

    @Test func `a grant of an older master has the standard limit of metadata`() throws {
        var message = WireGrantLease(
            lease: Self.lease(), spec: Self.spec(.whole, inputs: [BlobSlice(try Self.blob(2, 0))]))
        message.maximumMetadataByteCount = 0
        #expect(try message.validated().spec.maximumMetadataByteCount == JobOptions.standardMetadataByteCount)
    }

    @Test(arguments: FailureCause.allCases) func `a failure keeps its cause, reason and output`(
        cause: FailureCause
    ) throws {
        let failure = Failure(cause, "what happened", outputTail: "last words")
        let message = try Self.sent(WireControl(.taskFailed(WireTaskFailed(lease: Self.lease(), failure: failure))))
        #expect(try message.taskFailed.validated() == (Self.lease(), failure))
    }

    @Test func `an unknown failure code is the worker's own error and stays readable`() {
        var wire = WireFailure()
        wire.code = "meteorite"
        wire.reason = "it fell"
        #expect(Failure(wire: wire) == Failure(.workerError, "meteorite: it fell"))
    }

    @Test func `each wrong field is named with its value`() throws {
        var lease = Self.lease().wire
        func violation(_ change: (inout WireLease) -> Void) -> ProtocolViolation? {
            var changed = lease
            change(&changed)
            return #expect(throws: ProtocolViolation.self) { try LeaseID(wire: changed) }
        }
        #expect(violation { $0.job = 0 }?.field == "Lease.job")
        #expect(violation { $0.attempt = 0 }?.field == "Lease.attempt")
        #expect(violation { $0.clearStep() }?.field == "Lease.step")
        #expect(violation { $0.step.whole = false }?.field == "Lease.step")
        lease = Self.lease(.chunk(stage: 1, index: 1)).wire
        let stage = violation { $0.step.chunk.stage = 65_536 }
        #expect(stage?.field == "Lease.step.chunk.stage")
        #expect(stage?.value == "65536")
        #expect(violation { $0.step.reduce = 70_000 }?.field == "Lease.step.reduce")
    }

    @Test func `a slice never reaches beyond its blob`() throws {
        let blob = try Self.blob(1, 100)
        func violation(offset: UInt64, byteCount: UInt64) -> ProtocolViolation? {
            var wire = BlobSlice(blob).wire
            wire.offset = offset
            wire.byteCount = byteCount
            return #expect(throws: ProtocolViolation.self) { try BlobSlice(wire: wire) }
        }
        #expect(violation(offset: 101, byteCount: 0)?.field == "BlobSlice.offset")
        #expect(violation(offset: 0, byteCount: 101)?.field == "BlobSlice.byte_count")
        #expect(violation(offset: 100, byteCount: 1)?.field == "BlobSlice.byte_count")
        // The sum wraps around to a small number.
        #expect(violation(offset: 50, byteCount: .max - 20)?.field == "BlobSlice.byte_count")
        #expect(violation(offset: .max, byteCount: 1)?.field == "BlobSlice.offset")
        #expect(throws: ProtocolViolation.self) { try BlobSlice(wire: WireBlobSlice()) }
        var edge = BlobSlice(blob).wire
        edge.offset = 100
        edge.byteCount = 0
        #expect(try BlobSlice(wire: edge) == BlobSlice(blob: blob, offset: 100, byteCount: 0))
    }

    @Test(arguments: [0, 31, 33, 64]) func `a digest has 32 bytes`(count: Int) {
        let error = #expect(throws: ProtocolViolation.self) { try BlobDigest(wire: Data(count: count)) }
        #expect(error?.value == "\(count) bytes")
    }

    @Test func `a size beyond half of the range is refused`() throws {
        var wire = try Self.blob(1).wire
        wire.byteCount = 1 << 63
        #expect(throws: ProtocolViolation.self) { try BlobReference(wire: wire) }
        wire.byteCount = 1 << 63 - 1
        #expect(try BlobReference(wire: wire).byteCount == UInt64(Int64.max))
    }

    @Test func `a geometry that no image has is refused`() throws {
        let good = ImageGeometry(width: 1, height: 1, channelCount: 4, bitsPerSample: 8).wire
        #expect(try ImageGeometry(wire: good).channelCount == 4)
        let changes: [(String, (inout WireGeometry) -> Void)] = [
            ("width", { $0.width = 0 }), ("height", { $0.height = 0 }), ("channel_count", { $0.channelCount = 0 }),
            ("channel_count", { $0.channelCount = 5 }), ("channel_count", { $0.channelCount = 257 }),
            ("bits_per_sample", { $0.bitsPerSample = 0 }), ("bits_per_sample", { $0.bitsPerSample = 12 }),
            ("bits_per_sample", { $0.bitsPerSample = 264 }),
        ]
        for (field, change) in changes {
            var wire = good
            change(&wire)
            let error = #expect(throws: ProtocolViolation.self) { try ImageGeometry(wire: wire) }
            #expect(error?.field == "Geometry.\(field)")
        }
    }

    @Test func `a grant without inputs, chunk size or pixel limit is refused`() throws {
        let spec = Self.spec(.whole, inputs: [BlobSlice(try Self.blob(1))])
        let good = WireGrantLease(lease: Self.lease(), spec: spec)
        let changes: [(String, (inout WireGrantLease) -> Void)] = [
            ("inputs", { $0.inputs = [] }), ("inputs[0].blob", { $0.inputs[0].clearBlob() }),
            ("chunk_byte_count", { $0.chunkByteCount = 0 }), ("maximum_pixel_count", { $0.maximumPixelCount = 0 }),
            ("lease.job", { $0.clearLease() }), ("geometry.width", { $0.clearGeometry() }),
            ("value.blob", { $0.value = WireBlobSlice() }),
        ]
        for (field, change) in changes {
            var wire = good
            change(&wire)
            let error = #expect(throws: ProtocolViolation.self) { _ = try wire.validated() }
            #expect(error?.field == "GrantLease.\(field)")
        }
    }

    @Test(arguments: [-0.1, 1.1, .nan, .infinity]) func `progress is a share`(progress: Double) {
        let held = WireHeldLease(lease: Self.lease(), started: true, progress: progress)
        #expect(throws: ProtocolViolation.self) { _ = try held.validated() }
    }

    @Test func `value offsets go up`() {
        let output = TaskOutput(valueOffsets: [0, 9, 8])
        let error = #expect(throws: ProtocolViolation.self) {
            _ = try WireTaskFinished(lease: Self.lease(), output: output).validated()
        }
        #expect(error?.field == "TaskFinished.value_offsets[2]")
    }

    @Test func `a long value is cut in the message`() {
        let violation = ProtocolViolation(field: "name", value: String(repeating: "x", count: 500), allowed: "less")
        #expect(violation.description.count < 200)
    }
}
