import ArgumentParser
import Pipelines
import ClientKit
import ImageFormats

struct Operations: ClientCommand {
    static let configuration = CommandConfiguration(
        commandName: "ops", abstract: "List the operations, or describe one.", usage: "tessera ops [NAME] [options]",
        discussion: """
            Needs no master: what is shown is what this release checks pipelines against. An operation may be named in any \
            case, with underscores, and in both spellings of colour; --search finds it by what it does.

            Examples:
              tessera ops
              tessera ops gaussian-blur
              tessera ops --search 'edge detection'
            """)

    @Argument(
        help: ArgumentHelp("The operation's name.", valueName: "name"),
        completion: .list(OperationCatalogue.all.map { $0.description.name }))
    var name: String?

    @Option(
        help: ArgumentHelp(
            "List the operations whose names, keywords or descriptions have all these words.", valueName: "text"))
    var search: String?

    @Flag(help: "Write a JSON Schema of the arguments: one an operation and line.")
    var json = false

    var isJSON: Bool { json }

    func execute(_ context: CommandContext) async throws -> ExitStatus {
        guard let name else {
            var all = OperationCatalogue.all.map { $0.description }
            if let search {
                all = OperationCatalogue.search(search)
                guard !all.isEmpty else {
                    throw ClientError(
                        "unknown-operation",
                        "no operation has '\(search)' in its name, keywords or description; try one word, or 'tessera ops' for "
                            + "all of them")
                }
            }
            if json {
                for description in all { try context.console.write(description.schema) }
            } else {
                try context.console.write(search == nil ? OperationPages.list(all) : OperationPages.lines(all))
            }
            return .done
        }
        guard search == nil else {
            throw ClientError.usage("give either an operation's name or --search TEXT")
        }
        guard let operation = OperationCatalogue.operation(spelled: name) else {
            // The parser's own words, with its suggestion.
            _ = try PipelineArgument().checked(name)
            throw ClientError(
                "unknown-operation", "there is no operation '\(name)'; 'tessera ops' lists them", kind: .usage)
        }
        try context.console.write(
            json ? operation.description.schema.text + "\n" : OperationPages.page(operation.description))
        return .done
    }
}

/// What the catalogue says, for people. Everything comes from the operations' own descriptions.
enum OperationPages {
    /// All operations by family, one line each.
    static func list(_ operations: [OperationDescription]) -> String {
        let width = operations.map(\.name.count).max() ?? 0
        return OperationFamily.allCases.compactMap { family -> String? in
            let members = operations.filter { $0.family == family }
            if members.isEmpty { return nil }
            return ([family.rawValue] + members.map { line($0, width: width) }).joined(separator: "\n") + "\n"
        }.joined(separator: "\n")
    }

    /// Some operations in their order, one line each.
    static func lines(_ operations: [OperationDescription]) -> String {
        let width = operations.map(\.name.count).max() ?? 0
        return operations.map { line($0, width: width) + "\n" }.joined()
    }

    private static func line(_ operation: OperationDescription, width: Int) -> String {
        "  " + operation.name + String(repeating: " ", count: width - operation.name.count + 2) + operation.summary
    }

    static func page(_ operation: OperationDescription) -> String {
        var text = "\(operation.name): \(operation.summary)\n\n  \(operation.usage)\n\n"
        if !operation.parameters.isEmpty {
            var table = Table(.left("PARAMETER"), .left("DEFAULT"), .left("ALLOWED"), .left("MEANING"))
            for parameter in operation.parameters {
                let unit = parameter.unit.map { ", in \($0)" } ?? ""
                let level = parameter.isLevel ? "; the default is scaled by 257 on 16-bit images" : ""
                table.add(
                    parameter.name, parameter.defaultValue.description, parameter.allowed,
                    parameter.summary + unit + level)
            }
            text += table.text + "\n"
        }
        var facts = Facts()
        facts.add("family", operation.family.rawValue)
        facts.add("accepts", formats(operation))
        facts.add("gives", operation.result)
        facts.add("border", operation.border.rawValue)
        if !operation.asksFor.isEmpty { facts.add("needs", wanted(operation)) }
        facts.add("matches", operation.matches)
        if let document = operation.document { facts.add("document", document) }
        facts.add("also called", operation.keywords.joined(separator: ", "))
        return text + facts.text + "\nExamples:\n"
            + commands(operation).map { "  \($0)\n" }.joined()
    }

    private static func wanted(_ operation: OperationDescription) -> String {
        (operation.asksFor.count > 1 ? "at least one of " : "") + operation.asksFor.joined(separator: ", ")
    }

    /// Commands for the shell, to be pasted in a checkout.
    static func commands(_ operation: OperationDescription) -> [String] {
        operation.examples.enumerated().map { index, pipeline in
            var file = operation.name + (index == 0 ? "" : "-\(index + 1)") + ".png"
            // The last one shows the document, if there is one.
            if index > 0, let kind = operation.documents.last { file = "\(operation.name).\(kind.fileExtension)" }
            return "tessera run '\(pipeline)' examples/coffee.png -o \(file)"
        }
    }

    private static func formats(_ operation: OperationDescription) -> String {
        operation.formats == PixelFormat.all
            ? "every pixel format" : operation.formats.map(\.name).joined(separator: ", ")
    }
}
