import Pipelines
import SeededRandom

/// A pipeline, an image and a way of cutting it, all drawn from one seed out of what the operations say about themselves.
///
/// A new operation takes part as soon as it is in the catalogue.
struct DrawnCase: CustomStringConvertible {
    let pipeline: String
    let shape: ImageShape
    let imageSeed: UInt64
    let chunkByteCount: Int
    let rankCount: Int

    /// - Parameter operation: one that the pipeline has for sure, so that a few hundred cases meet them all.
    /// - Returns: `nil` when no suitable pipeline was drawn in many attempts.
    init?(seed: UInt64, with operation: OperationDescription) throws {
        var random = SeededGenerator(seed: seed)
        for _ in 0..<50 {
            let shape = Self.shape(operation.formats, &random)
            guard let pipeline = Self.pipeline(with: operation, shape, &random) else { continue }
            let imageSeed = random.next()
            let rankCount = Int.random(in: 1...8, using: &random)
            let chunks = try Self.chunkByteCount(Pipeline(parsing: pipeline), shape, rankCount, &random)
            guard let chunks else { continue }
            (self.pipeline, self.shape, self.imageSeed) = (pipeline, shape, imageSeed)
            (self.rankCount, self.chunkByteCount) = (rankCount, chunks)
            return
        }
        return nil
    }

    var description: String {
        "`\(pipeline)` of \(shape.width) x \(shape.height) \(shape.format), \(chunkByteCount) bytes a chunk, \(rankCount) ranks"
    }

    var image: TestImage { TestImage.drawn(shape.width, shape.height, shape.format, seed: imageSeed) }

    // MARK: - Shapes

    private static let primes = (2...300).filter { number in
        !(2..<number).contains { $0 * $0 <= number && number % $0 == 0 }
    }

    private static func shape(_ formats: [PixelFormat], _ random: inout SeededGenerator) -> ImageShape {
        let format = formats.randomElement(using: &random) ?? PixelFormat(.gray, .eight)
        return ImageShape(width: side(&random), height: side(&random), format: format)
    }

    /// From 1 to 300, small ones and primes more often.
    private static func side(_ random: inout SeededGenerator) -> Int {
        let most = [8, 40, 120, 300].randomElement(using: &random) ?? 300
        if Int.random(in: 0..<4, using: &random) == 0 { return Int.random(in: 1...most, using: &random) }
        return primes.filter { $0 <= most }.randomElement(using: &random) ?? 1
    }

    /// From less than a row to the whole image, as long as the chunks together are not too much work: a window of hundreds
    /// of rows around each single row would take minutes. `nil` when one chunk for all is too much work already: a few
    /// thin images that an operation makes large would take as long as all the others.
    private static func chunkByteCount(
        _ pipeline: Pipeline, _ shape: ImageShape, _ rankCount: Int, _ random: inout SeededGenerator
    ) throws -> Int? {
        var byteCount = max(1, logarithmic(1...shape.byteCount + 1, &random))
        while true {
            let plan = try ProcessingPlan(pipeline: pipeline, input: shape, chunkByteCount: byteCount)
            let work = work(plan, rankCount)
            if work < 2_000_000 { return byteCount }
            if byteCount >= shape.byteCount { return work < 8_000_000 ? byteCount : nil }
            byteCount *= 2
        }
    }

    /// Samples that are computed, in all chunks of all stages, those that need many rows more often; and for each rank that
    /// computes some of them, as many as there are levels, since kernels make tables of these.
    private static func work(_ plan: ProcessingPlan, _ rankCount: Int) -> Int {
        var sum = 0
        for stage in plan.stages {
            for index in 0..<stage.chunks.count {
                let strips = StripPlan(stage: stage, rows: stage.chunks[index], rankCount: 1)
                for level in 0..<strips.deliveryLevel {
                    let halo = max(0, strips.rows(level).count - strips.rows(level + 1).count)
                    sum += strips.rows(level).count * strips.shape(level).samplesPerRow * (1 + halo / 8)
                    sum += rankCount * strips.shape(level).format.depth.maximum
                }
                if sum > 100_000_000 { return sum }
            }
        }
        return sum
    }

    // MARK: - Pipelines

    private static func pipeline(
        with wanted: OperationDescription, _ input: ImageShape, _ random: inout SeededGenerator
    ) -> String? {
        let count = Int.random(in: 1...5, using: &random)
        let place = Int.random(in: 0..<count, using: &random)
        var steps: [String] = []
        var shape = input
        for index in 0..<count {
            let any = OperationCatalogue.all.randomElement(using: &random).map { $0.description } ?? wanted
            let operation = index == place ? wanted : any
            if let (step, output) = Self.step(operation, shape, &random) {
                steps.append(step)
                shape = output
            } else if index == place {
                return nil
            }
        }
        return steps.joined(separator: " | ")
    }

    /// An operation with arguments that `shape` can be given to, and what becomes of it.
    private static func step(
        _ operation: OperationDescription, _ shape: ImageShape, _ random: inout SeededGenerator
    ) -> (String, ImageShape)? {
        for _ in 0..<20 {
            var words = [operation.name]
            // Documents are compared besides: an operation that gives one could not be in the middle.
            let parameters = operation.parameters.filter { $0.name != "output" }
            for parameter in parameters where Int.random(in: 0..<3, using: &random) > 0 {
                let value = argument(parameter, shape.format.depth, &random)
                words.append("\(parameter.name)=\(value)")
            }
            let text = words.joined(separator: " ")
            // Values that contradict each other or do not suit the image are drawn again.
            guard let output = try? Pipeline(parsing: text).shapes(from: shape).last else { continue }
            if output.width <= 800 && output.height <= 600 { return (text, output) }
        }
        return nil
    }

    private static func argument(
        _ parameter: ParameterDescription, _ depth: SampleDepth, _ random: inout SeededGenerator
    ) -> ArgumentValue {
        if parameter.mayBeAuto && Int.random(in: 0..<3, using: &random) == 0 { return .auto }
        switch parameter.kind {
        case .integer(let range): return .integer(logarithmic(range, &random))
        case .oddInteger(let range):
            return .integer(min(logarithmic(range, &random) | 1, range.upperBound))
        case .choice(let words): return .word(words.randomElement(using: &random) ?? "")
        case .number(let range):
            if parameter.isLevel {
                let level = Double(Int.random(in: -depth.maximum / 4...depth.maximum, using: &random))
                return .number(min(max(level, range.lowerBound), range.upperBound))
            }
            return .number(number(range, around: parameter.defaultValue, &random))
        case .numbers(let count, let range):
            // About as large as those of a turn: others leave nothing to be seen.
            return .numbers(
                (0..<count).map { index in
                    let limit = index % 3 == 2 ? 60.0 : 2
                    let drawn = (Double.random(in: -limit...limit, using: &random) * 100).rounded() / 100
                    return min(max(drawn, range.lowerBound), range.upperBound)
                })
        case .color:
            return .color(PaintColor(rgba: UInt32.random(in: 0...UInt32.max, using: &random)))
        case .image:
            let pictures = TestPicture.all.indices
            return .image(.blob(TestPicture.content(Int.random(in: pictures, using: &random))))
        case .matrix(let side, let range):
            let (rows, columns) = (logarithmic(1...side, &random) | 1, logarithmic(1...side, &random) | 1)
            let numbers = (0..<min(rows, side)).map { _ in
                (0..<min(columns, side)).map { _ in number(range, around: .integer(1), &random) }
            }
            return .matrix(Matrix(rows: numbers) ?? .identity)
        }
    }

    /// A number of a range, each order of magnitude of its distance from the lower end (or from 0) as likely as the next.
    private static func logarithmic(_ range: ClosedRange<Int>, _ random: inout SeededGenerator) -> Int {
        let origin = max(range.lowerBound, min(0, range.upperBound))
        let above = range.upperBound - origin
        let bits = Int.random(in: 0...min(12, Int.bitWidth - above.leadingZeroBitCount), using: &random)
        let distance = Int.random(in: 0..<1 << bits, using: &random)
        let signed = range.lowerBound < 0 && Bool.random(using: &random) ? -distance : distance
        return min(max(origin + signed, range.lowerBound), range.upperBound)
    }

    /// A number of at most three decimals: near the default as a rule, else anywhere, the lower end more often.
    private static func number(
        _ range: ClosedRange<Double>, around value: ArgumentValue, _ random: inout SeededGenerator
    ) -> Double {
        var anchor = 1.0
        if case .number(let number) = value, number != 0 { anchor = number.magnitude }
        let share = Double.random(in: 0...1, using: &random)
        var drawn: Double
        switch Int.random(in: 0..<8, using: &random) {
        case 0: drawn = range.lowerBound + share * share * share * (min(range.upperBound, 1000) - range.lowerBound)
        case 1: drawn = anchor.rounded() * Double(Int.random(in: 0...4, using: &random))
        default: drawn = anchor * (0.1 + 4 * share * share)
        }
        if range.lowerBound < 0 && Bool.random(using: &random) { drawn = -drawn }
        drawn = (drawn * 1000).rounded() / 1000
        return min(max(drawn, range.lowerBound), range.upperBound)
    }
}
