import JobModel
import Protocol
import TestBasics
import TestSupport
import Testing

extension Integration {
    @Suite struct `Poison is contained` {
        private static let pipeline = "gaussian-blur sigma=2 | sobel"
        private static let good = (0..<24).map { TestImage(width: 150 + $0, height: 100, seed: UInt64($0)) }
        private static let poisoned = Poison.Effect.allCases.map { effect in
            (effect, TestImage(width: 90, height: 80, seed: 99))
        }

        @Test func `images that crash, hang and exhaust a rank are dead-lettered, and one command redrives them`()
            async throws
        {
            try await withTemporaryDirectory { directory in
                let poison = try Poison(in: directory)
                try await Cluster.with(
                    workers: 2, masterArguments: ["--progress-timeout", "3s"],
                    workerArguments: ["--rank-program", poison.rankProgram, "--memory", "256M"]
                ) { cluster in
                    var files = try Self.good.enumerated().map { try cluster.file("good-\($0).png", $1.png) }
                    for (effect, image) in Self.poisoned {
                        files.insert(
                            try cluster.file("\(effect).png", Poison.mark(image.png, effect)), at: files.count / 2)
                    }
                    let out = cluster.path("out") + "/"
                    let run = try await cluster.start(["run", Self.pipeline] + files + ["-o", out, "--attempts", "2"])
                        .outcome()
                    #expect(run.status == 3, "\(run)")
                    for (number, image) in Self.good.enumerated() {
                        #expect(
                            try cluster.contents("\(out)good-\(number).png") == image.processedSerially(Self.pipeline))
                    }
                    try await checkDeadLetters(of: cluster)

                    // A new release, as it were: one command, and all is as if nothing had been.
                    try poison.cure()
                    let redrive = try await cluster.run("dead", "redrive", "1")
                    #expect(
                        redrive.status == 0 && redrive.text.contains("3 images queued for another attempt"),
                        "\(redrive)")
                    let fetch = try await cluster.run("fetch", "1", "-o", out)
                    #expect(fetch.status == 0, "\(fetch)")
                    for (effect, image) in Self.poisoned {
                        // The mark itself is carried over as the comment that it is.
                        let expected = try Poison.mark(image.processedSerially(Self.pipeline), effect)
                        #expect(try cluster.contents("\(out)\(effect).png") == expected)
                    }
                    #expect(try await cluster.summary(of: JobID(1)).state == .done)
                }
            }
        }

        /// Each poisoned image has used its two attempts, and says why they ended.
        private func checkDeadLetters(of cluster: Cluster) async throws {
            let summary = try await cluster.summary(of: JobID(1))
            #expect(summary.state == .partlyFailed)
            #expect(summary.imagesDone == Self.good.count && summary.imagesFailed == 3)
            #expect(summary.attemptsLost == 4, "ranks were lost to the crash and to the exhaustion, twice each")
            #expect(summary.attemptsFailed == 2, "the hanging ones failed; nobody was lost")

            let expected: [Poison.Effect: (code: String, tail: String)] = [
                .crash: ("rank-lost", "poison: a write to address 8"),
                .hang: ("hung", "poison: sleeping for ever"),
                .exhaust: ("rank-lost", "poison: no more memory after"),
            ]
            let dead = try await cluster.withMaster { try await $0.deadLetters(of: JobID(1)) }
            #expect(dead.count == 3)
            for entry in dead {
                let image = entry.image
                let shown = try await cluster.withMaster { try await $0.deadLetter(image) }
                let effect = try #require(Poison.Effect.allCases.first { shown.name.contains("\($0)") })
                let words = try #require(expected[effect])
                #expect(shown.attempts.count == 2, "\(shown)")
                for attempt in shown.attempts {
                    #expect(attempt.failure.code == words.code, "\(attempt)")
                    #expect(attempt.failure.outputTail.contains(words.tail), "\(attempt)")
                }
                let text = try await cluster.run("dead", "show", "\(image)").text
                #expect(text.contains(words.tail), "people see it too: \(text)")
            }
        }
    }
}
