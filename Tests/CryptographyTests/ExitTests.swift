import Cryptography
import Glibc
import Testing

/// A process ends by `exit` while its other threads compute. OpenSSL, left to itself, takes its algorithms away from them.
@Suite struct ExitTests {
    @Test func `digests and codes are the same while the process ends`() async {
        await #expect(processExitsWith: .exitCode(0)) {
            // Handlers run in the opposite order of their registration: this one after any that OpenSSL's first use registers.
            atexit {
                let digest = SHA256.hash(Array("abc".utf8))
                let code = HMACSHA256.code(over: [digest], key: [1, 2, 3])
                guard digest.starts(with: [0xba, 0x78, 0x16, 0xbf]),
                    HMACSHA256.isCode(code, over: [digest], key: [1, 2, 3])
                else { _exit(9) }
            }
            _ = SHA256.hash([1])
            exit(0)
        }
    }
}
