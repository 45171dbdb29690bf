import Foundation
import Glibc
import JobModel
import Logging
import ClientKit
import MasterClient
import Protocol
import TestBasics
import TestSupport
import Testing
import Transport

/// Bits that change on the disk of a running master. `TESSERA_DAMAGE_ROUNDS` sets how many jobs are run.
@Suite(.serialized, .timeLimit(.minutes(120))) struct DamagedBlobTests {
    private static let images = (1...4).map { TestImage(width: 48, height: 61, seed: UInt64($0)) }
    private static let pipeline = "otsu | box-blur size=3"

    private enum Outcome: Hashable { case right, failedWithReason, resultRefused }

    @Test func `bits flipped under a running master never make a wrong image`() async throws {
        let wish = ProcessInfo.processInfo.environment["TESSERA_DAMAGE_ROUNDS"].flatMap { Int($0) }
        let roundCount = wish ?? 15
        var random = SeedFromEnvironment()
        try await withTemporaryDirectory { folder in
            let place = try MasterProcess.Place(folder: folder)
            let expected = try Self.images.map { try $0.processedSerially(Self.pipeline) }
            let master = try await MasterProcess.start(at: place)
            var outcomes: [Outcome: Int] = [:]
            var flipCount = 0
            do {
                let worker = ModelWorker(
                    secret: place.secret, computer: TaskComputer(folder: folder, images: Self.images))
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask { try await worker.run(at: master.endpoint) }
                    defer { group.cancelAll() }
                    let quiet = Logger(label: "damage") { _ in SwiftLogNoOpLogHandler() }
                    for round in 0..<roundCount {
                        let saboteur = Saboteur(folder: "\(place.state)/blobs", seed: random.next())
                        let image = round % Self.images.count
                        let dialer = Dialer(to: master.endpoint, as: .client, secret: place.secret, logger: quiet)
                        let outcome = try await MasterConnection.withConnection(dialer) { connection in
                            let blobs = BlobTransfer(dialer)
                            defer { blobs.close() }
                            return try await Self.run(round, image, expected[image], connection, blobs, saboteur)
                        }
                        outcomes[outcome, default: 0] += 1
                        flipCount += await saboteur.flipCount
                    }
                }
            } catch {
                await master.kill()
                throw ClientWorkload.Broken(description: "\(error)\n\(place.logTail)")
            }
            #expect(try await master.stop() == .exited(0))
            print(
                "\(flipCount) bits flipped under \(roundCount) jobs (seed \(random.seed)): 0 wrong images, "
                    + "\(outcomes[.right] ?? 0) right, \(outcomes[.failedWithReason] ?? 0) failed with the reason, "
                    + "\(outcomes[.resultRefused] ?? 0) results refused as damaged")
            #expect(flipCount > 0)
        }
    }

    /// Runs one job while the saboteur is at work.
    ///
    /// - Throws: `ClientWorkload.Broken` for a wrong image, or a failure that does not say why.
    private static func run(
        _ round: Int, _ image: Int, _ expected: [UInt8], _ master: MasterConnection, _ blobs: BlobTransfer,
        _ saboteur: Saboteur
    ) async throws -> Outcome {
        let request = JobRequest(
            pipeline: pipeline, submitter: "damage", token: "round-\(round)", mayUseCache: false,
            chunkByteCount: 4_000, maximumAttempts: 2)
        let job = try await master.openJob(request).job
        let input = try await blobs.put(bytes: images[image].png)
        try await master.addImages([NewImage(name: "image.png", input: input)], to: job, firstIndex: 0)
        try await master.sealJob(job, imageCount: 1)
        var state = JobSummary.State.open
        while true {
            let summary = try await master.job(job)
            state = summary.state
            if summary.isFinal { break }
            try await saboteur.strike()
        }
        guard state == .done else {
            let dead = try await master.deadLetter(ImageID(job: job, index: 0))
            let reasons = [dead.failure.reason] + dead.attempts.map(\.failure.reason)
            guard
                reasons.contains(where: {
                    $0.contains("damaged") || $0.contains("not what was put") || $0.contains("lost")
                })
            else { throw ClientWorkload.Broken(description: "job \(job) is \(state), because \(reasons)") }
            return .failedWithReason
        }
        try await saboteur.strike()
        let status = try #require(try await master.images(job).images.first)
        do {
            let bytes = try await blobs.bytes(of: BlobSlice(try #require(status.result)))
            guard bytes == expected else { throw ClientWorkload.Broken(description: "job \(job) gave a wrong image") }
            return .right
        } catch let refusal as MasterRefusal {
            guard refusal.code.rawValue.hasPrefix("blob-") else { throw refusal }
            return .resultRefused
        }
    }
}

/// Flips bits in blobs that appeared since it began, now and then.
private actor Saboteur {
    private let folder: String
    private let known: Set<String>
    private var random: UInt64
    private(set) var flipCount = 0

    init(folder: String, seed: UInt64) {
        self.folder = folder
        random = seed | 1
        known = Set(Self.blobs(in: folder))
    }

    private static func blobs(in folder: String) -> [String] {
        let shelves = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        return shelves.filter { $0.utf8.count == 2 }.flatMap { shelf in
            ((try? FileManager.default.contentsOfDirectory(atPath: "\(folder)/\(shelf)")) ?? []).map {
                "\(shelf)/\($0)"
            }
        }
    }

    private func draw(below limit: Int) -> Int {
        random ^= random << 13
        random ^= random >> 7
        random ^= random << 17
        return Int(random % UInt64(limit))
    }

    /// Flips a bit, in one of four calls, and not more than three in all.
    func strike() throws {
        guard flipCount < 3, draw(below: 4) == 0 else { return }
        let new = Self.blobs(in: folder).filter { !known.contains($0) }.sorted()
        guard !new.isEmpty else { return }
        let file = open("\(folder)/\(new[draw(below: new.count)])", O_RDWR | O_CLOEXEC)
        // It may have been removed since it was listed.
        guard file >= 0 else { return }
        defer { close(file) }
        var status = stat()
        guard fstat(file, &status) == 0, status.st_size > 0 else { return }
        let position = off_t(draw(below: Int(status.st_size)))
        var byte: UInt8 = 0
        guard pread(file, &byte, 1, position) == 1 else { return }
        byte ^= 1 << UInt8(draw(below: 8))
        if pwrite(file, &byte, 1, position) == 1 { flipCount += 1 }
    }
}
