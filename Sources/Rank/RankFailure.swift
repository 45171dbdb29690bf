import ByteCoding
import ImageFormats
import ImagingModel
import Pipelines
import JobModel
import SystemCalls

/// Why an order ends without a result. The world stays in step, and ready for another order.
struct RankFailure: Error, Hashable {
    let cause: FailureCause
    let reason: String

    init(_ cause: FailureCause, _ reason: String) {
        self.cause = cause
        self.reason = reason
    }

    static let cancelled = RankFailure(.cancelled, "the order was cancelled")

    /// `call` on `path` failed, and `errno` says why.
    static func system(_ call: String, _ path: String, _ error: SystemError = .last) -> RankFailure {
        RankFailure(.workerError, "cannot \(call) \(path): \(error)")
    }

    /// The failure that stands for any error of the rooms below.
    init(_ error: any Error) {
        switch error {
        case let failure as RankFailure: self = failure
        case let error as CodecError: self.init(error.cause, error.reason)
        case let error as PipelineError: self.init(error.cause, error.message)
        default: self.init(.workerError, "\(error)")
        }
    }
}

extension RankFailure: BinaryCodable {
    func encode(into writer: inout BinaryWriter) {
        writer.write(cause.rawValue)
        writer.write(reason)
    }

    init(from reader: inout BinaryReader) throws(BinaryCodingError) {
        let code = try reader.read(UInt8.self)
        guard let cause = FailureCause(rawValue: code) else { throw BinaryCodingError("\(code) is not a cause") }
        self.init(cause, try reader.readString())
    }
}
