import Foundation
import TestSupport
import Testing

extension Integration {
    /// What a crashed test leaves behind.
    @Suite struct `A test process that dies` {
        @Test(.timeLimit(.minutes(2))) func `takes every process of its cluster with it`() async throws {
            let result = try #require(
                await #expect(processExitsWith: .signal(SIGKILL), observing: [\.standardOutputContent]) {
                    try await Cluster.with(workers: 1, ranks: 2) { cluster in
                        let family = ProcessTable.descendants(of: getpid())
                        for entry in family { print("process", entry.pid, entry.startTime, entry.name) }
                        fflush(nil)
                        kill(getpid(), SIGKILL)
                    }
                })
            let lines = String(decoding: result.standardOutputContent, as: UTF8.self).split(separator: "\n")
            let processes = lines.compactMap { line -> (pid: pid_t, startTime: UInt64, name: String)? in
                let words = line.split(separator: " ")
                guard words.count == 4, words[0] == "process", let pid = pid_t(words[1]),
                    let startTime = UInt64(words[2])
                else { return nil }
                return (pid, startTime, String(words[3]))
            }
            let names = processes.map(\.name)
            for name in ["tessera-master", "tessera-worker", "mpirun"] { #expect(names.contains(name), "\(names)") }
            #expect(names.count { $0.hasPrefix("tessera-rank") } == 2, "\(names)")
            for process in processes {
                try await eventually("\(process.name) is gone", within: .seconds(20)) {
                    guard let entry = ProcessTable.entry(process.pid) else { return true }
                    return entry.startTime != process.startTime || !ProcessTable.isRunning(entry)
                }
            }
        }
    }
}
