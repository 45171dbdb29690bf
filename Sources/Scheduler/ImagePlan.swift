import Pipelines
import JobModel

/// The tasks of one image and what each of them waits for: a `ProcessingPlan` reduced to the facts that scheduling needs.
///
/// Tasks are numbered in the order of execution. A small image has the one task 0. A large one, with S stages:
///
///     0        decode                            publishes bands; of an image that is read by its pieces, it says which of
///                                                them each chunk of stage 0 needs
///     1 ...    chunks of stage 0                 each waits for the bands that hold its input rows, or for decode
///              reduce of stage 0, if it ends with aggregates       waits for all chunks of stage 0
///              or with a report: then its value is the result
///     ...      chunks of stage 1                 each waits for that reduce, else for the chunks that hold its input rows:
///                                                after columns these are all, and the stage is waited for as one product
///              and so on, to the chunks of stage S-1, which are encoded segments
///
/// Bands and tasks are *products*; a task is ready when it misses no product any more.
struct ImagePlan: Hashable, Sendable {
    typealias EpilogueKind = Pipelines.Stage.EpilogueKind

    enum Prologue: Hashable, Sendable {
        case none
        /// Every chunk takes the first value: all are the same.
        case sharedValue
        /// Chunk k takes value k.
        case valuePerChunk
    }

    struct Stage: Hashable, Sendable {
        var inputBytesPerRow: Int
        var outputBytesPerRow: Int
        /// Pixels in a row of the stage's input: what its work is measured by.
        var inputWidth: Int
        /// How the input's rows are divided among the chunks of the stage before, when that ends with columns.
        var transposedInput: TransposedRows?
        var prologue: Prologue
        var epilogue: EpilogueKind
        var chunks: RowPartition
        /// For each chunk, the rows of the stage's input that it reads.
        var inputRows: [Range<Int>]
        /// What each chunk needs besides.
        var attachments: [BlobReference] = []
    }

    /// Decoded size of the image.
    let geometry: ImageGeometry
    let output: ImageGeometry
    /// The rows of each band that decode publishes; of no meaning for a small image.
    let bands: RowPartition
    /// The bands that some chunk reads.
    let neededBands: Range<Int>
    /// Empty for a small image.
    let stages: [Stage]
    /// Whether the result is a document, not an image file.
    let isDocument: Bool
    /// How the file is read, and the result written.
    var coding = ImageCoding.standard
    /// What the pipeline needs besides the image.
    var attachments: [BlobReference] = []
    /// What is known of the file's pieces, when the chunks of stage 0 read it by these; then there are no bands.
    let pieces: PieceFacts?

    let taskCount: Int
    /// The number of each stage's first chunk.
    private let firstChunk: [Int]
    /// For each task, how many products it waits for.
    let missingCounts: [UInt32]
    /// The most bytes of files and rows that any chunk takes of a worker's memory; 0 for a small image.
    let largestChunkMemory: UInt64
    /// The tasks that wait for products, those of one product in a row: first those of the bands, then those of the tasks.
    private let dependents: [UInt32]
    /// For each product, where its tasks begin in `dependents`; and the end of the last one's.
    private let firstDependent: [UInt32]

    /// How many values the reduction of `stage` gives: one for each chunk of the stage, or one that the next stage's chunks
    /// share.
    func valueCount(reducing stage: Int) -> Int {
        stages[stage].epilogue == .report || stages[stage + 1].prologue == .sharedValue ? 1 : stages[stage].chunks.count
    }

    /// The plan of a small image.
    init(whole geometry: ImageGeometry, output: ImageGeometry, isDocument: Bool = false) {
        self.geometry = geometry
        self.output = output
        self.isDocument = isDocument
        bands = RowPartition(rowCount: Int(geometry.height), rowsPerPart: Int(geometry.height))
        neededBands = 0..<0
        stages = []
        pieces = nil
        taskCount = 1
        firstChunk = []
        missingCounts = [0]
        largestChunkMemory = 0
        dependents = []
        firstDependent = []
    }

    /// The plan of a large image.
    ///
    /// - Parameter pieces: what is known of the file's pieces, when the chunks of stage 0 read it by these.
    init(
        geometry: ImageGeometry, output: ImageGeometry, bands: RowPartition, stages: [Stage], pieces: PieceFacts? = nil
    ) {
        precondition(!stages.isEmpty, "a large image has at least one stage")
        self.geometry = geometry
        self.output = output
        self.bands = bands
        self.pieces = pieces
        if pieces == nil {
            let firstRow = stages[0].inputRows.reduce(bands.rowCount) { min($0, $1.lowerBound) }
            let end = stages[0].inputRows.reduce(firstRow) { max($0, $1.upperBound) }
            neededBands = bands.indices(overlapping: firstRow..<end)
        } else {
            neededBands = 0..<0
        }
        self.stages = stages
        isDocument = stages[stages.count - 1].epilogue == .report

        largestChunkMemory =
            stages.enumerated().reduce(0) { largest, stage in
                (0..<stage.element.chunks.count).reduce(largest) {
                    max($0, stage.element.memoryByteCount(ofChunk: $1, pieces: stage.offset == 0 ? pieces : nil))
                }
            }
        var firstChunk: [Int] = []
        var next = 1
        for stage in stages {
            firstChunk.append(next)
            next += stage.chunks.count + (stage.epilogue.isReduced ? 1 : 0)
        }
        self.firstChunk = firstChunk
        taskCount = next

        // Counted first, then filled in: one list for all products, rather than a list for each.
        var missing = [UInt32](repeating: 0, count: next)
        var first = [UInt32](repeating: 0, count: bands.count + next + 1)
        let isInPieces = pieces != nil
        Self.forEachDependency(bands, stages, firstChunk, isInPieces) { task, product in
            missing[task] += 1
            if let product { first[product + 1] += 1 }
        }
        for product in first.indices.dropFirst() { first[product] += first[product - 1] }
        var dependents = [UInt32](repeating: 0, count: Int(first[first.count - 1]))
        var filled = first
        Self.forEachDependency(bands, stages, firstChunk, isInPieces) { task, product in
            guard let product else { return }
            dependents[Int(filled[product])] = UInt32(task)
            filled[product] += 1
        }
        missingCounts = missing
        self.dependents = dependents
        firstDependent = first
    }

    /// Passes each task with each product that it waits for; `nil` stands for all chunks of the stage before together: see
    /// `dependents(ofStage:)`.
    private static func forEachDependency(
        _ bands: RowPartition, _ stages: [Stage], _ firstChunk: [Int], _ isInPieces: Bool,
        _ body: (_ task: Int, _ product: Int?) -> Void
    ) {
        for (number, stage) in stages.enumerated() {
            for chunk in 0..<stage.chunks.count {
                let task = firstChunk[number] + chunk
                if number == 0, isInPieces {
                    body(task, bands.count)
                } else if number == 0 {
                    for band in bands.indices(overlapping: stage.inputRows[chunk]) { body(task, band) }
                } else if stages[number - 1].epilogue == .columns {
                    body(task, nil)
                } else if stages[number - 1].epilogue == .aggregate {
                    body(task, bands.count + firstChunk[number - 1] + stages[number - 1].chunks.count)
                } else {
                    for source in stages[number - 1].chunks.indices(overlapping: stage.inputRows[chunk]) {
                        body(task, bands.count + firstChunk[number - 1] + source)
                    }
                }
                if stage.epilogue.isReduced {
                    body(firstChunk[number] + stage.chunks.count, bands.count + task)
                }
            }
        }
    }

    /// The memory that the plan takes, nearly: its lists.
    var byteCount: Int {
        4 * (missingCounts.count + dependents.count + firstDependent.count)
            + stages.reduce(0) { $0 + 128 + $1.inputRows.count * MemoryLayout<Range<Int>>.stride }
    }

    var isWhole: Bool { stages.isEmpty }
    var isInPieces: Bool { pieces != nil }

    /// Whether the task reads the file by its pieces.
    func isInPieces(_ step: TaskStep) -> Bool {
        switch step {
        case .decode, .chunk(stage: 0, _): isInPieces
        case .whole, .chunk, .reduce: false
        }
    }

    /// The tasks that wait for band `band`.
    func dependents(ofBand band: Int) -> ArraySlice<UInt32> { dependents(ofProduct: band) }

    /// The tasks that wait for task `task`.
    func dependents(ofTask task: Int) -> ArraySlice<UInt32> {
        isWhole ? [] : dependents(ofProduct: bands.count + task)
    }

    private func dependents(ofProduct product: Int) -> ArraySlice<UInt32> {
        dependents[Int(firstDependent[product])..<Int(firstDependent[product + 1])]
    }

    /// The tasks that wait for all chunks of stage `stage` together: those of the next one, when it ends with columns.
    ///
    /// Chunk by chunk each would wait for each, and their number is squared: too many for a large image.
    func dependents(ofStage stage: Int) -> Range<UInt32> {
        guard stages[stage].epilogue == .columns else { return 0..<0 }
        let first = firstChunk[stage + 1]
        return UInt32(first)..<UInt32(first + stages[stage + 1].chunks.count)
    }

    /// The task's place as the rest of the system names it.
    func step(_ task: Int) -> TaskStep {
        if isWhole { return .whole }
        if task == 0 { return .decode }
        let stage = (firstChunk.lastIndex { $0 <= task }) ?? 0
        let index = task - firstChunk[stage]
        return index == stages[stage].chunks.count
            ? .reduce(stage: UInt16(stage)) : .chunk(stage: UInt16(stage), index: UInt32(index))
    }

    /// The number of the task at `step`; `nil` when the plan has no such task.
    func task(at step: TaskStep) -> Int? {
        switch step {
        case .whole: return isWhole ? 0 : nil
        case .decode: return isWhole ? nil : 0
        case .chunk(let stage, let index):
            guard stage < stages.count, index < stages[Int(stage)].chunks.count else { return nil }
            return firstChunk[Int(stage)] + Int(index)
        case .reduce(let stage):
            guard stage < stages.count, stages[Int(stage)].epilogue.isReduced else { return nil }
            return firstChunk[Int(stage)] + stages[Int(stage)].chunks.count
        }
    }

    /// Pixels that the task reads: what it costs in fair sharing.
    func pixelCount(of task: Int) -> UInt64 {
        switch step(task) {
        case .decode where isInPieces: UInt64(pieces?.count ?? 1)
        case .whole, .decode: geometry.pixelCount
        case .chunk(let stage, let index):
            UInt64(stages[Int(stage)].inputRows[Int(index)].count) * UInt64(stages[Int(stage)].inputWidth)
        case .reduce: 1
        }
    }

    /// Bytes of band `band`.
    func byteCount(ofBand band: Int) -> UInt64 {
        UInt64(bands[band].count) * UInt64(stages[0].inputBytesPerRow)
    }

    /// The slices that hold `rows`, in row order without gaps, out of parts whose blobs `blob` knows.
    static func slices(
        of rows: Range<Int>, in parts: RowPartition, bytesPerRow: Int, blob: (Int) -> BlobReference?
    ) -> [BlobSlice] {
        parts.indices(overlapping: rows).map { index in
            guard let source = blob(index) else { preconditionFailure("rows \(rows) of part \(index) are not there") }
            let part = parts[index]
            let wanted = rows.clamped(to: part)
            return BlobSlice(
                blob: source, offset: UInt64((wanted.lowerBound - part.lowerBound) * bytesPerRow),
                byteCount: UInt64(wanted.count * bytesPerRow))
        }
    }
}

extension ImagePlan {
    /// The slices that hold the pieces of `rows`, part after part, out of parts whose blobs `blob` knows.
    static func slices(
        of rows: Range<Int>, transposed layout: TransposedRows, blob: (Int) -> BlobReference?
    ) -> [BlobSlice] {
        (0..<layout.parts.count).map { index in
            guard let source = blob(index) else { preconditionFailure("rows \(rows) of part \(index) are not there") }
            let bytes = layout.bytes(of: rows, inPart: index)
            return BlobSlice(blob: source, offset: UInt64(bytes.lowerBound), byteCount: UInt64(bytes.count))
        }
    }
}

extension ImageGeometry {
    var pixelCount: UInt64 { UInt64(width) * UInt64(height) }
}
