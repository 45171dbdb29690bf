import CTLS

/// One end of a TLS channel over memory: its owner moves the bytes.
///
/// Between two programs of ours neither end verifies a certificate. Each proves itself inside the channel, over `exported`, which
/// only the two ends of one channel share; an attacker in between has two channels, and cannot prove itself in either. A server of
/// others proves its name by its certificate, within the handshake.
public struct TLSChannel: ~Copyable {
    /// The bytes of `exported`.
    public static let exportedByteCount = TSR_TLS_EXPORT_BYTE_COUNT

    /// The longest plaintext that one record carries.
    private static let recordByteCount = 16 << 10

    private let pointer: OpaquePointer
    private let context: TLSContext
    /// The channel's own value (RFC 9266, `tls-exporter`), once its handshake is done.
    public private(set) var exported: [UInt8]?

    public init(_ context: TLSContext) throws(TLSError) {
        precondition(!context.verifies, "a channel that verifies needs the name of its server")
        guard let pointer = tsr_tls_new(context.pointer) else { throw TLSError(reason: "memory is short") }
        self.pointer = pointer
        self.context = context
    }

    /// A channel to a server of others. Its handshake fails unless the server proves that it is `server`.
    /// - Parameter server: a name, or an IP address.
    public init(_ context: TLSContext, to server: String) throws(TLSError) {
        precondition(context.verifies, "the context verifies no names")
        guard let pointer = tsr_tls_new_to(context.pointer, server) else { throw TLSError(reason: "memory is short") }
        self.pointer = pointer
        self.context = context
    }

    deinit { tsr_tls_free(pointer) }

    /// Begins the handshake: the end that connects has bytes to send then.
    public mutating func begin() throws(TLSError) { _ = try handshake() }

    /// Takes bytes of the peer, all of them, and passes on what they decrypt to, in pieces of up to 16 KiB.
    public mutating func receive(
        _ bytes: UnsafeRawBufferPointer, plaintext: (UnsafeRawBufferPointer) -> Void
    ) throws(TLSError) {
        tsr_tls_lend(pointer, bytes.bindMemory(to: UInt8.self).baseAddress, bytes.count)
        defer { tsr_tls_lend(pointer, nil, 0) }
        if exported == nil {
            guard try handshake() else { return }
        }
        let result = withUnsafeTemporaryAllocation(byteCount: Self.recordByteCount, alignment: 16) { room in
            let start = room.bindMemory(to: UInt8.self).baseAddress
            while true {
                var count = 0
                let result = tsr_tls_read(pointer, start, room.count, &count)
                guard result == TSR_TLS_DONE else { return result }
                plaintext(UnsafeRawBufferPointer(rebasing: room[..<count]))
            }
        }
        // Bytes behind the peer's last word are not looked at.
        if result == TSR_TLS_FAILED { throw failure }
    }

    /// Encrypts all of `bytes`.
    public mutating func send(_ bytes: UnsafeRawBufferPointer) throws(TLSError) {
        guard !bytes.isEmpty else { return }
        precondition(exported != nil, "bytes are sent before the handshake is done")
        let result = tsr_tls_write(pointer, bytes.bindMemory(to: UInt8.self).baseAddress, bytes.count)
        guard result == TSR_TLS_DONE else { throw failure }
    }

    /// Encrypts the word that this end sends no more.
    public mutating func end() throws(TLSError) {
        guard tsr_tls_end(pointer) != TSR_TLS_FAILED else { throw failure }
    }

    /// Whether there are bytes for the peer.
    public var hasOutput: Bool {
        var count = 0
        _ = tsr_tls_output(pointer, &count)
        return count > 0
    }

    /// Passes the bytes for the peer to `body`, once.
    public mutating func takeOutput<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        var count = 0
        let start = tsr_tls_output(pointer, &count)
        defer { tsr_tls_sent(pointer) }
        return body(UnsafeRawBufferPointer(start: start, count: count))
    }

    /// - Returns: whether the handshake is done.
    private mutating func handshake() throws(TLSError) -> Bool {
        let result = tsr_tls_handshake(pointer)
        switch result {
        case TSR_TLS_DONE: break
        case TSR_TLS_WAITS: return false
        case TSR_TLS_ENDED: throw TLSError(reason: "the other side ended the channel within its handshake")
        default: throw failure
        }
        var value = [UInt8](repeating: 0, count: Self.exportedByteCount)
        guard tsr_tls_export(pointer, &value) else { throw TLSError(reason: "the channel has no value of its own") }
        exported = value
        return true
    }

    private var failure: TLSError { TLSError(reason: String(cString: tsr_tls_reason(pointer))) }
}
