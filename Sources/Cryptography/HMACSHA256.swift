import CLibCrypto

/// HMAC-SHA-256 message authentication codes (RFC 2104), computed by OpenSSL.
public enum HMACSHA256 {
    /// The 32-byte code over the concatenation of `parts` under `key`.
    public static func code(over parts: [[UInt8]], key: [UInt8]) -> [UInt8] {
        OpenSSL.stay()
        let message = parts.flatMap(\.self)
        return [UInt8](unsafeUninitializedCapacity: SHA256.digestByteCount) { buffer, initializedCount in
            let code = HMAC(
                EVP_sha256(), key, Int32(key.count), message, message.count, buffer.baseAddress, nil)
            guard code != nil else { fatalError("OpenSSL cannot compute HMAC-SHA-256 on this system") }
            initializedCount = SHA256.digestByteCount
        }
    }

    /// Whether `code` is the code over `parts` under `key`. Takes the same time wherever they differ.
    public static func isCode(_ code: [UInt8], over parts: [[UInt8]], key: [UInt8]) -> Bool {
        let expected = Self.code(over: parts, key: key)
        return code.count == expected.count && CRYPTO_memcmp(code, expected, expected.count) == 0
    }
}
