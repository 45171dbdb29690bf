import Retrying
import Testing
import WorkerMachine

/// Transcripts of a worker's link on a clock that the test moves.
@Suite struct MasterLinkStateTests {
    private var link = MasterLinkState()
    private var now = Duration.zero
    private var random = SystemRandomNumberGenerator()

    private mutating func ended(_ end: MasterLinkState.End) -> MasterLinkState.Preparation? {
        let (preparation, verdict) = link.ended(end, at: now, using: &random)
        guard case .wait(let pause) = verdict else { return nil }
        #expect(pause <= .seconds(3))
        now += pause
        return preparation
    }

    @Test(arguments: Persistence.allCases)
    mutating func `a worker that never got through stops at once when only a person can help`(
        persistence: Persistence
    ) {
        #expect((ended(.lost(persistence)) == nil) == (persistence == .untilChanged))
    }

    @Test mutating func `a worker that was connected once tries again without end`() {
        link.authenticated()
        for _ in 0..<10_000 {
            for persistence in Persistence.allCases {
                #expect(ended(.lost(persistence)) == MasterLinkState.Preparation.none)
            }
        }
        #expect(now > .seconds(3600))
    }

    @Test mutating func `a registration makes the next pause a short one`() {
        link.authenticated()
        for _ in 0..<50 { _ = ended(.lost(.absent)) }
        link.registered()
        let before = now
        _ = ended(.lost(.passing))
        #expect(now - before <= .milliseconds(50))
    }

    @Test mutating func `a worker whose number was taken asks for a new one`() {
        link.authenticated()
        #expect(ended(.replaced) == .forgetNumber)
    }

    @Test mutating func `a worker of another release drops what it holds and waits to be replaced`() {
        link.authenticated()
        for _ in 0..<100 { #expect(ended(.releaseDiffers) == .dropLeases) }
    }

    @Test func `ten heartbeats without a reply are silence`() {
        let interval = Duration.milliseconds(500)
        #expect(!MasterLinkState.isSilent(.seconds(5), heartbeatInterval: interval))
        #expect(MasterLinkState.isSilent(.seconds(5) + .nanoseconds(1), heartbeatInterval: interval))
    }
}
