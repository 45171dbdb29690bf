import Glibc
import Testing

@testable import TLS

/// Two ends over memory, and what travels between them.
private final class Ends {
    var connecting: TLSChannel
    var accepting: TLSChannel
    /// The channel's own value at each end.
    var values: (connecting: [UInt8]?, accepting: [UInt8]?) { (connecting.exported, accepting.exported) }
    var received: (byConnecting: [UInt8], byAccepting: [UInt8]) = ([], [])

    init(accepting context: TLSContext? = nil) throws {
        connecting = try TLSChannel(TLSContext(.connecting))
        accepting = try TLSChannel(context ?? TLSContext(.accepting))
    }

    /// Passes on what each end has for the other until there is nothing, in pieces.
    func exchange(pieceByteCount: Int = .max) throws {
        while connecting.hasOutput || accepting.hasOutput {
            for piece in pieces(connecting.takeOutput { [UInt8]($0) }, of: pieceByteCount) {
                try piece.withUnsafeBytes { try accepting.receive($0) { received.byAccepting += $0 } }
            }
            for piece in pieces(accepting.takeOutput { [UInt8]($0) }, of: pieceByteCount) {
                try piece.withUnsafeBytes { try connecting.receive($0) { received.byConnecting += $0 } }
            }
        }
    }

    func greet(pieceByteCount: Int = .max) throws {
        try connecting.begin()
        try exchange(pieceByteCount: pieceByteCount)
    }

    private func pieces(_ bytes: [UInt8], of count: Int) -> [[UInt8]] {
        stride(from: 0, to: bytes.count, by: min(count, max(1, bytes.count))).map {
            Array(bytes[$0..<min($0 + min(count, bytes.count), bytes.count)])
        }
    }
}

@Suite struct `An encrypted channel` {
    @Test(arguments: [1, 7, 100, Int.max]) func `has a value of its own that both ends know`(pieces: Int) throws {
        let ends = try Ends()
        try ends.greet(pieceByteCount: pieces)
        let value = try #require(ends.values.connecting)
        #expect(value.count == TLSChannel.exportedByteCount)
        #expect(ends.values.accepting == value)
    }

    @Test func `has another value than every other channel of the same end`() throws {
        let context = try TLSContext(.accepting)
        var values: Set<[UInt8]> = []
        for _ in 0..<20 {
            let ends = try Ends(accepting: context)
            try ends.greet()
            values.insert(try #require(ends.values.accepting))
        }
        #expect(values.count == 20)
    }

    /// An attacker in between has two channels, and neither end's value is the other's.
    @Test func `does not lead through somebody in between`() throws {
        let outer = try Ends()
        let inner = try Ends()
        try outer.greet()
        try inner.greet()
        #expect(outer.values.connecting != inner.values.accepting)
    }

    @Test(arguments: [1, 2, 16383, 16384, 16385, 1 << 20]) func `carries bytes both ways`(count: Int) throws {
        let ends = try Ends()
        try ends.greet()
        let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
        try bytes.withUnsafeBytes { try ends.connecting.send($0) }
        try bytes.withUnsafeBytes { try ends.accepting.send($0) }
        try ends.exchange(pieceByteCount: 1000)
        #expect(ends.received.byAccepting == bytes)
        #expect(ends.received.byConnecting == bytes)
    }

    @Test func `shows nothing of what it carries`() throws {
        let ends = try Ends()
        try ends.greet()
        let bytes = Array("a text that nobody else may read, because it is the point of it all".utf8)
        try bytes.withUnsafeBytes { try ends.connecting.send($0) }
        let seen = ends.connecting.takeOutput { [UInt8]($0) }
        #expect(seen.count > bytes.count)
        #expect(!(0...seen.count - 8).contains { start in seen[start..<start + 8].elementsEqual(bytes[..<8]) })
    }

    /// Each byte of a record changed: nothing of it is passed on.
    @Test func `passes nothing on that was changed on its way`() throws {
        let bytes = Array("sixteen and more".utf8)
        let probe = try Ends()
        try probe.greet()
        try bytes.withUnsafeBytes { try probe.connecting.send($0) }
        let count = probe.connecting.takeOutput { $0.count }
        for place in 0..<count {
            let ends = try Ends()
            try ends.greet()
            try bytes.withUnsafeBytes { try ends.connecting.send($0) }
            var record = ends.connecting.takeOutput { [UInt8]($0) }
            #expect(record.count == count)
            record[place] ^= 0x20
            // A longer length waits for more; a changed version is refused.
            _ = try? record.withUnsafeBytes { try ends.accepting.receive($0) { ends.received.byAccepting += $0 } }
            #expect(ends.received.byAccepting.isEmpty, "byte \(place)")
        }
    }

    @Test func `bytes that are not TLS break it, with a reason`() throws {
        for bytes in [
            Array("GET / HTTP/1.1\r\n\r\n".utf8), [UInt8](repeating: 0x16, count: 100), [0x16, 3, 1, 0, 4, 9, 0, 0, 0],
        ] {
            var accepting = try TLSChannel(TLSContext(.accepting))
            let error = #expect(throws: TLSError.self) {
                try bytes.withUnsafeBytes { try accepting.receive($0) { _ in Issue.record("nothing was sent") } }
            }
            #expect(error?.reason.isEmpty == false)
            let value = accepting.exported
            #expect(value == nil)
        }
    }

    @Test func `ends when one end says so`() throws {
        let ends = try Ends()
        try ends.greet()
        try Array("bye".utf8).withUnsafeBytes { try ends.connecting.send($0) }
        try ends.connecting.end()
        try ends.exchange()
        #expect(ends.received.byAccepting == Array("bye".utf8))
        // The other direction is open.
        try Array("and you".utf8).withUnsafeBytes { try ends.accepting.send($0) }
        try ends.exchange()
        #expect(ends.received.byConnecting == Array("and you".utf8))
    }

    /// By itself OpenSSL removes its algorithms in `exit`, while other threads may still use them.
    @Test func `is made also while the process ends`() async {
        await #expect(processExitsWith: .exitCode(0)) {
            // It runs after any handler that OpenSSL's first use registers.
            atexit {
                guard let ends = try? Ends(), (try? ends.greet()) != nil, ends.values.connecting != nil else {
                    _exit(9)
                }
            }
            _ = try TLSContext(.connecting)
            exit(0)
        }
    }
}
