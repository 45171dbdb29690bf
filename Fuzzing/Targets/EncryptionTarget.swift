import NIOCore
import Protocol
import TLS

extension FuzzTarget {
    /// What a stranger sends first: whether it encrypts, in one read and in many, and the TLS hello that a channel is made for.
    ///
    ///     where the reads are cut | the stream ...
    static let tlsHello = FuzzTarget("tls-hello") { bytes in
        var input = InputBytes(bytes)
        let seed = input.byte()
        let stream = Array(input.rest)
        var whole = FirstBytes()
        let verdict = whole.append(ByteBuffer(bytes: stream))
        var first = FirstBytes()
        var pieces = cut(stream, seed: seed)[...]
        var piecewise = FirstBytes.Verdict.waits
        while piecewise == .waits, let piece = pieces.popFirst() { piecewise = first.append(ByteBuffer(bytes: piece)) }
        try FuzzFinding.unless(piecewise == verdict, "\(verdict) in one read, \(piecewise) in many")
        // The longest piece of this target ends behind what decides.
        try FuzzFinding.unless(
            first.bytes.readableBytes < FirstBytes.limit + 61, "\(first.bytes.readableBytes) bytes are collected")
        guard verdict == .encrypted, var channel = try? TLSChannel(accepting) else { return }
        var plaintextByteCount = 0
        // A refusal by an error is as good as an answer.
        try? first.bytes.withUnsafeReadableBytes { bytes in
            try channel.receive(bytes) { plaintextByteCount += $0.count }
        }
        let isDone = channel.exported != nil
        try FuzzFinding.unless(!isDone && plaintextByteCount == 0, "a hello alone has made a channel")
    }

    private static let accepting: TLSContext = {
        do { return try TLSContext(.accepting) } catch { preconditionFailure("OpenSSL has TLS 1.3: \(error)") }
    }()
}
