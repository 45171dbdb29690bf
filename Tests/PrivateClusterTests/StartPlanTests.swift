import PrivateCluster
import Testing

/// What `tessera up` decides to do, given what there is.
@Suite struct StartPlanTests {
    private let all = Set(DaemonRole.allCases)

    private func plan(
        running: Set<DaemonRole> = [], recorded: [DaemonRole: Int] = [:], demanded: [DaemonRole: Int] = [:],
        taken: Set<Int> = [], wanted: Set<DaemonRole>? = nil
    ) throws -> StartPlan {
        try StartPlan(
            wanted: wanted ?? all, running: running, recorded: recorded, demanded: demanded
        ) { !taken.contains($0) }
    }

    @Test func `a first start begins with the master, on free ports`() throws {
        let plan = try plan()
        #expect(plan.ending == [])
        #expect(plan.starting == [.master, .worker, .web])
        #expect(plan.ports == [.master: 0, .web: 0])
    }

    @Test func `a cluster that is up is left alone`() throws {
        let plan = try plan(running: all, recorded: [.master: 4000, .web: 4001], taken: [4000, 4001])
        #expect(plan.starting == [] && plan.ending == [])
    }

    @Test func `after a reboot daemons come back at their ports`() throws {
        let plan = try plan(recorded: [.master: 4000, .web: 4001])
        #expect(plan.starting == [.master, .worker, .web])
        #expect(plan.ports == [.master: 4000, .web: 4001])
    }

    @Test func `a port that another program took is given up`() throws {
        let plan = try plan(recorded: [.master: 4000, .web: 4001], taken: [4000])
        #expect(plan.ports == [.master: 0, .web: 4001])
    }

    @Test func `a lost master comes back for those that wait for it`() throws {
        let plan = try plan(running: [.worker, .web], recorded: [.master: 4000, .web: 4001], taken: [4001])
        #expect(plan.ending == [])
        #expect(plan.starting == [.master])
        #expect(plan.ports == [.master: 4000])
    }

    @Test func `a master that has to move takes the others along`() throws {
        let plan = try plan(running: [.worker, .web], recorded: [.master: 4000, .web: 4001], taken: [4000, 4001])
        #expect(plan.ending == [.web, .worker])
        #expect(plan.starting == [.master, .worker, .web])
        // Its own port is free as soon as it has ended.
        #expect(plan.ports == [.master: 0, .web: 4001])
    }

    @Test(arguments: [DaemonRole.worker, .web]) func `only what has ended is started again`(lost: DaemonRole) throws {
        let plan = try plan(running: all.subtracting([lost]), recorded: [.master: 4000, .web: 4001])
        #expect(plan.ending == [])
        #expect(plan.starting == [lost])
    }

    @Test func `ports that are asked for count more than those before`() throws {
        let plan = try plan(recorded: [.master: 4000], demanded: [.master: 5000, .web: 5001])
        #expect(plan.ports == [.master: 5000, .web: 5001])
    }

    @Test func `a running daemon does not change its port`() throws {
        let error = #expect(throws: PrivateClusterError.self) {
            try plan(running: all, recorded: [.master: 4000], demanded: [.master: 5000])
        }
        #expect(error?.code == .alreadyUp)
        #expect(error?.message.contains("4000, not 5000") == true)
        #expect(error?.message.contains("tessera down") == true)
        _ = try plan(running: all, recorded: [.master: 4000], demanded: [.master: 4000])
    }

    @Test func `a page that is not wanted is not started, and one that runs stays`() throws {
        #expect(try plan(wanted: [.master, .worker]).starting == [.master, .worker])
        #expect(try plan(running: [.web], recorded: [.master: 4000], wanted: [.master, .worker]).ending == [])
    }
}

/// The start of daemons, event by event.
@Suite struct StartupTests {
    @Test func `the others start when the master serves, and all is up when they serve, too`() {
        var startup = Startup(starting: [.master, .worker, .web])
        #expect(startup.begin() == [.start(.master)])
        #expect(startup.ready(.master) == [.start(.worker), .start(.web)])
        #expect(startup.ready(.web) == [])
        #expect(startup.ready(.worker) == [.finish])
        #expect(startup.failure == nil)
    }

    @Test func `a start without a master begins with the others, and one of nothing is over at once`() {
        var startup = Startup(starting: [.worker, .web])
        #expect(startup.begin() == [.start(.worker), .start(.web)])
        var nothing = Startup(starting: [])
        #expect(nothing.begin() == [.finish])
    }

    @Test func `a daemon that ends stops what was started, the newest first, and once`() {
        var startup = Startup(starting: [.master, .worker, .web])
        _ = startup.begin()
        _ = startup.ready(.master)
        #expect(startup.ended(.worker) == [.stop([.web, .worker, .master])])
        #expect(startup.failure == .ended(.worker))
        // The others end because they are stopped.
        #expect(startup.ended(.web) == [])
        #expect(startup.ready(.web) == [])
        #expect(startup.interrupted() == [])
        #expect(startup.failure == .ended(.worker))
    }

    @Test func `a master that ends after it served fails the start`() {
        var startup = Startup(starting: [.master, .worker, .web])
        _ = startup.begin()
        _ = startup.ready(.master)
        _ = startup.ready(.worker)
        #expect(startup.ended(.master) == [.stop([.web, .worker, .master])])
        #expect(startup.failure == .ended(.master))
    }

    @Test func `the daemon that is late is named`() {
        var startup = Startup(starting: [.master, .worker, .web])
        _ = startup.begin()
        _ = startup.ready(.master)
        _ = startup.ready(.worker)
        #expect(startup.timeIsOver() == [.stop([.web, .worker, .master])])
        #expect(startup.failure == .late(.web))
    }

    @Test func `an interruption stops what was started`() {
        var startup = Startup(starting: [.master, .worker])
        _ = startup.begin()
        #expect(startup.interrupted() == [.stop([.master])])
        #expect(startup.failure == .interrupted)
    }
}
