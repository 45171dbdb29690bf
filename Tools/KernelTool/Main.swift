import Glibc
import Kernels
import Pipelines

/// `tessera-kernels`: applies pipelines to raw pixels, serially, as it is told on its standard input, for programs that
/// compare Tessera's kernels with others'. A request is a line, an answer is a line; pixels follow as raw bytes, 16-bit
/// samples in the machine's byte order.
///
///     operations                              -> operations NAME NAME ...
///     apply W H CHANNELS BITS PIPELINE, pixels -> image W H CHANNELS BITS, pixels
///     document W H CHANNELS BITS PIPELINE, pixels -> document COUNT, so many bytes
///     attach W H CHANNELS BITS DIGEST, pixels -> ready                   what image=sha256:DIGEST:1 of later pipelines is
///     load W H CHANNELS BITS FILE             -> ready                   the file's pixels are what is timed
///     prepare PIPELINE                        -> ready
///     time COUNT                              -> seconds S S S ...       processor time of each run
///     (anything that cannot be done)          -> error REASON
@main
enum KernelToolMain {
    static func main() {
        guard let wire = Wire() else { return perror("tessera-kernels: standard input and output") }
        var bench = KernelBench()
        var pictures: [Picture] = []
        while let line = wire.readLine() {
            do throws(KernelToolError) {
                try answer(line, wire, &bench, &pictures)
            } catch {
                wire.write(line: "error \(error.reason.split(separator: "\n").joined(separator: " "))")
            }
        }
    }

    private static func answer(
        _ line: String, _ wire: Wire, _ bench: inout KernelBench, _ pictures: inout [Picture]
    ) throws(KernelToolError) {
        let words = line.split(separator: " ", maxSplits: 5).map { String($0) }
        switch words.first {
        case "operations":
            wire.write(
                line: (["operations"] + OperationCatalogue.all.map { $0.description.name }).joined(separator: " "))
        case "apply":
            let shape = try shape(words)
            let input = RowBuffer(shape: shape, rows: 0..<shape.height)
            guard wire.read(input.mutableView.bytes) else { throw KernelToolError("the pixels end too early") }
            let pipeline = try parse(words[5])
            let result = try attempt { () throws(PipelineError) in
                try SerialExecutor.run(pipeline, on: input.view)
            }
            send(result, wire)
        case "document":
            let shape = try shape(words)
            let input = RowBuffer(shape: shape, rows: 0..<shape.height)
            guard wire.read(input.mutableView.bytes) else { throw KernelToolError("the pixels end too early") }
            let pipeline = try parse(words[5])
            guard pipeline.resultKind.isDocument else { throw KernelToolError("`\(words[5])` gives an image") }
            let document = try attempt { () throws(PipelineError) in
                try withExtendedLifetime(input) { () throws(PipelineError) in
                    try SerialExecutor.report(pipeline, on: input.view)
                }
            }
            wire.write(line: "document \(document.count)")
            document.withUnsafeBytes { wire.write($0) }
        case "attach":
            let shape = try shape(words)
            var pixels = [UInt8](repeating: 0, count: shape.byteCount)
            guard pixels.withUnsafeMutableBytes({ wire.read($0) }) else {
                throw KernelToolError("the pixels end too early")
            }
            let content = AttachedImage.Content(digest: words[5], byteCount: 1)
            pictures.append(PictureLibrary.shared.enter(Picture(shape: shape, pixels: pixels), as: content))
            wire.write(line: "ready")
        case "load":
            try bench.load(shape(words), from: words[5])
            wire.write(line: "ready")
        case "prepare":
            try bench.prepare(parse(String(line.dropFirst("prepare ".count))))
            wire.write(line: "ready")
        case "time":
            guard words.count == 2, let count = Int(words[1]), (1...1000).contains(count) else {
                throw KernelToolError("`time` needs a number of runs from 1 to 1000")
            }
            let seconds = try bench.time(count)
            wire.write(line: (["seconds"] + seconds.map { "\($0)" }).joined(separator: " "))
        default: throw KernelToolError("unknown request: \(line)")
        }
    }

    private static func shape(_ words: [String]) throws(KernelToolError) -> ImageShape {
        let numbers = words.dropFirst().prefix(4).compactMap { Int($0) }
        guard words.count == 6, numbers.count == 4, numbers[0] > 0, numbers[1] > 0,
            let layout = UInt8(exactly: numbers[2]).flatMap({ ChannelLayout(rawValue: $0) }),
            let depth = UInt8(exactly: numbers[3]).flatMap({ SampleDepth(rawValue: $0) })
        else { throw KernelToolError("wanted: WIDTH HEIGHT CHANNELS BITS and one thing more") }
        return ImageShape(width: numbers[0], height: numbers[1], format: PixelFormat(layout, depth))
    }

    private static func parse(_ text: String) throws(KernelToolError) -> Pipeline {
        try attempt { () throws(PipelineError) in try Pipeline(parsing: text) }
    }

    private static func send(_ image: RowBuffer, _ wire: Wire) {
        let (shape, format) = (image.shape, image.shape.format)
        wire.write(line: "image \(shape.width) \(shape.height) \(format.channelCount) \(format.depth.rawValue)")
        withExtendedLifetime(image) { wire.write(image.view.bytes) }
    }
}

/// Why a request cannot be answered.
struct KernelToolError: Error {
    let reason: String
    init(_ reason: String) { self.reason = reason }
}

/// What `body` makes, its error turned into this tool's.
func attempt<Result>(_ body: () throws(PipelineError) -> Result) throws(KernelToolError) -> Result {
    do { return try body() } catch { throw KernelToolError("\(error)") }
}
