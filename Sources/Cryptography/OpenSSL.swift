import CLibCrypto

/// What OpenSSL keeps for the process.
enum OpenSSL {
    /// Has OpenSSL stay as it is when the process ends: by itself it removes its algorithms in `exit`, while other threads may
    /// still compute, which then crash (OPENSSL_init_crypto(3), OPENSSL_INIT_NO_ATEXIT). To be called before any first use; the
    /// system takes the memory back.
    static func stay() { _ = isStaying }

    private static let isStaying = OPENSSL_init_crypto(UInt64(OPENSSL_INIT_NO_ATEXIT), nil) == 1
}
