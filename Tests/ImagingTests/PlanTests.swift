import Pipelines
import Testing

@Suite struct RowPartitionTests {
    @Test(arguments: [(1, 1), (10, 3), (9, 3), (5, 100), (1_000_000_007, 13)])
    func `parts cover the rows without gap or overlap`(_ rowCount: Int, _ rowsPerPart: Int) {
        let partition = RowPartition(rowCount: rowCount, rowsPerPart: rowsPerPart)
        #expect(partition[0].lowerBound == 0)
        #expect(partition[partition.count - 1].upperBound == rowCount)
        for index in 1..<min(partition.count, 50) + 1 where index < partition.count {
            #expect(partition[index].lowerBound == partition[index - 1].upperBound)
            #expect(!partition[index].isEmpty)
        }
    }

    @Test func `the parts that overlap rows are those that share a row with them`() {
        let partition = RowPartition(rowCount: 17, rowsPerPart: 5)
        for lower in 0...17 {
            for upper in lower...20 {
                let expected = (0..<partition.count).filter { partition[$0].overlaps(lower..<upper) }
                #expect(Array(partition.indices(overlapping: lower..<upper)) == expected)
            }
        }
    }

    @Test func `a segment has as many whole rows as fit 256 KiB and at least one`() {
        func rows(_ bytesPerRow: Int) -> Int {
            SegmentGrid.standard.rowsPerSegment(
                of: ImageShape(width: bytesPerRow, height: 1, format: PixelFormat(.gray, .eight)))
        }
        #expect(rows(1) == 262_144)
        #expect(rows(36_000) == 7)
        #expect(rows(262_144) == 1)
        #expect(rows(262_145) == 1)
    }
}

@Suite struct ProcessingPlanTests {
    private let photo = ImageShape(width: 12_000, height: 9_000, format: PixelFormat(.rgb, .eight))

    private func plan(_ text: String, _ shape: ImageShape, _ chunkByteCount: Int) throws -> ProcessingPlan {
        try ProcessingPlan(pipeline: Pipeline(parsing: text), input: shape, chunkByteCount: chunkByteCount)
    }

    private func epilogues(_ plan: ProcessingPlan) -> [String] {
        plan.stages.map { stage in
            "\(stage.epilogue.kind)"
        }
    }

    @Test func `what ranks compute together is a stage of one chunk`() throws {
        let plan = try plan("sobel | equalize | butterworth-lowpass | canny | butterworth-highpass", photo, 16 << 20)
        #expect(epilogues(plan) == ["aggregate", "rows", "rows", "aggregate", "rows", "segments"])
        #expect(plan.stages.map(\.chunks.count).map { $0 == 1 } == [false, false, true, false, false, true])
        #expect(plan.stages[2].inputRows(forChunk: 0) == 0..<9000)
    }

    @Test func `row operations need one stage whose chunks are whole segments`() throws {
        let plan = try plan("gaussian-blur sigma=3 | sobel", photo, 16 << 20)
        #expect(epilogues(plan) == ["segments"])
        let stage = plan.stages[0]
        #expect(!plan.isSingleTask)
        #expect(stage.chunks.rowsPerPart == (16 << 20) / 36_000 / 7 * 7)
        // Sigma 3 reaches 9 rows, Sobel one.
        #expect(stage.inputRows(forChunk: 1) == stage.chunks[1].lowerBound - 10..<stage.chunks[1].upperBound + 10)
        #expect(stage.inputRows(forChunk: 0) == 0..<stage.chunks[0].upperBound + 10)
        #expect(plan.bands.rowsPerPart == (16 << 20) / 36_000)
    }

    @Test func `a whole-image operation splits the plan at its summary`() throws {
        let plan = try plan("gaussian-blur | otsu | dilate", photo, 16 << 20)
        #expect(epilogues(plan) == ["aggregate", "segments"])
        #expect(plan.stages[0].steps.count == 2, "blur and grayscale come before the aggregate")
        #expect(plan.stages[0].output == plan.stages[1].input)
        #expect(plan.stages[1].prologue != nil)
        #expect(plan.stages[1].steps.count == 1)
        #expect(plan.stages[1].valueIndex(forChunk: 3) == 0)
    }

    @Test func `hysteresis is applied to the chunks that were aggregated, and what needs neighbours comes later`()
        throws
    {
        let plan = try plan("canny | invert | dilate", photo, 16 << 20)
        #expect(epilogues(plan) == ["aggregate", "rows", "segments"])
        #expect(plan.stages[0].chunks == plan.stages[1].chunks)
        #expect(plan.stages[1].steps.count == 1)
        #expect(plan.stages[1].valueIndex(forChunk: 3) == 3)
        #expect(plan.stages[2].prologue == nil)
    }

    @Test(arguments: ["rotate", "box-blur | rotate degrees=270 | invert"])
    func `where rows become columns, the chunks after read every byte of those before once`(_ text: String) throws {
        let plan = try plan(text, photo, 16 << 20)
        #expect(epilogues(plan) == ["columns", "segments"])
        let (before, after) = (plan.stages[0], plan.stages[1])
        let layout = try #require(after.transposedInput)
        #expect(layout == TransposedRows(of: before))
        #expect(after.input == ImageShape(width: 9_000, height: 12_000, format: photo.format))
        #expect(before.chunks.count == 20 && after.chunks.count == 20)
        for part in 0..<before.chunks.count {
            var next = 0
            for chunk in 0..<after.chunks.count {
                let bytes = layout.bytes(of: after.inputRows(forChunk: chunk), inPart: part)
                #expect(bytes.lowerBound == next && bytes.count <= 1 << 20)
                next = bytes.upperBound
            }
            #expect(next == layout.byteCount(ofPart: part))
            #expect(next == before.chunks[part].count * before.output.bytesPerRow)
        }
    }

    @Test func `an image is turned upside down without a stage of its own, from the far end`() throws {
        let plan = try plan("sobel | flip axis=vertical | box-blur size=3", photo, 16 << 20)
        #expect(epilogues(plan) == ["segments"])
        let stage = plan.stages[0]
        #expect(stage.inputRows(forChunk: 0) == 9_000 - stage.chunks[0].upperBound - 2..<9_000)
        #expect(stage.inputRows(forChunk: stage.chunks.count - 1).lowerBound == 0)
    }

    @Test func `point operations in a row are one step`() throws {
        let text =
            "invert | gamma gamma=2 | sepia | box-blur | flip | flip axis=vertical | invert | otsu | levels | invert"
        let plan = try plan(text, photo, 16 << 20)
        #expect(epilogues(plan) == ["aggregate", "segments"])
        // One for three; the blur; the mirroring; upside down; inversion and the gray of Otsu's prelude.
        #expect(plan.stages[0].steps.count == 5)
        #expect(plan.stages[1].steps.count == 1)
        #expect(plan.stages[0].steps[0].output == photo)
    }

    @Test func `only bands of which a row is read are needed`() throws {
        #expect(try plan("sobel", photo, 16 << 20).neededBands == 0..<20)
        let cut = try plan("sobel | crop y=4000 height=1000", photo, 16 << 20)
        #expect(cut.bands.rowsPerPart == 466)
        #expect(cut.neededBands == 3999 / 466..<5000 / 466 + 1)
        let turned = try plan("crop x=10 y=8999 | rotate | flip axis=vertical", photo, 16 << 20)
        #expect(turned.neededBands == 19..<20)
    }

    @Test func `a chunk is small enough that what it reads is no larger, where the image shrinks`() throws {
        let plan = try plan("resize scale=0.01", photo, 4 << 20)
        let stage = plan.stages[0]
        #expect(stage.chunks.rowsPerPart == 1)
        #expect(stage.inputRows(forChunk: 7) == 700..<800)
        let cut = try self.plan("crop y=8900 height=90", photo, 16 << 20).stages[0]
        #expect(cut.chunks.count == 1, "rows that are not read do not count")
    }

    @Test func `chunks smaller than a segment are compressed in a stage of their own`() throws {
        let plan = try plan("invert", photo, 36_000)
        #expect(epilogues(plan) == ["rows", "segments"])
        #expect(plan.stages[0].chunks.rowsPerPart == 1)
        #expect(plan.stages[1].chunks.rowsPerPart == 7)
        #expect(plan.stages[1].steps.isEmpty)
        #expect(plan.stages[1].inputRows(forChunk: 2) == 14..<21)
    }

    @Test func `one task does it all only when everything fits into a chunk`() throws {
        let shape = ImageShape(width: 100, height: 50, format: PixelFormat(.rgb, .eight))
        #expect(try plan("invert", shape, 15_000).isSingleTask)
        #expect(try !plan("invert", shape, 14_999).isSingleTask)
        #expect(try plan("invert", shape, 15_000).stages.map(\.chunks.count) == [1])
        #expect(try plan("otsu | dilate", shape, 15_000).stages.map(\.chunks.count) == [1, 1])
    }

    @Test(arguments: [
        "invert", "otsu", "canny | invert", "median size=255 | equalize", "canny | canny", "canny | rotate | canny",
        "rotate | rotate", "resize scale=3 method=cubic | rotate | resize scale=0.1",
    ])
    func `every stage is covered by its chunks and fed by the stage before`(_ text: String) throws {
        for chunkByteCount in [1, 40_000, 1 << 20, 16 << 20, 1 << 40] {
            let plan = try plan(text, photo, chunkByteCount)
            #expect(plan.stages[0].input == plan.input)
            #expect(plan.stages[plan.stages.count - 1].output == plan.output)
            for (index, stage) in plan.stages.enumerated() {
                if index > 0, let transposed = stage.transposedInput {
                    #expect(transposed == TransposedRows(of: plan.stages[index - 1]))
                    #expect(stage.input == transposed.shape)
                } else if index > 0 {
                    #expect(stage.input == plan.stages[index - 1].output)
                }
                #expect(stage.chunks.rowCount == stage.output.height)
                if let rowsPerSegment = stage.rowsPerSegment {
                    #expect(index == plan.stages.count - 1)
                    #expect(stage.chunks.count == 1 || stage.chunks.rowsPerPart % rowsPerSegment == 0)
                }
                if let prologue = stage.prologue, !prologue.appliesRowByRow {
                    #expect(stage.chunks == plan.stages[index - 1].chunks)
                }
            }
        }
    }

    @Test func `a plan of a million chunks costs nothing`() throws {
        let huge = ImageShape(width: 1_000_000, height: 1_000_000, format: PixelFormat(.rgba, .sixteen))
        let plan = try plan("gaussian-blur | canny | invert", huge, 8_000_000)
        #expect(plan.stages[0].chunks.count == 1_000_000)
        #expect(plan.stages[0].inputRows(forChunk: 999_999) == 1_000_000 - 1 - 2 - 6..<1_000_000)
        #expect(plan.bands.indices(overlapping: plan.stages[0].inputRows(forChunk: 500_000)).count == 17)
    }
}

@Suite struct StripPlanTests {
    private func stage(_ text: String, width: Int, height: Int) throws -> Stage {
        let shape = ImageShape(width: width, height: height, format: PixelFormat(.gray, .eight))
        let plan = try ProcessingPlan(pipeline: Pipeline(parsing: text), input: shape, chunkByteCount: 1 << 30)
        return plan.stages[0]
    }

    @Test(arguments: [1, 2, 3, 5, 16])
    func `the ranks own every row of a level once and get every row they need`(_ rankCount: Int) throws {
        let stage = try stage("gaussian-blur sigma=2 | sobel | median size=9", width: 100_000, height: 37)
        for rows in [0..<37, 10..<11, 20..<26, 36..<37] {
            let plan = StripPlan(stage: stage, rows: rows, rankCount: rankCount)
            #expect(plan.levelCount == 5)
            for level in 1..<plan.levelCount {
                let owned = (0..<rankCount).map { plan.owned($0, level) }
                #expect(owned.flatMap { Array($0) } == Array(plan.rows(level)))
                guard level < plan.deliveryLevel else { continue }
                let exchanges = plan.exchanges(level)
                for rank in 0..<rankCount {
                    var present = Set(owned[rank])
                    for exchange in exchanges where exchange.to == rank {
                        #expect(owned[exchange.from].clamped(to: exchange.rows) == exchange.rows)
                        present.formUnion(exchange.rows)
                    }
                    #expect(present.isSuperset(of: plan.needed(rank, level)))
                }
            }
        }
    }

    @Test func `the interior is exactly what needs no ghost rows`() throws {
        let stage = try stage("gaussian-blur sigma=2 | median size=9", width: 10, height: 60)
        for rankCount in 1...7 {
            let plan = StripPlan(stage: stage, rows: 0..<60, rankCount: rankCount)
            let step = try #require(plan.step(2))
            for rank in 0..<rankCount {
                let available = plan.owned(rank, 1)
                let expected = plan.owned(rank, 2).filter { row in
                    step.inputRows(for: row..<row + 1).allSatisfy { available.contains($0) }
                }
                #expect(Array(plan.interior(rank, 2)) == expected)
            }
        }
    }

    @Test func `the interior of rows in reverse order is exactly what needs no ghost rows`() throws {
        let stage = try stage("invert | flip axis=vertical", width: 10, height: 37)
        for rankCount in 1...7 {
            for rows in [0..<37, 5..<21] {
                let plan = StripPlan(stage: stage, rows: rows, rankCount: rankCount)
                let step = try #require(plan.step(2))
                for rank in 0..<rankCount {
                    let available = plan.owned(rank, 1)
                    let expected = plan.owned(rank, 2).filter { row in
                        step.inputRows(for: row..<row + 1).allSatisfy { available.contains($0) }
                    }
                    #expect(Array(plan.interior(rank, 2)) == expected)
                }
            }
        }
    }

    @Test func `a halo wider than a strip comes from several ranks`() throws {
        let stage = try stage("invert | box-blur size=21", width: 10, height: 20)
        let plan = StripPlan(stage: stage, rows: 0..<20, rankCount: 5)
        let senders = plan.exchanges(1).filter { $0.to == 2 }.map(\.from)
        #expect(senders == [0, 1, 3, 4])
    }

    @Test func `ranks without rows take no part`() throws {
        let stage = try stage("invert | sharpen", width: 10, height: 2)
        let plan = StripPlan(stage: stage, rows: 0..<2, rankCount: 5)
        let idle = (0..<5).filter { plan.owned($0, 1).isEmpty }
        #expect(idle.count == 3)
        for rank in idle {
            #expect(plan.needed(rank, 1).isEmpty)
            #expect(!plan.exchanges(1).contains { $0.from == rank || $0.to == rank })
        }
    }
}
