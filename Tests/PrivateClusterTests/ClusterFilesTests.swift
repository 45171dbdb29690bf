import Glibc
import SystemCalls
import TestBasics
import Testing

@testable import PrivateCluster

/// Where the files of a private cluster are, and what is in them.
@Suite struct ClusterFilesTests {
    @Test(arguments: [
        (["HOME": "/home/ada"], "/home/ada/.local/state/tessera/private"),
        (["HOME": "/home/ada", "XDG_STATE_HOME": "/var/ada"], "/var/ada/tessera/private"),
        (["HOME": "/home/ada", "XDG_STATE_HOME": "relative"], "/home/ada/.local/state/tessera/private"),
        (["HOME": "/home/ada", "XDG_STATE_HOME": ""], "/home/ada/.local/state/tessera/private"),
        // Emptied when the person logs out.
        (["HOME": "/home/ada", "XDG_RUNTIME_DIR": "/run/user/1000"], "/home/ada/.local/state/tessera/private"),
    ]) func `all files are in the person's directory of states`(_ environment: [String: String], _ directory: String) {
        #expect(ClusterPlaces(environment: environment)?.directory == directory)
    }

    @Test(arguments: [[:], ["HOME": ""], ["HOME": "home"]]) func `without a home there is no place`(
        _ environment: [String: String]
    ) {
        #expect(ClusterPlaces(environment: environment) == nil)
        let error = #expect(throws: PrivateClusterError.self) {
            try PrivateCluster(environment: environment, programs: "/usr/bin")
        }
        #expect(error?.code == .noHome)
    }

    private let record = ClusterRecord(
        bootID: "b",
        processes: [.master: ProcessIdentity(pid: 7, startTime: 70), .web: ProcessIdentity(pid: 9, startTime: 90)],
        serving: [.master], addresses: [.master: "127.0.0.1:4000", .web: "127.0.0.1:4001"])

    @Test func `a record is read as it was written`() {
        #expect(ClusterRecord(parsing: Array(record.text.utf8)) == record)
        let empty = ClusterRecord(bootID: "x")
        #expect(ClusterRecord(parsing: Array(empty.text.utf8)) == empty)
    }

    @Test func `what is not a record of this release is not read`() {
        let text = record.text
        for other in [
            "", "{}", "no JSON", String(text.dropLast(3)), text.replacing("\"version\":1", with: "\"version\":2"),
            text.replacing("\"pid\":7", with: "\"pid\":0"), text.replacing("\"pid\":7", with: "\"pid\":\"7\""),
            text.replacing("\"pid\":7", with: "\"pid\":4294967303"),
            text.replacing("\"start_time\":70", with: "\"start_time\":-1"), text.replacing("boot_id", with: "boot"),
            text.replacing("\"serves\":false", with: "\"serves\":0"),
        ] {
            #expect(other != text)
            #expect(ClusterRecord(parsing: Array(other.utf8)) == nil, "\(other)")
        }
    }

    @Test func `a client finds the master of the record, and its secret`() throws {
        try withTemporaryDirectory { home in
            let environment = ["XDG_STATE_HOME": home]
            let cluster = try PrivateCluster(environment: environment, programs: "/usr/bin")
            #expect(PrivateCluster.found(environment: environment) == nil)
            try cluster.makeDirectories()
            try cluster.write(ClusterRecord(bootID: "b"))
            // The master has not said yet where it serves.
            #expect(PrivateCluster.found(environment: environment) == nil)
            try cluster.write(record)
            let found = try #require(PrivateCluster.found(environment: environment))
            #expect(found.master == "127.0.0.1:4000")
            #expect(found.secretFile == home + "/tessera/private/secret")
            cluster.forget()
            #expect(PrivateCluster.found(environment: environment) == nil)
        }
    }

    @Test func `a record that cannot be read is said, and not taken for none`() throws {
        try withTemporaryDirectory { home in
            let cluster = try PrivateCluster(environment: ["XDG_STATE_HOME": home], programs: "/usr/bin")
            try cluster.makeDirectories()
            try TestFiles.write("{\"version\":99}", to: cluster.places.record)
            let error = #expect(throws: PrivateClusterError.self) { try cluster.down(purging: true) }
            #expect(error?.code == .files)
            #expect(error?.message.contains("cluster.json") == true)
        }
    }

    @Test func `the directory is the person's alone`() throws {
        try withTemporaryDirectory { home in
            let cluster = try PrivateCluster(environment: ["XDG_STATE_HOME": home], programs: "/usr/bin")
            try cluster.makeDirectories()
            #expect(try FileMode.of(cluster.places.directory) == 0o700)
            try FileMode.set(0o755, cluster.places.directory)
            try cluster.makeDirectories()
            #expect(try FileMode.of(cluster.places.directory) == 0o700)
        }
    }

    @Test func `one command at a time changes the cluster`() throws {
        try withTemporaryDirectory { home in
            let cluster = try PrivateCluster(environment: ["XDG_STATE_HOME": home], programs: "/usr/bin")
            try cluster.makeDirectories()
            let lock = try ClusterLock(cluster.places)
            let error = #expect(throws: PrivateClusterError.self) { try cluster.down(purging: true) }
            #expect(error?.code == .busy)
            #expect(PrivateCluster.exists(cluster.places.directory))
            _ = consume lock
            #expect(try cluster.down(purging: true).isPurged)
            #expect(!PrivateCluster.exists(cluster.places.directory))
        }
    }

    @Test func `daemons get neither settings of other clusters nor another process's notifications`() {
        let launch = DaemonLaunch(
            .web, places: ClusterPlaces(directory: "/s"), port: 4001, master: "127.0.0.1:4000",
            notifySocket: "/r/web",
            environment: [
                "PATH": "/bin", "TESSERA_MASTER": "elsewhere:1", "TESSERA_CONFIG": "/x", "NOTIFY_SOCKET": "/other",
                "WATCHDOG_USEC": "1", "JOURNAL_STREAM": "1:2",
            ])
        #expect(launch.environment == ["PATH": "/bin", "NOTIFY_SOCKET": "/r/web"])
        #expect(
            launch.arguments == [
                "tessera-web", "--listen", "127.0.0.1:4001", "--master", "127.0.0.1:4000", "--state-dir", "/s/web",
                "--address-file", "/s/web.address", "--link-file", "/s/link", "--secret-file", "/s/secret",
            ])
    }

    @Test(arguments: [
        ("READY=1", true), ("STATUS=x\nREADY=1", true), ("READY=1\nSTATUS=x", true), ("STATUS=READY=1", false),
        ("READY=0", false), ("", false), ("WATCHDOG=1", false),
    ]) func `only a daemon's own word makes it ready`(_ message: String, _ isReady: Bool) {
        #expect(ReadinessSocket.saysReady(Array(message.utf8)) == isReady)
    }

    @Test func `sockets that a killed start left are removed by the next one`() throws {
        try withTemporaryDirectory { home in
            let environment = ["XDG_STATE_HOME": home, "XDG_RUNTIME_DIR": home]
            let cluster = try PrivateCluster(environment: environment, programs: "/usr/bin")
            try cluster.makeDirectories()
            let left = home + "/tessera-up-left"
            #expect(mkdir(left, 0o700) == 0)
            try TestFiles.write("", to: left + "/master")
            try TestFiles.write(left + "\n", to: cluster.places.sockets)
            var made = ""
            do {
                let sockets = try ReadinessSockets(cluster.places, environment: environment)
                made = sockets.directory
                #expect(made.hasPrefix(home + "/tessera-up-") && made != left)
                #expect(!PrivateCluster.exists(left))
                #expect(PrivateCluster.exists(made))
                // What a kill at this moment would leave to the next one.
                #expect(cluster.line(at: cluster.places.sockets) == made)
                withExtendedLifetime(sockets) {}
            }
            #expect(!PrivateCluster.exists(made))
            #expect(!PrivateCluster.exists(cluster.places.sockets))
            #expect(mkdir(left, 0o700) == 0)
            try TestFiles.write(left + "\n", to: cluster.places.sockets)
            _ = try cluster.down(purging: false)
            #expect(!PrivateCluster.exists(left))
        }
    }

    @Test func `nothing is removed but sockets`() throws {
        try withTemporaryDirectory { home in
            let cluster = try PrivateCluster(environment: ["XDG_STATE_HOME": home], programs: "/usr/bin")
            try cluster.makeDirectories()
            let other = home + "/holiday"
            #expect(mkdir(other, 0o700) == 0)
            #expect(symlink(other, home + "/tessera-up-link") == 0)
            for path in [other, home + "/tessera-up-link", "holiday", "", "/"] {
                try TestFiles.write(path + "\n", to: cluster.places.sockets)
                ReadinessSockets.removeLeftovers(of: cluster.places)
                #expect(!PrivateCluster.exists(cluster.places.sockets))
            }
            #expect(PrivateCluster.exists(other))
        }
    }

    @Test func `a failure shows the last lines of a log`() throws {
        try withTemporaryDirectory { directory in
            let path = directory + "/log"
            #expect(LogTail.lines(at: path, count: 3) == [])
            try TestFiles.write((1...5000).map { "line \($0)\n" }.joined(), to: path)
            #expect(LogTail.lines(at: path, count: 3) == ["line 4998", "line 4999", "line 5000"])
        }
    }
}
