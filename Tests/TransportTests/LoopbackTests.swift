import Foundation
import JobModel
import NIOCore
import Protocol
import SeededRandom
import TestSupport
import Testing
import Transport

@testable import ClientKit
@testable import MasterClient

@Suite(.timeLimit(.minutes(1))) struct `Requests over loopback` {
    @Test func `both ends probe a quiet connection before half a minute is over`() async throws {
        try await withListener { connection in
            guard case .control(let control) = connection else { return }
            _ = await control.closed
        } body: { endpoint in
            let control = try await Dialer.test(endpoint).openControlConnection()
            defer { control.close() }
            // proc(5): addresses, state (1 is established), queues, then the timer that runs (2 is keepalive) and the hundredths
            // of a second until it goes off; all in hexadecimal.
            let port = ":" + String(format: "%04X", endpoint.port)
            try await eventually("two ends have nothing but the probe before them") {
                // The kernel gives a page at a time.
                let file = try #require(FileHandle(forReadingAtPath: "/proc/net/tcp"))
                var table = Data()
                while let page = try file.read(upToCount: 4096), !page.isEmpty { table += page }
                let lines = String(decoding: table, as: UTF8.self).split(separator: "\n")
                let ends = lines.map { $0.split(separator: " ") }.filter { fields in
                    fields.count > 5 && fields[3] == "01" && (fields[1].hasSuffix(port) || fields[2].hasSuffix(port))
                }
                return ends.count == 2
                    && ends.allSatisfy { fields in
                        let timer = fields[5].split(separator: ":")
                        return timer[0] == "02" && UInt32(timer[1], radix: 16).map { $0 <= 3000 } == true
                    }
            }
        }
    }

    @Test func `replies find their requests whatever their order`() async throws {
        try await TestMaster().serving { endpoint in
            try await MasterConnection.withConnection(.test(endpoint)) { master in
                try await withThrowingTaskGroup(of: (UInt64, UInt64).self) { group in
                    for number in UInt64(1)...100 {
                        group.addTask { (number, try await master.job(JobID(number)).id.rawValue) }
                    }
                    for try await (asked, answered) in group { #expect(asked == answered) }
                }
            }
        }
    }

    @Test func `a watch ends with the job's final summary`() async throws {
        let states = try await TestMaster().serving { endpoint in
            try await MasterConnection.withConnection(.test(endpoint)) { master in
                var states: [JobSummary.State] = []
                for try await summary in master.watch(JobID(5)) { states.append(summary.state) }
                return states
            }
        }
        #expect(states.last == .done)
    }

    @Test func `a refusal carries code, words and retry time`() async throws {
        try await TestMaster().serving { endpoint in
            try await MasterConnection.withConnection(.test(endpoint)) { master in
                let refusal = MasterRefusal(.notFound, "there is no job 9", retryAfter: .milliseconds(1500))
                let error = await #expect(throws: MasterRefusal.self) { try await master.cancel(JobID(9)) }
                #expect(error == refusal)
            }
        }
    }

    @Test func `the connection's end fails every request that waits`() async throws {
        try await TestMaster().serving { endpoint in
            try await MasterConnection.withConnection(.test(endpoint)) { master in
                // The first waits for a second of its kind that never comes.
                let waiting = Task { try await master.job(JobID(1)) }
                let status = await #expect(throws: ConnectionClosed.self) { try await master.masterStatus() }
                // A reset, where the master had not read all that was sent.
                #expect(status?.code == .peer || status?.code == .network)
                await #expect(throws: ConnectionClosed.self) { try await waiting.value }
                await #expect(throws: ConnectionClosed.self) { try await master.job(JobID(2)) }
            }
        }
    }

    @Test func `a master that says nothing at all is given up`() async throws {
        var faults = TestMaster.Faults()
        faults.isSilent = true
        var limits = TransportLimits()
        limits.silence = .milliseconds(60)
        try await TestMaster(faults: faults).serving { [limits] endpoint in
            try await MasterConnection.withConnection(.test(endpoint, limits: limits)) { master in
                let error = await #expect(throws: ConnectionClosed.self) { try await master.workers() }
                #expect(error?.code == .idle)
            }
        }
    }

    @Test func `a master that takes long, but gives signs of life, is waited for`() async throws {
        var faults = TestMaster.Faults()
        faults.givesStatus = true
        var limits = TransportLimits()
        // Long enough for an answer on a machine that is busy with other tests.
        limits.silence = .seconds(1)
        let master = TestMaster(faults: faults)
        try await master.serving { [limits] endpoint in
            try await MasterConnection.withConnection(.test(endpoint, limits: limits)) { connection in
                // The first waits for the second of its kind.
                async let first = connection.job(JobID(1))
                try await eventually("it was asked three times whether it lives") {
                    master.statusRequestCount.withLock { $0 } >= 3
                }
                #expect(try await connection.job(JobID(2)).id == JobID(2))
                #expect(try await first.id == JobID(1))
            }
        }
    }

    @Test func `a goodbye tells the peer why`() async throws {
        try await TestMaster().serving { endpoint in
            try await MasterConnection.withConnection(.test(endpoint)) { master in
                let error = await #expect(throws: ConnectionClosed.self) { try await master.drain("w1") }
                #expect(error?.code == .goodbye)
                #expect(error?.message.contains("shutting-down") == true)
            }
        }
    }

    @Test func `a cancelled request leaves the connection usable`() async throws {
        try await TestMaster().serving { endpoint in
            try await MasterConnection.withConnection(.test(endpoint)) { master in
                let request = Task { try await master.job(JobID(1)) }
                request.cancel()
                await #expect(throws: CancellationError.self) { try await request.value }
                let workers = try await master.workers()
                #expect(workers.isEmpty)
            }
        }
    }
}

@Suite(.timeLimit(.minutes(1))) struct `Blobs over loopback` {
    private static func noise(_ count: Int, seed: UInt64 = 1) -> [UInt8] {
        // One random block after the other would take longer than the transfers: each block has its number instead.
        var generator = SeededGenerator(seed: seed)
        let block = (0..<8192).flatMap { _ in withUnsafeBytes(of: generator.next(), Array.init) }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count + block.count)
        while bytes.count < count {
            withUnsafeBytes(of: bytes.count) { bytes.append(contentsOf: $0) }
            bytes.append(contentsOf: block)
        }
        bytes.removeSubrange(count...)
        return bytes
    }

    @Test func `64 MiB go out and come back as they were`() async throws {
        let bytes = Self.noise(64 << 20)
        try await TestMaster().serving { endpoint in
            let transfer = BlobTransfer(.test(endpoint))
            let reference = try await transfer.put(bytes: bytes)
            #expect(reference.byteCount == UInt64(bytes.count))
            let target = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 16)
            defer { target.deallocate() }
            try await transfer.get(BlobSlice(reference), into: target)
            #expect(Data(target) == Data(bytes))
        }
    }

    @Test func `files and slices of files are sent and written at their offsets`() async throws {
        let bytes = Self.noise(3 << 20)
        let folder = FileManager.default.temporaryDirectory.appending(path: "tessera-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let source = folder.appending(path: "source")
        let target = folder.appending(path: "target")
        try Data(bytes).write(to: source)
        try await TestMaster().serving { endpoint in
            let transfer = BlobTransfer(.test(endpoint))
            let reference = try await transfer.put(fileAt: source.path)
            let slice = BlobSlice(blob: reference, offset: 1_000_003, byteCount: 1_500_001)
            try await transfer.get(slice, intoFileAt: target.path)
            #expect(try Data(contentsOf: target) == Data(bytes[1_000_003..<2_500_004]))

            let file = try FileHandle(forUpdating: target)
            try await transfer.get(slice, into: file.fileDescriptor, at: 5)
            let written = [UInt8](try Data(contentsOf: target))
            #expect(Array(written.prefix(5)) == Array(bytes[1_000_003..<1_000_008]))
            #expect(Array(written[5...]) == Array(bytes[1_000_003..<2_500_004]))
            let part = try await transfer.put(descriptor: file.fileDescriptor, offset: 5, byteCount: 1_500_001)
            #expect(try await transfer.bytes(of: BlobSlice(part)) == Array(bytes[1_000_003..<2_500_004]))
        }
    }

    @Test func `an empty blob is a blob`() async throws {
        try await TestMaster().serving { endpoint in
            let transfer = BlobTransfer(.test(endpoint))
            let reference = try await transfer.put(bytes: [])
            #expect(
                reference.digest.description == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
            #expect(try await transfer.bytes(of: BlobSlice(reference)).isEmpty)
        }
    }

    @Test(arguments: [0, 12_345]) func `one wrong bit is detected`(offset: UInt64) async throws {
        var faults = TestMaster.Faults()
        faults.damagedBlobCount = .max
        try await TestMaster(faults: faults).serving { endpoint in
            let transfer = BlobTransfer(.test(endpoint))
            let reference = try await transfer.put(bytes: Self.noise(2 << 20))
            let slice = BlobSlice(blob: reference, offset: offset, byteCount: reference.byteCount - offset)
            let error = await #expect(throws: BlobTransferError.self) { try await transfer.bytes(of: slice) }
            #expect(error?.code == .corrupt)
        }
    }

    @Test func `what arrived damaged is fetched again`() async throws {
        var faults = TestMaster.Faults()
        faults.damagedBlobCount = 2
        try await TestMaster(faults: faults).serving { endpoint in
            let transfer = BlobTransfer(.test(endpoint))
            let bytes = Self.noise(300_000)
            let reference = try await transfer.put(bytes: bytes)
            let target = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 16)
            defer { target.deallocate() }
            try await transfer.get(BlobSlice(reference), into: target)
            #expect(Data(target) == Data(bytes))
        }
    }

    @Test func `a refusal before all is sent reaches the sender`() async throws {
        var faults = TestMaster.Faults()
        faults.refusesPuts = true
        try await TestMaster(faults: faults).serving { endpoint in
            let transfer = BlobTransfer(.test(endpoint))
            let error = await #expect(throws: MasterRefusal.self) {
                try await transfer.put(bytes: Self.noise(64 << 20))
            }
            #expect(error?.code == .noSpace)
        }
    }

    @Test func `a missing blob is refused and its connection kept`() async throws {
        let master = TestMaster()
        try await master.serving { endpoint in
            let transfer = BlobTransfer(.test(endpoint), connectionCount: 1)
            let reference = try await transfer.put(bytes: [1, 2, 3])
            let missing = BlobReference(
                digest: try #require(BlobDigest([UInt8](repeating: 9, count: 32))), byteCount: 3)
            let error = await #expect(throws: MasterRefusal.self) { try await transfer.bytes(of: BlobSlice(missing)) }
            #expect(error?.code == .notFound)
            #expect(try await transfer.bytes(of: BlobSlice(reference)) == [1, 2, 3])
        }
        #expect(master.dataConnectionCount.withLock { $0 } == 1)
    }

    @Test func `connections are bounded and shared by many transfers`() async throws {
        let master = TestMaster()
        try await master.serving { endpoint in
            let transfer = BlobTransfer(.test(endpoint), connectionCount: 3)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<40 {
                    group.addTask {
                        let bytes = Self.noise(80_000, seed: UInt64(number))
                        let reference = try await transfer.put(bytes: bytes)
                        #expect(try await transfer.bytes(of: BlobSlice(reference)) == bytes)
                    }
                }
                try await group.waitForAll()
            }
        }
        #expect(master.dataConnectionCount.withLock { $0 } == 3)
    }

    @Test func `a connection that the master closed while idle is replaced`() async throws {
        var faults = TestMaster.Faults()
        faults.closesAfterOneRequest = true
        try await TestMaster(faults: faults).serving { endpoint in
            let transfer = BlobTransfer(.test(endpoint), connectionCount: 1)
            for number in 0..<20 {
                let bytes = Self.noise(800, seed: UInt64(number))
                let reference = try await transfer.put(bytes: bytes)
                #expect(try await transfer.bytes(of: BlobSlice(reference)) == bytes)
            }
        }
    }
}
