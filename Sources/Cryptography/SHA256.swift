import CLibCrypto

/// A SHA-256 digest of bytes that arrive piece by piece (FIPS 180-4), computed by OpenSSL.
///
/// A value: a copy continues on its own from where the original was.
public struct SHA256: Sendable {
    public static let digestByteCount = 32

    private var context = Context()

    public init() {}

    public mutating func update(_ bytes: UnsafeRawBufferPointer) {
        if !isKnownUniquelyReferenced(&context) { context = Context(copying: context) }
        context.update(bytes)
    }

    public mutating func update(_ bytes: [UInt8]) { bytes.withUnsafeBytes { update($0) } }

    /// The 32 bytes of the digest of everything so far. The value itself does not change.
    public func finalize() -> [UInt8] { Context(copying: context).finalize() }

    /// The digest of `bytes`.
    public static func hash(_ bytes: [UInt8]) -> [UInt8] {
        var hash = SHA256()
        hash.update(bytes)
        return hash.finalize()
    }
}

/// Owns one of OpenSSL's digest contexts.
///
/// Unchecked: only `SHA256` has contexts, and it changes one only while no other value refers to it.
private final class Context: @unchecked Sendable {
    private let pointer: OpaquePointer

    init() {
        pointer = Self.make()
        check(EVP_DigestInit_ex(pointer, EVP_sha256(), nil))
    }

    init(copying other: Context) {
        pointer = Self.make()
        check(EVP_MD_CTX_copy_ex(pointer, other.pointer))
    }

    deinit { EVP_MD_CTX_free(pointer) }

    func update(_ bytes: UnsafeRawBufferPointer) {
        check(EVP_DigestUpdate(pointer, bytes.baseAddress, bytes.count))
    }

    /// To be called once, as the last call.
    func finalize() -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: SHA256.digestByteCount) { buffer, initializedCount in
            check(EVP_DigestFinal_ex(pointer, buffer.baseAddress, nil))
            initializedCount = SHA256.digestByteCount
        }
    }

    private static func make() -> OpaquePointer {
        OpenSSL.stay()
        guard let pointer = EVP_MD_CTX_new() else { fatalError("OpenSSL has no memory for a digest") }
        return pointer
    }
}

/// OpenSSL reports failures that no input can cause: no memory, or a configuration of the system that forbids SHA-256.
private func check(_ status: Int32) {
    guard status == 1 else { fatalError("OpenSSL cannot compute SHA-256 on this system") }
}
