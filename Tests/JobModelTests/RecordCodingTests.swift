import ByteCoding
import JobModel
import Testing

@Suite struct RecordCodingTests {
    @Test(arguments: RecordKind.allCases)
    func `every kind of record reads back as it was written`(kind: RecordKind) throws {
        var samples = Samples(seed: UInt64(kind.rawValue))
        for _ in 0..<500 {
            let record = samples.record(kind)
            #expect(record.kind == kind)
            #expect(try Record(decoding: record.encoded()) == record)
        }
    }

    @Test(arguments: RecordKind.allCases)
    func `a record cut short anywhere is refused`(kind: RecordKind) {
        var samples = Samples(seed: 100 + UInt64(kind.rawValue))
        for _ in 0..<40 {
            let bytes = samples.record(kind).encoded()
            for count in bytes.indices {
                #expect(throws: BinaryCodingError.self) { try Record(decoding: Array(bytes[..<count])) }
            }
        }
    }

    @Test func `bytes after a record are refused`() {
        var samples = Samples(seed: 7)
        for kind in RecordKind.allCases {
            let bytes = samples.record(kind).encoded() + [0]
            #expect(throws: BinaryCodingError("1 bytes too many")) { try Record(decoding: bytes) }
        }
    }

    @Test func `an unknown version is refused before anything else is read`() {
        let bytes = [Record.codingVersion + 1] + Record.jobForgotten(JobID(1)).encoded().dropFirst()
        #expect(throws: BinaryCodingError("a record of version 8; this program reads versions 1 to 7")) {
            try Record(decoding: bytes)
        }
    }

    @Test func `each record is written in the oldest version that has it`() {
        #expect(Record.jobForgotten(JobID(1)).encoded().first == 1)
        let new = Record.imageReplanned(ImageID(job: JobID(1), index: 0), chunkByteCount: 5).encoded()
        #expect(new.first == 2)
        #expect(throws: BinaryCodingError("15 is not a kind of record in version 1")) {
            try Record(decoding: [1] + new.dropFirst())
        }
    }

    @Test func `each cause of a failure, and each reservation, is of the version that brought it`() throws {
        let lease = LeaseID(task: TaskID(image: ImageID(job: JobID(1), index: 0), step: .whole), attempt: 1)
        func version(_ cause: FailureCause) -> UInt8? {
            Record.attemptEnded(lease, worker: WorkerID(1), failure: Failure(cause, "a reason")).encoded().first
        }
        let versions: [FailureCause: UInt8] = [.movedToIdleWorker: 4, .disputed: 5, .workerQuarantined: 5]
        for cause in FailureCause.allCases { #expect(version(cause) == versions[cause] ?? 1) }
        let reserved = Record.workersReserved(through: WorkerID(64)).encoded()
        #expect(reserved.first == 4)
        #expect(throws: BinaryCodingError("17 is not a kind of record in version 3")) {
            try Record(decoding: [3] + reserved.dropFirst())
        }
    }

    @Test func `a job without audits, and a result of the lease's holder, are written as before`() throws {
        var samples = Samples(seed: 5)
        let job = samples.jobDescription()
        func opened(_ options: JobOptions) -> Record {
            .jobOpened(
                JobDescription(
                    id: job.id, token: job.token, submitter: job.submitter, priority: job.priority,
                    pipeline: job.pipeline, options: options, submittedAt: job.submittedAt))
        }
        #expect(opened(JobOptions()).encoded().first == 1)
        #expect(opened(JobOptions(auditShare: .all)).encoded().first == 5)
        #expect(opened(JobOptions(isRevocable: true)).encoded().first == 5)
        let lease = LeaseID(task: TaskID(image: ImageID(job: JobID(1), index: 0), step: .whole), attempt: 1)
        #expect(Record.taskCompleted(lease, output: TaskOutput()).encoded().first == 1)
        #expect(Record.taskCompleted(lease, output: TaskOutput(), by: WorkerID(3)).encoded().first == 5)
    }

    @Test func `a share is read as a number or a percentage`() {
        let read: [String: UInt32] = [
            "0": 0, "1": 1_000_000, "0.5%": 5_000, "0.005": 5_000, "100%": 1_000_000, "0.000001": 1,
            "12.3456%": 123_456,
            "1.0": 1_000_000, "0%": 0,
        ]
        for (text, millionths) in read { #expect(AuditShare(text: text)?.millionths == millionths, "\(text)") }
        for text in ["", "%", "1.1", "-1", "101%", "0.0000001", "0.00001%", ".5", "5.", "1e-3", "all", "0,5", "0.5 %"] {
            #expect(AuditShare(text: text) == nil, "\(text)")
        }
        #expect(AuditShare(millionths: 5_000).description == "0.5 %")
        #expect(AuditShare.all.description == "100 %" && AuditShare(millionths: 1).description == "0.0001 %")
    }

    @Test func `unknown kinds, states, causes and steps are refused`() {
        let known = Set(RecordKind.allCases.map(\.rawValue))
        for number in UInt8.min...UInt8.max where !known.contains(number) {
            #expect(throws: BinaryCodingError("\(number) is not a kind of record in version \(Record.codingVersion)")) {
                try Record(decoding: [Record.codingVersion, number, 1])
            }
        }
        #expect(throws: BinaryCodingError("7 is not a job state")) {
            try Record(decoding: [Record.codingVersion, RecordKind.jobFinished.rawValue, 1, 7, 0])
        }
        #expect(throws: BinaryCodingError("0 is not a cause of a failure")) {
            try Record(decoding: [Record.codingVersion, RecordKind.imageFailed.rawValue, 1, 0, 0, 0, 0, 0])
        }
        #expect(throws: BinaryCodingError("4 is not a task step")) {
            try Record(decoding: [Record.codingVersion, RecordKind.attemptStarted.rawValue, 1, 0, 4, 1, 1])
        }
    }

    @Test func `numbers above their type's range are refused`() {
        // An image index of 2^32 in an imageRedriven of job 1.
        let bytes = [Record.codingVersion, RecordKind.imageRedriven.rawValue, 1, 0x80, 0x80, 0x80, 0x80, 0x10]
        #expect(throws: BinaryCodingError("4294967296 is above the limit of 4294967295")) {
            try Record(decoding: bytes)
        }
    }

    @Test func `a count alone does not reserve memory`() {
        // 2^62 images in no bytes at all.
        var writer = BinaryWriter()
        writer.write(Record.codingVersion)
        writer.write(RecordKind.imagesAdded.rawValue)
        writer.writeVariable(1)
        writer.writeVariable(1 << 62)
        #expect(throws: BinaryCodingError("4611686018427387904 elements do not fit the 0 bytes that are left")) {
            try Record(decoding: writer.bytes)
        }
    }

    @Test func `an impossible geometry is refused`() {
        for (width, height, channels, bits) in [(0, 1, 1, 8), (1, 0, 1, 8), (1, 1, 0, 8), (1, 1, 5, 8), (1, 1, 1, 12)] {
            let bytes = [width, height, channels, bits].map(UInt8.init)
            #expect(throws: BinaryCodingError.self) { try ImageGeometry(decoding: bytes) }
        }
        #expect(throws: Never.self) { try ImageGeometry(decoding: [1, 1, 1, 8]) }
    }

    /// The journals of released versions must stay readable: these bytes may never change their meaning.
    @Test func `the written form of version 1 stays as it is`() throws {
        let digest = BlobDigest((0..<32).map { UInt8($0) })
        guard let digest else { return #expect(Bool(false), "a digest has 32 bytes") }
        let lease = LeaseID(
            task: TaskID(image: ImageID(job: JobID(300), index: 5), step: .chunk(stage: 1, index: 2)), attempt: 3)
        let output = TaskOutput(
            payload: BlobReference(digest: digest, byteCount: 128),
            checksum: SegmentChecksum([0x44, 0x33, 0x22, 0x11, 9]), valueOffsets: [7])
        let expected: [UInt8] =
            [1, 6, 0xAC, 0x02, 5, 2, 1, 2, 3] + [1] + (0..<32) + [0x80, 0x01] + [0] + [1, 0x44, 0x33, 0x22, 0x11, 9] + [
                0
            ]
            + [1, 7]
        let record = Record.taskCompleted(lease, output: output)
        #expect(record.encoded() == expected)
        #expect(try Record(decoding: expected) == record)
        #expect(
            Record.jobFinished(JobID(1), state: .partlyFailed, at: 1000).encoded() == [1, 12, 1, 4, 0xE8, 0x07])
    }

    @Test func `a checksum of another format than PNG's is written in version 4`() throws {
        let lease = LeaseID(task: TaskID(image: ImageID(job: JobID(1), index: 0), step: .whole), attempt: 1)
        for bytes: [UInt8] in [[], [1, 2, 3], [1, 2, 3, 4, 0x80, 0x00], Array(repeating: 7, count: 256)] {
            let record = Record.taskCompleted(lease, output: TaskOutput(checksum: SegmentChecksum(bytes)))
            #expect(record.encoded()[0] == 4)
            #expect(try Record(decoding: record.encoded()) == record)
        }
        let tooLong = Record.taskCompleted(
            lease, output: TaskOutput(checksum: SegmentChecksum(Array(repeating: 0, count: 257))))
        #expect(throws: BinaryCodingError.self) { try Record(decoding: tooLong.encoded()) }
    }

    @Test func `only an output with remarks needs version 5, and is without them in earlier ones`() throws {
        let lease = LeaseID(task: TaskID(image: ImageID(job: JobID(1), index: 0), step: .whole), attempt: 1)
        #expect(Record.taskCompleted(lease, output: TaskOutput()).encoded()[0] == 1)
        let remarks = ImageRemark.Code.allCases.map { ImageRemark($0, count: 3, byteCount: 1 << 40) }
        let record = Record.taskCompleted(lease, output: TaskOutput(remarks: remarks))
        #expect(record.encoded()[0] == 5)
        #expect(try Record(decoding: record.encoded()) == record)
        // The last remark: its code, a count of one byte and a size of six. Behind it, that no worker is named.
        var unknown = record.encoded()
        unknown[unknown.count - 9] = 99
        #expect(throws: BinaryCodingError("99 is not a code of a remark")) { try Record(decoding: unknown) }
    }

    @Test func `only a job with a limit of metadata of its own needs version 5, and earlier ones have the standard`()
        throws
    {
        func record(_ options: JobOptions) -> Record {
            .jobOpened(
                JobDescription(
                    id: JobID(1), token: "t", submitter: "s", priority: 0, pipeline: "invert", options: options,
                    submittedAt: 7))
        }
        let usual = record(JobOptions())
        #expect(usual.encoded()[0] == 1)
        #expect(try Record(decoding: usual.encoded()) == usual)
        let own = record(JobOptions(maximumMetadataByteCount: 0))
        #expect(own.encoded()[0] == 5)
        #expect(try Record(decoding: own.encoded()) == own)
    }

    @Test func `only a record with an image that is decoded as a whole needs version 4`() throws {
        let geometry = ImageGeometry(width: 1, height: 1, channelCount: 1, bitsPerSample: 8)
        for needsWholeImage in [false, true] {
            let digest = try #require(BlobDigest(Array(repeating: 0, count: 32)))
            let image = ImageDescription(
                index: 0, name: "", input: BlobReference(digest: digest, byteCount: 1),
                admission: .accepted(geometry, needsWholeImage: needsWholeImage))
            let record = Record.imagesAdded(JobID(1), [image])
            #expect(record.encoded()[0] == (needsWholeImage ? 4 : 1))
            #expect(try Record(decoding: record.encoded()) == record)
        }
    }

    @Test func `only a record with an image that is read by its pieces needs version 7`() throws {
        let geometry = ImageGeometry(width: 9, height: 9, channelCount: 1, bitsPerSample: 8)
        let digest = try #require(BlobDigest(Array(repeating: 0, count: 32)))
        func record(_ pieces: PieceFacts?) -> Record {
            let image = ImageDescription(
                index: 0, name: "", input: BlobReference(digest: digest, byteCount: 1),
                admission: .accepted(geometry, coding: ImageCoding(decoding: "page=2"), pieces: pieces))
            return .imagesAdded(JobID(1), [image])
        }
        #expect(record(nil).encoded()[0] == 6)
        let pieces = record(PieceFacts(count: 3, rowsPerBand: 4, largestBandByteCount: 500))
        #expect(pieces.encoded()[0] == 7)
        #expect(try Record(decoding: pieces.encoded()) == pieces)
        for facts in [
            PieceFacts(count: 0, rowsPerBand: 4, largestBandByteCount: 5),
            PieceFacts(count: 3, rowsPerBand: 0, largestBandByteCount: 5),
            PieceFacts(count: 3, rowsPerBand: 4, largestBandByteCount: 1 << 48),
        ] {
            #expect(throws: BinaryCodingError.self, "plans compute with them") {
                try PieceFacts(decoding: facts.encoded())
            }
        }
    }

    @Test func `garbage never traps, and what reads as a record is one`() throws {
        var samples = Samples(seed: 42)
        var readCount = 0
        for round in 0..<20_000 {
            let bytes: [UInt8]
            if round.isMultiple(of: 2) {
                bytes = [Record.codingVersion] + samples.bytes(samples.count(upTo: 80))
            } else {
                let kind = RecordKind.allCases[round / 2 % RecordKind.allCases.count]
                bytes = samples.damaged(samples.record(kind).encoded())
            }
            guard let record = try? Record(decoding: bytes) else { continue }
            readCount += 1
            #expect(try Record(decoding: record.encoded()) == record)
        }
        // Damage in a text or a number leaves a record: both ends of the branch were taken.
        #expect(readCount > 1000 && readCount < 15_000)
    }
}

@Suite struct ChunkPiecesTests {
    @Test func `pieces read back as they were written, and ranges have to be in order within a file`() throws {
        let pieces = ChunkPieces(format: "tiff", ranges: [0..<1, 1..<9, 100..<1 << 40], layout: [1, 2, 3])
        #expect(try ChunkPieces(decoding: pieces.encoded()) == pieces)
        #expect(pieces.byteCount == 1 + 8 + (1 << 40) - 100)
        let bytes = pieces.encoded()
        for count in bytes.indices {
            #expect(throws: BinaryCodingError.self) { try ChunkPieces(decoding: Array(bytes[..<count])) }
        }
        func written(_ numbers: [UInt64]) -> [UInt8] {
            var writer = BinaryWriter()
            writer.write("tiff")
            writer.writeVariable(UInt64(numbers.count / 2))
            for number in numbers { writer.writeVariable(number) }
            writer.write([UInt8]())
            return writer.bytes
        }
        #expect(try ChunkPieces(decoding: written([4, 2, 6, 1])).ranges == [4..<6, 6..<7])
        for wrong: [UInt64] in [[4, 2, 5, 1], [9, 0], [.max, 1], [1 << 63, 1], [8, 2, 1, 1]] {
            #expect(throws: BinaryCodingError.self) { try ChunkPieces(decoding: written(wrong)) }
        }
    }
}

@Suite struct TaskSpecCodingTests {
    @Test func `specs and outputs read back as they were written`() throws {
        var samples = Samples(seed: 1)
        for _ in 0..<2000 {
            let spec = samples.spec()
            #expect(try TaskSpec(decoding: spec.encoded()) == spec)
            let output = samples.output()
            #expect(try TaskOutput(decoding: output.encoded()) == output)
        }
    }

    @Test func `specs and outputs follow each other without separators`() throws {
        var samples = Samples(seed: 2)
        let spec = samples.spec()
        let output = samples.output()
        var writer = BinaryWriter()
        spec.encode(into: &writer)
        output.encode(into: &writer)
        var reader = BinaryReader(writer.bytes)
        #expect(try TaskSpec(from: &reader) == spec)
        #expect(try TaskOutput(from: &reader) == output)
        try reader.finish()
    }

    @Test func `specs and outputs cut short anywhere are refused`() {
        var samples = Samples(seed: 3)
        for _ in 0..<40 {
            let spec = samples.spec().encoded()
            for count in spec.indices {
                #expect(throws: BinaryCodingError.self) { try TaskSpec(decoding: Array(spec[..<count])) }
            }
            let output = samples.output().encoded()
            for count in output.indices {
                #expect(throws: BinaryCodingError.self) { try TaskOutput(decoding: Array(output[..<count])) }
            }
        }
    }

    @Test func `a slice beyond its blob is refused`() {
        var samples = Samples(seed: 4)
        let blob = BlobReference(digest: samples.digest(), byteCount: 100)
        for (offset, byteCount) in [(101, 0), (100, 1), (0, 101), (1, .max), (.max, 1)] as [(UInt64, UInt64)] {
            let bytes = BlobSlice(blob: blob, offset: offset, byteCount: byteCount).encoded()
            #expect(throws: BinaryCodingError.self, "\(offset)+\(byteCount)") { try BlobSlice(decoding: bytes) }
        }
    }

    @Test func `garbage never traps`() {
        var samples = Samples(seed: 5)
        for _ in 0..<5000 {
            let spec = samples.damaged(samples.spec().encoded())
            if let read = try? TaskSpec(decoding: spec) { #expect((try? TaskSpec(decoding: read.encoded())) == read) }
            let output = samples.damaged(samples.output().encoded())
            if let read = try? TaskOutput(decoding: output) {
                #expect((try? TaskOutput(decoding: read.encoded())) == read)
            }
        }
    }
}

@Suite struct BinaryCodingTests {
    @Test func `counts have one to ten bytes`() throws {
        for (value, byteCount) in [(0, 1), (127, 1), (128, 2), (16383, 2), (16384, 3), (.max, 10)] as [(UInt64, Int)] {
            var writer = BinaryWriter()
            writer.writeVariable(value)
            #expect(writer.bytes.count == byteCount)
            var reader = BinaryReader(writer.bytes)
            #expect(try reader.readVariable() == value)
        }
    }

    @Test func `a count of more than 64 bits is refused`() {
        for last in [0x02, 0x7F, 0x80, 0xFF] as [UInt8] {
            var reader = BinaryReader([UInt8](repeating: 0xFF, count: 9) + [last, 0])
            #expect(throws: BinaryCodingError("a count is longer than 64 bits")) { try reader.readVariable() }
        }
    }

    @Test func `a digest is written in its printed order`() throws {
        let hex = "00112233445566778899aabbccddeeff0123456789abcdeffedcba9876543210"
        let digest = try #require(BlobDigest(hex: hex))
        #expect(digest.encoded() == digest.bytes)
        #expect(digest.description == hex)
        #expect(try BlobDigest(decoding: digest.bytes) == digest)
    }
}
