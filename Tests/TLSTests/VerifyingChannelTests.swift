import CLibSSL
import Foundation
import Glibc
import Testing

@testable import TLS

/// An authority that signs certificates, and the file by which others trust it.
private final class Authority {
    private let key: OpaquePointer
    private let certificate: OpaquePointer
    let file: String

    init() throws {
        key = try Self.newKey()
        certificate = try Self.certificate(
            of: key, name: "Test Authority", [(NID_basic_constraints, "critical,CA:TRUE")])
        #expect(X509_set_issuer_name(certificate, X509_get_subject_name(certificate)) == 1)
        #expect(X509_sign(certificate, key, EVP_sha256()) > 0)
        var template = Array((FileManager.default.temporaryDirectory.path + "/tessera-authority-XXXXXX").utf8CString)
        let descriptor = mkstemp(&template)
        file = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
        let stream = try #require(fdopen(descriptor, "w"))
        #expect(PEM_write_X509(stream, certificate) == 1)
        fclose(stream)
    }

    deinit {
        unlink(file)
        X509_free(certificate)
        EVP_PKEY_free(key)
    }

    /// A server whose certificate has these alternative names, such as `DNS:a.example,IP:192.0.2.1`.
    /// - Parameter isSelfSigned: by itself instead of by the authority.
    func server(
        _ names: String?, commonName: String = "somebody", isSelfSigned: Bool = false, end: String = "99991231235959Z",
        maximumVersion: Int32 = TLS1_3_VERSION
    ) throws -> Server {
        let own = try Self.newKey()
        let extensions = names.map { [(NID_subject_alt_name, $0)] } ?? []
        let made = try Self.certificate(of: own, name: commonName, extensions, end: end)
        let issuer = isSelfSigned ? made : certificate
        #expect(X509_set_issuer_name(made, X509_get_subject_name(issuer)) == 1)
        #expect(X509_sign(made, isSelfSigned ? own : key, EVP_sha256()) > 0)
        defer {
            X509_free(made)
            EVP_PKEY_free(own)
        }
        return try Server(made, own, maximumVersion: maximumVersion)
    }

    private static func newKey() throws -> OpaquePointer {
        let context = try #require(EVP_PKEY_CTX_new_id(EVP_PKEY_EC, nil))
        defer { EVP_PKEY_CTX_free(context) }
        var key: OpaquePointer?
        #expect(EVP_PKEY_keygen_init(context) == 1)
        #expect(EVP_PKEY_CTX_set_ec_paramgen_curve_nid(context, NID_X9_62_prime256v1) == 1)
        #expect(EVP_PKEY_generate(context, &key) == 1)
        return try #require(key)
    }

    private static func certificate(
        of key: OpaquePointer, name: String, _ extensions: [(Int32, String)], end: String = "99991231235959Z"
    ) throws -> OpaquePointer {
        let certificate = try #require(X509_new())
        #expect(X509_set_version(certificate, 2) == 1)
        #expect(ASN1_INTEGER_set(X509_get_serialNumber(certificate), Int.random(in: 1...1_000_000)) == 1)
        #expect(ASN1_TIME_set_string(X509_getm_notBefore(certificate), "20000101000000Z") == 1)
        #expect(ASN1_TIME_set_string(X509_getm_notAfter(certificate), end) == 1)
        /// MBSTRING_ASC, which is a macro.
        let isASCII: Int32 = 0x1001
        #expect(
            X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", isASCII, name, -1, -1, 0) == 1)
        #expect(X509_set_pubkey(certificate, key) == 1)
        for (kind, value) in extensions {
            let made = try #require(X509V3_EXT_conf_nid(nil, nil, kind, value))
            #expect(X509_add_ext(certificate, made, -1) == 1)
            X509_EXTENSION_free(made)
        }
        return certificate
    }
}

/// The accepting end of a server of others, by OpenSSL's own buffers.
private final class Server {
    private let context: OpaquePointer
    private let ssl: OpaquePointer
    private let input: OpaquePointer
    private let output: OpaquePointer
    private(set) var isDone = false

    init(_ certificate: OpaquePointer, _ key: OpaquePointer, maximumVersion: Int32) throws {
        context = try #require(SSL_CTX_new(TLS_server_method()))
        #expect(SSL_CTX_use_certificate(context, certificate) == 1)
        #expect(SSL_CTX_use_PrivateKey(context, key) == 1)
        #expect(SSL_CTX_ctrl(context, SSL_CTRL_SET_MAX_PROTO_VERSION, Int(maximumVersion), nil) == 1)
        ssl = try #require(SSL_new(context))
        input = try #require(BIO_new(BIO_s_mem()))
        output = try #require(BIO_new(BIO_s_mem()))
        SSL_set_bio(ssl, input, output)
        SSL_set_accept_state(ssl)
    }

    deinit {
        SSL_free(ssl)
        SSL_CTX_free(context)
    }

    var name: String? { SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name).map { String(cString: $0) } }

    /// Takes bytes, and gives those for the other end.
    func receive(_ bytes: [UInt8]) -> [UInt8] {
        #expect(BIO_write(input, bytes, Int32(bytes.count)) == bytes.count)
        if !isDone { isDone = SSL_do_handshake(ssl) == 1 }
        return taken
    }

    func send(_ text: String) -> [UInt8] {
        #expect(SSL_write(ssl, text, Int32(text.utf8.count)) == text.utf8.count)
        return taken
    }

    func read() -> String {
        var room = [UInt8](repeating: 0, count: 1000)
        let count = SSL_read(ssl, &room, Int32(room.count))
        return String(decoding: room.prefix(max(0, Int(count))), as: UTF8.self)
    }

    private var taken: [UInt8] {
        var room = [UInt8](repeating: 0, count: 1 << 16)
        let count = BIO_read(output, &room, Int32(room.count))
        return Array(room.prefix(max(0, Int(count))))
    }
}

@Suite struct `A channel to a server of others` {
    /// Opens a channel to `name`, sends a word each way, and gives the name that the server was asked for.
    private func greet(_ server: Server, as name: String, trusting authority: Authority?) throws -> String? {
        let context = try TLSContext(verifyingBy: authority.map { .file($0.file) } ?? .ofSystem)
        var channel = try TLSChannel(context, to: name)
        var received: [UInt8] = []
        func pass() throws {
            while channel.hasOutput {
                let answer = server.receive(channel.takeOutput { [UInt8]($0) })
                try answer.withUnsafeBytes { try channel.receive($0) { received += $0 } }
            }
        }
        try channel.begin()
        try pass()
        try #require(channel.exported != nil && server.isDone)
        try Array("ping".utf8).withUnsafeBytes { try channel.send($0) }
        try pass()
        #expect(server.read() == "ping")
        try server.send("pong").withUnsafeBytes { try channel.receive($0) { received += $0 } }
        #expect(received == Array("pong".utf8))
        return server.name
    }

    @Test(arguments: [TLS1_2_VERSION, TLS1_3_VERSION])
    func `is open to a server that proves the name`(version: Int32) throws {
        let authority = try Authority()
        let server = try authority.server("DNS:hooks.example,IP:192.0.2.1", maximumVersion: version)
        #expect(try greet(server, as: "hooks.example", trusting: authority) == "hooks.example")
    }

    @Test(arguments: ["192.0.2.1", "2001:db8::7"])
    func `is open to a server that proves the address, and names none`(address: String) throws {
        let authority = try Authority()
        let server = try authority.server("DNS:hooks.example,IP:192.0.2.1,IP:2001:db8::7")
        #expect(try greet(server, as: address, trusting: authority) == nil)
    }

    /// The name to reach, the names of the certificate.
    @Test(
        arguments: [
            ("hooks.example", "DNS:other.example"), ("hooks.example", "IP:192.0.2.1"), ("192.0.2.1", "IP:192.0.2.2"),
            ("192.0.2.1", "DNS:192.0.2.1"), ("a.b.example", "DNS:*.example"), ("hooks.example", "DNS:h*.example"),
            ("hooks.example", nil), ("hooks.example\u{0}.evil.example", "DNS:evil.example"),
        ] as [(String, String?)])
    func `is refused when the certificate has another name`(name: String, names: String?) throws {
        let authority = try Authority()
        let server = try authority.server(names, commonName: "hooks.example")
        let error = #expect(throws: TLSError.self) { try greet(server, as: name, trusting: authority) }
        #expect(error?.reason.hasPrefix("the certificate is not accepted: ") == true, "\(error?.reason ?? "")")
        #expect(!server.isDone)
    }

    @Test func `is refused when no trusted authority has signed`() throws {
        let (authority, other) = (try Authority(), try Authority())
        for server in [
            try authority.server("DNS:hooks.example", isSelfSigned: true), try other.server("DNS:hooks.example"),
        ] {
            #expect(throws: TLSError.self) { try greet(server, as: "hooks.example", trusting: authority) }
        }
        let unknown = try authority.server("DNS:hooks.example")
        #expect(throws: TLSError.self) { try greet(unknown, as: "hooks.example", trusting: nil) }
    }

    @Test func `is refused when the certificate has ended`() throws {
        let authority = try Authority()
        let server = try authority.server("DNS:hooks.example", end: "20200101000000Z")
        let error = #expect(throws: TLSError.self) { try greet(server, as: "hooks.example", trusting: authority) }
        #expect(error?.reason == "the certificate is not accepted: certificate has expired")
    }

    @Test(arguments: ["/nonexistent", "/dev/null"]) func `is not made without authorities`(path: String) {
        #expect(throws: TLSError.self) { try TLSContext(verifyingBy: .file(path)) }
    }
}
