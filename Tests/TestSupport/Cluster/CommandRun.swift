import Foundation

/// One run of the command line client, while it lasts.
public final class CommandRun: Sendable {
    /// What a run left when it had ended.
    public struct Outcome: Sendable {
        public let arguments: [String]
        public let status: Int32
        public let output: [UInt8]
        public let errors: String

        public var text: String { String(decoding: output, as: UTF8.self) }
    }

    /// The client was killed by a signal.
    public struct Killed: Error { public let arguments: [String], signal: Int32 }

    public let arguments: [String]
    public let process: ChildProcess
    private let outputFile: String
    private let errorFile: String

    init(
        executable: String, arguments: [String], environment: [String: String], input: String, outputFile: String,
        errorFile: String
    ) throws {
        self.arguments = arguments
        self.outputFile = outputFile
        self.errorFile = errorFile
        process = try ChildProcess(
            name: "tessera \(arguments.joined(separator: " "))", executable: executable, arguments: arguments,
            environment: environment, input: input, output: outputFile, errors: errorFile)
    }

    /// What it has said on standard error so far.
    public var errors: String { (try? String(contentsOfFile: errorFile, encoding: .utf8)) ?? "" }

    /// Waits for its end.
    public func outcome(within limit: Duration = .seconds(120)) async throws -> Outcome {
        switch try await process.waitForEnd(within: limit) {
        case .killed(let signal): throw Killed(arguments: arguments, signal: signal)
        case .exited(let status):
            let output = [UInt8](try Data(contentsOf: URL(fileURLWithPath: outputFile)))
            return Outcome(arguments: arguments, status: status, output: output, errors: errors)
        }
    }
}

extension CommandRun.Outcome: CustomStringConvertible {
    public var description: String {
        let shown = output.count < 2000 && !output.contains(0) ? text : "\(output.count) bytes"
        return "tessera \(arguments.joined(separator: " ")) -> \(status)\n\(shown)\n\(errors)"
    }
}
