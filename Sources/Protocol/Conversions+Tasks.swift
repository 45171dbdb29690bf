import FoundationEssentials
import JobModel

extension ImageGeometry {
    public init(wire: WireGeometry, field: String = "Geometry") throws(ProtocolViolation) {
        guard wire.width > 0 else { throw ProtocolViolation(field + ".width", wire.width, allowed: "from 1") }
        guard wire.height > 0 else { throw ProtocolViolation(field + ".height", wire.height, allowed: "from 1") }
        guard (1...4).contains(wire.channelCount) else {
            throw ProtocolViolation(field + ".channel_count", wire.channelCount, allowed: "1 to 4")
        }
        guard wire.bitsPerSample == 8 || wire.bitsPerSample == 16 else {
            throw ProtocolViolation(field + ".bits_per_sample", wire.bitsPerSample, allowed: "8 or 16")
        }
        self.init(
            width: wire.width, height: wire.height, channelCount: UInt8(wire.channelCount),
            bitsPerSample: UInt8(wire.bitsPerSample))
    }

    public var wire: WireGeometry {
        var wire = WireGeometry()
        wire.width = width
        wire.height = height
        wire.channelCount = UInt32(channelCount)
        wire.bitsPerSample = UInt32(bitsPerSample)
        return wire
    }
}

extension WireGrantLease {
    /// - Precondition: `lease` is a lease of the task that `spec` describes.
    public init(lease: LeaseID, spec: TaskSpec) {
        precondition(lease.task == spec.task, "lease \(lease) is not one of task \(spec.task)")
        self.init()
        self.lease = lease.wire
        pipeline = spec.pipeline
        geometry = spec.geometry.wire
        chunkByteCount = spec.chunkByteCount
        maximumPixelCount = spec.maximumPixelCount
        maximumMetadataByteCount = spec.maximumMetadataByteCount
        inputs = spec.inputs.map(\.wire)
        inputCount = UInt32(spec.inputs.count)
        if let value = spec.value { self.value = value.wire }
        attachments = spec.attachments.map(\.wire)
        progressTimeoutMilliseconds = spec.progressTimeoutMilliseconds
        if spec.coding != .standard { coding = spec.coding.wire }
        inPieces = spec.isInPieces
    }

    /// The lease and all that its task needs.
    public func validated() throws(ProtocolViolation) -> (lease: LeaseID, spec: TaskSpec) {
        let lease = try LeaseID(wire: lease, field: "GrantLease.lease")
        guard chunkByteCount > 0 else {
            throw ProtocolViolation("GrantLease.chunk_byte_count", chunkByteCount, allowed: "from 1")
        }
        guard maximumPixelCount > 0 else {
            throw ProtocolViolation("GrantLease.maximum_pixel_count", maximumPixelCount, allowed: "from 1")
        }
        guard !inputs.isEmpty else {
            throw ProtocolViolation(field: "GrantLease.inputs", value: "none", allowed: "at least one slice")
        }
        var slices: [BlobSlice] = []
        slices.reserveCapacity(inputs.count)
        for (index, input) in inputs.enumerated() {
            slices.append(try BlobSlice(wire: input, field: "GrantLease.inputs[\(index)]"))
        }
        // They are put into one file.
        let (sum, overflows) = slices.reduce((UInt64(0), false)) { sum, slice in
            let (next, overflows) = sum.0.addingReportingOverflow(slice.byteCount)
            return (next, sum.1 || overflows)
        }
        guard !overflows, sum <= UInt64(Int64.max) else {
            throw ProtocolViolation(
                field: "GrantLease.inputs", value: "slices of more than \(Int64.max) bytes together",
                allowed: "at most \(Int64.max)")
        }
        guard attachments.count <= TaskSpec.maximumAttachmentCount else {
            throw ProtocolViolation(
                "GrantLease.attachments", UInt64(attachments.count),
                allowed: "at most \(TaskSpec.maximumAttachmentCount)")
        }
        var attached: [BlobReference] = []
        for (index, attachment) in attachments.enumerated() {
            attached.append(try BlobReference(wire: attachment, field: "GrantLease.attachments[\(index)]"))
        }
        guard !inPieces || slices.count == 1 else {
            throw ProtocolViolation(
                field: "GrantLease.inputs", value: "\(slices.count) slices",
                allowed: "one slice, where a task reads pieces")
        }
        let spec = TaskSpec(
            task: lease.task, pipeline: pipeline,
            geometry: try ImageGeometry(wire: geometry, field: "GrantLease.geometry"), chunkByteCount: chunkByteCount,
            maximumPixelCount: maximumPixelCount,
            maximumMetadataByteCount: maximumMetadataByteCount == 0
                ? JobOptions.standardMetadataByteCount : maximumMetadataByteCount,
            coding: hasCoding ? try ImageCoding(wire: coding, field: "GrantLease.coding") : .standard,
            isInPieces: inPieces, inputs: slices,
            value: hasValue ? try BlobSlice(wire: value, field: "GrantLease.value") : nil, attachments: attached,
            progressTimeoutMilliseconds: progressTimeoutMilliseconds)
        return (lease, spec)
    }
}

extension ImageCoding {
    fileprivate var wire: WireImageCoding {
        .with {
            $0.decoding = decoding
            $0.encoding = encoding
            $0.segmentByteCount = segmentByteCount
            $0.rowsPerBlock = rowsPerBlock
        }
    }

    /// A task's: the orientation is part of its pipeline.
    fileprivate init(wire: WireImageCoding, field: String) throws(ProtocolViolation) {
        guard wire.segmentByteCount <= UInt64(Int64.max) else {
            throw ProtocolViolation(
                "\(field).segment_byte_count", wire.segmentByteCount, allowed: "at most \(Int64.max)")
        }
        self.init(
            decoding: wire.decoding, encoding: wire.encoding,
            segmentByteCount: wire.segmentByteCount == 0 ? Self.standardSegmentByteCount : wire.segmentByteCount,
            rowsPerBlock: max(1, wire.rowsPerBlock))
    }
}

extension WireTaskFinished {
    public init(lease: LeaseID, output: TaskOutput) {
        self.init()
        self.lease = lease.wire
        if let payload = output.payload { self.payload = payload.wire }
        if let summary = output.summary { self.summary = summary.wire }
        if let checksum = output.checksum {
            self.checksum = WireSegmentChecksum(checksum)
        }
        if let metadata = output.metadata { self.metadata = metadata.wire }
        valueOffsets = output.valueOffsets
        remarks = output.remarks.map(\.wire)
    }

    /// The lease that ended and what its task gave back.
    public func validated() throws(ProtocolViolation) -> (lease: LeaseID, output: TaskOutput) {
        let lease = try LeaseID(wire: lease, field: "TaskFinished.lease")
        for (index, (offset, next)) in zip(valueOffsets, valueOffsets.dropFirst()).enumerated() where offset > next {
            throw ProtocolViolation(
                "TaskFinished.value_offsets[\(index + 1)]", next, allowed: "at least the one before it, \(offset)")
        }
        let output = TaskOutput(
            payload: hasPayload ? try BlobReference(wire: payload, field: "TaskFinished.payload") : nil,
            summary: hasSummary ? try BlobReference(wire: summary, field: "TaskFinished.summary") : nil,
            checksum: hasChecksum ? try SegmentChecksum(wire: checksum) : nil,
            metadata: hasMetadata ? try BlobReference(wire: metadata, field: "TaskFinished.metadata") : nil,
            valueOffsets: valueOffsets, remarks: ImageRemark.known(remarks))
        return (lease, output)
    }
}

extension ImageRemark {
    public var wire: WireImageRemark {
        .with {
            $0.code = code.name
            $0.count = count
            $0.byteCount = byteCount
        }
    }

    /// The remarks whose codes this release knows, the first of each.
    static func known(_ remarks: [WireImageRemark]) -> [ImageRemark] {
        Code.allCases.compactMap { code in
            remarks.first { $0.code == code.name }.map { ImageRemark(code, count: $0.count, byteCount: $0.byteCount) }
        }
    }
}

extension WireHeldLease {
    public init(lease: LeaseID, started: Bool, progress: Double) {
        self.init()
        self.lease = lease.wire
        self.started = started
        self.progress = progress
    }

    /// - Throws: `ProtocolViolation` for a progress outside 0 to 1, not-a-number included.
    public func validated() throws(ProtocolViolation) -> (lease: LeaseID, started: Bool, progress: Double) {
        guard progress >= 0, progress <= 1 else {
            throw ProtocolViolation(field: "HeldLease.progress", value: "\(progress)", allowed: "0 to 1")
        }
        return (try LeaseID(wire: lease, field: "HeldLease.lease"), started, progress)
    }
}

extension WireBandPublished {
    public init(lease: LeaseID, band: UInt32, blob: BlobReference) {
        self.init()
        self.lease = lease.wire
        self.band = band
        self.blob = blob.wire
    }

    public func validated() throws(ProtocolViolation) -> (lease: LeaseID, band: UInt32, blob: BlobReference) {
        (
            try LeaseID(wire: lease, field: "BandPublished.lease"), band,
            try BlobReference(wire: blob, field: "BandPublished.blob")
        )
    }
}

extension WireTaskFailed {
    public init(lease: LeaseID, failure: Failure) {
        self.init()
        self.lease = lease.wire
        self.failure = failure.wire
    }

    public func validated() throws(ProtocolViolation) -> (lease: LeaseID, failure: Failure) {
        (try LeaseID(wire: lease, field: "TaskFailed.lease"), Failure(wire: failure))
    }
}

extension WireSegmentChecksum {
    init(_ checksum: SegmentChecksum) {
        self.init()
        if let numbers = checksum.numbers {
            (adler32, byteCount) = numbers
        } else {
            form = Data(checksum.bytes)
        }
    }
}

extension WireFinishedRows {
    public init(_ rows: Range<UInt32>, _ segments: BlobReference, _ checksum: SegmentChecksum) {
        self.init()
        firstRow = rows.lowerBound
        rowCount = UInt32(rows.count)
        self.segments = segments.wire
        self.checksum = WireSegmentChecksum(checksum)
    }

    /// - Parameter height: rows of the image.
    public func validated(height: UInt32) throws(ProtocolViolation) -> (
        rows: Range<UInt32>, segments: BlobReference, checksum: SegmentChecksum
    ) {
        guard rowCount > 0, firstRow < height, rowCount <= height - firstRow else {
            throw ProtocolViolation(
                field: "FinishedRows", value: "\(rowCount) rows from \(firstRow)",
                allowed: "at least one of the result's \(height) rows")
        }
        return (
            firstRow..<firstRow + rowCount, try BlobReference(wire: segments, field: "FinishedRows.segments"),
            try SegmentChecksum(wire: checksum, field: "FinishedRows.checksum")
        )
    }
}

extension SegmentChecksum {
    init(wire: WireSegmentChecksum, field: String = "TaskFinished.checksum") throws(ProtocolViolation) {
        guard wire.form.count <= Self.maximumByteCount else {
            throw ProtocolViolation(
                field: field + ".form", value: "\(wire.form.count) bytes",
                allowed: "at most \(Self.maximumByteCount) bytes")
        }
        self =
            wire.form.isEmpty
            ? SegmentChecksum(first: wire.adler32, second: wire.byteCount) : SegmentChecksum([UInt8](wire.form))
    }
}
