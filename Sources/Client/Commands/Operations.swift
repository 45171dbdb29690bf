import ArgumentParser
import Pipelines
import ClientKit

struct Operations: ClientCommand {
    static let configuration = CommandConfiguration(
        commandName: "ops", abstract: "List the operations, or describe one.", usage: "tessera ops [NAME] [options]",
        discussion: """
            Needs no master: what is shown is what this release checks pipelines against.

            Examples:
              tessera ops
              tessera ops gaussian-blur
            """)

    @Argument(
        help: ArgumentHelp("The operation's name.", valueName: "name"),
        completion: .list(OperationCatalogue.all.map { $0.description.name }))
    var name: String?

    @Flag(help: "Write a JSON Schema of the arguments: one an operation and line.")
    var json = false

    var isJSON: Bool { json }

    func execute(_ context: CommandContext) async throws -> ExitStatus {
        guard let name else {
            let all = OperationCatalogue.all.map { $0.description }
            if json {
                for description in all { try context.console.write(description.schema) }
            } else {
                try context.console.write(OperationPages.list(all))
            }
            return .done
        }
        guard let operation = OperationCatalogue.operation(name) else {
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
            let lines = members.map { operation in
                "  " + operation.name + String(repeating: " ", count: width - operation.name.count + 2)
                    + operation.summary
            }
            return ([family.rawValue] + lines).joined(separator: "\n") + "\n"
        }.joined(separator: "\n")
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
        facts.add("matches", operation.matches)
        if let document = operation.document { facts.add("document", document) }
        return text + facts.text
    }

    private static func formats(_ operation: OperationDescription) -> String {
        operation.formats == PixelFormat.all
            ? "every pixel format" : operation.formats.map(\.name).joined(separator: ", ")
    }
}
