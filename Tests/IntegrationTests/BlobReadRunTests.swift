import ClientKit
import Cryptography
import JobModel
import Synchronization
import TestSupport
import Testing

extension Integration {
    @Suite struct `Results that are read piece by piece` {
        /// What the proxy has done to the connections that bring a blob.
        private struct Damage {
            var pieceCount = 0
            var connections: Set<Int> = []
        }

        private static let image = TestImage(width: 1_500, height: 1_400, .rgb, .eight, seed: 3)

        /// The bytes of a blob, read over connections each of which suffers the fault at its third piece, but for the last one.
        private static func read(
            _ cluster: Cluster, _ fault: @escaping @Sendable (FrameSighting) -> Fault
        ) async throws -> (read: [UInt8], file: [UInt8], connectionCount: Int) {
            let job = try await cluster.submit("", [try cluster.file("noise.png", image.png)])
            let file = try await cluster.result(of: job)
            let proxy = try FaultProxy(to: cluster.endpoint)
            defer { proxy.stop() }
            let damage = Mutex(Damage())
            proxy.decide { frame in
                guard frame.direction == .fromMaster, case .data = frame.content else { return nil }
                return damage.withLock { damage in
                    if damage.connections.insert(frame.connection).inserted { damage.pieceCount = 0 }
                    damage.pieceCount += 1
                    return damage.pieceCount == 3 && damage.connections.count < 4 ? fault(frame) : nil
                }
            }
            let bytes = Mutex<[UInt8]>([])
            try await cluster.withSession(through: proxy) { session in
                let blob = try #require(try await session.image(ImageID(job: job, index: 0)).result)
                try await session.read(BlobSlice(blob)) { piece in
                    bytes.withLock { $0.append(contentsOf: piece.readableBytesView) }
                }
            }
            return (bytes.withLock { $0 }, file, damage.withLock { $0.connections.count })
        }

        @Test func `a result is whole over connections that break, each between the pieces of another`() async throws {
            try await Cluster.with(workers: 1, ranks: 1) { cluster in
                let (read, file, connectionCount) = try await Self.read(cluster) { frame in
                    .cut(afterByteCount: frame.byteCount / 2)
                }
                try #require(connectionCount >= 4, "\(file.count) bytes on \(connectionCount) connections")
                // Not by #expect(==), which would print the bytes.
                let isEqual = read == file
                #expect(isEqual)
            }
        }
    }
}
