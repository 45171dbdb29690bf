import Foundation
import JobModel
import TestBasics
import Testing

@testable import Journal

/// Files of a journal damaged at random, after a stop in order and after a crash: found, or without any effect.
///
/// `TESSERA_DAMAGE_ROUNDS` sets how many are tried, `TESSERA_SEED` which.
@Suite struct RandomDamageTests {
    private enum Damage: CaseIterable {
        case flippedBit, emptySector, emptyPage, copiedPage, cutEnd
    }

    @Test func `no damage to any one file changes what is replayed, unnoticed`() throws {
        let environment = ProcessInfo.processInfo.environment
        let roundCount = environment["TESSERA_DAMAGE_ROUNDS"].flatMap { Int($0) } ?? 150
        var random = Random(seed: environment["TESSERA_SEED"].flatMap { UInt64($0) } ?? .random(in: 1..<1_000_000))
        let seed = random.state
        try withTemporaryDirectory { directory in
            let journal = try Journal(directory: directory + "/live")
            // Some of it in the database, forgotten rows among it, and the end of it in the log only.
            try journal.append(Transcript.job(1, imageCount: 60) + Transcript.job(2, imageCount: 60))
            try journal.append([.jobForgotten(JobID(1))])
            try journal.close()
            let stopped = try Snapshot(of: directory + "/live")
            let second = try Journal(directory: directory + "/live")
            for job in 3...8 as ClosedRange<UInt64> { try second.append(Transcript.job(job, imageCount: 10)) }
            try second.append([.jobForgotten(JobID(4))])
            let crashed = try Snapshot(of: directory + "/live")
            let before = Transcript.job(2, imageCount: 60)
            let after = before + ([3, 5, 6, 7, 8] as [UInt64]).flatMap { Transcript.job($0, imageCount: 10) }

            var foundCount = 0
            for round in 0..<roundCount {
                let (snapshot, expected) = round.isMultiple(of: 2) ? (stopped, before) : (crashed, after)
                let place = "\(directory)/round"
                let what = try snapshot.restore(to: place, damagedBy: &random)
                do {
                    let journal = try Journal(directory: place)
                    #expect(try journal.records() == expected, "seed \(seed), round \(round): \(what)")
                    // What was accepted can be lived with: new pages do not take the place of old ones.
                    try journal.append(Transcript.job(20, imageCount: 200))
                    try journal.close()
                    let records = try Journal(directory: place).records()
                    #expect(
                        records == expected + Transcript.job(20, imageCount: 200),
                        "seed \(seed), round \(round): \(what), later")
                } catch let error as JournalError {
                    #expect(error.description.contains(place), "seed \(seed), round \(round): \(what): \(error)")
                    foundCount += 1
                }
            }
            print("\(roundCount) damages of seed \(seed): \(foundCount) found, the others without effect")
            #expect(foundCount > 0)
        }
    }

    /// The files as a crash at this moment would leave them.
    private struct Snapshot {
        private var files: [(name: String, bytes: [UInt8])] = []

        init(of directory: String) throws {
            for name in ["journal.sqlite", "journal.sqlite-wal", "acknowledged"] {
                let path = "\(directory)/\(name)"
                if FileManager.default.fileExists(atPath: path) { files.append((name, try contents(path))) }
            }
        }

        /// Writes the files with one of them damaged; says how.
        func restore(to place: String, damagedBy random: inout Random) throws -> String {
            try? FileManager.default.removeItem(atPath: place)
            try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
            let victim = files[random.next(below: files.count)].name
            var what = ""
            for (name, original) in files {
                var bytes = original
                if name == victim { what = "\(Self.damage(&bytes, &random)) of \(name)" }
                try write(bytes, to: "\(place)/\(name)")
            }
            return what
        }

        private static func damage(_ bytes: inout [UInt8], _ random: inout Random) -> String {
            guard !bytes.isEmpty else { return "nothing" }
            func empty(_ byteCount: Int) -> String {
                let start = random.next(below: bytes.count) / byteCount * byteCount
                for position in start..<min(start + byteCount, bytes.count) { bytes[position] = 0 }
                return "\(byteCount) bytes emptied at \(start)"
            }
            switch Damage.allCases[random.next(below: Damage.allCases.count)] {
            case .flippedBit:
                let (position, bit) = (random.next(below: bytes.count), random.next(below: 8))
                bytes[position] ^= 1 << UInt8(bit)
                return "bit \(bit) of byte \(position)"
            case .emptySector: return empty(512)
            case .emptyPage: return empty(4096)
            case .copiedPage:
                let pageCount = bytes.count / 4096
                guard pageCount > 1 else { return "nothing" }
                let (from, to) = (random.next(below: pageCount) * 4096, random.next(below: pageCount) * 4096)
                bytes.replaceSubrange(to..<to + 4096, with: Array(bytes[from..<from + 4096]))
                return "page at \(to), overwritten by that at \(from),"
            case .cutEnd:
                let count = random.next(below: bytes.count)
                bytes.removeSubrange(count...)
                return "end from \(count) on"
            }
        }
    }

    /// xorshift64: the same damages for the same seed.
    private struct Random {
        var state: UInt64

        init(seed: UInt64) { state = max(1, seed) }

        mutating func next(below limit: Int) -> Int {
            state ^= state << 13
            state ^= state >> 7
            state ^= state << 17
            return Int(state % UInt64(limit))
        }
    }
}
