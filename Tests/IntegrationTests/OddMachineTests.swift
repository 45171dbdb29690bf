import ClientKit
import Foundation
import Glibc
import JobModel
import TestSupport
import Testing

extension Integration {
    /// Machines, containers and terminals that are not what a daemon would wish for.
    @Suite struct `Odd machines` {
        // MARK: Starting and stopping

        @Test func `a stop while the worlds start ends the start, with all that was started`() async throws {
            try await withStandIn(for: "mpirun", "exec sleep 1000") { mpirun, folder in
                let worker = try Standalone.worker(in: folder, ["--mpirun", mpirun])
                let sleeping = try await eventually("mpirun runs") {
                    ProcessTable.descendants(of: worker.pid).first { $0.name == "sleep" }
                }
                let start = ContinuousClock.now
                worker.send(SIGTERM)
                #expect(try await worker.waitForEnd(within: .seconds(10)) == .exited(0))
                #expect(ContinuousClock.now - start < .seconds(8))
                #expect(!ProcessTable.isRunning(sleeping))
                #expect(try Standalone.scratch(of: folder).isEmpty)
            }
        }

        @Test func `mpirun's words are shown when the worlds do not come up`() async throws {
            try await withStandIn(for: "mpirun", "echo no slots of yours >&2; exit 3") { mpirun, folder in
                let worker = try Standalone.worker(in: folder, ["--mpirun", mpirun])
                #expect(try await worker.waitForEnd(within: .seconds(20)) == .exited(1))
                #expect(try Standalone.log(of: folder).contains("| no slots of yours"))
                try await eventually("nothing is left") { try Standalone.scratch(of: folder).isEmpty }
            }
        }

        @Test func `without a terminal, SIGHUP has a daemon read its files again, and ends none`() async throws {
            try await Cluster.with(workers: 1, ranks: 1) { cluster in
                let job = try await LongJob.submit(to: cluster)
                try await cluster.waitForMiddle(of: job, tasksDone: 3)
                for daemon in [cluster.master, cluster.workers[0]] {
                    daemon.process.send(SIGHUP)
                    try await eventually("\(daemon.name) has read its secret again") {
                        try cluster.text(daemon.logFile).contains("read again: nothing has changed")
                    }
                }
                #expect(try await cluster.result(of: job) == LongJob.expected.get())
                let done = try await cluster.summary(of: job)
                #expect(done.attemptsLost == 0 && done.attemptsFailed == 0)
            }
        }

        @Test func `a worker that was started to survive its terminal does`() async throws {
            try await withFolder { folder in
                let worker = try Standalone.start("trap '' HUP; exec", "tessera-worker", in: folder)
                try await Standalone.waitForWorlds(folder)
                worker.send(SIGHUP)
                worker.send(SIGTERM)
                #expect(try await worker.waitForEnd() == .exited(0))
                // The second signal was the first that it heard.
                let log = try Standalone.log(of: folder)
                #expect(log.split(separator: "\n").count { $0.contains("told to stop") } == 1)
            }
        }

        // MARK: Streams

        /// What each program says when it has an error to tell, and nobody to tell it to.
        @Test(arguments: [
            ("tessera-master --secret-file secret --state-dir /proc/none", 64), ("tessera-master --no-such-flag", 64),
            ("tessera-worker --secret-file secret --scratch-dir scratch --rank-program /bin/false", 1),
            ("tessera-worker --secret-file /nowhere", 64),
            ("tessera ops no-such-operation", 64), ("tessera ops", 0), ("tessera-rank", 64),
        ]) func `a closed or broken stream changes no exit status`(command: String, status: Int32) async throws {
            try await withFolder { folder in
                for streams in ["2>&-", "0<&- 2>&-", "0<&- 1>&- 2>&-", "2>/dev/full", "2>&1 | true"] {
                    let words = command.split(separator: " ", maxSplits: 1)
                    let (program, rest) = (String(words[0]), words.count > 1 ? String(words[1]) : "")
                    let script = "cd \(folder); set -o pipefail; \(Programs.path(program)) \(rest) \(streams)"
                    let end = try await Standalone.shell(script, in: folder).waitForEnd()
                    // A result with no place to go is an error of its own.
                    let isLost = status == 0 && streams.contains("1>&-")
                    #expect(
                        end == .exited(isLost ? 1 : status) || isBroken(end, streams), "\(command) \(streams): \(end)")
                }
            }
        }

        @Test(arguments: ["tessera-master", "tessera-worker", "tessera-rank", "tessera"])
        func `help that cannot be printed is an error`(program: String) async throws {
            try await withFolder { folder in
                for question in ["--help", "--version"] {
                    let script = "exec \(Programs.path(program)) \(question) >/dev/full"
                    let end = try await Standalone.shell(script, in: folder).waitForEnd()
                    #expect(end == .exited(1), "\(question)")
                }
            }
        }

        /// The client ends as others do when the reader of its output is gone.
        private func isBroken(_ end: ChildProcess.End, _ streams: String) -> Bool {
            streams.contains("|") && end == .exited(141)
        }

        @Test func `a daemon whose reader goes away continues`() async throws {
            try await withFolder { folder in
                // The reader takes a line and leaves; each look for the master writes another.
                let script = "\(Programs.path("tessera-worker")) \(Standalone.flags(folder)) 2>&1 | head -n 1 > first"
                let shell = try Standalone.shell("cd \(folder); set -o pipefail; \(script)", in: folder)
                let worker = try await eventually("the worker runs its ranks") {
                    ProcessTable.descendants(of: shell.pid).contains { $0.name.hasPrefix("tessera-rank") }
                        ? ProcessTable.descendants(of: shell.pid).first { $0.name == "tessera-worker" } : nil
                }
                try await eventually("the reader is gone") {
                    !ProcessTable.descendants(of: shell.pid).contains { $0.name == "head" }
                }
                kill(worker.pid, SIGTERM)
                #expect(try await shell.waitForEnd() == .exited(0))
            }
        }

        // MARK: Limits

        @Test func `too few open files are said before anything is started`() async throws {
            try await withFolder { folder in
                for program in ["tessera-worker", "tessera-master"] {
                    let process = try Standalone.start("ulimit -n 24; exec", program, in: folder)
                    #expect(try await process.waitForEnd(within: .seconds(10)) == .exited(64))
                }
                let words = try Standalone.log(of: folder)
                #expect(words.contains("at most 24 files may be open, and --slots 1 with --ranks 2 needs"), "\(words)")
                #expect(words.contains("a master needs 64"), "\(words)")
            }
        }

        @Test func `a soft limit of open files is raised`() async throws {
            try await withFolder { folder in
                let worker = try Standalone.start("ulimit -S -n 20; exec", "tessera-worker", in: folder)
                try await Standalone.waitForWorlds(folder)
                worker.send(SIGTERM)
                #expect(try await worker.waitForEnd() == .exited(0))
            }
        }

        @Test func `a worker under taskset has one slot of one rank`() async throws {
            try await withFolder { folder in
                let worker = try Standalone.start("exec taskset -c 0", "tessera-worker", in: folder, isLaidOut: false)
                try await Standalone.waitForWorlds(folder)
                #expect(try Standalone.log(of: folder).contains("worlds are up ranks=1 slots=1"))
                worker.send(SIGTERM)
                #expect(try await worker.waitForEnd() == .exited(0))
            }
        }

        // MARK: Open MPI

        @Test(arguments: [
            "orte_default_hostfile = HOSTS", "rmaps_base_mapping_policy = ppr:1:node",
            "rmaps_rank_file_path = /nowhere",
            "hwloc_base_cpu_list = 4095", "ess = pmi",
        ]) func `a user's settings of Open MPI do not reach the ranks`(line: String) async throws {
            try await withFolder { folder in
                try FileManager.default.createDirectory(
                    atPath: "\(folder)/.openmpi", withIntermediateDirectories: false)
                try Data("node1 slots=4\n".utf8).write(to: URL(fileURLWithPath: "\(folder)/hosts"))
                let text = line.replacingOccurrences(of: "HOSTS", with: "\(folder)/hosts") + "\n"
                try Data(text.utf8).write(to: URL(fileURLWithPath: "\(folder)/.openmpi/mca-params.conf"))
                let variables =
                    "OMPI_MCA_rmaps_base_mapping_policy=ppr:1:node SLURM_JOB_ID=7 SLURM_NODELIST=n1 PMIX_RANK=3"
                let worker = try Standalone.start("export \(variables); exec", "tessera-worker", in: folder)
                try await Standalone.waitForWorlds(folder)
                worker.send(SIGTERM)
                #expect(try await worker.waitForEnd() == .exited(0))
            }
        }

        /// Needs root for a name of its own.
        @Test(
            .enabled(if: geteuid() == 0),
            arguments: ["my_host", "(none)", "n[1-3]", "a,b", String(repeating: "x", count: 64)])
        func `whatever the machine is called, its worlds come up`(name: String) async throws {
            try await withFolder { folder in
                let set = "printf '%s' '\(name)' > /proc/sys/kernel/hostname"
                let worker = try Standalone.start(
                    "exec unshare --uts sh -c \"\(set); exec \\\"\\$@\\\"\" sh", "tessera-worker", in: folder)
                try await Standalone.waitForWorlds(folder)
                worker.send(SIGTERM)
                #expect(try await worker.waitForEnd() == .exited(0))
            }
        }

        // MARK: The scratch directory

        @Test(arguments: [false, true])
        func `a killed worker leaves nothing in the scratch directory`(withDescendants: Bool) async throws {
            try await Cluster.with(workers: 1) { cluster in
                let job = try await LongJob.submit(to: cluster)
                try await cluster.waitForMiddle(of: job, tasksDone: 1)
                #expect(try !cluster.scratchFolders().isEmpty)
                let processes = ProcessTable.descendants(of: cluster.workers[0].pid)
                if withDescendants { for process in processes { process.send(SIGKILL) } }
                try await cluster.workers[0].kill()
                try await eventually("no process is left, and the scratch directory is empty", within: .seconds(5)) {
                    try cluster.scratchFolders().isEmpty && !processes.contains(where: ProcessTable.isRunning)
                }
            }
        }

        @Test func `what is removed under a running worker is made again, and costs no attempt`() async throws {
            try await Cluster.with(workers: 1) { cluster in
                let job = try await LongJob.submit(to: cluster)
                try await cluster.waitForMiddle(of: job, tasksDone: 3)
                for name in try cluster.scratchFolders() {
                    // At once, as a removal would not be.
                    try FileManager.default.moveItem(
                        atPath: "\(cluster.scratchPath)/\(name)", toPath: "\(cluster.scratchPath)/removed-\(name)")
                }
                #expect(try await cluster.result(of: job) == LongJob.expected.get())
                #expect(try await cluster.summary(of: job).attemptsFailed == 0)
                #expect(try cluster.text(cluster.workers[0].logFile).contains("is made again"))
            }
        }

        @Test func `a worker without its scratch directory says so, takes no work, and recovers`() async throws {
            try await Cluster.with(workers: 1) { cluster in
                let hidden = cluster.scratchPath + ".hidden"
                try FileManager.default.moveItem(atPath: cluster.scratchPath, toPath: hidden)
                defer { try? FileManager.default.removeItem(atPath: hidden) }
                try await waitForState(.notReady, of: cluster)
                let reason = try #require(try await cluster.status(of: cluster.workers[0]).unreadyReason)
                #expect(reason.contains(cluster.scratchPath) && reason.contains("--scratch-dir"), "\(reason)")
                let image = TestImage(width: 60, height: 40)
                let job = try await cluster.submit("invert", [try cluster.file("a.png", image.png)])
                #expect(try await cluster.summary(of: job).isFinal == false)

                try FileManager.default.createDirectory(
                    atPath: cluster.scratchPath, withIntermediateDirectories: false)
                #expect(try await cluster.result(of: job) == image.processedSerially("invert"))
                #expect(try await cluster.status(of: cluster.workers[0]).state == .alive)
                #expect(try await cluster.summary(of: job).attemptsFailed == 0)
            }
        }

        @Test func `a worker whose worlds no longer come up says why, takes no work, and recovers`() async throws {
            try await withFolder { folder in
                let (mpirun, broken) = ("\(folder)/mpirun", "\(folder)/broken")
                let text = "if [ -e \(broken) ]; then echo not today >&2; exit 1; fi; exec /usr/bin/mpirun \"$@\""
                try await Standalone.install("#!/bin/sh\n\(text)\n", at: mpirun)
                try await Cluster.with(workers: 1, workerArguments: ["--mpirun", mpirun]) { cluster in
                    try Data().write(to: URL(fileURLWithPath: broken))
                    for rank in cluster.rankProcesses(of: cluster.workers[0]) { rank.send(SIGKILL) }
                    let image = TestImage(width: 60, height: 40)
                    let job = try await cluster.submit("invert", [try cluster.file("a.png", image.png)])
                    try await waitForState(.notReady, of: cluster)
                    let reason = try #require(try await cluster.status(of: cluster.workers[0]).unreadyReason)
                    #expect(reason.contains("slot 0") && reason.contains("not today"), "\(reason)")

                    try FileManager.default.removeItem(atPath: broken)
                    #expect(try await cluster.result(of: job) == image.processedSerially("invert"))
                    #expect(try await cluster.summary(of: job).attemptsFailed == 0)
                }
            }
        }

        /// Needs root for a file system of its own.
        @Test(.enabled(if: geteuid() == 0))
        func `images are cut to fit a small scratch directory`() async throws {
            try await withFolder { folder in
                try await withSmallFileSystem(megabytes: 40) { small in
                    let arguments = ["--scratch-dir", small, "--slots", "1", "--ranks", "2"]
                    try await Cluster.with(workers: 1, workerArguments: arguments) { cluster in
                        // 12 MB of rows: four times that is more than there is.
                        let image = TestImage(width: 2000, height: 2000)
                        let job = try await cluster.submit("invert", [try cluster.file("a.png", image.png)])
                        #expect(try await cluster.result(of: job) == image.processedSerially("invert"))
                        #expect(try await cluster.summary(of: job).attemptsFailed == 0)
                        #expect(try cluster.text(cluster.workers[0].logFile).contains("the scratch directory is small"))
                    }
                }
                try await withSmallFileSystem(megabytes: 20) { small in
                    let worker = try Standalone.worker(in: folder, ["--scratch-dir", small])
                    #expect(try await worker.waitForEnd(within: .seconds(10)) == .exited(1))
                    let words = try Standalone.log(of: folder)
                    #expect(words.contains("20 MiB") && words.contains("needs at least 24 MiB"), "\(words)")
                    #expect(words.contains("--scratch-dir") && words.contains("--chunk-bytes"), "\(words)")
                }
            }
        }

        private func waitForState(_ state: WorkerStatus.State, of cluster: Cluster) async throws {
            try await eventually("the worker is \(state)", within: .seconds(20)) {
                try await cluster.status(of: cluster.workers[0]).state == state
            }
        }

        private func withSmallFileSystem(megabytes: Int, _ body: (String) async throws -> Void) async throws {
            try await withFolder { place in
                let shell = try Standalone.shell(
                    "mount -t tmpfs -o size=\(megabytes)m tessera-test \(place)/.", in: place)
                try #require(try await shell.waitForEnd() == .exited(0))
                defer { umount2(place, CInt(MNT_DETACH)) }
                try await body(place)
            }
        }
    }
}

// MARK: -

/// Calls `body` with a new directory, short enough for sockets in it.
private func withFolder(_ body: (String) async throws -> Void) async throws {
    var template = Array("/tmp/tessera-odd-XXXXXX".utf8CString)
    try #require(mkdtemp(&template) != nil)
    let path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    defer { try? FileManager.default.removeItem(atPath: path) }
    try FileManager.default.createDirectory(atPath: "\(path)/scratch", withIntermediateDirectories: false)
    let secret = URL(fileURLWithPath: "\(path)/secret")
    try Data("0123456789abcdef0123456789abcdef".utf8).write(to: secret)
    chmod(secret.path, 0o600)
    try await body(path)
}

/// Calls `body` with a script in place of `program`, and with a directory.
private func withStandIn(
    for program: String, _ script: String, _ body: (_ path: String, _ folder: String) async throws -> Void
) async throws {
    try await withFolder { folder in
        try await Standalone.install("#!/bin/sh\n\(script)\n", at: "\(folder)/\(program)")
        try await body("\(folder)/\(program)", folder)
    }
}

/// A program ended before what a test waited for.
private struct NotUp: Error { let log: String }

/// Programs that run without a cluster: a worker looks for its master as long as it lives.
private enum Standalone {
    /// Started with these words of a shell in front, which may limit it.
    static func start(
        _ prefix: String, _ program: String, in folder: String, isLaidOut: Bool = true
    ) throws -> ChildProcess {
        let own =
            program == "tessera-worker"
            ? flags(folder, isLaidOut: isLaidOut)
            : "--listen 127.0.0.1:0 --state-dir \(folder)/state --secret-file \(folder)/secret"
        return try shell("\(prefix) \(Programs.path(program)) \(own)", in: folder)
    }

    static func worker(in folder: String, _ arguments: [String]) throws -> ChildProcess {
        try shell(
            "exec \(Programs.path("tessera-worker")) \(flags(folder)) \(arguments.joined(separator: " "))", in: folder)
    }

    /// Nothing listens on port 1.
    static func flags(_ folder: String, isLaidOut: Bool = true) -> String {
        "--master 127.0.0.1:1 --secret-file \(folder)/secret --scratch-dir \(folder)/scratch"
            + (isLaidOut ? " --slots 1 --ranks 2" : "")
    }

    static func shell(_ script: String, in folder: String) throws -> ChildProcess {
        try ChildProcess(
            name: "shell", executable: "/bin/bash", arguments: ["-c", script],
            environment: Programs.environment(home: folder), output: "\(folder)/log", errors: "\(folder)/log")
    }

    static func log(of folder: String) throws -> String {
        try String(contentsOfFile: "\(folder)/log", encoding: .utf8)
    }

    static func scratch(of folder: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: "\(folder)/scratch")
    }

    static func waitForWorlds(_ folder: String) async throws {
        try await eventually("the worlds are up", within: .seconds(30)) {
            let text = try log(of: folder)
            if text.contains("tessera-worker: ") { throw NotUp(log: text) }
            return text.contains("worlds are up")
        }
    }

    /// Written by another process: a program that one of ours could still have open for writing cannot be started.
    static func install(_ text: String, at path: String) async throws {
        try Data(text.utf8).write(to: URL(fileURLWithPath: path + ".text"))
        let process = try ChildProcess(
            name: "install", executable: "/usr/bin/install", arguments: ["-m", "700", path + ".text", path],
            environment: [:], output: "/dev/null", errors: "/dev/null")
        try #require(try await process.waitForEnd() == .exited(0))
    }
}
