import Settings
import Testing

@testable import WorkerDaemon

/// What a worker does with a machine when nobody tells it.
@Suite struct WorkerLayoutTests {
    private func settings(_ arguments: String..., cores: Int = 8, machine: UInt64 = 64 << 30) throws -> WorkerSettings {
        let settings = try Settings(
            program: "tessera-worker", version: "0", summary: "", settings: WorkerSettings.table,
            arguments: arguments, environment: [:])
        return try WorkerSettings(settings, coreCount: cores, machineMemoryByteCount: machine)
    }

    @Test(arguments: [
        (1, 1, 1), (2, 2, 1), (3, 3, 1), (4, 4, 1), (7, 7, 1), (8, 8, 1), (32, 32, 1),
    ]) func `each core is a slot of one rank`(cores: Int, slots: Int, ranks: Int) throws {
        let layout = try settings(cores: cores)
        #expect(layout.slotCount == slots)
        #expect(layout.ranksPerSlot == ranks)
    }

    /// Three quarters of the memory are the tasks'.
    @Test(arguments: [
        (2, 2, 1, 2), (4, 4, 2, 2), (8, 8, 4, 2), (8, 4, 2, 4), (16, 6, 4, 4), (7, 7, 5, 1), (8, 7, 4, 2), (4, 1, 1, 4),
        (64, 64, 32, 2),
    ]) func `a slot has a gigabyte, and the cores share the slots`(
        cores: Int, gigabytes: UInt64, slots: Int, ranks: Int
    ) throws {
        let layout = try settings(cores: cores, machine: gigabytes << 30)
        #expect(layout.slotCount == slots)
        #expect(layout.ranksPerSlot == ranks)
        #expect(layout.slotMemoryByteCount == (gigabytes << 30) / 4 * 3 / UInt64(slots))
    }

    @Test func `what is given is kept, and the cores are divided by it`() throws {
        let both = try settings("--slots", "3", "--ranks", "5")
        #expect(both.slotCount == 3 && both.ranksPerSlot == 5)
        let slots = try settings("--slots", "2")
        #expect(slots.slotCount == 2 && slots.ranksPerSlot == 4)
        let many = try settings("--slots", "12")
        #expect(many.slotCount == 12 && many.ranksPerSlot == 1)
        let ranks = try settings("--ranks", "4")
        #expect(ranks.slotCount == 2 && ranks.ranksPerSlot == 4)
        let memory = try settings("--memory", "4G")
        #expect(memory.slotCount == 4 && memory.ranksPerSlot == 2)
        #expect(memory.slotMemoryByteCount == 1 << 30)
    }

    @Test func `slots share what was given, or three quarters of the machine`() throws {
        #expect(try settings("--slots", "3", machine: 16 << 30).slotMemoryByteCount == 4 << 30)
        #expect(try settings("--slots", "4", "--memory", "2G").slotMemoryByteCount == 512 << 20)
        let error = #expect(throws: SettingsError.self) { try settings("--slots", "4", "--memory", "500M") }
        #expect(error?.description.contains("'500M': must be a whole number from 512M") == true)
    }
}

@Suite struct OpenFileLimitTests {
    @Test func `the open files that a worker needs grow with its slots, ranks and cores`() throws {
        try OpenFileLimit.check(40, slots: 1, ranks: 2, cores: 2)
        try OpenFileLimit.check(1024, slots: 16, ranks: 1, cores: 16)
        let error = #expect(throws: TooFewOpenFiles.self) { try OpenFileLimit.check(30, slots: 1, ranks: 2, cores: 2) }
        let words = "\(try #require(error))"
        for part in ["at most 30 files", "--slots 1", "--ranks 2", "needs 36", "LimitNOFILE"] {
            #expect(words.contains(part), "\(words)")
        }
        #expect(throws: TooFewOpenFiles.self) { try OpenFileLimit.check(1024, slots: 80, ranks: 1, cores: 2) }
    }
}

@Suite struct ScratchSpaceTests {
    private func space(_ megabytes: UInt64) -> ScratchSpace {
        ScratchSpace(path: "/s", totalByteCount: 1 << 30, freeByteCount: megabytes << 20)
    }

    @Test func `slots share the room that sessions leave`() throws {
        #expect(try space(64).taskByteCount(slotCount: 1, ranksPerSlot: 2) == 56 << 20)
        #expect(try space(1024).taskByteCount(slotCount: 2, ranksPerSlot: 1) == 508 << 20)
    }

    @Test(arguments: [(20, 1, 2, 24), (0, 1, 1, 20), (64, 4, 1, 80)] as [(UInt64, Int, Int, UInt64)])
    func `too little room is said with need, have and the ways out`(
        have: UInt64, slots: Int, ranks: Int, need: UInt64
    ) throws {
        let error = #expect(throws: ScratchTooSmall.self) {
            try space(have).taskByteCount(slotCount: slots, ranksPerSlot: ranks)
        }
        let words = "\(try #require(error))"
        let room = have == 0 ? "0 bytes" : "\(have) MiB"
        for part in [
            "/s has \(room) free of 1 GiB", slots == 1 ? "a slot needs" : "\(slots) slots need", "at least \(need) MiB",
            "--scratch-dir", "--slots", "--chunk-bytes",
        ] {
            #expect(words.contains(part), "\(words)")
        }
    }

    @Test(
        arguments: [
            (0, "0 bytes"), (1023, "1023 bytes"), (1 << 10, "1 KiB"), (1 << 20, "1 MiB"), (3 << 19, "1.5 MiB"),
            (100 << 20, "100 MiB"), (5 << 30, "5 GiB"),
        ] as [(UInt64, String)]) func `bytes are written as people read them`(count: UInt64, text: String)
    {
        #expect(Bytes.text(count) == text)
    }
}

@Suite struct ReadinessTests {
    @Test func `trouble that stays is looked at ever more rarely, and a computed task ends that`() {
        var readiness = Readiness()
        #expect(readiness.trouble == nil)
        #expect(readiness.pause == .seconds(1))
        #expect(readiness.found(.noWorld(slot: 0, "why")) == true)
        var pauses = [readiness.pause]
        for _ in 0..<6 {
            #expect(readiness.found(.noWorld(slot: 0, "why")) == false, "it was not ready before")
            pauses.append(readiness.pause)
        }
        #expect(pauses == [1, 2, 4, 8, 16, 30, 30].map { .seconds($0) })
        readiness.isOver()
        #expect(readiness.trouble == nil)
        #expect(readiness.pause == .seconds(1))
        #expect(readiness.found(.scratchGone("gone")) == true)
        #expect(readiness.pause == .seconds(30), "a world that starts and dies is not started again at once")
        readiness.isOver()
        readiness.taskComputed()
        _ = readiness.found(.scratchGone("gone"))
        #expect(readiness.pause == .seconds(1))
        #expect(readiness.trouble?.reason == "gone")
    }
}

@Suite struct WorldCommandTests {
    private func command(host: String = "vm") -> WorldCommand {
        WorldCommand(
            WorldConfiguration(rankCount: 2, rankExecutable: "/r"), socket: "/s/socket", session: "/s/session",
            token: "t",
            parent: 1, host: host)
    }

    @Test func `settings of a cluster's Open MPI are neither read nor passed on`() {
        let command = command()
        let names = command.environment.map { $0.prefix { $0 != "=" } }
        for name in names {
            let isForeign = ["SLURM", "PBS", "LSB", "OMPI_", "PMI", "ORTE", "PRTE"].contains { name.hasPrefix($0) }
            let isOurs = ["OMPI_MCA_mca_base_param_files", "PMIX_MCA_mca_base_param_files", "PMIX_MCA_gds"].contains(
                name)
            let isForRoot = name.hasPrefix("OMPI_ALLOW_RUN_AS_ROOT")
            #expect(!isForeign || isOurs || isForRoot, "\(name)")
        }
        #expect(command.environment.contains("OMPI_MCA_mca_base_param_files=none"))
        #expect(command.environment.contains("HOME=/s/session"), "the user's own files are not in it")
        #expect(parameter("orte_default_hostfile", of: command) == "none")
    }

    @Test(arguments: ["vm", "", "node-07", "12345", "10.0.0.1", "a.b.example.org", "x.y_z"])
    func `an ordinary machine's name needs nothing`(host: String) {
        #expect(parameter("regx", of: command(host: host)) == nil)
        #expect(parameter("orte_strip_prefix", of: command(host: host)) == nil)
    }

    @Test(arguments: [
        ("my_host", "my_host"), ("(none)", "(none)"), ("a b.c", "a b"), ("h\u{F6}st", "h\u{F6}st"), ("a,b", "a"),
        (",", nil),
        (String(repeating: "x", count: 64), String(repeating: "x", count: 64)),
    ]) func `a name that Open MPI cannot use is kept from it`(host: String, prefix: String?) {
        #expect(parameter("regx", of: command(host: host)) == "naive")
        #expect(parameter("orte_strip_prefix", of: command(host: host)) == prefix)
    }

    private func parameter(_ name: String, of command: WorldCommand) -> String? {
        let arguments = command.arguments
        return arguments.indices.first { arguments[$0] == "--mca" && arguments[$0 + 1] == name }
            .map { arguments[$0 + 2] }
    }
}
