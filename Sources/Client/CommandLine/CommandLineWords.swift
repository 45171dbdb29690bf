import ClientKit
import Names
import Pipelines
import Settings

/// The words of a command line, made plain for the parser.
///
/// The parser takes every word that begins with `-` for options: a file called `-beach.png`, as `*.png` may give, for
/// `-b -e -a -c -h ...`, and thus for a request for help; and in `--limit -1` it finds no value. Here
///
///     -beach.png     a file of that name becomes ./-beach.png; without one the command ends with what to write
///     --limit -1     becomes --limit=-1, whose value is then judged
enum CommandLineWords {
    /// The options that take a value, as they are written.
    static let options: Set<String> = Set(
        (CommonOption.all.map(\.setting) + JobOption.all.map(\.setting)).filter { $0.placeholder != "" }.map {
            "--\($0.name)"
        }
    ).union([
        "--config", "--roi", "--output", "-o", "--files-from", "--image", "--limit", "--before", "--state", "--since",
        "--search", "--port", "--page-port", "--min", "--max", "--target", "--start", "--stop", "--fleet", "--slots",
        "--interval", "--register-timeout", "--lost-after", "--shrink-after", "--command-timeout", "--state-dir",
    ])

    /// The options that take none.
    static let switches: Set<String> = Set(
        JobOption.all.map(\.setting).filter { $0.placeholder == "" }.map { "--\($0.name)" }
    ).union([
        "--help", "-h", "--version", "--json", "--overwrite", "--no-clobber", "--detach", "--images", "--failed",
        "--no-wait", "--resume", "--all", "--mine", "--yes", "--purge", "--no-page", "--force",
    ])

    /// Options of which only one can count: a second one would change what is computed, without a word.
    private static let single: [String: String] = [
        "-o": "results go to one place", "--output": "results go to one place",
        "--files-from": "one list is read; join the lists, as in: cat LIST LIST | tessera ... --files-from -",
        "--roi": "one rectangle is kept", "--image": "one image is fetched; without it, all of the job's",
    ]

    /// The commands that take files.
    private static let takingFiles: Set<String> = ["run", "submit", "verify"]

    /// - Parameter isFile: whether there is a file at a path.
    /// - Throws: `ClientError` for a word that is neither an option nor a file, for a parameter of an operation that is written
    ///   like an option, and for a second place of results or list of files.
    static func plain(
        _ words: [String], isFile: (String) -> Bool = { FileStatus(at: BytePath(text: $0)) != nil }
    ) throws(ClientError) -> [String] {
        var plain: [String] = []
        var rest = words[...]
        var given: Set<String> = []
        let command = words.first { !$0.hasPrefix("-") } ?? ""
        let takesFiles = takingFiles.contains(command)
        while let word = rest.popFirst() {
            let name = String(word.prefix { $0 != "=" })
            if let reason = single[name] {
                let shown = name == "--output" ? "-o" : name
                if !given.insert(shown).inserted { throw .usage("\(shown) is given more than once, but \(reason)") }
            }
            if word == "--" { return plain + [word] + rest }
            if options.contains(word), let value = rest.first, isValueWithDash(value) {
                rest.removeFirst()
                plain.append((word == "-o" ? "--output" : word) + "=" + value)
            } else if word.utf8.count < 2 || !word.hasPrefix("-") || isOption(word) {
                plain.append(word)
            } else if takesFiles, isFile(word) {
                plain.append("./" + word)
            } else if word.hasPrefix("--") {
                if takesFiles, let error = parameter(word, rest.first, of: words, command) { throw error }
                // The parser suggests the nearest option.
                plain.append(word)
            } else if takesFiles {
                throw unknown(word)
            } else {
                throw unknownOption(word, rest.first, command)
            }
        }
        return plain
    }

    /// Whether the word is an option of some command, perhaps with its value.
    static func isOption(_ word: String) -> Bool {
        let name = String(word.prefix { $0 != "=" })
        return options.contains(name) || switches.contains(word)
    }

    private static func isValueWithDash(_ word: String) -> Bool {
        word.utf8.count > 1 && word.hasPrefix("-") && word != "--" && !isOption(word)
    }

    /// What `-n` and the like are called here.
    private static let longNames = [
        "-v": "--version", "-V": "--version", "-n": "--limit", "-j": "--json", "-y": "--yes", "-a": "--all",
        "-?": "--help", "-H": "--help",
    ]

    /// The commands that have an option, where not all of them do.
    private static let commandsOf: [String: Set<String>] = [
        "--version": [""], "--limit": ["jobs"], "--yes": ["dead", "dead-letters"],
        "--all": ["cancel", "dead", "dead-letters"],
    ]

    /// The error for an option that the command does not have.
    private static func unknownOption(_ word: String, _ next: String?, _ command: String) -> ClientError {
        let attached = attachedPlace(word)
        var advice = ""
        if let long = longNames[word], commandsOf[long]?.contains(command) != false {
            let value = long == "--limit" ? " " + (next ?? "N") : ""
            advice = "; did you mean \(long)\(ShownText.of(value))?"
        } else if attached.isEmpty {
            advice = "; 'tessera help\(command.isEmpty ? "" : " \(ShownText.of(command))")' lists the options"
        }
        return .usage("unknown option \(ShownText.of(word))\(attached)\(advice)")
    }

    private static func attachedPlace(_ word: String) -> String {
        word.hasPrefix("-o") ? "; -o and its value are two words: -o \(ShownText.of(String(word.dropFirst(2))))" : ""
    }

    /// The error for a parameter of an operation that is written like an option; `nil` for other words.
    ///
    /// `tessera run gaussian-blur --sigma=3 a.png` is meant to be `tessera run 'gaussian-blur sigma=3' a.png`.
    private static func parameter(
        _ word: String, _ next: String?, of words: [String], _ command: String
    ) -> ClientError? {
        let parts = word.dropFirst(2).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(
            String.init)
        guard let name = parts.first, let place = words.firstIndex(of: command), place + 1 < words.count else {
            return nil
        }
        let pipeline = words[place + 1]
        guard let step = Pipeline.steps(of: pipeline).last, let first = Pipeline.words(of: step).first,
            let operation = OperationCatalogue.operation(spelled: first)?.description,
            let parameter = operation.parameter(name)
        else { return nil }
        let value = parts.count == 2 ? parts[1] : next ?? "..."
        return .usage(
            "\(ShownText.of(word)) is not an option: \(parameter.name) is a parameter of \(operation.name), and belongs into the "
                + "pipeline's quotes: tessera \(command) '\(ShownText.of("\(pipeline) \(parameter.name)=\(value)"))' FILE"
        )
    }

    private static func unknown(_ word: String) -> ClientError {
        let attached =
            Double(word) == nil ? attachedPlace(word) : "; a negative number belongs into the pipeline's quotes"
        return .usage(
            "'\(word)' begins with '-', but is neither an option nor a file here\(attached); a file's name that begins with '-' is "
                + "written ./\(word), or comes after --")
    }
}
