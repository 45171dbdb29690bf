import ClientKit
import GatewayLogic
import GatewayStore
import Logging
import SystemCalls

/// Deletes uploads whose time is over, and originals that have to give way to new uploads; gives links a new key in time.
struct Housekeeping: Sendable {
    private static let interval: Duration = .seconds(60)

    let desk: UploadDesk
    let keepSources: UInt64
    let logger: Logger

    func run() async {
        while !Task.isCancelled {
            await sweep()
            try? await Task.sleep(for: Self.interval)
        }
    }

    private func sweep() async {
        let now = WallClock.millisecondsSince1970
        let idle = UInt64(desk.limits.ageSeconds) * 1000
        await delete(idleSince: now - min(now, idle), keptSince: now - min(now, keepSources), upTo: .max)
        await rotateLinkKey(now)
    }

    private func rotateLinkKey(_ now: UInt64) async {
        let store = desk.store
        do {
            _ = try await offCooperativePool { try store.rotateLinkKey(ifOlderThan: WebStore.linkKeyAge, now: now) }
        } catch {
            logger.error("cannot give links a new key", metadata: ["reason": "\(error)"])
        }
    }

    /// Deletes the oldest originals until there is room for `count` bytes.
    func makeRoom(_ count: UInt64) async {
        let now = WallClock.millisecondsSince1970
        let need = desk.budget.usedByteCount + count - min(desk.budget.usedByteCount + count, desk.budget.limit)
        // One that nobody has used for a minute: a job may be about to name it.
        await delete(idleSince: 0, keptSince: now - min(now, 60_000), upTo: need)
    }

    private func delete(idleSince idle: UInt64, keptSince kept: UInt64, upTo limit: UInt64) async {
        let store = desk.store
        do {
            let expired = try await offCooperativePool { try store.expiredUploads(idleSince: idle, keptSince: kept) }
            var freed: UInt64 = 0
            // An upload that is being received keeps its own time.
            for upload in expired where limit == .max || upload.phase != .receiving {
                guard freed < limit else { return }
                try await desk.delete(upload.id)
                freed += upload.offset
                logger.debug("deleted an upload", metadata: ["upload": "\(upload.id)", "bytes": "\(upload.offset)"])
            }
        } catch {
            logger.error("cannot delete uploads", metadata: ["reason": "\(error)"])
        }
    }
}
