/// What a pipeline gives for an image.
public enum ResultKind: String, Hashable, Sendable, CaseIterable {
    case image
    /// A document of what a feature operation found.
    case json
    /// A table of what a feature operation found.
    case csv

    /// Whether it is a text of what was found, and no image.
    public var isDocument: Bool {
        switch self {
        case .image: false
        case .json, .csv: true
        }
    }
}

extension Pipeline {
    public var resultKind: ResultKind { report?.output ?? .image }

    /// The last operation when the result is its document.
    package var report: (any FeatureOperation)? {
        guard let last = operations.last as? any FeatureOperation, last.output.isDocument else { return nil }
        return last
    }

    /// The same pipeline with a document as its result.
    ///
    /// - Throws: when its last operation has none of that kind, or was told to give something else.
    public func givingDocument(_ kind: ResultKind = .json) throws(PipelineError) -> Pipeline {
        precondition(kind.isDocument, "\(kind) is not a kind of document")
        if resultKind == kind { return self }
        let name = kind.rawValue.uppercased()
        guard let step = steps.last, step.arguments.operation.documents.contains(kind) else {
            let able = OperationCatalogue.all.map { $0.description }.filter { $0.documents.contains(kind) }.map(\.name)
            let last = steps.last?.arguments.operation.name ?? ""
            throw PipelineError(
                .noDocument,
                "the pipeline ends with `\(last)`, which gives no \(name); end it with "
                    + (able.count == 1 ? "`\(able[0])`" : "one of \(able.joined(separator: ", "))")
                    + ", or ask for an image")
        }
        guard !step.arguments.isGiven("output") else {
            throw PipelineError(
                .noDocument,
                "`\(step.arguments.operation.name)` has output=\(step.arguments["output"]), which gives no \(name); leave it "
                    + "out, or write output=\(kind.rawValue)")
        }
        return try Pipeline(steps: steps.dropLast() + [step.giving(.word(kind.rawValue), as: "output")])
    }

    func refuseImagesOfDocuments() throws(PipelineError) {
        for operation in operations.dropLast() {
            guard let feature = operation as? any FeatureOperation, feature.output.isDocument else { continue }
            throw PipelineError(
                .badValue,
                "`\(type(of: feature).description.name)` with output=\(feature.output.rawValue) gives a document and no "
                    + "image, so nothing can come after it; make it the last operation, or leave output=\(feature.output.rawValue) "
                    + "out")
        }
    }
}

extension OperationDescription {
    /// The kinds of document that the operation can give; none for one that gives images only.
    public var documents: [ResultKind] {
        guard document != nil, case .choice(let words)? = parameter("output")?.kind else { return [] }
        return ResultKind.allCases.filter { $0.isDocument && words.contains($0.rawValue) }
    }
}
