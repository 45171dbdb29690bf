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
    ) throws -> [(lease: LeaseID, spec: TaskSpec)?] {
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
        let last = try #require(results.last ?? nil)
        #expect(last.lease == lease)
        #expect(last.spec == spec)
    }

    @Test func `inputs of an unknown grant, and too many, are refused`() throws {
        let (lease, spec) = try Self.grant(inputCount: 700)
        let messages = WireGrantLease.messages(lease: lease, spec: spec)
        var assembly = GrantAssembly()
        #expect(throws: ProtocolViolation.self) { try Self.assemble([messages[1]], with: &assembly) }
        _ = try Self.assemble([messages[0]], with: &assembly)
        guard case .grantInputs(var more) = messages[1] else { return }
        more.inputs += more.inputs
        #expect(throws: ProtocolViolation.self) { try assembly.received(more) }
    }
}
