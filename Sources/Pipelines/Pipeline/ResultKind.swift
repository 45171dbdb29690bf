/// What a pipeline gives for an image.
public enum ResultKind: String, Hashable, Sendable, CaseIterable {
    case image
    /// A document of what a feature operation found.
    case json
}

extension Pipeline {
    public var resultKind: ResultKind { report?.output ?? .image }

    /// The last operation when the result is its document.
    package var report: (any FeatureOperation)? {
        guard let last = operations.last as? any FeatureOperation, last.output == .json else { return nil }
        return last
    }

    /// The same pipeline with a document as its result.
    ///
    /// - Throws: when its last operation has none, or was told to give an image.
    public func givingDocument() throws(PipelineError) -> Pipeline {
        if resultKind == .json { return self }
        guard let last = operations.last, last is any FeatureOperation else {
            let features = OperationCatalogue.all.filter { $0 is any FeatureOperation.Type }.map {
                $0.description.name
            }
            let name = operations.last.map { type(of: $0).description.name } ?? ""
            throw PipelineError(
                .noDocument,
                "the pipeline ends with `\(name)`, which gives an image and no JSON; end it with one of "
                    + "\(features.joined(separator: ", ")), or ask for an image")
        }
        guard let step = steps.last, !step.arguments.isGiven("output") else {
            throw PipelineError(
                .noDocument,
                "`\(type(of: last).description.name)` has output=image, which gives no JSON; leave it out, or write "
                    + "output=json")
        }
        return try Pipeline(steps: steps.dropLast() + [step.giving(.word(ResultKind.json.rawValue), as: "output")])
    }

    func refuseImagesOfDocuments() throws(PipelineError) {
        for operation in operations.dropLast() {
            guard let feature = operation as? any FeatureOperation, feature.output == .json else { continue }
            throw PipelineError(
                .badValue,
                "`\(type(of: feature).description.name)` with output=json gives a document and no image, so nothing can "
                    + "come after it; make it the last operation, or leave output=json out")
        }
    }
}
