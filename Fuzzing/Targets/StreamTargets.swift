import JobModel
import NIOCore
import Protocol
import SwiftProtobuf

extension FuzzTarget {
    /// What a peer sends, cut into frames and read as messages: in one read, and in many.
    ///
    ///     which frames are allowed, and whether checksums are put right | where the reads are cut | the stream ...
    static let frames = FuzzTarget("frames") { bytes in
        var input = InputBytes(bytes)
        let phases: [Set<FrameKind>] = [
            [.handshake, .goodbye], [.control, .goodbye], [.control, .data, .goodbye], Set(FrameKind.allCases),
        ]
        let circumstances = input.byte()
        let kinds = phases[Int(circumstances) % phases.count]
        let seed = input.byte()
        // Chance makes no right checksum; a few streams are left as they are, for what refuses them.
        let stream = circumstances >= 0xf0 ? Array(input.rest) : FrameForge.withRightChecksums(Array(input.rest))
        let (frames, violation) = try cutFrames(of: [stream[...]], allowing: kinds)
        let piecewise = try cutFrames(of: cut(stream, seed: seed), allowing: kinds)
        try FuzzFinding.unless(
            piecewise.frames == frames && piecewise.violation == violation,
            "\(frames.count) frames and \(String(describing: violation)) in one read, \(piecewise.frames.count) and "
                + "\(String(describing: piecewise.violation)) in many")

        var encoded = ByteBuffer()
        var encoder = FrameEncoder()
        for frame in frames { encoder.encode(frame, into: &encoded) }
        try FuzzFinding.unless(
            stream.starts(with: encoded.readableBytesView), "frames are not encoded to the bytes they were cut from")

        var grants = GrantAssembly()
        for frame in frames {
            switch frame.kind {
            case .handshake: _ = try? WireHandshake(decoding: frame.payload)
            case .goodbye: _ = try? WireRefusal(decoding: frame.payload)
            case .data: break
            case .control:
                guard let message = try? WireControl(decoding: frame.payload) else { continue }
                try check(message, grants: &grants)
            }
        }
    }

    /// The payload of a frame: protobuf, then the types of the job model.
    ///
    ///     which message | payload ...
    static let messages = FuzzTarget("messages") { bytes in
        var input = InputBytes(bytes)
        let selector = input.number(in: 0...7)
        let payload = ByteBuffer(bytes: input.rest)
        switch selector {
        case 0: if let message = try? WireHandshake(decoding: payload) { try checkBytes(of: message) }
        case 1: if let message = try? WireRefusal(decoding: payload) { try checkBytes(of: message) }
        default:
            guard let message = try? WireControl(decoding: payload) else { return }
            try checkBytes(of: message)
            var grants = GrantAssembly()
            try check(message, grants: &grants)
        }
    }

    /// The frames in `reads`, and what ended them before their end.
    private static func cutFrames(
        of reads: [ArraySlice<UInt8>], allowing kinds: Set<FrameKind>
    ) throws -> (frames: [Frame], violation: ProtocolViolation?) {
        var buffer = ReceiveBuffer(allowing: kinds)
        var frames: [Frame] = []
        do {
            for read in reads {
                buffer.append(ByteBuffer(bytes: read))
                while let frame = try buffer.nextFrame() {
                    try FuzzFinding.unless(
                        kinds.contains(frame.kind) && frame.payload.readableBytes <= frame.kind.payloadByteCountLimit,
                        "a \(frame.kind) frame of \(frame.payload.readableBytes) bytes came through")
                    frames.append(frame)
                }
            }
        } catch let violation as ProtocolViolation {
            return (frames, violation)
        }
        return (frames, nil)
    }

    /// A message that was read is written to bytes that read as the same message.
    private static func checkBytes<Message: SwiftProtobuf.Message>(of message: Message) throws {
        // Bytes are compared, since a progress that is not a number does not equal itself.
        let bytes: [UInt8] = try message.serializedBytes()
        let again = try Message(serializedBytes: bytes)
        try FuzzFinding.unless(
            try again.serializedBytes() == bytes, "\(Message.protoMessageName) changes when it is copied")
    }

    /// What converts to the job model converts back to the same.
    private static func check(_ message: WireControl, grants: inout GrantAssembly) throws {
        switch message.body {
        case .register(let register):
            for held in register.held { try check(held) }
        case .registered(let registered):
            _ = try? WorkerID(wire: registered.worker)
            for lease in registered.dropped { try check(lease) }
        case .heartbeat(let heartbeat):
            for held in heartbeat.held { try check(held) }
        case .heartbeatReply(let reply):
            for lease in reply.dropped { try check(lease) }
        case .grantLease(let grant): try check(grant, &grants)
        case .grantInputs(let more): _ = try? grants.received(more)
        case .revokeLease(let revocation): try check(revocation.lease)
        case .bandPublished(let published):
            guard let (lease, band, blob) = try? published.validated() else { return }
            let again = try WireBandPublished(lease: lease, band: band, blob: blob).validated()
            try FuzzFinding.unless(again == (lease, band, blob), "BandPublished changes when it is copied")
        case .taskFinished(let finished):
            guard let (lease, output) = try? finished.validated() else { return }
            let again = try WireTaskFinished(lease: lease, output: output).validated()
            try FuzzFinding.unless(again == (lease, output), "TaskFinished changes when it is copied")
        case .taskFailed(let failed):
            guard let (lease, failure) = try? failed.validated() else { return }
            let again = try WireTaskFailed(lease: lease, failure: failure).validated()
            try FuzzFinding.unless(again == (lease, failure), "TaskFailed changes when it is copied")
        case .addImages(let images):
            for image in images.images { _ = try? BlobReference(wire: image.input) }
        case .findBlobs(let find):
            for digest in find.digests { _ = try? BlobDigest(wire: digest) }
        case .imageList(let list):
            for image in list.images {
                _ = try? ImageGeometry(wire: image.geometry)
                _ = try? BlobReference(wire: image.result)
                _ = Failure(wire: image.failure)
            }
        case .segmentList(let list):
            for rows in list.finished {
                guard let (range, segments, checksum) = try? rows.validated(height: list.output.height) else {
                    continue
                }
                let again = try WireFinishedRows(range, segments, checksum).validated(height: list.output.height)
                try FuzzFinding.unless(
                    again == (range, segments, checksum) && range.upperBound <= list.output.height,
                    "finished rows \(range) are outside the image, or change when they are copied")
            }
        case .deadImage(let dead): for attempt in dead.attempts { _ = Failure(wire: attempt.failure) }
        case .blobStored(let stored): _ = try? BlobReference(wire: stored.blob)
        case .getBlob(let get):
            guard let slice = try? BlobSlice(wire: get.slice) else { return }
            try FuzzFinding.unless(
                slice.offset + slice.byteCount <= slice.blob.byteCount && (try BlobSlice(wire: slice.wire)) == slice,
                "\(slice) is outside its blob, or changes when it is copied")
        case .refused, .done, .drain, .openJob, .jobOpened, .sealJob, .blobsFound, .getJob, .jobSummary, .listJobs,
            .jobList, .listImages, .getSegments, .watchJob, .stopWatching, .cancelJob, .forgetJob, .listWorkers,
            .workerList,
            .drainWorker, .releaseWorker, .getSecrets, .secretStatus,
            .listDead, .deadList, .showDead, .redriveDead, .purgeDead, .affected, .getMaster, .masterStatus, .putBlob,
            .blobHeader, .blobEnd, nil:
            break
        }
    }

    private static func check(_ lease: WireLease) throws {
        guard let lease = try? LeaseID(wire: lease) else { return }
        try FuzzFinding.unless(try LeaseID(wire: lease.wire) == lease, "\(lease) changes when it is copied")
    }

    private static func check(_ held: WireHeldLease) throws {
        guard let (lease, started, progress) = try? held.validated() else { return }
        let again = try WireHeldLease(lease: lease, started: started, progress: progress).validated()
        try FuzzFinding.unless(again == (lease, started, progress), "HeldLease changes when it is copied")
    }

    private static func check(_ grant: WireGrantLease, _ grants: inout GrantAssembly) throws {
        _ = try? grants.received(grant)
        guard let (lease, spec) = try? grant.validated() else { return }
        let again = try WireGrantLease(lease: lease, spec: spec).validated()
        try FuzzFinding.unless(again == (lease, spec), "GrantLease changes when it is copied")
        var assembly = GrantAssembly()
        var assembled: GrantAssembly.Grant?
        for body in WireGrantLease.messages(lease: lease, spec: spec) {
            switch body {
            case .grantLease(let first): assembled = try assembly.received(first)
            case .grantInputs(let more): assembled = try assembly.received(more)
            default: throw FuzzFinding(description: "a grant is sent as \(body)")
            }
        }
        guard case .usable(lease, spec)? = assembled else {
            throw FuzzFinding(description: "a grant in several messages is put together differently")
        }
    }
}
