import ArgumentParser
import ClientKit

struct Presets: ClientCommand {
    static let configuration = CommandConfiguration(
        abstract: "List the presets: pipelines with a name, used as '@name'.", usage: "tessera presets [options]",
        discussion: """
            Needs no master. The file has a preset a line; '#' begins a comment, and a line that ends with '|' goes on in \
            the next one:

              descreen = median size=3 | gaussian-blur sigma=0.8
              archive  = @descreen | grayscale

            Examples:
              tessera presets
              tessera run @archive scans/*.png -o done/
            """)

    @OptionGroup var common: CommonOptions

    var isJSON: Bool { common.json }

    func execute(_ context: CommandContext) async throws -> ExitStatus {
        let settings = try await context.settings(common.flags)
        guard let file = settings.presetFile else {
            throw ClientError(
                "no-presets",
                "there are no presets: write some to ~/.config/tessera/presets, or name a file with --presets")
        }
        let book = try settings.presets()
        var table = Table(.left("PRESET"), .left("PIPELINE"))
        for name in book.names {
            let pipeline = try PipelineArgument(presets: book).checked("@" + name)
            table.add("@" + name, pipeline)
            if isJSON {
                try context.console.write(["preset": .string(name), "pipeline": .string(pipeline)] as JSON)
            }
        }
        if book.names.isEmpty { context.console.note("'\(file)' has no presets") }
        if !isJSON, !book.names.isEmpty { try context.console.write(table.text) }
        return .done
    }
}
