import GatewayLogic
import ImageFormats

extension Problem {
    /// The answer to somebody whose file cannot be read as an image.
    init(_ error: CodecError) {
        switch error.kind {
        case .overLimit: self.init(413, "over-limit", error.reason)
        case .corrupt, .unsupported: self.init(415, "not-an-image", error.reason)
        }
    }
}
