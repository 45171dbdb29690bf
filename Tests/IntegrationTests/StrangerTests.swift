import Foundation
import JobModel
import MasterClient
import NIOCore
import Protocol
import TLS
import TestSupport
import Testing
import Transport

extension Integration {
    /// A real master, and peers that do not prove who they are.
    @Suite struct `Strangers` {
        private struct Unexpected: Error { let action: String }

        /// What a refused peer was told: the code of the one refusal that it got, if any.
        private static func refusal(in frames: [Frame]) throws -> String? {
            try #require(frames.count <= 2, "a challenge and a refusal at most, not \(frames)")
            guard let last = frames.last, last.kind == .handshake,
                case .refused(let refusal) = try WireHandshake(decoding: last.payload).step
            else { return nil }
            return refusal.code
        }

        private static func initiator(
            role: Peer.Role = .client, secret: SharedSecret, nonce: UInt8 = 1
        ) -> HandshakeMachine {
            .initiator(
                Peer(identity: identity, role: role, channel: .control), secret: secret, software: "stranger",
                nonce: [UInt8](repeating: nonce, count: 32))
        }

        private static let identity = Peer.Identity.random()

        private static func hello(of machine: inout HandshakeMachine) throws -> WireHandshake {
            let action = machine.connected()
            guard case .send(let hello) = action else { throw Unexpected(action: "\(action)") }
            return hello
        }

        /// The master is as it was: it serves peers that know the secret, and strangers changed nothing.
        private static func expectUntouched(_ cluster: Cluster) async throws {
            #expect(cluster.master.process.isRunning)
            let (workers, jobs) = try await cluster.withMaster { (try await $0.workers(), try await $0.jobs()) }
            #expect(workers.isEmpty && jobs.isEmpty)
        }

        @Test func `every message is refused before authentication, with and without a hello`() async throws {
            try await Cluster.with(workers: 0) { cluster in
                // Every field that a Control message has, or a later release may add to it, as an empty message.
                for field in 1...127 {
                    var tag = ByteBuffer()
                    var rest = field << 3 | 2
                    while rest >= 0x80 {
                        tag.writeInteger(UInt8(rest & 0x7f | 0x80))
                        rest >>= 7
                    }
                    tag.writeBytes([UInt8(rest), 0])
                    for saysHello in [false, true] {
                        let peer = try RawConnection(to: cluster.endpoint)
                        peer.sendPreface()
                        var machine = Self.initiator(secret: cluster.secret)
                        if saysHello { try peer.send(try Self.hello(of: &machine)) }
                        peer.send(Frame(kind: .control, stream: 1, payload: tag))
                        #expect(try Self.refusal(in: peer.framesToEnd()) == "protocol", "field \(field)")
                    }
                }
                try await Self.expectUntouched(cluster)
            }
        }

        @Test func `every kind of frame but the handshake's is refused by its header`() async throws {
            try await Cluster.with(workers: 0) { cluster in
                for kind in FrameKind.allCases {
                    // Of the handshake's kind, one byte more than may be buffered. No payload ever comes.
                    let byteCount: UInt32 = kind == .handshake ? 2049 : 9
                    var header = ByteBuffer()
                    FrameHeader(payloadByteCount: byteCount, kind: kind, stream: 0, payloadChecksum: 0)
                        .encode(number: 0, into: &header)
                    let peer = try RawConnection(to: cluster.endpoint)
                    peer.sendPreface()
                    peer.send(header.readableBytesView)
                    #expect(try Self.refusal(in: peer.framesToEnd()) == "protocol", "\(kind)")
                }
                // A header whose checksum is wrong is damage, of which nobody is told who is not known.
                for byte in 0..<FrameHeader.byteCount {
                    var header = ByteBuffer()
                    FrameHeader(payloadByteCount: 9, kind: .handshake, stream: 0, payloadChecksum: 0)
                        .encode(number: 0, into: &header)
                    var bytes = Array(header.readableBytesView)
                    bytes[byte] ^= 0x10
                    let peer = try RawConnection(to: cluster.endpoint)
                    peer.sendPreface()
                    peer.send(bytes)
                    #expect(try peer.framesToEnd().isEmpty, "byte \(byte)")
                }
                try await Self.expectUntouched(cluster)
            }
        }

        @Test func `a peer that does not speak Tessera gets no reply`() async throws {
            try await Cluster.with(workers: 0) { cluster in
                let greetings = [
                    "GET / HTTP/1.1\r\n\r\n", "SSH-2.0-OpenSSH_9.2\r\n", "TESSERb",
                    // TLS records: one that is too long, one of a message that does not exist.
                    "\u{16}\u{3}\u{1}\u{7F}\u{0}", "\u{16}\u{3}\u{1}\u{0}\u{4}\u{9}\u{0}\u{0}\u{0}",
                ]
                for greeting in greetings {
                    let peer = try RawConnection(to: cluster.endpoint)
                    peer.send(greeting.utf8)
                    // An alert is what TLS says instead.
                    let reply = try peer.bytesToEnd()
                    #expect(reply.isEmpty || reply.first == 0x15 && greeting.utf8.count == 9, "\(greeting): \(reply)")
                }
                // The operator hears who it was.
                let file = cluster.master.logFile
                let refusals = try await eventually("the master has written why") { () -> [Substring]? in
                    let lines = try String(contentsOfFile: file, encoding: .utf8).split(separator: "\n")
                        .filter { $0.contains("connection refused") }
                    return lines.count == greetings.count ? lines : nil
                }
                #expect(refusals.allSatisfy { $0.contains("peer=127.0.0.1:") })
                #expect(refusals.count { $0.contains("code=protocol") } == greetings.count - 1)
                #expect(refusals.count { $0.contains("code=tls-failed") } == 1)
                try await Self.expectUntouched(cluster)
            }
        }

        @Test func `a wrong secret, a wrong role and a recorded proof are refused`() async throws {
            try await Cluster.with(workers: 0) { cluster in
                // The stranger does not mind that the master's proof is wrong, and answers with one of its own secret.
                let wrong = try SharedSecret(bytes: Array("another secret, long enough".utf8))
                for role in Peer.Role.allCases {
                    let peer = try RawConnection(to: cluster.endpoint)
                    var machine = Self.initiator(role: role, secret: wrong)
                    peer.sendPreface()
                    try peer.send(try Self.hello(of: &machine))
                    let first = try #require(try peer.nextFrame())
                    guard case .challenge(let challenge) = try WireHandshake(decoding: first.payload).step else {
                        Issue.record("no challenge came")
                        continue
                    }
                    var forged = HandshakeMachine.master(
                        secret: wrong, software: "m", nonce: [UInt8](challenge.nonce))
                    guard
                        case .send(let reflected) = forged.received(try Self.repeatedHello(role: role, secret: wrong)),
                        case .send(let answer) = machine.received(reflected)
                    else {
                        Issue.record("the stranger made no answer")
                        continue
                    }
                    try peer.send(answer)
                    #expect(try Self.refusal(in: peer.framesToEnd()) == "bad-secret", "\(role)")
                }

                for role in [0, 3, 4, 255, 4096] {
                    let peer = try RawConnection(to: cluster.endpoint)
                    var machine = Self.initiator(secret: cluster.secret)
                    var hello = try Self.hello(of: &machine).hello
                    hello.role = .UNRECOGNIZED(role)
                    peer.sendPreface()
                    try peer.send(WireHandshake(.hello(hello)))
                    #expect(try Self.refusal(in: peer.framesToEnd()) == "bad-role", "role \(role)")
                }

                // Somebody who knows the secret connects and is recorded; the recording is played again.
                let honest = try RawConnection(to: cluster.endpoint)
                var machine = Self.initiator(role: .worker, secret: cluster.secret)
                let hello = try Self.hello(of: &machine)
                honest.sendPreface()
                try honest.send(hello)
                let challenge = try WireHandshake(decoding: try #require(try honest.nextFrame()).payload)
                guard case .send(let answer) = machine.received(challenge) else {
                    Issue.record("the honest peer was not challenged")
                    return
                }
                try honest.send(answer)
                let welcome = try WireHandshake(decoding: try #require(try honest.nextFrame()).payload)
                guard case .welcome = welcome.step else {
                    Issue.record("the honest peer was not welcomed: \(welcome)")
                    return
                }
                let replayed = try RawConnection(to: cluster.endpoint)
                replayed.sendPreface()
                try replayed.send(hello)
                try replayed.send(answer)
                #expect(try Self.refusal(in: replayed.framesToEnd()) == "bad-secret")
                try await Self.expectUntouched(cluster)
            }
        }

        /// The hello that a stranger has sent, for a master of its own making, whose challenge it will accept.
        private static func repeatedHello(role: Peer.Role, secret: SharedSecret) throws -> WireHandshake {
            var machine = initiator(role: role, secret: secret)
            return try hello(of: &machine)
        }

        @Test func `a proof that comes after the time for it is refused`() async throws {
            try await Cluster.with(workers: 0, masterArguments: ["--handshake-timeout", "500ms"]) { cluster in
                let peer = try RawConnection(to: cluster.endpoint)
                var machine = Self.initiator(secret: cluster.secret)
                peer.sendPreface()
                try peer.send(try Self.hello(of: &machine))
                let challenge = try WireHandshake(decoding: try #require(try peer.nextFrame()).payload)
                guard case .send(let answer) = machine.received(challenge) else {
                    Issue.record("no challenge came")
                    return
                }
                // The next frame says that the time is over.
                let frames = try peer.framesToEnd()
                #expect(try Self.refusal(in: frames) == "handshake-timeout")
                try peer.send(answer)
                #expect(try peer.nextFrame() == nil)
                try await Self.expectUntouched(cluster)
            }
        }

        @Test func `a role gives the rights of that role only`() async throws {
            try await Cluster.with(workers: 0) { cluster in
                // A client that reports as a worker would is refused, request by request.
                let client = try await cluster.dialer().openControlConnection()
                client.send(.register(WireRegister.with { $0.slotCount = 1 }), stream: 1)
                client.send(.taskFinished(WireTaskFinished()), stream: 2)
                // Nor does it ask for more at once than one message may.
                let digests = [Data](repeating: Data(count: 32), count: 257)
                client.send(.findBlobs(WireFindBlobs.with { $0.digests = digests }), stream: 3)
                var replies = client.inbound.makeAsyncIterator()
                for code in [RefusalCode.notPermitted, .notPermitted, .invalidArgument] {
                    guard case .refused(let refusal) = try await replies.next()?.message.body else {
                        Issue.record("a client's report was not refused")
                        break
                    }
                    #expect(refusal.refusalCode == code)
                    if refusal.message.contains("FindBlobs") {
                        #expect(refusal.message.contains("257 digests") && refusal.message.contains("at most 256"))
                    }
                }
                client.close()
                // A worker that asks as a client would, registered or not, is closed.
                for registers in [false, true] {
                    let worker = try await cluster.dialer(as: .worker).openControlConnection()
                    if registers {
                        var register = WireRegister()
                        (register.name, register.slotCount, register.ranksPerSlot) = ("x", 1, 1)
                        register.resultRevision = JobOptions.currentResultRevision
                        worker.send(.register(register))
                    }
                    worker.send(.cancelJob(WireCancelJob.with { $0.job = 1 }), stream: 1)
                    let end = await worker.closed
                    #expect(end.refusalCode == .notPermitted, "\(end)")
                }
                // A data connection carries puts and gets, nothing else.
                let data = try await cluster.dialer().openDataConnection()
                data.send(.listJobs(WireListJobs()))
                #expect(await data.closed.refusalCode == .protocolViolation)
            }
        }

        @Test func `only a worker may store what a running task needs`() async throws {
            try await Cluster.with(workers: 0) { cluster in
                // The blob of a task uses the storage reserve and no upload budget: a client must not pass its inputs off as one.
                let client = BlobTransfer(cluster.dialer(), connectionCount: 1)
                defer { client.close() }
                let refusal = await #expect(throws: MasterRefusal.self) {
                    try await client.put(bytes: [1, 2, 3], purpose: .task)
                }
                #expect(refusal?.code == .notPermitted && refusal?.message.contains("worker") == true)
                // The connection can still be used.
                let input = try await client.put(bytes: [1, 2, 3])
                let worker = BlobTransfer(cluster.dialer(as: .worker), connectionCount: 1)
                defer { worker.close() }
                #expect(try await worker.put(bytes: [1, 2, 3], purpose: .task) == input)
                let inputOfWorker = await #expect(throws: MasterRefusal.self) {
                    try await worker.put(bytes: [4, 5, 6])
                }
                #expect(inputOfWorker?.code == .notPermitted)
            }
        }

        /// Promise 10: what a crowd of peers that never finish their handshake costs the master.
        @Test(arguments: ["a frame", "a TLS hello"])
        func `five thousand slow peers cost the master at most 16 KiB each`(within what: String) async throws {
            let peerCount = 5_000
            try RawConnection.allowOpenFiles(peerCount + 1_000)
            let patience = ["--handshake-timeout", "120s", "--frame-timeout", "120s"]
            try await Cluster.with(workers: 0, masterArguments: patience) { cluster in
                let pid = cluster.master.pid
                // Each sends as much of the largest frame as it may without completing it.
                var frame = ByteBuffer()
                FrameHeader(payloadByteCount: 2048, kind: .handshake, stream: 0, payloadChecksum: 0)
                    .encode(number: 0, into: &frame)
                frame.writeRepeatingByte(0x22, count: 2047)
                // Or of a hello that would fill its 4 KiB.
                let hello: [UInt8] = [0x16, 3, 1, 0x0F, 0xFB] + [UInt8](repeating: 1, count: 4_090)
                func crowd(_ count: Int, net: Int) throws -> [RawConnection] {
                    try (0..<count).map { index in
                        // Thirty from each address, below what one address may have in its handshake.
                        let host = index / 30
                        let peer = try RawConnection(
                            to: cluster.endpoint, from: "127.\(net).\(host / 250).\(1 + host % 250)")
                        if what == "a TLS hello" {
                            peer.send(hello)
                        } else {
                            peer.sendPreface()
                            peer.send(frame.readableBytesView)
                        }
                        return peer
                    }
                }
                /// Waits until the master has read all that was sent, which the kernel shows.
                func settled(_ count: Int) async throws {
                    let port = cluster.endpoint.port
                    try await eventually("the master has read all of \(count) peers", every: .milliseconds(100)) {
                        let connections = ConnectionTable.connections(toLocalPort: port)
                        return connections.count >= count && connections.allSatisfy { $0.unreadByteCount == 0 }
                    }
                }
                // What the first hundred need is there for all that follow.
                let first = try crowd(100, net: 1)
                try await settled(first.count)
                let before = try #require(ProcessTable.residentByteCount(of: pid))
                let peers = try crowd(peerCount, net: 2)
                try await settled(first.count + peers.count)
                let after = try #require(ProcessTable.residentByteCount(of: pid))
                let each = (after - before) / peerCount
                print("slow peers within \(what): \(peerCount), \(each) bytes of the master's memory each")
                #expect(each <= 16 << 10, "\(peerCount) slow peers cost \(each) bytes each")
                // A peer that knows the secret is served at the same time.
                try await Self.expectUntouched(cluster)
                withExtendedLifetime((first, peers)) {}
            }
        }

        /// A channel's keys and buffers are more than a stranger may cost; so those channels are bounded in number.
        @Test func `a thousand encrypted channels may wait for their proof, at 64 KiB each, and no more`() async throws
        {
            let limit = TransportLimits().encryptedHandshakes
            try RawConnection.allowOpenFiles(limit + 1_000)
            let patience = ["--handshake-timeout", "120s", "--frame-timeout", "120s"]
            // The peer that is served at the end must not need a place.
            try await Cluster.with(workers: 0, encryption: .never, masterArguments: patience) { cluster in
                let pid = cluster.master.pid
                /// A peer whose channel is encrypted, and which says nothing in it; `nil` when it was refused.
                func peer(_ index: Int) throws -> RawConnection? {
                    let host = index / 30
                    let peer = try RawConnection(
                        to: cluster.endpoint, from: "127.3.\(host / 250).\(1 + host % 250)")
                    var channel = try TLSChannel(TLSContext(.connecting))
                    try channel.begin()
                    peer.send(channel.takeOutput { [UInt8]($0) })
                    while channel.exported == nil {
                        guard let bytes = try peer.nextBytes(), bytes.first != UInt8(ascii: "T") else { return nil }
                        try bytes.withUnsafeBytes { try channel.receive($0) { _ in } }
                        peer.send(channel.takeOutput { [UInt8]($0) })
                    }
                    return peer
                }
                let first = try (0..<100).compactMap(peer)
                let before = try #require(ProcessTable.residentByteCount(of: pid))
                let others = try (100..<limit).compactMap(peer)
                #expect(first.count + others.count == limit)
                let after = try #require(ProcessTable.residentByteCount(of: pid))
                let each = (after - before) / others.count
                print("encrypted strangers: \(others.count), \(each) bytes of the master's memory each")
                #expect(each <= 64 << 10, "\(others.count) encrypted strangers cost \(each) bytes each")
                // The next is told so, in clear, and who does not encrypt is served.
                #expect(try peer(limit) == nil)
                try await Self.expectUntouched(cluster)
                withExtendedLifetime((first, others)) {}
            }
        }
    }
}
