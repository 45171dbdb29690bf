import Kernels
import Pipelines

/// The reference page of the operations, as Markdown, made from what they say about themselves.
struct OperationReference {
    let measurements: Measurements

    var page: String {
        var text = """
            # Operations

            Every operation that a pipeline may name, made from the operations' own descriptions: `tessera ops NAME` shows the
            same. Do not edit this page by hand; run the tests of `Imaging` with `UPDATE_DOCS=1` in the environment.

            - A pipeline is operations with `|` between them; parameters are written `name=value`, in any order. A value with
              spaces is put in quotes: `name="..."`.
            - Pixels are gray, gray+alpha, RGB or RGBA, at 8 or 16 bits. Unless its entry says otherwise, an operation accepts all
              of them, keeps the format, treats each colour by itself, and lets alpha pass through.
            - The default of a parameter marked *level* is meant for 8 bits and multiplied by 257 on a 16-bit image; a value that
              is given is taken as it is.
            - The border is what a window sees outside the image. \(Self.borders)
            - *Compared* is what `make compare-opencv` found over drawn images, formats and arguments; how fast the kernels are is
              [at the end](#speed).

            | family | operations |
            | --- | --- |

            """
        for (family, operations) in Self.families {
            let links = operations.map { "[`\($0.name)`](#\($0.name))" }.joined(separator: ", ")
            text += "| \(family.rawValue) | \(links) |\n"
        }
        text += """

            ## Alpha

            Where pixels are mixed with their neighbours (`box-blur`, `gaussian-blur`, `resize`, `rotate`, `affine`), a colour counts
            as much as it is opaque: what is hidden by transparency stays hidden, as in ImageMagick and `vipsthumbnail`. Colours are
            multiplied by alpha at 16 bits, alpha is mixed like them, and the result's colours are divided by its alpha.
            `alpha=separate` mixes each channel by itself, hidden colours included: on the left the green screen behind a cut-out
            comes back at its edge, on the right it does not ([decision
            59](decisions/0059-colours-count-as-much-as-they-are-opaque.md)).

            ![A cut-out that was made smaller and larger again, twice: with a green edge, and without](images/alpha.png)

            """
        for (family, operations) in Self.families {
            text += "\n## \(family.rawValue.prefix(1).uppercased())\(family.rawValue.dropFirst())\n"
            for operation in operations { text += "\n" + entry(operation) }
        }
        return text + """

            ## Speed

            OpenCV's time over ours, so that above 1 ours is faster: one thread each, on the same pixels, in the same run
            (`make bench-kernels`). Gray images have \(measurements.sizes.gray) pixels, RGB ones \(measurements.sizes.color). Where OpenCV
            has no such operation, the calls are those that come closest to it. Of a pipeline of several operations each is a
            call of OpenCV's, and one pass of ours. A ratio "before" in the notes is of images a quarter as wide and high.

            \(measurements.speedTable)
            """
    }

    private static var families: [(OperationFamily, [OperationDescription])] {
        OperationFamily.allCases.map { family in
            (family, OperationCatalogue.all.map { $0.description }.filter { $0.family == family })
        }
    }

    private static var borders: String {
        BorderRule.allCases.map { rule in
            switch rule {
            case .none: "`none`: the operation looks at nothing but the pixel itself."
            case .reflect101: "`reflect-101`: `gfedcb|abcdefgh|gfedcba`."
            case .replicate: "`replicate`: `aaaaaa|abcdefgh|hhhhhh`."
            case .ignore: "`ignore`: nothing; only pixels inside the image count."
            }
        }.joined(separator: " ")
    }

    private func entry(_ operation: OperationDescription) -> String {
        var text = "### \(operation.name)\n\n\(operation.summary).\n\n    \(operation.usage)\n\n"
        if !operation.parameters.isEmpty {
            text += "| parameter | default | unit | allowed | meaning |\n| --- | --- | --- | --- | --- |\n"
            for parameter in operation.parameters { text += Self.row(parameter) }
            text += "\n"
        }
        let formats =
            operation.formats == PixelFormat.all
            ? "every format" : operation.formats.map(\.description).joined(separator: ", ")
        let choice = operation.parameter("border") == nil ? "" : ", unless `border` says otherwise"
        text +=
            "- Accepts: \(formats)\n- Gives: \(operation.result)\n- Border: `\(operation.border.rawValue)`\(choice)\n"
        if !operation.asksFor.isEmpty {
            let names = operation.asksFor.map { "`\($0)`" }.joined(separator: ", ")
            text += "- Needs: \(operation.asksFor.count > 1 ? "at least one of " : "")\(names)\n"
        }
        text += "- Matches: \(operation.matches)\n"
        if let agreement = measurements.agreement(operation.name) { text += "- Compared: \(agreement)\n" }
        if let document = operation.document { text += "- Document: `operation`, `width`, `height`; \(document)\n" }
        text += "- Also called: \(operation.keywords.joined(separator: ", "))\n"
        text += "- Examples: \(operation.examples.map { "`\($0)`" }.joined(separator: ", "))\n"
        return text
    }

    private static func row(_ parameter: ParameterDescription) -> String {
        let unit = [parameter.unit, parameter.isLevel ? "*level*" : nil].compactMap { $0 }.joined(separator: ", ")
        let cells = ["`\(parameter.name)`", "`\(parameter.defaultValue)`", unit, parameter.allowed, parameter.summary]
        return "| " + cells.map { $0.split(separator: "|").joined(separator: "\\|") }.joined(separator: " | ") + " |\n"
    }
}
