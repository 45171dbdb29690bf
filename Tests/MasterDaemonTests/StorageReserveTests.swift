import Protocol
import Testing

@testable import MasterDaemon

@Suite struct StorageReserveTests {
    private func put(_ byteCount: UInt64, fromTask: Bool) -> WirePutBlob {
        .with {
            $0.byteCount = byteCount
            $0.fromTask = fromTask
        }
    }

    @Test func `an upload has to leave the reserve, and is told need, have and setting`() throws {
        let reserve = StorageReserve(byteCount: 1000)
        #expect(reserve.objection(to: put(500, fromTask: false), available: 1500) == nil)
        let refusal = try #require(reserve.objection(to: put(501, fromTask: false), available: 1500))
        #expect(refusal.code == "no-space" && refusal.retryAfterMilliseconds > 0)
        for word in ["501", "1500", "1000", "--min-free-bytes"] { #expect(refusal.message.contains(word)) }
    }

    @Test func `what a running job needs may use the reserve, down to what is the journal's`() {
        let reserve = StorageReserve(byteCount: 1000)
        #expect(reserve.objection(to: put(1250, fromTask: true), available: 1500) == nil)
        #expect(reserve.objection(to: put(1251, fromTask: true), available: 1500)?.code == "no-space")
        #expect(reserve.objection(to: put(.max, fromTask: false), available: 5)?.code == "no-space")
    }

    @Test func `a transfer that was begun ends when others use its space up`() {
        let reserve = StorageReserve(byteCount: 1000)
        #expect(reserve.objection(toRest: 400, of: put(500, fromTask: false), available: 500) == nil)
        #expect(reserve.objection(toRest: 400, of: put(500, fromTask: false), available: 499)?.code == "no-space")
        #expect(reserve.objection(toRest: 400, of: put(500, fromTask: true), available: 250) == nil)
        #expect(reserve.objection(toRest: 400, of: put(500, fromTask: true), available: 249)?.code == "no-space")
    }
}
