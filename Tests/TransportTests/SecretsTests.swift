import Foundation
import Testing

@testable import Transport

private let one = "0123456789abcdef0123"
private let two = "fedcba98765432100123"

@Suite struct SecretsTests {
    private static func withFile<Result>(_ contents: [UInt8], _ body: (String) throws -> Result) throws -> Result {
        let path = FileManager.default.temporaryDirectory.appending(path: "tessera-secrets-\(UUID())").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        try #require(
            FileManager.default.createFile(
                atPath: path, contents: Data(contents), attributes: [.posixPermissions: 0o600]))
        return try body(path)
    }

    private static func secrets(_ text: String) throws -> Secrets {
        try withFile(Array(text.utf8)) { try Secrets(file: $0) }
    }

    private static func secret(_ text: String) throws -> SharedSecret { try SharedSecret(bytes: Array(text.utf8)) }

    @Test(arguments: ["\(one)", "\(one)\n", "\(one)\r\n"]) func `a file of one line has one secret`(text: String) throws
    {
        #expect(try Self.secrets(text) == Secrets(Self.secret(one)))
    }

    @Test(arguments: ["\(one)\n\(two)", "\(one)\n\(two)\n", "\(one)\r\n\(two)\r\n"])
    func `a file of two lines has the new secret and the former one`(text: String) throws {
        #expect(try Self.secrets(text) == Secrets(Self.secret(one), former: Self.secret(two)))
    }

    @Test func `random bytes are one secret, also with the end of a line among them`() throws {
        let bytes = [UInt8](repeating: 200, count: 20) + [10] + [UInt8](repeating: 201, count: 20)
        let read = try Self.withFile(bytes) { try Secrets(file: $0) }
        #expect(read == Secrets(try SharedSecret(bytes: bytes)))
    }

    @Test(arguments: [
        ("\(one)\n\(two)\n\(one)\n", "has 3 lines"), ("\(one)\n\n", "line 2 of the secret file"),
        ("\(one)\nshort\n", "line 2 of the secret file"), ("short\n\(two)\n", "line 1 of the secret file"),
        ("\n\(two)\n", "line 1 of the secret file"), ("\(one)\n\(one)\n", "are the same secret"),
    ]) func `an error names the file and the line`(text: String, words: String) throws {
        try Self.withFile(Array(text.utf8)) { (path: String) throws in
            let error = #expect(throws: TransportError.self) { try Secrets(file: path) }
            #expect(error?.code == .secretFile)
            #expect(error?.message.contains(words) == true, "\(error?.message ?? "")")
            #expect(error?.message.contains(path) == true)
            #expect(error?.message.contains(one) == false)
        }
    }

    @Test func `never shows what it has`() throws {
        var dumped = ""
        let secrets = try Self.secrets("\(one)\n\(two)\n")
        dump(secrets, to: &dumped)
        for text in ["\(secrets)", String(reflecting: secrets), dumped] {
            #expect(!text.contains(one) && !text.contains(two), "\(text)")
        }
    }

    @Test func `a secret is changed in two steps, and a step out of turn changes nothing`() throws {
        try Self.withFile(Array("\(one)\n".utf8)) { (path: String) throws in
            let before = try SharedSecret(file: path)
            #expect(throws: TransportError.self) { try SecretFileChange.retireFormer(in: path) }
            #expect(try Secrets(file: path) == Secrets(before))

            try SecretFileChange.addNew(to: path)
            let both = try Secrets(file: path)
            #expect(both.former == before && both.newest != before)
            let error = #expect(throws: TransportError.self) { try SecretFileChange.addNew(to: path) }
            #expect(error?.message.contains("tessera secret retire") == true)
            #expect(try Secrets(file: path) == both)

            try SecretFileChange.retireFormer(in: path)
            #expect(try Secrets(file: path) == Secrets(both.newest))
            let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
            #expect(mode == 0o600)
        }
    }

    @Test func `no new secret is put in front of random bytes`() throws {
        let bytes = [UInt8](repeating: 200, count: 32)
        try Self.withFile(bytes) { (path: String) throws in
            let error = #expect(throws: TransportError.self) { try SecretFileChange.addNew(to: path) }
            #expect(error?.message.contains("is not a line of text") == true)
            #expect(try Data(contentsOf: URL(filePath: path)) == Data(bytes))
        }
    }
}

@Suite struct KeyringTests {
    @Test func `a secret is the newest, then the former one, then retired`() {
        let ring = Keyring(.other)
        #expect(ring.standing(of: .other) == .newest)
        #expect(ring.replace(with: Secrets(.test, former: .other)))
        #expect(ring.standing(of: .other) == .former && ring.standing(of: .test) == .newest)
        #expect(!ring.replace(with: Secrets(.test, former: .other)))
        #expect(ring.replace(with: Secrets(.test)))
        #expect(ring.standing(of: .other) == .retired && ring.standing(of: .test) == .newest)
    }

    @Test func `a task that waits for another secret hears of it, and of nothing else`() async throws {
        let ring = Keyring(.other)
        let waiting = Task { try await ring.waitUntilReplaced(.other) }
        // Not another one: the newest stays.
        ring.replace(with: Secrets(.other, former: .test))
        ring.replace(with: Secrets(.test, former: .other))
        try await waiting.value
        // At once, when it was replaced before.
        try await ring.waitUntilReplaced(.other)
    }

    @Test func `a cancelled task waits no longer`() async {
        let ring = Keyring(.other)
        let waiting = Task { try await ring.waitUntilReplaced(.other) }
        waiting.cancel()
        await #expect(throws: CancellationError.self) { try await waiting.value }
    }
}
