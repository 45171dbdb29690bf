import Foundation
import Logging
import NIOCore
import NIOPosix
import Testing

@testable import Transport

/// What people read of errors that libraries throw.
@Suite struct ErrorTextTests {
    private struct Foreign: Error {}
    private enum Ours: Error, CustomStringConvertible {
        case broken
        var description: String { "the thing is broken" }
    }

    /// Names of types and functions, and numbers, that are for programmers only.
    private func isForPeople(_ text: String) -> Bool {
        !text.contains("errno") && !text.contains("(error") && !text.contains("NIO") && !text.contains("Error")
            && !text.contains("::") && !text.contains("bind(") && !text.contains("Channel")
    }

    @Test func `a conversation that ends with the program is explained so`() {
        #expect(ErrorText.ofEnd(CancellationError()) == "this program is ending")
        #expect(ErrorText.ofEnd(ChannelError.eof) == "the connection is closed")
    }

    @Test func `no error of a library shows its inside`() {
        let errors: [any Error] = [
            IOError(errnoCode: EADDRNOTAVAIL, reason: "bind(descriptor:ptr:bytes:)"),
            IOError(errnoCode: ECONNRESET, reason: "read(descriptor:pointer:size:)"),
            SocketAddressError.unsupported, ChannelError.connectTimeout(.seconds(10)), ChannelError.ioOnClosedChannel,
            ChannelError.eof, ChannelError.operationUnsupported, EventLoopError.shutdown, CancellationError(),
            Foreign(),
            CocoaError(.fileNoSuchFile), DecodingError.dataCorrupted(.init(codingPath: [], debugDescription: "x")),
        ]
        for error in errors { #expect(isForPeople(ErrorText.of(error)), "\(ErrorText.of(error))") }
        #expect(ErrorText.of(errors[0]) == "Cannot assign requested address")
        #expect(ErrorText.of(errors[3]) == "there was no answer for 10 s")
        #expect(ErrorText.of(Ours.broken) == "the thing is broken")
        #expect(ErrorText.of(TransportError(.version, "another version")).hasPrefix("another version"))
    }

    @Test func `a name that does not resolve, and an address that is not here, are told in words`() async throws {
        let secret = try SharedSecret(bytes: [UInt8](repeating: 7, count: 32))
        let dialer = Dialer(
            to: Endpoint(host: "nosuch.invalid", port: 1), as: .client, secret: secret, logger: Logger(label: "test"))
        let unknown = await #expect(throws: TransportError.self) { try await dialer.openControlConnection() }
        #expect(unknown?.message.hasPrefix("the name nosuch.invalid does not resolve to an address; check") == true)

        // TEST-NET-1 of RFC 5737 is nobody's.
        let elsewhere = Endpoint(host: "192.0.2.1", port: 0)
        let acceptor = Acceptor(secret: secret, logger: .init(label: "test"))
        let cannotBind = await #expect(throws: TransportError.self) {
            try await MasterListener.bind(to: elsewhere, acceptor)
        }
        #expect(
            cannotBind?.message
                == "cannot listen on 192.0.2.1:0: Cannot assign requested address: this machine has no such "
                + "address; 0.0.0.0 means all that it has")
        let nowhere = await #expect(throws: TransportError.self) {
            try await MasterListener.bind(to: Endpoint(host: "nosuch.invalid", port: 0), acceptor)
        }
        #expect(nowhere?.code == .badEndpoint, "so that a master says which setting is wrong")
        #expect(nowhere?.message.contains("the name nosuch.invalid does not resolve to an address; check") == true)
    }

    @Test(arguments: [
        ("http://localhost:7400", "leave http:// out"), ("7400", "7400 alone is a port; write 127.0.0.1:7400"),
        ("7400:7401", "7400 alone is a port"), ("tcp://a", "leave tcp:// out"),
        ("::1:7400", "an IPv6 address needs brackets"),
    ])
    func `an address in another form is refused with the right one`(_ text: String, words: String) {
        let error = #expect(throws: TransportError.self) { try Endpoint(parsing: text, defaultPort: 7400) }
        #expect(error?.message.contains(words) == true)
    }

    @Test func `a secret ends with its last line, however that ends, and a short one asks for the master's`() throws {
        let directory = FileManager.default.temporaryDirectory.path + "/secret-\(UUID())"
        defer { try? FileManager.default.removeItem(atPath: directory) }
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        func secret(_ text: String) throws -> SharedSecret {
            let path = directory + "/secret"
            try Data(text.utf8).write(to: URL(fileURLWithPath: path))
            try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: path)
            return try SharedSecret(file: path)
        }
        let plain = try secret("0123456789abcdef")
        #expect(try secret("0123456789abcdef\n") == plain)
        #expect(try secret("0123456789abcdef\r\n") == plain)
        for text in ["", "short\r\n"] {
            let error = #expect(throws: TransportError.self) { try secret(text) }
            #expect(error?.code == .secretFile)
            #expect(error?.message.contains("need a copy of the master's secret file") == true)
        }
    }

    @Test func `a new secret is its owner's alone, and replaces nothing`() throws {
        let directory = FileManager.default.temporaryDirectory.path + "/secret-\(UUID())"
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let path = directory + "/a/b/secret"
        #expect(try SharedSecret.make(at: path))
        let made = try SharedSecret(file: path)
        let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
        #expect(mode == 0o600)
        #expect(try FileManager.default.contentsOfDirectory(atPath: directory + "/a/b") == ["secret"])
        #expect(try !SharedSecret.make(at: path))
        #expect(try SharedSecret(file: path) == made)
        #expect(try SharedSecret.make(at: directory + "/other"))
        #expect(try SharedSecret(file: directory + "/other") != made)

        let nowhere = #expect(throws: TransportError.self) { try SharedSecret.make(at: "/proc/nowhere/secret") }
        #expect(nowhere?.code == .secretFile)
        #expect(nowhere?.message.contains("/proc/nowhere/secret: /proc/nowhere: No such file or directory") == true)
    }
}
