import Foundation
import Glibc
import JobModel
import TestSupport
import Testing

extension Integration {
    /// `tessera up` and `tessera down` with real processes; the page is tested where the gateway is built.
    @Suite struct `The private cluster` {
        private static let image = TestImage(width: 120, height: 90)

        /// Writes the image into the home, and returns its path.
        private func photo(_ home: PrivateClusterHome) throws -> String {
            let path = home.path + "/photo.png"
            try Data(Self.image.png).write(to: URL(fileURLWithPath: path))
            return path
        }

        private func up(_ home: PrivateClusterHome, _ arguments: String...) async throws -> CommandRun.Outcome {
            let outcome = try await home.start(["up", "--no-page"] + arguments).outcome()
            home.note()
            return outcome
        }

        /// Runs a pipeline on the cluster that the command finds by itself, and compares the result.
        private func expectWork(_ home: PrivateClusterHome, _ pipeline: String) async throws {
            let place = home.path + "/result.png"
            let outcome = try await home.run("run", pipeline, try photo(home), "-o", place, "--no-cache")
            #expect(outcome.status == 0, "\(outcome)")
            let result = [UInt8](try Data(contentsOf: URL(fileURLWithPath: place)))
            #expect(try result == Self.image.processedSerially(pipeline))
        }

        @Test func `one command starts it, commands find it, and another one ends it`() async throws {
            try await PrivateClusterHome.with { home in
                let first = try await up(home)
                #expect(first.status == 0, "\(first)")
                let started = home.running
                #expect(Set(started.keys) == ["master", "worker"], "\(first)")
                for (name, entry) in started {
                    #expect(first.text.contains("process \(entry.pid)"), "\(first)")
                    // The end of the terminal's session is not theirs.
                    #expect(getsid(entry.pid) == entry.pid, "\(name)")
                }
                #expect(first.text.contains(home.directory))
                try await expectWork(home, "median size=3")

                let again = try await up(home)
                #expect(again.status == 0 && again.text.contains("is up already"), "\(again)")
                #expect(home.running == started)

                let down = try await home.run("down")
                #expect(down.status == 0 && down.text.contains("tessera-worker, tessera-master ended"), "\(down)")
                #expect(home.survivors == [])
                #expect(home.record == nil)
                for file in ["secret", "master.address"] {
                    #expect(access("\(home.directory)/\(file)", F_OK) != 0, "\(file)")
                }

                let lost = try await home.run("status")
                #expect(lost.status == 4 && lost.errors.contains("'tessera up' starts one"), "\(lost)")
                let idle = try await home.run("down")
                #expect(idle.status == 0 && idle.text.contains("no private cluster is up"), "\(idle)")

                // The jobs are those of before.
                #expect(try await up(home).status == 0)
                let jobs = try await home.run("jobs", "--json")
                #expect(jobs.text.contains("\"job\":1,"), "\(jobs)")
                let purged = try await home.run("down", "--purge")
                #expect(purged.status == 0 && purged.text.contains("is deleted"), "\(purged)")
                #expect(access(home.directory, F_OK) != 0)
                #expect(home.survivors == [])
            }
        }

        @Test func `files of the cluster are closed to others`() async throws {
            try await PrivateClusterHome.with { home in
                #expect(try await up(home).status == 0)
                for (name, mode) in [
                    ("", 0o700), ("/secret", 0o600), ("/cluster.json", 0o600), ("/log/master.log", 0o600),
                ] {
                    let found = try FileManager.default.attributesOfItem(atPath: home.directory + name)
                    #expect(found[.posixPermissions] as? Int == mode, "\(name)")
                }
            }
        }

        @Test func `a command that names a master or a secret means another cluster`() async throws {
            try await PrivateClusterHome.with { home in
                #expect(try await up(home).status == 0)
                let secret = home.directory + "/secret"
                let option = try await home.run("status", "--master", "127.0.0.1:1", "--secret-file", secret)
                #expect(option.status == 5 && option.errors.contains("127.0.0.1:1"), "\(option)")
                #expect(!option.errors.contains("tessera up"), "\(option)")
                let variable = try await home.run(
                    "status", environment: ["TESSERA_MASTER": "127.0.0.1:1", "TESSERA_SECRET_FILE": secret])
                #expect(variable.status == 5 && variable.errors.contains("127.0.0.1:1"), "\(variable)")
                let file = home.path + "/client.yaml"
                try Data("master: 127.0.0.1:1\nsecret-file: \(secret)\n".utf8).write(to: URL(fileURLWithPath: file))
                let settings = try await home.run("status", "--config", file)
                #expect(settings.status == 5 && settings.errors.contains("127.0.0.1:1"), "\(settings)")
                #expect(try await home.run("status").status == 0)
            }
        }

        @Test(arguments: [["master"], ["worker"], ["master", "worker"]])
        func `what was killed is started again, at its place, and the rest is left alone`(killed: [String]) async throws
        {
            try await PrivateClusterHome.with { home in
                #expect(try await up(home).status == 0)
                let before = home.running
                let address = try #require(home.record?["master"]?.address)
                for name in killed { try await home.kill(name) }
                let again = try await up(home)
                #expect(again.status == 0 && again.text.contains("is up"), "\(again)")
                let after = home.running
                #expect(Set(after.keys) == ["master", "worker"])
                for (name, entry) in before {
                    #expect((after[name] == entry) == !killed.contains(name), "\(name)")
                }
                #expect(home.record?["master"]?.address == address)
                try await expectWork(home, "invert")
                #expect(try await home.run("down").status == 0)
                #expect(home.survivors == [])
            }
        }

        @Test func `a job that was waiting when everything was lost is done after the next start`() async throws {
            try await PrivateClusterHome.with { home in
                #expect(try await up(home).status == 0)
                try await home.kill("worker")
                let submitted = try await home.run("submit", "--detach", "median size=3", try photo(home))
                let job = try #require(JobID(text: submitted.text.prefix { $0 != " " }), "\(submitted)")
                try await home.kill("master")
                let lost = try await home.run("status", "--reconnect-timeout", "0s")
                #expect(lost.status == 5 && lost.errors.contains("'tessera up' starts it again"), "\(lost)")
                #expect(try await up(home).status == 0)
                let place = home.path + "/result.png"
                let fetched = try await home.run("fetch", "\(job)", "-o", place)
                #expect(fetched.status == 0, "\(fetched)")
                let result = [UInt8](try Data(contentsOf: URL(fileURLWithPath: place)))
                #expect(try result == Self.image.processedSerially("median size=3"))
            }
        }

        @Test(arguments: [true, false]) func `a process that took over a number is not touched`(isOtherBoot: Bool)
            async throws
        {
            try await PrivateClusterHome.with { home in
                #expect(try await up(home).status == 0)
                let daemons = home.running
                for name in daemons.keys { try await home.kill(name) }
                let innocent = try ChildProcess(
                    name: "innocent", executable: "/bin/sleep", arguments: ["600"], environment: [:],
                    output: "/dev/null", errors: "/dev/null")
                defer { innocent.send(SIGKILL) }
                let entry = try #require(ProcessTable.entry(innocent.pid))
                // After a restart of the machine, the time of start could be the same, too.
                var text = try String(contentsOfFile: home.recordFile, encoding: .utf8)
                for daemon in daemons.values {
                    text = text.replacingOccurrences(
                        of: "\"pid\":\(daemon.pid),\"start_time\":\(daemon.startTime)",
                        with: "\"pid\":\(entry.pid),\"start_time\":\(entry.startTime + (isOtherBoot ? 0 : 1))")
                }
                if isOtherBoot {
                    text = text.replacingOccurrences(of: "\"boot_id\":\"", with: "\"boot_id\":\"0")
                }
                try Data(text.utf8).write(to: URL(fileURLWithPath: home.recordFile))

                let again = try await up(home)
                #expect(again.status == 0, "\(again)")
                #expect(Set(home.running.keys) == ["master", "worker"])
                try Data(text.utf8).write(to: URL(fileURLWithPath: home.recordFile))
                let down = try await home.run("down")
                #expect(down.status == 0 && down.text.contains("had ended already"), "\(down)")
                #expect(innocent.isRunning)
            }
        }

        @Test func `a daemon that ends early is shown by its log, and nothing is left`() async throws {
            try await PrivateClusterHome.with { home in
                let port = try LoopbackListener()
                let outcome = try await up(home, "--port", "\(port.port)")
                #expect(outcome.status == 1, "\(outcome)")
                #expect(outcome.errors.contains("tessera-master ended with status"), "\(outcome)")
                #expect(outcome.errors.contains("Address already in use"), "\(outcome)")
                #expect(outcome.errors.contains(home.directory + "/log/master.log"), "\(outcome)")
                #expect(home.record == nil)
                #expect(access(home.directory + "/secret", F_OK) != 0)
                #expect(home.survivors == [])
            }
        }

        @Test func `a start that is interrupted leaves nothing`() async throws {
            try await PrivateClusterHome.with { home in
                let starting = try home.start(["up", "--no-page"])
                try await eventually("the master is written down", every: .microseconds(200)) {
                    home.record?["master"]?.pid != nil
                }
                home.note()
                starting.process.send(SIGINT)
                let outcome = try await starting.outcome()
                // It may have been up already.
                if outcome.status == 0 {
                    #expect(try await home.run("down").status == 0)
                } else {
                    #expect(outcome.status == 130, "\(outcome)")
                    #expect(home.record == nil)
                }
                #expect(home.survivors == [])
            }
        }

        @Test func `a start that is killed leaves what the next commands find`() async throws {
            try await PrivateClusterHome.with { home in
                let starting = try home.start(["up", "--no-page"])
                try await eventually("the master is written down", every: .microseconds(200)) {
                    home.record?["master"]?.pid != nil
                }
                starting.process.send(SIGKILL)
                try await starting.process.waitForEnd()
                home.note()
                let again = try await up(home)
                #expect(again.status == 0, "\(again)")
                try await expectWork(home, "invert")
                #expect(try await home.run("down").status == 0)
                #expect(home.survivors == [])
            }
        }

        @Test func `of several starts at once, one cluster comes`() async throws {
            try await PrivateClusterHome.with { home in
                let starting = try (0..<4).map { _ in try home.start(["up", "--no-page"]) }
                var successCount = 0
                for command in starting {
                    let outcome = try await command.outcome()
                    home.note()
                    if outcome.status == 0 {
                        successCount += 1
                    } else {
                        #expect(outcome.errors.contains("is at work"), "\(outcome)")
                    }
                }
                #expect(successCount >= 1)
                let running = home.running
                #expect(Set(running.keys) == ["master", "worker"])
                #expect(home.survivors == Set(running.values))
            }
        }
    }
}
