import ClientKit
import Names

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
        "--search",
    ])

    /// The options that take none.
    static let switches: Set<String> = [
        "--help", "-h", "--version", "--json", "--no-cache", "--overwrite", "--no-clobber", "--detach", "--images",
        "--failed", "--no-wait", "--resume", "--all", "--mine", "--yes",
    ]

    /// - Parameter isFile: whether there is a file at a path.
    /// - Throws: `ClientError` for a word that is neither an option nor a file, and for a second place of results.
    static func plain(
        _ words: [String], isFile: (String) -> Bool = { FileStatus(at: BytePath(text: $0)) != nil }
    ) throws(ClientError) -> [String] {
        var plain: [String] = []
        var rest = words[...]
        var hasPlace = false
        while let word = rest.popFirst() {
            if ["-o", "--output"].contains(word.prefix(while: { $0 != "=" })) {
                if hasPlace { throw .usage("-o is given more than once, but results go to one place") }
                hasPlace = true
            }
            if word == "--" { return plain + [word] + rest }
            if options.contains(word), let value = rest.first, isValueWithDash(value) {
                rest.removeFirst()
                plain.append((word == "-o" ? "--output" : word) + "=" + value)
            } else if word.utf8.count < 2 || !word.hasPrefix("-") || isOption(word) {
                plain.append(word)
            } else if isFile(word) {
                plain.append("./" + word)
            } else if word.hasPrefix("--") {
                // The parser suggests the nearest option.
                plain.append(word)
            } else {
                throw unknown(word)
            }
        }
        return plain
    }

    private static func isOption(_ word: String) -> Bool {
        let name = String(word.prefix { $0 != "=" })
        return options.contains(name) || switches.contains(word)
    }

    private static func isValueWithDash(_ word: String) -> Bool {
        word.utf8.count > 1 && word.hasPrefix("-") && word != "--" && !isOption(word)
    }

    private static func unknown(_ word: String) -> ClientError {
        let attached = word.hasPrefix("-o") ? "; -o and its value are two words: -o \(word.dropFirst(2))" : ""
        return .usage(
            "'\(word)' begins with '-', but is neither an option nor a file here\(attached); a file's name that begins with '-' is "
                + "written ./\(word), or comes after --")
    }
}
