import Foundation
import TestSupport
import Testing

@testable import WorkerDaemon

extension WorldTests {
    /// The rank's second build is part of the test build only where it is asked for: `make test-rank-v3`.
    private static var hasRankV3: Bool {
        #if TESSERA_RANK_V3
            true
        #else
            false
        #endif
    }

    /// What the compiler makes of an operation depends on the width of vectors; those of the other pipeline have code of
    /// their own for wide ones.
    @Test(
        .enabled(if: WorldTests.hasRankV3, "tessera-rank-v3 is not part of this build; make test-rank-v3"),
        arguments: [
            "unsharp | hue degrees=30 | convolve kernel=\"1 2 1 / 2 3 2 / 1 2 1\" scale=0.07 | canny",
            "saturation scale=1.5 | gamma gamma=0.8 | saturation scale=1.2 | median size=3 | sepia | grayscale | clahe",
        ], [8, 16])
    func `the build for wide vectors is used where it runs, and makes the same file as the other`(
        _ pipeline: String, bits: Int
    ) async throws {
        let image = TestImage(width: 211, height: 173, .rgb, bits == 8 ? .eight : .sixteen)
        func file(of program: String) async throws -> (programs: Set<String>, bytes: [UInt8]) {
            try await withWorld(2) {
                $0.rankExecutable = program
            } _: { world in
                let bytes = try await PlanRunner(world).runInChunks(pipeline, image, chunkByteCount: 20_000)
                let programs = try await world.rankProcesses.map {
                    try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\($0)/exe")
                }
                return (Set(programs), bytes)
            }
        }
        let folder = FileManager.default.temporaryDirectory.path + "/alone-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let alone = folder + "/tessera-rank"
        try FileManager.default.copyItem(atPath: rankExecutable, toPath: alone)

        let best = try await file(of: rankExecutable)
        let baseline = try await file(of: alone)
        #expect(baseline.programs == [alone], "there is no other build beside it")
        let flags = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
        let isWide = flags.contains(" avx2 ") && flags.contains(" bmi2 ") && flags.contains(" fma ")
        #expect(best.programs == [isWide ? rankExecutable + "-v3" : rankExecutable])
        #expect(best.bytes == baseline.bytes)
        #expect(try best.bytes == image.processedSerially(pipeline))
    }
}
