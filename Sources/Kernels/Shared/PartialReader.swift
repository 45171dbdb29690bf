import ByteCoding
import Pipelines

/// Reads a partial result of a whole-image kernel, trusting nothing: partial results travel between machines.
struct PartialReader {
    private var reader: BinaryReader
    /// What is read, for messages: `a summary of canny`.
    private let name: String

    init(_ bytes: [UInt8], name: String) {
        reader = BinaryReader(bytes)
        self.name = name
    }

    mutating func read<Value: FixedWidthInteger>(_: Value.Type = Value.self) throws(PipelineError) -> Value {
        do { return try reader.read() } catch { throw refused(error.description) }
    }

    mutating func readBlock(_ count: Int) throws(PipelineError) -> ArraySlice<UInt8> {
        do { return try reader.readBytes(count) } catch { throw refused(error.description) }
    }

    var remainingByteCount: Int { reader.remainingByteCount }

    /// Ends the reading; bytes that were not read are an error.
    func finish() throws(PipelineError) {
        do { try reader.finish() } catch { throw refused(error.description) }
    }

    func refused(_ reason: String) -> PipelineError {
        PipelineError(.badPartialResult, "\(name) is malformed: \(reason); compute the chunk again")
    }
}
