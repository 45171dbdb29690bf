import ClientKit
import GatewayLogic
import GatewayStore
import JSONText
import Pipelines

extension Gateway {
    func operations(_ call: Call) -> HTTPReply {
        Self.json(
            ["items": .array(OperationCatalogue.all.map { $0.description.schema })],
            ["Cache-Control": "private, max-age=300"])
    }

    func operation(_ call: Call) throws -> HTTPReply {
        let name = call.values["name"] ?? ""
        guard let operation = OperationCatalogue.operation(spelled: name) else {
            throw Problem.notFound("there is no operation '\(name.prefix(64))'; GET /operations lists them")
        }
        return Self.json(operation.description.schema)
    }

    func checkPipeline(_ call: Call, _ body: HTTPRequestBody) async throws -> HTTPReply {
        var reader = try ObjectReader(try await Self.body(body, of: call.request).json)
        let text = try reader.requiredText("pipeline", upTo: 65_536, allowsEmpty: true)
        let shape = try reader.object("shape").map { (object) throws(Problem) in try Self.shape(object) }
        try reader.finish()
        let check = PipelineCheck(presets: try await presetBook())
        let pipeline = try Self.pipeline(text, check, at: "/pipeline")
        var shapes: [ImageShape] = []
        if let shape {
            do throws(PipelineError) {
                shapes = Array(try pipeline.shapes(from: shape).dropFirst())
            } catch {
                var problem = Problem(422, "invalid-pipeline", error.message)
                problem.errors = [Problem.Place(pointer: "/shape", detail: error.message)]
                throw problem
            }
        }
        return Self.json([
            "pipeline": .string(pipeline.canonicalText),
            "result": .string(pipeline.resultKind.isDocument ? "document" : "image"),
            "steps": .array(Self.steps(of: pipeline, in: text, check, shapes)),
        ])
    }

    private static func steps(
        of pipeline: Pipeline, in text: String, _ check: PipelineCheck, _ shapes: [ImageShape]
    ) -> [JSON] {
        let canonical = Pipeline.steps(of: pipeline.canonicalText).map { $0.trimmingSpaces() }
        let written = Pipeline.steps(of: text)
        // With presets the steps of the text are others.
        let isSame = written.count == canonical.count && !text.contains("@")
        return canonical.enumerated().filter { !$1.isEmpty }.map { index, step in
            let words = Pipeline.words(of: step)
            let shape = index < shapes.count ? shapes[index] : nil
            return [
                "operation": .string(String(words.first ?? "")), "text": .string(String(step)),
                "arguments": .object(words.dropFirst().map(argument)),
                "range": isSame ? range(written[index], in: text) : nil,
                "width": shape.map { .integer($0.width) }, "height": shape.map { .integer($0.height) },
                "format": shape.map { .string($0.format.name) },
            ]
        }
    }

    private static func argument(_ word: Substring) -> JSON.Member {
        let sides = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        var value = sides.count > 1 ? sides[1] : ""
        if value.count >= 2, value.first == "\"", value.last == "\"" { value = value.dropFirst().dropLast() }
        let json: JSON = Int(value).map { .integer($0) } ?? Double(value).map { .number($0) } ?? .string(String(value))
        return JSON.Member(name: String(sides[0]), value: json)
    }

    private static func range(_ part: Substring, in text: String) -> JSON {
        let bare = part.trimmingSpaces()
        let scalars = text.unicodeScalars
        return [
            .integer(scalars.distance(from: scalars.startIndex, to: bare.startIndex)),
            .integer(scalars.distance(from: scalars.startIndex, to: bare.endIndex)),
        ]
    }

    private static func shape(_ object: ObjectReader) throws(Problem) -> ImageShape {
        var object = object
        guard let width = try object.integer("width", in: 1...1_000_000) else { throw object.missing("width") }
        guard let height = try object.integer("height", in: 1...1_000_000) else { throw object.missing("height") }
        let name = try object.text("format") ?? "rgb 8-bit"
        try object.finish()
        for layout in ChannelLayout.allCases {
            for depth in SampleDepth.allCases where PixelFormat(layout, depth).name == name {
                return ImageShape(width: width, height: height, format: PixelFormat(layout, depth))
            }
        }
        throw .invalid(object.place("format"), "'\(name.prefix(40))' is not a pixel format such as 'rgb 8-bit'")
    }

    /// Checks a pipeline's text as it is to be submitted.
    /// - Throws: `invalid-pipeline` with the place of the error.
    static func pipeline(_ text: String, _ check: PipelineCheck, at pointer: String) throws(Problem) -> Pipeline {
        do throws(PipelineError) {
            return try PipelineCache.shared.pipeline(try check.canonicalText(of: text))
        } catch {
            var problem = Problem(422, "invalid-pipeline", error.message)
            let scalars = text.unicodeScalars
            let position = check.errorRange(in: text).map { range in
                scalars.distance(
                    from: scalars.startIndex, to: range.lowerBound)..<scalars.distance(
                        from: scalars.startIndex, to: range.upperBound)
            }
            problem.errors = [Problem.Place(pointer: pointer, detail: error.message, position: position)]
            throw problem
        }
    }

    // MARK: Presets

    func presetBook() async throws -> PresetBook {
        let store = store
        let presets = try await offCooperativePool { try store.presets() }
        let lines = presets.map { "\($0.name) = \($0.pipeline)" }.joined(separator: "\n")
        return try PresetBook(parsing: lines, origin: "the gateway's presets")
    }

    func presets() async throws -> HTTPReply {
        let store = store
        let presets = try await offCooperativePool { try store.presets() }
        return Self.json(["items": .array(presets.map(\.json))])
    }

    func preset(_ call: Call) async throws -> HTTPReply {
        let store = store
        let name = call.values["name"] ?? ""
        let presets = try await offCooperativePool { try store.presets() }
        guard let preset = presets.first(where: { $0.name == name }) else { throw Self.noPreset(name) }
        return Self.json(preset.json, ["ETag": preset.tag])
    }

    func putPreset(_ call: Call, _ body: HTTPRequestBody) async throws -> HTTPReply {
        let (store, name) = (store, call.values["name"] ?? "")
        let allowed = Set("abcdefghijklmnopqrstuvwxyz0123456789-")
        guard (1...64).contains(name.count), name.allSatisfy(allowed.contains), name.first != "-" else {
            throw Problem(
                422, "invalid-argument",
                "'\(name.prefix(64))' cannot be a preset's name; use lower-case letters, digits and '-', at most 64")
        }
        var reader = try ObjectReader(try await Self.body(body, of: call.request).json)
        let text = try reader.requiredText("pipeline", upTo: 65_536)
        try reader.finish()
        let (match, noneMatch) = (call.request.field("If-Match"), call.request.field("If-None-Match"))
        guard match != nil || noneMatch == "*" else {
            throw Problem(
                428, "precondition-required",
                "send 'If-None-Match: *' to make a preset, or 'If-Match' with its ETag to change it")
        }
        let pipeline = try Self.pipeline(text, PipelineCheck(presets: try await presetBook()), at: "/pipeline")
            .canonicalText
        guard !pipeline.isEmpty else { throw Problem.invalid("/pipeline", "an empty pipeline is not a preset") }
        let stored = try await offCooperativePool {
            try store.putPreset(name, pipeline: pipeline) { present in
                guard let present else { return noneMatch == "*" }
                return match.map { FieldValues.hasTag(present.tag, in: $0) } ?? false
            }
        }
        guard let stored else { throw Self.failedCondition(name) }
        return Self.json(stored.preset.json, status: stored.isNew ? 201 : 200, ["ETag": stored.preset.tag])
    }

    func deletePreset(_ call: Call) async throws -> HTTPReply {
        let (store, name, match) = (store, call.values["name"] ?? "", call.request.field("If-Match"))
        let isDeleted = try await offCooperativePool {
            try store.deletePreset(name) { present in match.map { FieldValues.hasTag(present.tag, in: $0) } ?? true }
        }
        guard let isDeleted else { throw Self.noPreset(name) }
        guard isDeleted else { throw Self.failedCondition(name) }
        return HTTPReply(204)
    }

    private static func noPreset(_ name: String) -> Problem { .notFound("there is no preset '\(name.prefix(64))'") }

    private static func failedCondition(_ name: String) -> Problem {
        Problem(
            412, "precondition-failed",
            "the preset '\(name.prefix(64))' is another than the request expects; read it again")
    }
}

extension PresetRecord {
    fileprivate var json: JSON { ["preset": .string(name), "pipeline": .string(pipeline)] }
    fileprivate var tag: String { "\"\(revision)\"" }
}
