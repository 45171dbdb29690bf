import JobModel
import SeededRandom

/// Draws values of the model from their whole range, extremes more often than chance would.
struct Samples {
    private var random: SeededGenerator

    init(seed: UInt64) { random = SeededGenerator(seed: seed) }

    mutating func number<Value: FixedWidthInteger & UnsignedInteger>(_: Value.Type = Value.self) -> Value {
        switch UInt8.random(in: 0..<8, using: &random) {
        case 0: 0
        case 1: .max
        case 2: 1
        default:
            Value.random(in: 0 ... .max, using: &random) >> Value.random(in: 0..<Value(Value.bitWidth), using: &random)
        }
    }

    mutating func bool() -> Bool { Bool.random(using: &random) }
    mutating func count(upTo limit: Int) -> Int { Int.random(in: 0...limit, using: &random) }
    mutating func bytes(_ count: Int) -> [UInt8] {
        (0..<count).map { _ in UInt8.random(in: 0 ... .max, using: &random) }
    }

    mutating func text() -> String {
        let alphabet: [Character] = ["a", "Z", " ", "\n", "\0", "é", "日", "👩‍👩‍👧", "=", "\""]
        return String((0..<count(upTo: 12)).compactMap { _ in alphabet.randomElement(using: &random) })
    }

    mutating func job() -> JobID { JobID(number()) }
    mutating func worker() -> WorkerID { WorkerID(number()) }
    mutating func image() -> ImageID { ImageID(job: job(), index: number()) }

    mutating func step() -> TaskStep {
        switch count(upTo: 3) {
        case 0: .whole
        case 1: .decode
        case 2: .chunk(stage: number(), index: number())
        default: .reduce(stage: number())
        }
    }

    mutating func task() -> TaskID { TaskID(image: image(), step: step()) }
    mutating func lease() -> LeaseID { LeaseID(task: task(), attempt: number()) }

    mutating func digest() -> BlobDigest {
        guard let digest = BlobDigest(bytes(32)) else { preconditionFailure("a digest has 32 bytes") }
        return digest
    }

    mutating func blob() -> BlobReference { BlobReference(digest: digest(), byteCount: number()) }

    mutating func slice() -> BlobSlice {
        let blob = blob()
        let offset = UInt64.random(in: 0...blob.byteCount, using: &random)
        let byteCount = UInt64.random(in: 0...blob.byteCount - offset, using: &random)
        return BlobSlice(blob: blob, offset: offset, byteCount: byteCount)
    }

    mutating func geometry() -> ImageGeometry {
        ImageGeometry(
            width: max(1, number()), height: max(1, number()), channelCount: UInt8.random(in: 1...4, using: &random),
            bitsPerSample: bool() ? 8 : 16)
    }

    mutating func failure() -> Failure {
        let cause = FailureCause.allCases.randomElement(using: &random) ?? .hung
        return Failure(cause, text(), outputTail: text())
    }

    mutating func coding() -> ImageCoding {
        guard bool() else { return .standard }
        return ImageCoding(
            decoding: text(), encoding: text(), segmentByteCount: UInt64(max(1, number() as UInt32)),
            rowsPerBlock: max(1, number()),
            orientation: UInt8.random(in: 1...8, using: &random))
    }

    mutating func imageDescription() -> ImageDescription {
        ImageDescription(
            index: number(), name: text(), input: blob(),
            admission: bool() ? .accepted(accepted()) : .refused(failure()))
    }

    mutating func accepted() -> AcceptedImage {
        guard bool() else { return AcceptedImage(geometry(), needsWholeImage: bool(), coding: coding()) }
        let pieces = PieceFacts(
            count: max(1, number()), rowsPerBand: max(1, number()), largestBandByteCount: number() >> 16)
        return AcceptedImage(geometry(), coding: coding(), pieces: pieces)
    }

    mutating func jobDescription() -> JobDescription {
        JobDescription(
            id: job(), token: text(), submitter: text(), priority: Int32(bitPattern: number()), pipeline: text(),
            options: JobOptions(
                chunkByteCount: number(), maximumPixelCount: number(), mayUseCache: bool(), maximumAttempts: number(),
                auditShare: bool() ? .none : AuditShare(millionths: number() % 1_000_001), isRevocable: bool(),
                maximumMetadataByteCount: bool() ? JobOptions.standardMetadataByteCount : number(),
                encoding: bool() ? "" : text(), decoding: bool() ? "" : text()),
            submittedAt: number())
    }

    mutating func spec() -> TaskSpec {
        TaskSpec(
            task: task(), pipeline: text(), geometry: geometry(), chunkByteCount: number(), maximumPixelCount: number(),
            maximumMetadataByteCount: number(), coding: coding(), isInPieces: bool(),
            inputs: (0..<count(upTo: 4)).map { _ in slice() }, value: bool() ? slice() : nil,
            attachments: (0..<count(upTo: 3)).map { _ in blob() },
            progressTimeoutMilliseconds: number())
    }

    /// A checksum as PNG has it, or any bytes.
    mutating func checksum() -> SegmentChecksum {
        SegmentChecksum(
            bool() ? bytes(4) + [UInt8(truncatingIfNeeded: number() as UInt32) & 0x7f] : bytes(count(upTo: 9)))
    }

    mutating func output() -> TaskOutput {
        TaskOutput(
            payload: bool() ? blob() : nil, summary: bool() ? blob() : nil,
            checksum: bool() ? checksum() : nil,
            metadata: bool() ? blob() : nil, valueOffsets: (0..<count(upTo: 5)).map { _ in number() },
            remarks: ImageRemark.Code.allCases.filter { _ in bool() && bool() }.map {
                ImageRemark($0, count: number(), byteCount: number())
            })
    }

    mutating func record(_ kind: RecordKind) -> Record {
        switch kind {
        case .jobOpened: .jobOpened(jobDescription())
        case .imagesAdded: .imagesAdded(job(), (0..<count(upTo: 4)).map { _ in imageDescription() })
        case .jobSealed: .jobSealed(job(), imageCount: number())
        case .attemptStarted: .attemptStarted(lease(), worker: worker())
        case .bandPublished: .bandPublished(task(), band: number(), blob: blob(), by: bool() ? worker() : nil)
        case .taskCompleted: .taskCompleted(lease(), output: output(), by: bool() ? worker() : nil)
        case .attemptEnded: .attemptEnded(lease(), worker: worker(), failure: failure())
        case .imageCompleted: .imageCompleted(image(), result: blob(), fromCache: bool())
        case .imageFailed: .imageFailed(image(), failure: failure(), deadLettered: bool())
        case .imageRedriven: .imageRedriven(image())
        case .imageRestarted: .imageRestarted(image())
        case .jobFinished:
            .jobFinished(job(), state: JobState.allCases.randomElement(using: &random) ?? .done, at: number())
        case .jobCancelled: .jobCancelled(job(), at: number())
        case .jobForgotten: .jobForgotten(job())
        case .imageReplanned: .imageReplanned(image(), chunkByteCount: number())
        case .jobRevised: .jobRevised(job(), resultRevision: number())
        case .workersReserved: .workersReserved(through: worker())
        case .auditsSalted: .auditsSalted(AuditSalt(number(), number()))
        case .taskAudited: .taskAudited(lease(), opinion: number())
        case .auditEnded: .auditEnded(task(), AuditEnd.allCases.randomElement(using: &random) ?? .failed)
        case .imageWithdrawn: .imageWithdrawn(image())
        case .resultsSettled: .resultsSettled(job(), count: number())
        case .workerQuarantined: .workerQuarantined(worker(), name: text(), evidence: lease(), at: number())
        case .workerReleased: .workerReleased(worker())
        }
    }

    /// One to four bytes of `bytes` changed, removed or added.
    mutating func damaged(_ bytes: [UInt8]) -> [UInt8] {
        var bytes = bytes
        for _ in 0...count(upTo: 3) {
            let position = count(upTo: bytes.count)
            switch count(upTo: 2) {
            case 0 where position < bytes.count: bytes[position] ^= 1 << UInt8(count(upTo: 7))
            case 1 where position < bytes.count: bytes.remove(at: position)
            default: bytes.insert(number(), at: position)
            }
        }
        return bytes
    }
}
