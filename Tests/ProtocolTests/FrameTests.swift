import NIOCore
import Protocol
import SeededRandom
import Testing

@Suite struct `Frames` {
    private static let everyKind = Set(FrameKind.allCases)

    private static func bytes(of frames: [Frame]) throws -> ByteBuffer {
        var buffer = ByteBuffer()
        var encoder = FrameEncoder()
        for frame in frames { encoder.encode(frame, into: &buffer) }
        return buffer
    }

    private static func header(
        length: UInt32, kind: UInt8 = 2, flags: UInt8 = 0, reserved: UInt16 = 0, stream: UInt32 = 0
    ) -> ByteBuffer {
        var buffer = ByteBuffer()
        buffer.writeMultipleIntegers(length, kind, flags, reserved, stream, UInt32(0))
        buffer.writeInteger(checksum([0, 0, 0, 0] + Array(buffer.readableBytesView)))
        return buffer
    }

    /// CRC-32C, bit by bit.
    private static func checksum(_ bytes: [UInt8]) -> UInt32 {
        var register = UInt32.max
        for byte in bytes {
            register ^= UInt32(byte)
            for _ in 0..<8 { register = register & 1 == 0 ? register >> 1 : register >> 1 ^ 0x82f6_3b78 }
        }
        return ~register
    }

    private static let samples = [
        Frame(kind: .control, stream: 0, payload: ByteBuffer()),
        Frame(kind: .control, stream: 1, payload: ByteBuffer(string: "hello")),
        Frame(kind: .data, stream: .max, payload: ByteBuffer(repeating: 0xab, count: 1 << 20)),
        Frame(kind: .handshake, stream: 0x0102_0304, payload: ByteBuffer(repeating: 1, count: 2 << 10)),
        Frame(kind: .goodbye, stream: 7, payload: ByteBuffer(string: "bye")),
    ]

    @Test func `a header is twenty big-endian bytes`() throws {
        // The check value that catalogues of checksums give for CRC-32C.
        #expect(Self.checksum(Array("123456789".utf8)) == 0xe306_9283)
        let payload: [UInt8] = [9, 8]
        for (kind, payloadChecksum) in [(FrameKind.data, 0), (.control, Self.checksum(payload))] {
            let frame = Frame(kind: kind, stream: 0x0a0b_0c0d, payload: ByteBuffer(bytes: payload))
            for number in UInt8(0)...1 {
                var expected: [UInt8] = [0, 0, 0, 2, kind.rawValue, 0, 0, 0, 0x0a, 0x0b, 0x0c, 0x0d]
                expected += withUnsafeBytes(of: payloadChecksum.bigEndian, Array.init)
                expected += withUnsafeBytes(of: Self.checksum([0, 0, 0, number] + expected).bigEndian, Array.init)
                let bytes = Array(try Self.bytes(of: [frame, frame]).readableBytesView)
                #expect(Array(bytes.dropFirst(Int(number) * 22).prefix(22)) == expected + payload)
            }
        }
    }

    @Test func `any changed byte is found out, but those of blobs, which have their own digest`() throws {
        for frame in Self.samples where frame.payload.readableBytes <= 100 {
            let whole = try Self.bytes(of: [frame])
            for position in 0..<whole.readableBytes {
                for bit in 0..<8 {
                    var damaged = whole
                    let byte = try #require(whole.getInteger(at: position, as: UInt8.self))
                    damaged.setInteger(byte ^ 1 << bit, at: position)
                    var decoder = FrameDecoder(allowing: Self.everyKind)
                    let error = #expect(throws: ProtocolViolation.self) { try decoder.decode(buffer: &damaged) }
                    #expect(error?.isDamage == true, "bit \(bit) of byte \(position)")
                }
            }
        }
    }

    @Test func `a frame that comes twice, or is left out, is found out`() throws {
        let frames = try Self.samples.prefix(2).map { try Self.bytes(of: [$0]) }
        // Each was written as the first of its connection: the second arrives in the place of another.
        var decoder = FrameDecoder(allowing: Self.everyKind)
        var (first, second) = (frames[0], frames[1])
        #expect(try decoder.decode(buffer: &first) == Self.samples[0])
        let error = #expect(throws: ProtocolViolation.self) { try decoder.decode(buffer: &second) }
        #expect(error?.isDamage == true)
        var repeated = frames[0]
        #expect(throws: ProtocolViolation.self) { try decoder.decode(buffer: &repeated) }
    }

    @Test func `frames survive every cut of the stream`() throws {
        let small = Self.samples.filter { $0.payload.readableBytes < 100 }
        let whole = try Self.bytes(of: small)
        for cut in 0...whole.readableBytes {
            var decoder = FrameDecoder(allowing: Self.everyKind)
            var seen: [Frame] = []
            var buffer = try #require(whole.getSlice(at: 0, length: cut))
            while let frame = try decoder.decode(buffer: &buffer) { seen.append(frame) }
            buffer.writeImmutableBuffer(try #require(whole.getSlice(at: cut, length: whole.readableBytes - cut)))
            while let frame = try decoder.decode(buffer: &buffer) { seen.append(frame) }
            #expect(seen == small)
            #expect(buffer.readableBytes == 0)
        }
    }

    @Test func `frames come out whole when bytes drip in one by one`() throws {
        let small = Self.samples.filter { $0.payload.readableBytes <= 8 << 10 }
        var decoder = FrameDecoder(allowing: Self.everyKind)
        var seen: [Frame] = []
        var buffer = ByteBuffer()
        for byte in try Self.bytes(of: small).readableBytesView {
            buffer.writeInteger(byte)
            while let frame = try decoder.decode(buffer: &buffer) { seen.append(frame) }
        }
        #expect(seen == small)
        #expect(buffer.readableBytes == 0)
    }

    @Test func `the largest payload of each kind passes and one byte more is refused before it is there`() throws {
        for kind in FrameKind.allCases {
            let limit = UInt32(kind.payloadByteCountLimit)
            var decoder = FrameDecoder(allowing: Self.everyKind)
            var allowed = Self.header(length: limit, kind: kind.rawValue)
            #expect(try decoder.decode(buffer: &allowed) == nil)
            var tooLong = Self.header(length: limit + 1, kind: kind.rawValue)
            let error = #expect(throws: ProtocolViolation.self) { try decoder.decode(buffer: &tooLong) }
            #expect(error?.field == "frame length")
            #expect(error?.value == "\(limit + 1)")
        }
    }

    @Test func `limits per kind are those of the reference`() {
        #expect(FrameKind.handshake.payloadByteCountLimit == 2048)
        #expect(FrameKind.goodbye.payloadByteCountLimit == 8192)
        #expect(FrameKind.control.payloadByteCountLimit == 65536)
        #expect(FrameKind.data.payloadByteCountLimit == 1_048_576)
    }

    @Test func `flags, reserved bytes and unknown kinds are refused`() {
        let wrong = [
            ("frame flags", Self.header(length: 0, flags: 1)), ("frame flags", Self.header(length: 0, flags: 0x80)),
            ("frame reserved bytes", Self.header(length: 0, reserved: 1)),
            ("frame reserved bytes", Self.header(length: 0, reserved: 0x8000)),
            ("frame kind", Self.header(length: 0, kind: 0)), ("frame kind", Self.header(length: 0, kind: 5)),
            ("frame kind", Self.header(length: 0, kind: 255)),
        ]
        for (field, header) in wrong {
            var decoder = FrameDecoder(allowing: Self.everyKind)
            var buffer = header
            let error = #expect(throws: ProtocolViolation.self) { try decoder.decode(buffer: &buffer) }
            #expect(error?.field == field)
        }
    }

    @Test(arguments: [FrameKind.control, .data]) func `before authentication only handshake frames are read`(
        kind: FrameKind
    ) {
        var decoder = FrameDecoder()
        // The header alone is enough: no byte of the payload is waited for.
        var buffer = Self.header(length: 10, kind: kind.rawValue)
        let error = #expect(throws: ProtocolViolation.self) { try decoder.decode(buffer: &buffer) }
        #expect(error?.field == "frame kind")
        #expect(error?.value == "\(kind)")
    }

    @Test func `after authentication no handshake frame is read`() {
        var decoder = FrameDecoder()
        decoder.allow([.control, .goodbye])
        var buffer = Self.header(length: 0, kind: FrameKind.handshake.rawValue)
        #expect(throws: ProtocolViolation.self) { try decoder.decode(buffer: &buffer) }
    }

    @Test func `a stream that ends within a frame is an error`() throws {
        let whole = try Self.bytes(of: [Self.samples[1]])
        for length in 1..<whole.readableBytes {
            var decoder = FrameDecoder(allowing: Self.everyKind)
            var part = try #require(whole.getSlice(at: 0, length: length))
            #expect(throws: ProtocolViolation.self) { try decoder.decodeLast(buffer: &part, seenEOF: true) }
        }
        var decoder = FrameDecoder(allowing: Self.everyKind)
        var buffer = whole
        #expect(try decoder.decodeLast(buffer: &buffer, seenEOF: true) == Self.samples[1])
        #expect(try decoder.decodeLast(buffer: &buffer, seenEOF: true) == nil)
    }

    @Test func `garbage gives frames within their limits or an error, and never reads past its end`() {
        for seed in UInt64(0)..<2_000 {
            var random = SeededGenerator(seed: seed)
            var buffer = ByteBuffer()
            // Half of the seeds begin like a frame, so that the checks behind the first are reached.
            if seed % 2 == 0 {
                buffer = Self.header(
                    length: UInt32.random(in: 0...64, using: &random), kind: UInt8.random(in: 0...5, using: &random),
                    stream: UInt32.random(in: 0...9, using: &random))
            }
            for _ in 0..<Int.random(in: 0...200, using: &random) {
                buffer.writeInteger(UInt8.random(in: 0...255, using: &random))
            }
            let total = buffer.readableBytes
            var decoder = FrameDecoder(allowing: Self.everyKind)
            var consumed = 0
            while let frame = try? decoder.decode(buffer: &buffer) {
                #expect(frame.payload.readableBytes <= frame.kind.payloadByteCountLimit)
                consumed += FrameHeader.byteCount + frame.payload.readableBytes
            }
            #expect(consumed + buffer.readableBytes == total, "seed \(seed)")
        }
    }

    @Test func `a message that fits no frame is not written`() {
        var summary = WireJobSummary()
        summary.pipeline = String(repeating: "x", count: 64 << 10)
        let message = WireControl(.jobSummary(summary))
        #expect(!message.fitsFrame)
        #expect(throws: OversizedPayload.self) { try message.frame(stream: 1) }
    }

    @Test func `a payload that is not a message is a violation`() {
        let error = #expect(throws: ProtocolViolation.self) {
            try WireControl(decoding: ByteBuffer(bytes: [0xff, 0xff, 0xff]))
        }
        #expect(error?.field == "control payload")
    }
}

@Suite struct `The preface` {
    @Test func `is seven bytes of magic and the major version`() throws {
        var buffer = ByteBuffer()
        Preface().encode(into: &buffer)
        #expect(Array(buffer.readableBytesView) == Array("TESSERA".utf8) + [2])
        #expect(try Preface.decode(from: &buffer) == Preface(majorVersion: 2))
        #expect(buffer.readableBytes == 0)
    }

    @Test func `is waited for until it is whole`() throws {
        var buffer = ByteBuffer()
        for byte in Array("TESSERA".utf8) {
            buffer.writeInteger(byte)
            #expect(try Preface.decode(from: &buffer) == nil)
        }
        buffer.writeInteger(UInt8(9))
        #expect(try Preface.decode(from: &buffer) == Preface(majorVersion: 9))
    }

    @Test(arguments: ["G", "TESSERb", "tessera1", "GET / HTTP/1.1\r\n"]) func `is refused at its first wrong byte`(
        text: String
    ) {
        var buffer = ByteBuffer(string: text)
        let error = #expect(throws: ProtocolViolation.self) { try Preface.decode(from: &buffer) }
        #expect(error?.field == "preface")
    }
}
