import JobModel
import Protocol
import Testing

@Suite struct `Grants in several messages` {
    private static func grant(inputCount: Int) throws -> (lease: LeaseID, spec: TaskSpec) {
        let task = TaskID(image: ImageID(job: JobID(7), index: 0), step: .reduce(stage: 1))
        let inputs = try (0..<inputCount).map { index in
            let digest = try #require(BlobDigest((0..<32).map { UInt8(truncatingIfNeeded: index >> ($0 % 3 * 8)) }))
            return BlobSlice(BlobReference(digest: digest, byteCount: UInt64(index + 1)))
        }
        let spec = TaskSpec(
            task: task, pipeline: String(repeating: "invert | ", count: 60) + "canny",
            geometry: ImageGeometry(width: 10, height: 5000, channelCount: 1, bitsPerSample: 8), chunkByteCount: 10,
            maximumPixelCount: 1 << 40, inputs: inputs, progressTimeoutMilliseconds: 1000)
        return (LeaseID(task: task, attempt: 2), spec)
    }

    private static func assemble(
        _ messages: [WireControl.OneOf_Body], with assembly: inout GrantAssembly
    ) throws -> [GrantAssembly.Grant?] {
        try messages.map { message in
            switch message {
            case .grantLease(let grant): try assembly.received(grant)
            case .grantInputs(let inputs): try assembly.received(inputs)
            default: nil
            }
        }
    }

    @Test(arguments: [1, 499, 500, 501, 1000, 5000])
    func `a grant with any number of inputs arrives whole, in frames`(inputCount: Int) throws {
        let (lease, spec) = try Self.grant(inputCount: inputCount)
        let messages = WireGrantLease.messages(lease: lease, spec: spec)
        #expect(messages.allSatisfy { WireControl($0).fitsFrame })
        #expect(messages.count == (inputCount + 499) / 500)
        var assembly = GrantAssembly()
        let results = try Self.assemble(messages, with: &assembly)
        #expect(results.dropLast().allSatisfy { $0 == nil })
        guard case .usable(lease, spec) = results.last ?? nil else {
            Issue.record("the last message made \(String(describing: results.last))")
            return
        }
    }

    @Test func `too many inputs make their grant unusable, and those of no grant are of no use`() throws {
        let (lease, spec) = try Self.grant(inputCount: 700)
        let messages = WireGrantLease.messages(lease: lease, spec: spec)
        var assembly = GrantAssembly()
        #expect(try Self.assemble([messages[1]], with: &assembly).allSatisfy { $0 == nil })
        _ = try Self.assemble([messages[0]], with: &assembly)
        guard case .grantInputs(var more) = messages[1] else { return }
        more.inputs += more.inputs
        guard case .unusable(lease, let violation) = try assembly.received(more) else {
            Issue.record("400 inputs were taken for 200")
            return
        }
        #expect(violation.value.contains("400 inputs"))
        #expect(try assembly.received(more) == nil)
    }

    /// Each field of a grant with a value that a worker cannot use. Each names the lease: that is what fails.
    private static let spoilings: [(String, @Sendable (inout WireGrantLease) -> Void)] = [
        ("GrantLease.geometry.width", { $0.geometry.width = 0 }),
        ("GrantLease.geometry.height", { $0.geometry.height = 0 }),
        ("GrantLease.geometry.channel_count", { $0.geometry.channelCount = 5 }),
        ("GrantLease.geometry.bits_per_sample", { $0.geometry.bitsPerSample = 12 }),
        ("GrantLease.chunk_byte_count", { $0.chunkByteCount = 0 }),
        ("GrantLease.maximum_pixel_count", { $0.maximumPixelCount = 0 }),
        (
            "GrantLease.inputs",
            {
                $0.inputs = []
                $0.inputCount = 0
            }
        ),
        ("GrantLease.inputs[0].blob", { $0.inputs[0].clearBlob() }),
        ("GrantLease.inputs[0].blob.digest", { $0.inputs[0].blob.digest.removeLast() }),
        ("GrantLease.inputs[0].blob.byte_count", { $0.inputs[0].blob.byteCount = .max }),
        ("GrantLease.inputs[0].offset", { $0.inputs[0].offset = $0.inputs[0].blob.byteCount + 1 }),
        ("GrantLease.inputs[0].byte_count", { $0.inputs[0].byteCount = .max }),
        ("GrantLease.value.blob", { $0.value = WireBlobSlice() }),
        ("GrantLease.input_count", { $0.inputCount = .max }),
        (
            "GrantLease.inputs",
            { grant in
                grant.inputs[0].blob.byteCount = UInt64(Int64.max)
                grant.inputs[0].byteCount = UInt64(Int64.max)
                grant.inputs += [grant.inputs[0], grant.inputs[0]]
            }
        ),
    ]

    @Test func `a grant that cannot be used names its lease, whatever is wrong with it`() throws {
        let (lease, spec) = try Self.grant(inputCount: 1)
        for (field, spoil) in Self.spoilings {
            var wire = WireGrantLease(lease: lease, spec: spec)
            spoil(&wire)
            var assembly = GrantAssembly()
            guard case .unusable(lease, let violation) = try assembly.received(wire) else {
                Issue.record("\(field) was taken")
                continue
            }
            #expect(violation.field == field, "\(violation)")
        }
    }

    @Test func `a grant without a readable lease ends the connection`() throws {
        let (lease, spec) = try Self.grant(inputCount: 1)
        var wire = WireGrantLease(lease: lease, spec: spec)
        wire.lease.job = 0
        var assembly = GrantAssembly()
        #expect(throws: ProtocolViolation.self) { try assembly.received(wire) }
    }
}
