import Synchronization

/// Pipelines that were read, by their texts, so that a program reads each once however many images it is for.
///
/// Reading depends on the text alone: whether a pipeline is remembered shows in nothing but time.
public final class PipelineCache: Sendable {
    /// More are not remembered: then all are forgotten, which costs reading them again.
    public static let maximumCount = 256

    /// The one of this process.
    public static let shared = PipelineCache()

    private let pipelines = Mutex<[String: Pipeline]>([:])

    public init() {}

    /// The pipeline with this text.
    public func pipeline(_ text: String) throws(PipelineError) -> Pipeline {
        if let pipeline = pipelines.withLock({ $0[text] }) { return pipeline }
        let pipeline = try Pipeline(parsing: text)
        remember(pipeline, as: text)
        return pipeline
    }

    /// Remembers a pipeline that was made of another one.
    public func remember(_ pipeline: Pipeline) { remember(pipeline, as: pipeline.canonicalText) }

    private func remember(_ pipeline: Pipeline, as text: String) {
        pipelines.withLock { pipelines in
            if pipelines.count + 2 > Self.maximumCount { pipelines.removeAll(keepingCapacity: true) }
            pipelines[text] = pipeline
            pipelines[pipeline.canonicalText] = pipeline
        }
    }

    /// How many texts are remembered.
    package var count: Int { pipelines.withLock { $0.count } }
}
