/// What pipelines of earlier releases are called today.
///
/// Jobs are stored with the text of their pipeline, and planned again whenever their records are read. So a text keeps the
/// meaning, and the plan, that it had when it was submitted, though the same words may mean something else by now.
public enum PipelineHistory {
    /// From this revision of results on texts are what they say: `gamma` goes the other way, and features, thresholds and
    /// reliefs have other defaults than before.
    private static let defaultsForPeople: UInt32 = 4

    /// From this revision of results on colours count as much as they are opaque where pixels are mixed.
    private static let premultipliedAlpha: UInt32 = 6

    /// The pipeline that `text` was when the revision of results was `revision`, as it is written today. A text that cannot
    /// be read is left as it is.
    public static func current(_ text: String, ofRevision revision: UInt32) -> String {
        guard revision < premultipliedAlpha, var steps = try? PipelineParser.parse(text) else { return text }
        if revision < defaultsForPeople {
            steps = steps.map(withDefaultsForPeople)
        } else if !steps.contains(where: leavesAlphaOpen) {
            return text
        }
        guard let pipeline = try? Pipeline(steps: steps.map(withSeparateAlpha)) else { return text }
        return pipeline.canonicalText
    }

    private static func withSeparateAlpha(_ step: PipelineParser.Step) -> PipelineParser.Step {
        leavesAlphaOpen(step) ? step.giving(.word(AlphaTreatment.separate.rawValue), as: "alpha") : step
    }

    private static func leavesAlphaOpen(_ step: PipelineParser.Step) -> Bool {
        step.arguments.operation.parameter("alpha") != nil && !step.arguments.isGiven("alpha")
    }

    private static func withDefaultsForPeople(_ step: PipelineParser.Step) -> PipelineParser.Step {
        let arguments = step.arguments
        var step = step
        func set(_ name: String, _ value: ArgumentValue) { step = step.giving(value, as: name) }
        switch arguments.operation.name {
        case "gamma" where arguments.isGiven("gamma"): set("gamma", .number(1 / arguments.number("gamma")))
        case "threshold", "adaptive-threshold": set("channels", .word(ColorTreatment.each.rawValue))
        case "scharr": set("scale", .number(1))
        case "emboss":
            set("strength", .number(1))
            set("channels", .word(ColorTreatment.each.rawValue))
        case "butterworth-lowpass", "butterworth-highpass":
            set("border", .word(ButterworthFilter.Border.periodic.rawValue))
        case "harris":
            set("color", .word(MarkColor.red.rawValue))
            set("size", .integer(5))
        case "contours":
            set("color", .word(MarkColor.red.rawValue))
            set("width", .integer(1))
        case "hough-lines":
            set("edges", .number(0))
            set("lines", .integer(1000))
            set("color", .word(MarkColor.red.rawValue))
            set("width", .integer(1))
        case "components" where arguments.output == .image: set("output", .word("labels"))
        case "histogram" where arguments.output == .image: set("output", .word("overlay"))
        default: break
        }
        return step
    }
}
