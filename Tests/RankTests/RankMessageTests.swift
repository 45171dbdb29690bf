import ByteCoding
import JobModel
import TestSupport
import Testing

/// The messages between a worker and its ranks.
@Suite struct RankMessageTests {
    private static let spec = PlanRunner.spec(
        .chunk(stage: 1, index: 7), "canny | invert", TestImage(width: 3, height: 2), chunkByteCount: 4096)

    static let orders: [RankOrder] = [
        .ready, .decode(spec, input: "/a", directory: "/b"), .bandTaken,
        .compute(spec, input: "/a", value: nil, payload: "/p", summary: "/s", rows: "/r"),
        .compute(spec, input: "/a", value: "/v", payload: "/p", summary: "/s", rows: "/r"),
        .findPieces(spec, input: "/a", payload: "/p", metadata: "/m"), .inputArrived,
        .computeWhole(spec, input: "/a", metadata: "/m", payload: "/p"),
        .reduce(spec, summaries: "/a", byteCounts: [0, 1, 300, .max], payload: "/p"), .cancel, .shutdown,
    ]
    static let replies: [RankReply] = [
        .hello(rank: 3, token: "secret"), .band(index: 9, path: "/b", byteCount: 1 << 40),
        .decoded(metadata: "/m", byteCount: 0, remarks: []),
        .needs(offset: 1 << 40, byteCount: 4_096),
        .found(
            RankOutput(payloadByteCount: 9, valueOffsets: [0, 4, 9]), metadataByteCount: 3,
            remarks: [ImageRemark(.pagesLeftOut, count: 2, byteCount: 0)]),
        .decoded(
            metadata: "/n", byteCount: 7,
            remarks: [
                ImageRemark(.metadataOverLimit, count: 2, byteCount: 1 << 40),
                ImageRemark(.surplusImageData, count: 1, byteCount: 3),
            ]), .progress(done: 1, total: 4),
        .finished(RankOutput(payloadByteCount: 5)),
        .finished(
            RankOutput(
                payloadByteCount: 5, summaryByteCount: 6, checksum: SegmentChecksum([7, 0, 0, 0, 8]),
                valueOffsets: [0, 9])),
        .failed(.corruptInput, reason: "The file is truncated."),
    ]

    @Test(arguments: orders)
    func `an order arrives as it was sent`(order: RankOrder) throws {
        #expect(try RankOrder(decoding: order.encoded()) == order)
    }

    @Test(arguments: replies)
    func `a reply arrives as it was sent`(reply: RankReply) throws {
        #expect(try RankReply(decoding: reply.encoded()) == reply)
    }

    @Test(arguments: orders)
    func `an order cut short is refused`(order: RankOrder) {
        let bytes = order.encoded()
        for count in 0..<bytes.count {
            #expect(throws: BinaryCodingError.self) { try RankOrder(decoding: Array(bytes[..<count])) }
        }
    }

    @Test func `messages come out whole, however the socket cuts them`() throws {
        let stream = try Self.orders.flatMap { try RankFrame.encode($0) }
        for pieceByteCount in [1, 2, 3, 7, 64, stream.count] {
            var frames = RankFrameReader()
            var received: [RankOrder] = []
            for start in stride(from: 0, to: stream.count, by: pieceByteCount) {
                frames.append(stream[start..<min(start + pieceByteCount, stream.count)])
                while let order = try frames.next(RankOrder.self) { received.append(order) }
            }
            #expect(received == Self.orders, "pieces of \(pieceByteCount) bytes")
        }
    }

    @Test(arguments: [0, UInt32(RankFrame.maximumByteCount) + 1, .max])
    func `a length out of range is refused before anything is kept`(length: UInt32) {
        var frames = RankFrameReader()
        frames.append((0..<4).map { UInt8(truncatingIfNeeded: length >> (8 * $0)) })
        #expect(throws: BinaryCodingError.self) { try frames.next(RankOrder.self) }
    }

    @Test func `a message above the limit is not sent`() {
        let order = RankOrder.reduce(
            Self.spec, summaries: "/a", byteCounts: Array(repeating: .max, count: 200_000), payload: "/p")
        #expect(throws: BinaryCodingError.self) { try RankFrame.encode(order) }
    }

    @Test func `an unknown kind is refused`() {
        #expect(throws: BinaryCodingError.self) { try RankOrder(decoding: [99]) }
        #expect(throws: BinaryCodingError.self) { try RankReply(decoding: [0]) }
    }
}
