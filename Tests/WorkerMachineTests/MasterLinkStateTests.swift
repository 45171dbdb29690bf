import JobModel
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
        _ = link.authenticated()
        for _ in 0..<10_000 {
            for persistence in Persistence.allCases {
                #expect(ended(.lost(persistence)) == MasterLinkState.Preparation.none)
            }
        }
        #expect(now > .seconds(3600))
    }

    @Test mutating func `a registration makes the next pause a short one`() {
        _ = link.authenticated()
        for _ in 0..<50 { _ = ended(.lost(.absent)) }
        link.registered()
        let before = now
        _ = ended(.lost(.passing))
        #expect(now - before <= .milliseconds(50))
    }

    @Test mutating func `a worker whose number was taken asks for a new one`() {
        _ = link.authenticated()
        #expect(ended(.replaced) == .forgetNumber)
    }

    @Test mutating func `a worker of another release drops what it holds and waits to be replaced`() {
        _ = link.authenticated()
        for _ in 0..<100 { #expect(ended(.releaseDiffers) == .dropLeases) }
    }

    // MARK: Generations

    private static func generation(_ number: UInt64, of name: UInt8 = 1) -> Generation {
        guard let lineage = Lineage([UInt8](repeating: name, count: Lineage.byteCount)) else {
            preconditionFailure("16 bytes are a lineage")
        }
        return Generation(of: lineage, number: number)
    }

    @Test mutating func `a master whose state was replaced is refused, also by a later run of the worker`() {
        #expect(link.authenticated(by: Self.generation(0)) == .continues)
        #expect(link.authenticated(by: Self.generation(5)) == .startsOver)
        #expect(link.authenticated(by: Self.generation(0)) == .refuses(because: Self.generation(5)))
        #expect(link.served == Self.generation(5))
        var next = MasterLinkState(memory: link.memory)
        #expect(next.authenticated(by: Self.generation(4)) == .refuses(because: Self.generation(5)))
        #expect(next.served == nil)
        #expect(next.authenticated(by: Self.generation(5)) == .continues)
    }

    @Test mutating func `a worker that refuses a master tries again, whether or not it ever had another`() {
        link.remember(
            {
                var memory = GenerationMemory(); _ = memory.meet(Self.generation(5)); return memory
            }())
        #expect(link.authenticated(by: Self.generation(0)) == .refuses(because: Self.generation(5)))
        for _ in 0..<1_000 { #expect(ended(.lost(.passing)) == MasterLinkState.Preparation.none) }
    }

    @Test mutating func `leases are given up when the master has another state, and only then`() {
        #expect(link.authenticated(by: nil) == .continues)
        #expect(link.authenticated(by: Self.generation(0)) == .continues)
        #expect(link.authenticated(by: Self.generation(0)) == .continues)
        // A master of an earlier release says nothing: the state is what it was, for all that is known.
        #expect(link.authenticated(by: nil) == .continues)
        #expect(link.authenticated(by: Self.generation(1)) == .startsOver)
        #expect(link.authenticated(by: Self.generation(1)) == .continues)
        #expect(link.authenticated(by: Self.generation(0, of: 2)) == .startsOver)
        #expect(link.authenticated(by: Self.generation(1)) == .startsOver)
    }

    @Test mutating func `data go to the master of the control connection only`() {
        #expect(link.serves(Self.generation(0)) && link.serves(nil))
        _ = link.authenticated(by: Self.generation(1))
        #expect(link.serves(Self.generation(1)) && link.serves(nil))
        for other in [Self.generation(0), Self.generation(2), Self.generation(1, of: 2)] {
            #expect(!link.serves(other), "\(other)")
        }
    }

    @Test func `ten heartbeats without a reply are silence`() {
        let interval = Duration.milliseconds(500)
        #expect(!MasterLinkState.isSilent(.seconds(5), heartbeatInterval: interval))
        #expect(MasterLinkState.isSilent(.seconds(5) + .nanoseconds(1), heartbeatInterval: interval))
    }
}
