import NIOCore
import Testing

@testable import Protocol

@Suite struct `A receive buffer` {
    private static func stream(payloadByteCounts: [Int], kind: FrameKind = .control) throws -> ByteBuffer {
        var stream = ByteBuffer()
        var encoder = FrameEncoder()
        for (index, count) in payloadByteCounts.enumerated() {
            let payload = ByteBuffer(repeating: UInt8(truncatingIfNeeded: index), count: count)
            encoder.encode(Frame(kind: kind, stream: UInt32(index), payload: payload), into: &stream)
        }
        return stream
    }

    private static func open() -> ReceiveBuffer { ReceiveBuffer(allowing: [.control, .data, .goodbye]) }

    private static func take(_ count: Int, from stream: inout ByteBuffer) throws -> ByteBuffer {
        let read = stream.readSlice(length: min(count, stream.readableBytes))
        return try #require(read)
    }

    @Test func `gives the same frames however the reads are cut`() throws {
        let stream = try Self.stream(payloadByteCounts: [0, 1, 100, 0, 4000, 17])
        var whole = Self.open()
        whole.append(stream)
        var expected: [Frame] = []
        while let frame = try whole.nextFrame() { expected.append(frame) }
        #expect(expected.count == 6)
        for readByteCount in [1, 2, 11, 12, 13, 1000, 4096] {
            var rest = stream
            var buffer = Self.open()
            var frames: [Frame] = []
            while rest.readableBytes > 0 {
                buffer.append(try Self.take(readByteCount, from: &rest))
                while let frame = try buffer.nextFrame() { frames.append(frame) }
            }
            #expect(frames == expected, "reads of \(readByteCount) bytes")
            #expect(buffer.byteCount == 0)
        }
    }

    /// The bytes that were cut off once stayed in front of the unfinished frame, read after read: a connection whose reads
    /// never ended with a frame grew without bound.
    @Test(arguments: [true, false]) func `stays small when no read ever ends with a frame`(keepsFrames: Bool) throws {
        let payloadByteCount = 500
        let frameByteCount = FrameHeader.byteCount + payloadByteCount
        var stream = try Self.stream(payloadByteCounts: [Int](repeating: payloadByteCount, count: 10_001))
        var buffer = Self.open()
        var kept: [Frame] = []
        // Each read ends seven bytes into the next frame's header.
        buffer.append(try Self.take(7, from: &stream))
        for round in 0..<10_000 {
            // A read's bytes are memory of its own.
            buffer.append(ByteBuffer(bytes: try Self.take(frameByteCount, from: &stream).readableBytesView))
            let frame = try buffer.nextFrame()
            let cut = try #require(frame)
            if keepsFrames { kept.append(cut) }
            #expect(try buffer.nextFrame() == nil)
            #expect(buffer.byteCount == 7)
            // Memory comes in powers of two.
            try #require(buffer.capacity <= 2 * (frameByteCount + 7), "after \(round) frames")
        }
    }

    @Test func `puts a frame of many reads together in one place of its own size`() throws {
        let stream = try Self.stream(payloadByteCounts: [10, 1 << 20], kind: .data)
        var rest = stream
        var buffer = Self.open()
        buffer.append(try Self.take(30 + 100, from: &rest))
        #expect(try buffer.nextFrame() != nil)
        #expect(try buffer.nextFrame() == nil)
        var places: Set<UnsafeRawPointer?> = []
        while rest.readableBytes > 0 {
            buffer.append(try Self.take(4096, from: &rest))
            places.insert(buffer.bytes.withUnsafeReadableBytes { UnsafeRawPointer($0.baseAddress) })
            #expect(buffer.capacity <= 2 << 20)
        }
        #expect(places.count == 1, "the frame was moved \(places.count - 1) times while it grew")
        #expect(try buffer.nextFrame()?.payload.readableBytes == 1 << 20)
    }

    @Test func `takes no memory for a length that only a header claims`() throws {
        var buffer = Self.open()
        var header = ByteBuffer()
        FrameHeader(payloadByteCount: 1 << 20, kind: .data, stream: 0, payloadChecksum: 0)
            .encode(number: 0, into: &header)
        buffer.append(header)
        #expect(try buffer.nextFrame() == nil)
        #expect(buffer.capacity <= 64)
    }

    @Test func `keeps nothing between frames`() throws {
        var buffer = Self.open()
        var read = ByteBufferAllocator().buffer(capacity: 1 << 20)
        read.writeImmutableBuffer(try Self.stream(payloadByteCounts: [1, 2, 3]))
        buffer.append(read)
        for _ in 0..<3 { #expect(try buffer.nextFrame() != nil) }
        #expect(buffer.capacity == 0)
    }

    @Test func `refuses a frame by its header alone, wherever the reads are cut`() throws {
        var header = ByteBuffer()
        FrameHeader(payloadByteCount: 8193, kind: .goodbye, stream: 0, payloadChecksum: 0)
            .encode(number: 0, into: &header)
        for cut in 0...header.readableBytes {
            var buffer = Self.open()
            var rest = header
            buffer.append(try Self.take(cut, from: &rest))
            if cut < header.readableBytes { #expect(try buffer.nextFrame() == nil) }
            buffer.append(rest)
            let violation = #expect(throws: ProtocolViolation.self) { try buffer.nextFrame() }
            #expect(violation?.value == "8193")
            #expect(violation?.allowed == "at most 8192 bytes in a goodbye frame")
        }
    }

    @Test func `reads the preface and the frame behind it from one read`() throws {
        var buffer = ReceiveBuffer()
        var read = ByteBuffer()
        Preface().encode(into: &read)
        var encoder = FrameEncoder()
        encoder.encode(try WireHandshake(.welcome(WireWelcome())).frame(stream: 0), into: &read)
        buffer.append(try Self.take(5, from: &read))
        #expect(try buffer.nextPreface() == nil)
        buffer.append(read)
        #expect(try buffer.nextPreface() == Preface())
        #expect(try buffer.nextFrame()?.kind == .handshake)
        #expect(buffer.byteCount == 0)
    }
}
