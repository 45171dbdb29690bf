import JobModel
import TestSupport
import Testing

/// What is tried on each cluster: local, chained and whole-image operations.
private struct Recipe: Sendable, CustomTestStringConvertible {
    let pipeline: String
    let image: TestImage
    /// Down to a chunk of one row, smaller than every halo.
    let chunkBytes: [Int]

    var testDescription: String { pipeline }

    static let all = [
        Recipe(
            pipeline: "gaussian-blur sigma=3 | sobel", image: TestImage(width: 301, height: 233, seed: 2),
            chunkBytes: [1 << 24, 40_000, 5000]),
        Recipe(
            pipeline: "canny low=60 high=150", image: TestImage(width: 257, height: 190, .gray, seed: 3),
            chunkBytes: [1 << 24, 9000, 2000]),
        Recipe(
            pipeline: "otsu | gaussian-blur sigma=2", image: TestImage(width: 200, height: 151, .rgba, seed: 4),
            chunkBytes: [1 << 24, 30_000, 6000]),
        Recipe(
            pipeline: "equalize", image: TestImage(width: 222, height: 97, .rgb, .sixteen, seed: 5),
            chunkBytes: [1 << 24, 33_000]),
        Recipe(
            pipeline: "median size=7 | erode size=5 | invert", image: TestImage(width: 61, height: 123, seed: 6),
            chunkBytes: [1 << 24, 1024]),
        Recipe(
            pipeline: "otsu | components output=json", image: TestImage(width: 131, height: 87, seed: 7),
            chunkBytes: [1 << 24, 2500]),
        Recipe(
            pipeline: "harris | contours output=json", image: TestImage(width: 77, height: 41, seed: 8),
            chunkBytes: [1 << 24, 9000]),
    ]
}

extension Integration {
    @Suite struct `Results are those of one undisturbed process` {
        @Test(arguments: [1, 2, 3, 5])
        func `for every number of ranks and every chunk size`(ranks: Int) async throws {
            try await Cluster.with(workers: ranks == 2 ? 2 : 1, ranks: ranks) { cluster in
                var jobs: [(job: JobID, recipe: Recipe, chunkBytes: Int)] = []
                for (number, recipe) in Recipe.all.enumerated() {
                    let file = try cluster.file("recipe-\(number).png", recipe.image.png)
                    for chunkBytes in recipe.chunkBytes {
                        let job = try await cluster.submit(
                            recipe.pipeline, [file], "--no-cache", "--chunk-bytes", String(chunkBytes))
                        jobs.append((job, recipe, chunkBytes))
                    }
                }
                for (job, recipe, chunkBytes) in jobs {
                    let result = try await cluster.result(of: job)
                    #expect(
                        try result == recipe.image.processedSerially(recipe.pipeline),
                        "\(recipe.pipeline) in chunks of \(chunkBytes) bytes")
                    let summary = try await cluster.summary(of: job)
                    #expect(summary.imagesFromCache == 0)
                    #expect(chunkBytes == 1 << 24 ? summary.tasksTotal == 1 : summary.tasksTotal > 3)
                }
            }
        }

        @Test func `a kept result answers an equal request, unless it is told not to`() async throws {
            try await Cluster.with(workers: 1) { cluster in
                let image = TestImage(width: 120, height: 80)
                let file = try cluster.file("photo.png", image.png)
                let expected = try image.processedSerially("median size=5")

                let first = try await cluster.submit("median size=5", [file])
                #expect(try await cluster.result(of: first) == expected)
                #expect(try await cluster.summary(of: first).imagesFromCache == 0)
                let computed = try await cluster.status(of: cluster.workers[0]).tasksDone

                // Another name for the same bytes, another spelling of the same pipeline.
                let copy = try cluster.file("copy.png", image.png)
                let second = try await cluster.submit(" median  size=5 ", [copy])
                #expect(try await cluster.result(of: second) == expected)
                #expect(try await cluster.summary(of: second).imagesFromCache == 1)
                #expect(try await cluster.status(of: cluster.workers[0]).tasksDone == computed)

                let third = try await cluster.submit("median size=5", [file], "--no-cache")
                #expect(try await cluster.result(of: third) == expected)
                #expect(try await cluster.summary(of: third).imagesFromCache == 0)
                #expect(try await cluster.status(of: cluster.workers[0]).tasksDone == computed + 1)

                let other = try await cluster.submit("median size=3", [file])
                #expect(try await cluster.result(of: other) == image.processedSerially("median size=3"))
            }
        }
    }
}
