import GatewayLogic
import Synchronization

/// The bytes that uploads and originals may have together.
final class SpoolBudget: Sendable {
    let limit: UInt64
    private let used: Mutex<UInt64>
    /// Deletes originals that can go, until there is room for as many bytes.
    private let makeRoom = Mutex<@Sendable (UInt64) async -> Void>({ _ in })

    init(limit: UInt64, used: UInt64) {
        self.limit = limit
        self.used = Mutex(used)
    }

    var usedByteCount: UInt64 { used.withLock { $0 } }

    func setRoomMaker(_ body: @escaping @Sendable (UInt64) async -> Void) { makeRoom.withLock { $0 = body } }

    /// - Throws: `spool-full` when there is no room.
    func take(_ count: UInt64) async throws {
        if tryTake(count) { return }
        let makeRoom = makeRoom.withLock { $0 }
        await makeRoom(count)
        guard tryTake(count) else {
            throw Problem(
                503, "spool-full",
                "the gateway keeps \(usedByteCount) bytes of uploads and may keep \(limit) (spool-bytes): \(count) more do not "
                    + "fit; what was sent is kept, send the rest later"
            ).with("Retry-After", "30")
        }
    }

    func give(_ count: UInt64) { used.withLock { $0 -= min($0, count) } }

    private func tryTake(_ count: UInt64) -> Bool {
        used.withLock { used in
            guard used + count <= limit else { return false }
            used += count
            return true
        }
    }
}
