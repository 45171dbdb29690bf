import ByteCoding

// The binary form of the journal's records; see TaskSpecCoding.swift for the parts and the notation.
//
//     Record            u8 version | u8 kind | the kind's fields
//      1 jobOpened          JobDescription | audit share in millionths | u8 revocable     (the last two since version 5)
//      2 imagesAdded        JobID | ImageDescription[]
//      3 jobSealed          JobID | image count
//      4 attemptStarted     LeaseID | WorkerID
//      5 bandPublished      TaskID | band | BlobReference | WorkerID             (the last since version 5)
//      6 taskCompleted      LeaseID | TaskOutput | WorkerID
//                           (a checksum of any form since version 4, remarks and the worker since version 5)
//      7 attemptEnded       LeaseID | WorkerID | Failure
//      8 imageCompleted     ImageID | BlobReference | u8 from cache
//      9 imageFailed        ImageID | Failure | u8 dead-lettered
//     10 imageRedriven      ImageID
//     11 imageRestarted     ImageID
//     12 jobFinished        JobID | u8 state | ms since 1970
//     13 jobCancelled       JobID | ms since 1970
//     14 jobForgotten       JobID
//     15 imageReplanned     ImageID | chunk bytes                                (since version 2)
//     16 jobRevised         JobID | result revision                              (since version 3)
//     17 workersReserved    WorkerID                                             (since version 4)
//     18 auditsSalted       u64 | u64, little-endian                             (this and all below since version 5)
//     19 taskAudited        LeaseID | u64 little-endian fingerprint
//     20 auditEnded         TaskID | u8 reason
//     21 imageWithdrawn     ImageID
//     22 resultsSettled     JobID | count
//     23 workerQuarantined  WorkerID | name | LeaseID | ms since 1970
//     24 workerReleased     WorkerID
//     The cause 10, movedToIdleWorker, of attemptEnded is there since version 4; earlier it was 8, returned. The causes 11 and
//     12 of a failure are there since version 5.
//     JobDescription    JobID | token | submitter | i32 little-endian priority | pipeline | JobOptions | ms since 1970
//     JobOptions        chunk bytes | maximum pixels | u8 may use cache | maximum attempts | result revision
//                       | maximum metadata bytes (since version 5; before it is the standard)
//                       | encoding | decoding (since version 6; before they are empty)
//     ImageDescription  index | name | BlobReference | u8 0: ImageGeometry, 1: Failure,
//                       2: ImageGeometry of a file that is decoded as a whole (since version 4),
//                       3: ImageGeometry | u8 decoded as a whole | ImageCoding (since version 6),
//                       4: ImageGeometry | ImageCoding | PieceFacts (since version 7)
//     PieceFacts        count | rows per band | most bytes of a band
//     ImageCoding       decoding | encoding | segment bytes | rows per block | u8 orientation
//     Failure           u8 cause | reason | output tail
//
// Rules of change: a kind's number is never reused; a new kind or a changed field raises the version, and older versions
// stay readable. A record is written in the oldest version that has it, so that a release can be taken back as long as nothing
// new was recorded.

extension Record {
    /// The newest version that this program writes and reads.
    public static let codingVersion: UInt8 = 7
}

extension Record {
    /// The oldest version that has the record's form.
    private var formVersion: UInt8 {
        switch self {
        case .jobOpened(let job):
            job.options.namesFormats
                ? 6 : job.options.hasFirstForm && !job.options.mentionsAudits ? kind.firstVersion : 5
        case .bandPublished(_, _, _, let worker): worker == nil ? kind.firstVersion : 5
        case .taskCompleted(_, let output, let worker):
            worker == nil ? max(kind.firstVersion, output.firstVersion) : 5
        case .attemptEnded(_, _, let failure), .imageFailed(_, let failure, _):
            max(kind.firstVersion, failure.cause.firstVersion)
        case .imagesAdded(_, let images): images.map(\.firstVersion).max() ?? kind.firstVersion
        default: kind.firstVersion
        }
    }
}

extension Record: BinaryCodable {
    public func encode(into writer: inout BinaryWriter) {
        let version = formVersion
        writer.write(version)
        writer.write(kind.rawValue)
        switch self {
        case .jobOpened(let description):
            description.encode(into: &writer, version: version)
            if version >= 5 {
                writer.writeVariable(UInt64(description.options.auditShare.millionths))
                writer.write(description.options.isRevocable)
            }
        case .imagesAdded(let job, let images):
            writer.write(job)
            writer.write(images)
        case .jobSealed(let job, let imageCount):
            writer.write(job)
            writer.writeVariable(UInt64(imageCount))
        case .attemptStarted(let lease, let worker):
            writer.write(lease)
            writer.write(worker)
        case .bandPublished(let task, let band, let blob, let worker):
            writer.write(task)
            writer.writeVariable(UInt64(band))
            writer.write(blob)
            if version >= 5 { writer.write(worker) }
        case .taskCompleted(let lease, let output, let worker):
            writer.write(lease)
            output.encode(into: &writer, version: version)
            if version >= 5 { writer.write(worker) }
        case .attemptEnded(let lease, let worker, let failure):
            writer.write(lease)
            writer.write(worker)
            writer.write(failure)
        case .imageCompleted(let image, let result, let fromCache):
            writer.write(image)
            writer.write(result)
            writer.write(fromCache)
        case .imageFailed(let image, let failure, let deadLettered):
            writer.write(image)
            writer.write(failure)
            writer.write(deadLettered)
        case .imageRedriven(let image), .imageRestarted(let image):
            writer.write(image)
        case .jobFinished(let job, let state, let time):
            writer.write(job)
            writer.write(state.rawValue)
            writer.writeVariable(time)
        case .jobCancelled(let job, let time):
            writer.write(job)
            writer.writeVariable(time)
        case .jobForgotten(let job):
            writer.write(job)
        case .imageReplanned(let image, let chunkByteCount):
            writer.write(image)
            writer.writeVariable(chunkByteCount)
        case .jobRevised(let job, let revision):
            writer.write(job)
            writer.writeVariable(UInt64(revision))
        case .workersReserved(let last):
            writer.write(last)
        case .auditsSalted(let salt):
            writer.write(salt.first)
            writer.write(salt.second)
        case .taskAudited(let lease, let opinion):
            writer.write(lease)
            writer.write(opinion)
        case .auditEnded(let task, let end):
            writer.write(task)
            writer.write(end.rawValue)
        case .imageWithdrawn(let image):
            writer.write(image)
        case .resultsSettled(let job, let count):
            writer.write(job)
            writer.writeVariable(UInt64(count))
        case .workerQuarantined(let worker, let name, let evidence, let time):
            writer.write(worker)
            writer.write(name)
            writer.write(evidence)
            writer.writeVariable(time)
        case .workerReleased(let worker):
            writer.write(worker)
        }
    }

    public init(from reader: inout BinaryReader) throws(BinaryCodingError) {
        let version: UInt8 = try reader.read()
        guard (1...Self.codingVersion).contains(version) else {
            throw BinaryCodingError(
                "a record of version \(version); this program reads versions 1 to \(Self.codingVersion)")
        }
        let number: UInt8 = try reader.read()
        guard let kind = RecordKind(rawValue: number), kind.firstVersion <= version else {
            throw BinaryCodingError("\(number) is not a kind of record in version \(version)")
        }
        switch kind {
        case .jobOpened:
            var description = try JobDescription(from: &reader, version: version)
            if version >= 5 {
                var options = description.options
                options.auditShare = AuditShare(millionths: try reader.readVariable(as: UInt32.self))
                options.isRevocable = try reader.readBool()
                description = description.with(options)
            }
            self = .jobOpened(description)
        case .imagesAdded:
            self = .imagesAdded(try reader.read(), try reader.readArray())
        case .jobSealed:
            self = .jobSealed(try reader.read(), imageCount: try reader.readVariable(as: UInt32.self))
        case .attemptStarted:
            self = .attemptStarted(try reader.read(), worker: try reader.read())
        case .bandPublished:
            self = .bandPublished(
                try reader.read(), band: try reader.readVariable(as: UInt32.self), blob: try reader.read(),
                by: version >= 5 ? try reader.readOptional() : nil)
        case .taskCompleted:
            self = .taskCompleted(
                try reader.read(), output: try TaskOutput(from: &reader, version: version),
                by: version >= 5 ? try reader.readOptional() : nil)
        case .attemptEnded:
            self = .attemptEnded(try reader.read(), worker: try reader.read(), failure: try reader.read())
        case .imageCompleted:
            self = .imageCompleted(try reader.read(), result: try reader.read(), fromCache: try reader.readBool())
        case .imageFailed:
            self = .imageFailed(try reader.read(), failure: try reader.read(), deadLettered: try reader.readBool())
        case .imageRedriven:
            self = .imageRedriven(try reader.read())
        case .imageRestarted:
            self = .imageRestarted(try reader.read())
        case .jobFinished:
            self = .jobFinished(try reader.read(), state: try JobState(from: &reader), at: try reader.readVariable())
        case .jobCancelled:
            self = .jobCancelled(try reader.read(), at: try reader.readVariable())
        case .jobForgotten:
            self = .jobForgotten(try reader.read())
        case .imageReplanned:
            self = .imageReplanned(try reader.read(), chunkByteCount: try reader.readVariable())
        case .jobRevised:
            self = .jobRevised(try reader.read(), resultRevision: try reader.readVariable(as: UInt32.self))
        case .workersReserved:
            self = .workersReserved(through: try reader.read())
        case .auditsSalted:
            self = .auditsSalted(AuditSalt(try reader.read(), try reader.read()))
        case .taskAudited:
            self = .taskAudited(try reader.read(), opinion: try reader.read())
        case .auditEnded:
            self = .auditEnded(try reader.read(), try AuditEnd(from: &reader))
        case .imageWithdrawn:
            self = .imageWithdrawn(try reader.read())
        case .resultsSettled:
            self = .resultsSettled(try reader.read(), count: try reader.readVariable(as: UInt32.self))
        case .workerQuarantined:
            self = .workerQuarantined(
                try reader.read(), name: try reader.readString(), evidence: try reader.read(),
                at: try reader.readVariable())
        case .workerReleased:
            self = .workerReleased(try reader.read())
        }
    }
}

extension AuditEnd {
    fileprivate init(from reader: inout BinaryReader) throws(BinaryCodingError) {
        let number: UInt8 = try reader.read()
        guard let end = AuditEnd(rawValue: number) else {
            throw BinaryCodingError("\(number) is not a reason why an audit ends")
        }
        self = end
    }
}

extension FailureCause {
    /// The first version of records that has the cause.
    fileprivate var firstVersion: UInt8 {
        switch self {
        case .disputed, .workerQuarantined: 5
        case .movedToIdleWorker: 4
        case .corruptInput, .overLimit, .unsuitable, .rankLost, .workerLost, .hung, .workerError, .returned, .cancelled:
            1
        }
    }
}

extension JobState {
    fileprivate init(from reader: inout BinaryReader) throws(BinaryCodingError) {
        let number: UInt8 = try reader.read()
        guard let state = JobState(rawValue: number) else { throw BinaryCodingError("\(number) is not a job state") }
        self = state
    }
}
